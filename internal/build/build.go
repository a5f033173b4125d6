// Package build describes the build of the running program.
package build

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/internal/providers"
)

// Build describes the build of a program.
type Build struct {
	Program  string            `json:"program"` // its version
	Commit   string            `json:"commit,omitempty"`
	Modified bool              `json:"modified,omitempty"` // the build contains uncommitted changes
	SDK      string            `json:"sdk"`
	Go       string            `json:"go"`
	Platform string            `json:"platform"`
	APIs     map[string]string `json:"api_versions"`

	module string
}

const sdkPath = "github.com/offboard-dev/offboard-go"

// pseudoVersion matches the version of a commit without a tag.
var pseudoVersion = regexp.MustCompile(`[-.]\d{14}-([0-9a-f]{12})`)

// This describes the running program, whose module is in a directory of the repository, such as
// "cmd/offboard".
func This(module string) Build {
	info, _ := debug.ReadBuildInfo()
	return of(info, module)
}

// of returns the records of the Go command. info may be nil.
func of(info *debug.BuildInfo, module string) Build {
	b := Build{
		Program: "(devel)", SDK: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		APIs: offboard.APIVersions(), module: module,
	}
	if info == nil {
		return b
	}
	if info.Main.Path == sdkPath+"/"+module {
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
func (b Build) commit() string {
	switch {
	case b.Modified:
		return b.Commit + ", with uncommitted changes"
	case b.Commit != "":
		return b.Commit
	case strings.HasPrefix(b.Program, "v"):
		return "that of the tag " + b.module + "/" + b.Program
	}
	return "not recorded"
}

// Write writes the text of the command version of a program.
func (b Build) Write(out io.Writer, program string) {
	fmt.Fprintf(out, "%s %s\n", program, b.Program)
	fmt.Fprintf(out, "  %-10s %s\n  %-10s %s\n  %-10s %s, %s\n", "commit", b.commit(), "SDK", b.SDK, "Go", b.Go, b.Platform)
	fmt.Fprint(out, "Versions of the providers' APIs that the program was compared with:\n")
	for _, provider := range providers.All {
		fmt.Fprintf(out, "  %-10s %s\n", provider.Name, b.APIs[provider.Name])
	}
}
