// Package ratelimit holds back the requests of a client so that few of them are refused
// by the provider's rate limit, and so that the limit is used up.
//
// An [Adaptive] limiter learns the limit from the answers, because few providers document
// theirs and fewer keep to it. Before each request the caller gets a [Permit] from
// [Adaptive.Wait], and reports with it how the request ended. Callers get permits in the
// order in which they asked; a request that was sent before goes first.
//
// What is known of the limit decides whether a request can be sent (canSend):
//
//		              headers state a window
//		      +------------------------------------------+
//		      |                                          v
//		+-----------+   refusal   +---------+     +--------------+
//		|  unknown  | ----------> | resting |     |  by headers  |
//		+-----------+             +---------+     +--------------+
//		                           |       ^
//		           Retry-After     |       | refusal
//		           is over         v       |
//		                          +---------+
//		                          | window  | --+  its length is over,
//		                          +---------+   |  without a refusal:
//		                               ^        |  the next window
//		                               +--------+
//
//	  - unknown: requests in flight grow from one with the number of answers.
//	  - resting: no request is sent for as long as the refusal asked, or for 1 s to 1 min.
//	  - window: the base quota is sent when the window opens, and no more until the next.
//	    After some windows without a refusal a few more are tried, spread over the window.
//	    If they are granted, the quota grows; if not, the next trial comes later.
//	  - by headers: no more requests are in flight than the last answer stated to remain.
//	    When none remain, nothing is sent until the window ends.
package ratelimit
