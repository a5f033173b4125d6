// Command offboard deletes organizations at five providers and reports the outcome of
// each.
//
// Without arguments it runs the demonstration at fakes in memory, which needs neither an
// account nor a network.
//
//	offboard                                        run the demonstration
//	offboard check PROVIDER ORG                     show what blocks the deletion
//	offboard delete PROVIDER ORG --confirm NAME     delete an organization permanently
//	offboard plan MANIFEST -o PLAN                  plan the removal of all blockers
//	offboard apply PLAN                             remove the blockers, then delete
//	offboard status PLAN                            show finished and remaining steps
//	offboard version                                show the versions
//	offboard schema NAME                            print the JSON Schema of an output
//	offboard man DIR                                write the man pages
//
// Exit codes. For several organizations, the code is the most severe one:
//
//	0  deleted, or accepted by the provider; for check: no blocker is known; for plan:
//	   no blocker is known that apply does not remove
//	1  the provider refused or failed, or the disk is full
//	2  usage: an invalid flag, file or ID, a missing credential or an unknown provider
//	3  blocked: blockers must be removed first
//	4  unknown: possibly deleted; check at the provider before you retry
//	5  not confirmed: the name is missing or matches no organization; or the manifest
//	   denies the organization, or an override is missing
//	6  stale: the plan expired, was edited, or no longer matches the provider
//	7  stopped; run the same command to resume
//	8  not found: the organization does not exist or the credential cannot see it, and
//	   this run and its journal started no deletion
package main

import (
	"os"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/cli"
)

func main() { os.Exit(cli.Main()) }
