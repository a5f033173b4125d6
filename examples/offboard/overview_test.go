package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// The demonstration waits, so it runs in a bubble. Its verdicts are checked by
// itself against what happened at the doubles.
func TestTheDemonstrationEndsWellAndNamesAllFive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out, errOut bytes.Buffer
		start := time.Now()
		if code := run(t.Context(), nil, &out, &errOut); code != exitOK {
			t.Fatalf("exit code %d, %s", code, errOut.String())
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
		_, verdicts, found := strings.Cut(out.String(), "4. The verdicts")
		if !found {
			t.Fatalf("there are no verdicts in\n%s", out.String())
		}
		for _, p := range providers {
			want := "deleted"
			if p.name == "volterra" {
				want = "accepted into the deletion queue"
			}
			if row := line(verdicts, p.name); !strings.Contains(row, want) {
				t.Errorf("%s: the verdict is not there: %q", p.name, row)
			}
		}
		for provider, reason := range map[string]errors.Code{
			"katapult": errors.DeletionStepsNotSatisfied, "zitadel": errors.DefaultOrganization,
			"atlas": errors.OrganizationNotEmpty, "workspace": errors.ActiveSubscriptions,
			"volterra": errors.NotConfirmed,
		} {
			if row := line(out.String(), provider); !strings.Contains(row, string(reason)) {
				t.Errorf("%s: the reason %s is not there: %q", provider, reason, row)
			}
		}
		if strings.Contains(out.String(), "\x1b") {
			t.Error("there are control sequences in what is no terminal")
		}
	})
}

func TestReportFailsWhenAVerdictIsNotWhatHappened(t *testing.T) {
	t.Parallel()
	s := &act{provider: "atlas", organization: atAtlas{}, gone: func() bool { return false }}
	if err := compareActs(new(bytes.Buffer), []*act{s}, []actVerdict{{}}); err == nil {
		t.Error("a false success is reported as if nothing were")
	}
}
