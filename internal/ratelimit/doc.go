// Package ratelimit delays the requests of a client so that the provider's rate limit refuses few
// of them, and so that the client uses the whole limit.
//
// An [Adaptive] limiter learns the limit from the answers, because few providers document their
// limit, and documented limits may differ from the actual ones. Before each request, the caller
// gets a [Permit] from [Adaptive.Wait], and reports with it how the request ended. Callers get
// permits in the order of their calls; a request that was sent before goes first.
//
// The state of the limit decides whether a request can be sent (canSend):
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
//	  - resting: no request is sent for the Retry-After of the refusal, or for 1 s to 1 min.
//	  - window: the base quota is sent when the window opens, and no other request until the
//	    next window. After some windows without a refusal, a few more requests are tried,
//	    spread over the window. If the provider grants them, the quota grows; otherwise the
//	    next trial comes later.
//	  - by headers: no more requests are in flight than the last answer stated to remain. If
//	    none remain, no request is sent until the window ends.
package ratelimit
