package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/connect"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
)

// confirmed returns an error if an organization is confirmed neither in the manifest, nor
// by --confirm, nor at the prompt. It prompts for the wanted text, on a terminal only.
func (p *program) confirmed(o planfile.Planned, given bool, wanted string, answers *bufio.Reader) error {
	switch {
	case given, planfile.Confirms(o.Entry.Confirm, o.Plan.Organization):
		return nil
	case p.json || !p.interactive():
		return planfile.Unconfirmed("Teardown", o, "the name was given neither in the manifest nor by --confirm NAME")
	}
	return p.prompt(o, wanted, answers)
}

// prompt shows the plan and prompts for the wanted text: the organization's name, or its ID.
func (p *program) prompt(o planfile.Planned, wanted string, answers *bufio.Reader) error {
	if err := o.Plan.WriteTree(p.out); err != nil {
		return err
	}
	kind := "name"
	if wanted != o.Plan.Organization.Name {
		kind = "ID"
	}
	fmt.Fprintf(p.out, "This permanently deletes everything above. Type the organization %s to confirm: ", kind)
	type line struct {
		text string
		err  error
	}
	answer := make(chan line, 1)
	go func() { // ReadString may block until the program exits
		text, err := answers.ReadString('\n')
		answer <- line{text, err}
	}()
	var given line
	select {
	case given = <-answer:
	case <-p.signals:
		fmt.Fprintln(p.out)
		return planfile.Unconfirmed("Teardown", o, "the prompt was interrupted")
	}
	if given.err != nil && given.err != io.EOF {
		return given.err
	}
	if answer := strings.TrimRight(given.text, "\r\n"); strings.TrimSpace(answer) == "" || answer != wanted {
		return planfile.Unconfirmed("Teardown", o, fmt.Sprintf("the answer differs from the %s %q", kind, wanted))
	}
	return nil
}

// interactive reports whether the standard input is a terminal.
func (p *program) interactive() bool {
	file, ok := p.in.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// confirm compares the confirmed name with the provider's.
func confirm(ctx context.Context, e planfile.Entry, o connect.Organization) error {
	actual, err := o.Identify(ctx)
	if err != nil {
		return err
	}
	if !planfile.Confirms(e.Confirm, actual) {
		return planfile.Misnamed("Delete", e, actual)
	}
	return nil
}
