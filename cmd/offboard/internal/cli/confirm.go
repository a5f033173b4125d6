package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/connect"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/format"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/layout"
	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/planfile"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
)

// maxAnswers is the maximum number of answers about one organization.
const maxAnswers = 3

// confirmAll returns an error unless every organization of the indexes is confirmed: in the
// manifest, by --confirm, or at the prompt, on a terminal only. The error names all that are not.
// It returns the answers of the prompt as values of --confirm.
func (p *program) confirmAll(file *planfile.File, indexes []int, s applySettings) ([]string, error) {
	given, err := file.ConfirmedBy(s.names)
	if err != nil {
		return nil, err
	}
	var missing []int
	for _, i := range indexes {
		if o := file.Organizations[i]; !slices.Contains(given, i) && !planfile.Confirms(o.Entry.Confirm, o.Plan.Organization) {
			missing = append(missing, i)
		}
	}
	terminal := p.terminal()
	switch {
	case len(missing) == 0:
		return nil, nil
	case p.json || !p.interactive() || terminal == nil:
		return nil, file.AllUnconfirmed(missing, format.Count(len(missing), "organization")+" without confirmation: the name was given neither in the manifest nor by --confirm NAME")
	}
	out := p.out
	defer func() { p.out = out }()
	p.out = terminal
	if err := p.showDeletion(file); err != nil {
		return nil, err
	}
	return p.ask(file, missing, s, bufio.NewReader(p.in))
}

// showDeletion shows everything that the plans delete, and the organizations that apply refuses.
func (p *program) showDeletion(file *planfile.File) error {
	steps, cascades := 0, 0
	var deleted, refused []string
	for _, o := range file.Organizations {
		if o.Plan == nil {
			refused = append(refused, fmt.Sprintf("%s: %s", o.Named(), o.Reason()))
			continue
		}
		if err := o.Plan.WriteTree(p.out); err != nil {
			return err
		}
		place := "the manifest"
		if o.Overrides != nil && o.Overrides.Line > 0 {
			place = fmt.Sprintf("line %d of the manifest", o.Overrides.Line)
		}
		p.showOverrides(o, place)
		fmt.Fprintln(p.out)
		if missing := o.Entry.MissingOverrides(o.Plan); len(missing) > 0 {
			refused = append(refused, fmt.Sprintf("%s: the manifest does not permit: %s", o.Named(), format.List(missing)))
			continue
		}
		deleted = append(deleted, fmt.Sprintf("%s: %s", o.Named(), format.Count(len(o.Plan.Steps), "step")))
		steps, cascades = steps+len(o.Plan.Steps), cascades+len(o.Plan.Cascades)
	}
	if len(refused) > 0 {
		fmt.Fprintf(p.out, "This run does not delete %s:\n", format.Count(len(refused), "organization"))
		for _, line := range refused {
			fmt.Fprintf(p.out, "  - %s\n", line)
		}
		fmt.Fprintln(p.out)
	}
	fmt.Fprintf(p.out, "This permanently deletes %s, by %s", format.Count(len(deleted), "organization"), format.Count(steps, "step"))
	if cascades > 0 {
		fmt.Fprintf(p.out, ", and what is deleted along with them")
	}
	fmt.Fprint(p.out, ":\n")
	for _, line := range deleted {
		fmt.Fprintf(p.out, "  - %s\n", line)
	}
	return nil
}

// ask asks for the name of each organization. A wrong answer is asked for again, and discards no
// other answer. After the first organization that stays unconfirmed, nothing can be deleted, and ask
// asks for no further name. It returns the answers as values of --confirm.
func (p *program) ask(file *planfile.File, missing []int, s applySettings, answers *bufio.Reader) ([]string, error) {
	var unconfirmed []int
	confirmed := missing
	for n, i := range missing {
		fmt.Fprintf(p.out, "\n%d of %d: %s\n", n+1, len(missing), file.Organizations[i].Named())
		err := p.prompt(file.Organizations[i], file.Wanted(i), answers)
		if err != nil && !errors.Is(err, errEnded) && !errors.Is(err, errors.NotConfirmed) {
			return nil, err
		}
		if err != nil {
			confirmed, unconfirmed = missing[:n], missing[n:]
			break
		}
	}
	s.answers = file.Confirmations(confirmed)
	if len(unconfirmed) == 0 {
		return s.answers, nil
	}
	fmt.Fprintln(p.out)
	if len(s.answers) > 0 {
		fmt.Fprintf(p.out, "To give your correct answers as flags: %s\n", s.command())
	}
	return nil, file.AllUnconfirmed(unconfirmed, format.Count(len(unconfirmed), "organization")+" without confirmation: an answer at the prompt is missing or differs, so nothing was deleted")
}

// errEnded is the error of a prompt that a signal, or the end of the input, ended.
var errEnded = errors.New("the prompt ended")

// prompt asks for the wanted text, which is the organization's name or its ID, at most
// maxAnswers times. An empty line ends the prompt. The texts never repeat an answer, which
// may be a secret.
func (p *program) prompt(o planfile.Planned, wanted string, answers *bufio.Reader) error {
	kind := "name"
	if wanted != o.Plan.Organization.Name {
		kind = "ID"
	}
	for n := range maxAnswers {
		fmt.Fprintf(p.out, "Type the %s %s to confirm. An empty line ends this run, and nothing is deleted: ", kind, printable.Text(wanted))
		answer, err := p.line(answers)
		if err != nil { // also after a part of a line: only a line that Enter ends is an answer
			fmt.Fprintln(p.out)
			if err != io.EOF && err != errEnded {
				return err
			}
			return errors.Join(errEnded, planfile.Unconfirmed("Teardown", o, "the prompt ended without an answer"))
		}
		answer = strings.TrimSpace(answer)
		switch {
		case answer == "":
			return planfile.Unconfirmed("Teardown", o, "not confirmed")
		case answer == strings.TrimSpace(wanted):
			return nil
		}
		text := fmt.Sprintf("The answer differs from the %s.", kind) // in one write, which wraps it by words
		if left := maxAnswers - 1 - n; left > 0 {
			fmt.Fprintf(p.out, "%s Nothing was deleted, and your other answers are kept. You can answer %s more.\n", text, format.Count(left, "time"))
			continue
		}
		fmt.Fprintf(p.out, "%s The expected answer was %s. The organization stays unconfirmed, so this run deletes nothing and asks for no further name.\n", text, printable.Text(wanted))
		break
	}
	return planfile.Unconfirmed("Teardown", o, fmt.Sprintf("the answer differs from the %s %q", kind, wanted))
}

// line reads a line, until a signal.
func (p *program) line(answers *bufio.Reader) (string, error) {
	type line struct {
		text string
		err  error
	}
	answer := make(chan line, 1)
	go func() { // ReadString may block until the program exits
		text, err := answers.ReadString('\n')
		answer <- line{text, err}
	}()
	select {
	case given := <-answer:
		return given.text, given.err
	case <-p.signals:
		return "", errEnded
	}
}

// interactive reports whether the standard input is a terminal.
func (p *program) interactive() bool {
	file, ok := p.in.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// terminal returns the standard output, or the standard error if only that one is a terminal. A prompt on
// another stream would wait for an answer without being shown. It returns nil if neither is a terminal.
func (p *program) terminal() io.Writer {
	for _, stream := range []io.Writer{p.out, p.errOut} {
		if layout.Width(stream) > 0 {
			return stream
		}
	}
	return nil
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
