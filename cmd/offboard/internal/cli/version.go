package cli

import (
	"cmp"
	"fmt"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/schema"
	"github.com/offboard-dev/offboard-go/internal/providers"
)

const versionHelp = `Show the version of the program, the commit and the Go version that it was built from, and
for each provider the version of the API that the program was compared with. The command
sends nothing and reads no credential.
`

// build describes the build of the program.
type build struct {
	Program  string            `json:"program"` // its version
	Commit   string            `json:"commit,omitempty"`
	Modified bool              `json:"modified,omitempty"` // the build contains uncommitted changes
	SDK      string            `json:"sdk"`
	Go       string            `json:"go"`
	Platform string            `json:"platform"`
	APIs     map[string]string `json:"api_versions"`
}

// versionDocument is the JSON output of version.
type versionDocument struct {
	Type    string `json:"type"`
	Version int    `json:"version"` // of this form
	build
}

const (
	programPath = "github.com/offboard-dev/offboard-go/cmd/offboard"
	sdkPath     = "github.com/offboard-dev/offboard-go"
)

// pseudoVersion matches the version of a commit without a tag.
var pseudoVersion = regexp.MustCompile(`[-.]\d{14}-([0-9a-f]{12})`)

// buildOf returns what the Go command recorded in the program. info may be nil.
func buildOf(info *debug.BuildInfo) build {
	b := build{Program: "(devel)", SDK: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, APIs: offboard.APIVersions()}
	if info == nil {
		return b
	}
	if info.Main.Path == programPath {
		b.Program = cmp.Or(info.Main.Version, b.Program)
	}
	for _, module := range info.Deps {
		if module.Path == sdkPath {
			b.SDK = cmp.Or(module.Version, b.SDK)
		}
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.Commit = setting.Value
		case "vcs.modified":
			b.Modified = setting.Value == "true"
		}
	}
	if match := pseudoVersion.FindStringSubmatch(b.Program); b.Commit == "" && match != nil {
		b.Commit = match[1]
	}
	return b
}

// commit returns the commit as text. A build from a module proxy records none; its tag names it.
func (b build) commit() string {
	switch {
	case b.Modified:
		return b.Commit + ", with uncommitted changes"
	case b.Commit != "":
		return b.Commit
	case strings.HasPrefix(b.Program, "v"):
		return "that of the tag cmd/offboard/" + b.Program
	}
	return "not recorded"
}

// thisBuild describes the running program.
func thisBuild() build {
	info, _ := debug.ReadBuildInfo()
	return buildOf(info)
}

func (p *program) showVersion() {
	b := thisBuild()
	if p.json {
		p.emit(versionDocument{"version", schema.Version, b})
		return
	}
	fmt.Fprintf(p.out, "offboard %s\n", b.Program)
	fmt.Fprintf(p.out, "  %-10s %s\n  %-10s %s\n  %-10s %s, %s\n", "commit", b.commit(), "SDK", b.SDK, "Go", b.Go, b.Platform)
	fmt.Fprint(p.out, "Versions of the providers' APIs that the program was compared with:\n")
	for _, provider := range providers.All {
		fmt.Fprintf(p.out, "  %-10s %s\n", provider.Name, b.APIs[provider.Name])
	}
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
