package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
)

// The demonstration waits, so it runs in a bubble. Its verdicts are checked by
// itself against what happened at the doubles.
func TestTheDemonstrationEndsWellAndNamesAllFive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out, errOut bytes.Buffer
		start := time.Now()
		if code := run(t.Context(), nil, &out, &errOut); code != exitOK {
			t.Fatalf("exit code %d, %s%s", code, out.String(), errOut.String())
		}
		if took := time.Since(start); took > 9*time.Second {
			t.Errorf("it took %v", took)
		}
		_, verdicts, found := strings.Cut(out.String(), "5. The verdicts")
		if !found {
			t.Fatalf("there are no verdicts in\n%s", out.String())
		}
		for _, p := range providers {
			want := "gone"
			if p.name == f5 {
				want = "pending"
			}
			if row := line(verdicts, p.name); !strings.Contains(row, want) {
				t.Errorf("%s: the verdict is not there: %q", p.name, row)
			}
		}
		for _, reason := range []errors.Code{
			errors.DeletionStepsNotSatisfied, errors.DefaultOrganization, errors.OrganizationNotEmpty, errors.ActiveSubscriptions,
		} {
			if !strings.Contains(out.String(), "refused as it is: "+reason.Error()) {
				t.Errorf("the reason %s is not there", reason)
			}
		}
		for _, code := range []errors.Code{
			errors.DeletionStepsNotSatisfied, errors.DefaultOrganization, errors.OrganizationNotEmpty, errors.ActiveSubscriptions, errors.NotConfirmed,
		} {
			if !strings.Contains(out.String(), "│ "+string(code)+" ") {
				t.Errorf("the refusal %s is not in the table", code)
			}
		}
		if strings.Contains(out.String(), "\x1b") {
			t.Error("there are control sequences in what is no terminal")
		}
	})
}

// line returns the first line of a table about a provider.
func line(text, provider string) string {
	for l := range strings.Lines(text) {
		if strings.HasPrefix(l, "│ "+provider) {
			return l
		}
	}
	return ""
}

func TestTheDemonstrationForMachines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out, errOut bytes.Buffer
		if code := run(t.Context(), []string{"demo", "--json"}, &out, &errOut); code != exitOK {
			t.Fatalf("exit code %d, %s", code, errOut.String())
		}
		verdicts := map[string]teardown.Outcome{}
		for text := range strings.Lines(out.String()) {
			var document struct {
				Type, Provider string
				Outcome        teardown.Outcome
			}
			if err := json.Unmarshal([]byte(text), &document); err != nil || document.Type == "" {
				t.Errorf("%q: %v", text, err)
			}
			if document.Type == "verdict" {
				verdicts[document.Provider] = document.Outcome
			}
		}
		if len(verdicts) != len(providers) || verdicts[f5] != teardown.Pending || verdicts["atlas"] != teardown.Gone {
			t.Errorf("got %v", verdicts)
		}
	})
}

func TestTheDemonstrationFailsWhenAVerdictIsNotWhatHappened(t *testing.T) {
	t.Parallel()
	yes, no := func() bool { return true }, func() bool { return false }
	for _, test := range []struct {
		outcome         teardown.Outcome
		deleted, spared func() bool
		ok              bool
	}{
		{teardown.Gone, yes, yes, true},
		{teardown.Pending, yes, yes, true},
		{teardown.Blocked, no, yes, true},
		{teardown.Gone, no, yes, false},
		{teardown.Blocked, yes, yes, false},
		{teardown.Unknown, yes, yes, false},
		{teardown.Gone, yes, no, false},
	} {
		s := &scene{deleted: test.deleted, spared: test.spared}
		if err := s.check(verdict{Outcome: test.outcome}); (err == nil) != test.ok {
			t.Errorf("%s: got %v", test.outcome, err)
		}
	}
}

// Not parallel: it sets the environment.
func TestTheDoublesCanBeUsedFromAnotherProcess(t *testing.T) {
	name := filepath.Join(t.TempDir(), "manifest.yaml")
	signals := make(chan os.Signal, 1)
	reader, writer := io.Pipe()
	var out bytes.Buffer
	server := &program{in: strings.NewReader(""), out: &out, errOut: writer, connect: connect, signals: signals}
	ended := make(chan int)
	go func() { ended <- server.run(t.Context(), []string{"demo", "--serve", name}) }()
	lines := bufio.NewReader(reader)
	for range 2 { // what it says when it listens
		if _, err := lines.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range providers {
		for _, variable := range p.variables {
			t.Setenv(variable, "")
		}
	}
	for text := range strings.Lines(out.String()) {
		variable, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(text), "export "), "=")
		if !ok {
			t.Errorf("%q sets nothing", text)
		}
		t.Setenv(variable, strings.Trim(value, "'"))
	}
	client := &program{in: strings.NewReader(""), out: new(bytes.Buffer), errOut: os.Stderr, connect: connect}
	if code := client.run(t.Context(), []string{"plan", name}); code != exitOK {
		t.Errorf("exit code %d: %s", code, client.out)
	}
	signals <- os.Interrupt
	if code := <-ended; code != exitOK {
		t.Errorf("exit code %d", code)
	}
}
