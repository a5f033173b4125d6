package cli

import (
	"github.com/spf13/cobra"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/schema"
	"github.com/offboard-dev/offboard-go/internal/build"
)

const versionHelp = `Show the version of the program, the commit and the Go version that it was built from, and
for each provider the version of the API that the program was compared with. The command
sends nothing and reads no credential.
`

// module is the directory of the program's module.
const module = "cmd/offboard"

// versionDocument is the JSON output of version.
type versionDocument struct {
	Type    string `json:"type"`
	Version int    `json:"version"` // of this form
	build.Build
}

func (p *program) showVersion() {
	b := build.This(module)
	if p.json {
		p.emit(versionDocument{"version", schema.Version, b})
		return
	}
	b.Write(p.out, "offboard")
}

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the versions of the program, its commit, Go and the providers' APIs",
		Long:  versionHelp,
		Example: `  offboard version
  offboard version --json | jq -r .program`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			p.showVersion()
			return nil
		},
	}
}
