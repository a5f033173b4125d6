// Command dev deletes a dozen organizations at fakes of all providers, by the workflows of package
// fleet, on a Temporal server inside the process:
//
//	GOWORK=off go -C fleet/dev run .
//
// Run it in the root of the repository. It requires no account, no other program and, once Go has
// downloaded the modules, no network. It approves each plan after it has shown it; with
// -approve=false, it prints the commands of offboard-fleet that approve, and waits for them.
//
// GOWORK=off is required because this module is not in go.work, so that the Temporal server adds no
// dependency to the other modules.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/offboard-dev/offboard-go/fleet/dev/internal/demo"
)

func main() {
	// Without this, a closed pipe ends the process before it removes its directory.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := demo.Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
