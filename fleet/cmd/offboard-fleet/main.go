// Command offboard-fleet deletes many organizations by workflows on Temporal, with approvals by
// people. Package fleet has the workflows.
//
//	offboard-fleet worker                          run a worker
//	offboard-fleet start MANIFEST                  start a batch, and print its ID
//	offboard-fleet status                          count the organizations, and list those that wait or failed
//	offboard-fleet status ID                       show an organization or a batch
//	offboard-fleet approve ID --digest D --by NAME approve a plan
//	offboard-fleet deny ID --digest D --by NAME    end a workflow whose plan waits for an approval
//	offboard-fleet cancel ID                       request the cancellation of a workflow
//	offboard-fleet report ID                       print the report of an organization
//	offboard-fleet serve                           serve a page for approvals on this machine
//	offboard-fleet version                         show the versions
//
// The flags --address and --namespace, or TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE, name the
// Temporal server. --tls, or TEMPORAL_TLS=true, uses TLS, and so does each of TEMPORAL_API_KEY,
// TEMPORAL_TLS_CLIENT_CERT_PATH, TEMPORAL_TLS_CLIENT_KEY_PATH, TEMPORAL_TLS_SERVER_CA_CERT_PATH and
// TEMPORAL_TLS_SERVER_NAME, which have the meanings that they have for Temporal's own programs.
//
// Plans, reports and manifests are in a directory (--store) or in a PostgreSQL database (--database or
// DATABASE_URL), which all commands and all workers share. --store is refused if --database is given or
// DATABASE_URL is set, and if every user of the machine can write to the directory. Only worker and
// start create the directory. Workers read credentials from their environment, by the names that the
// manifest has; no other command needs one.
//
// Exit codes:
//
//	0  done
//	1  failed: Temporal, the storage or a provider failed, a decision was refused, a signal
//	   ended the command, or the output is incomplete; for status of a batch: the batch
//	   failed, or could not start an organization
//	2  usage: an invalid flag, argument or manifest
//
// # Approvals
//
// An approval names a person and the digest of a plan. approve and deny show the plan, and require
// the organization's name, typed at the prompt or given by --yes. Nothing is decided if the plan
// cannot be shown. Temporal does not verify who calls: everybody who can reach it can decide under
// any name. Restrict the access to the Temporal server, and to the storage, to the people and
// workers that need it.
//
// serve listens on loopback only, and prints an address with a random token. The token
// authenticates access, and not persons: everybody who has it can decide under any name, unless
// --by sets the name of the only operator. To use the page on another machine, forward the port
// by SSH, or publish it by a proxy that authenticates people, see --public.
package main

import "os"

func main() { os.Exit(run()) }
