package main

import (
	"github.com/spf13/cobra"

	"github.com/offboard-dev/offboard-go/internal/build"
)

const versionHelp = `Show the version of the program, the commit and the Go version that it was built from, and
for each provider the version of the API that the program was compared with. The command
sends nothing and reads no credential.
`

func (p *program) versionCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "version", Short: "Show the versions of the program, its commit, Go and the providers' APIs", Long: versionHelp, Args: arguments(0),
		RunE: func(*cobra.Command, []string) error { return p.version(asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	return c
}

// version writes what the Go command recorded in the program, whose module is fleet.
func (p *program) version(asJSON bool) error {
	b := build.This("fleet")
	if asJSON {
		return p.writeJSON(b)
	}
	b.Write(p.out, "offboard-fleet")
	return nil
}
