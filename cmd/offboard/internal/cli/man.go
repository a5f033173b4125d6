package cli

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/internal/build"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/internal/safefile"
)

const manHelp = `Write a man page for each command to a directory, which must exist. A page replaces only a
page of this program or an empty file.
`

func (p *program) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "man DIR",
		Short:   "Write the man pages of all commands",
		Long:    manHelp,
		Example: "  mkdir -p ~/.local/share/man/man1\n  offboard man ~/.local/share/man/man1 && man offboard-apply",
		Args:    namedArguments,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.writePages(cmd.Root(), args[0])
		},
	}
}

// writePages writes the man pages of a command and of those below it.
func (p *program) writePages(root *cobra.Command, directory string) error {
	commands := []*cobra.Command{root}
	for i := 0; i < len(commands); i++ {
		for _, c := range commands[i].Commands() {
			if c.IsAvailableCommand() {
				commands = append(commands, c)
			}
		}
	}
	// All pages are made before the first one is written.
	pages := map[string][]byte{}
	var names []string
	for _, c := range commands {
		name := filepath.Join(directory, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1")
		page, err := manPage(c)
		if err != nil {
			return err
		}
		if err := safefile.CheckReplaceable(name, "a man page", isPage); err != nil {
			return safefile.Error(safefile.Writing, "DIR", name, err)
		}
		pages[name], names = page, append(names, name)
	}
	for _, name := range names {
		if err := safefile.Write(name, pages[name]); err != nil {
			return safefile.Error(safefile.Writing, "DIR", name, err)
		}
	}
	fmt.Fprintf(p.out, "%s in %s\n", format.Count(len(names), "man page"), printable.Text(directory))
	return nil
}

// manPage returns the man page of a command. It is the same for every run.
func manPage(c *cobra.Command) ([]byte, error) {
	c.DisableAutoGenTag = true
	c.InitDefaultHelpFlag()
	c.Long = preformatted(c.Long)
	var page bytes.Buffer
	epoch := time.Unix(0, 0).UTC()
	header := &doc.GenManHeader{Section: "1", Source: "offboard " + build.This(module).Program, Manual: "offboard", Date: &epoch}
	if err := doc.GenMan(c, header, &page); err != nil {
		return nil, err
	}
	// The date of a page would be that of the build, which is not recorded.
	return bytes.Replace(page.Bytes(), []byte(`"Jan 1970"`), []byte(`""`), 1), nil
}

// preformatted marks the indented lines of a help text, so that a man page does not join them.
func preformatted(help string) string {
	var b strings.Builder
	before := false
	for line := range strings.Lines(help) {
		indented := strings.HasPrefix(line, " ")
		if indented != before && strings.TrimSpace(line) != "" {
			b.WriteString("\n")
			before = indented
		}
		if indented {
			b.WriteString("    ")
		}
		b.WriteString(line)
	}
	return b.String()
}

// isPage reports whether a text is a man page of this program.
func isPage(text []byte) bool {
	head, _, _ := strings.Cut(string(text[:min(len(text), 400)]), ".SH")
	return strings.Contains(head, `.TH "OFFBOARD`)
}
