package review

import (
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet"
)

// The history of a workflow keeps the texts of a decision.
func TestDecision_TextsRefused(t *testing.T) { // it sets variables
	t.Setenv("KATAPULT_API_KEY", "kat-secret-of-katapult")
	t.Setenv("TEMPORAL_API_KEY", "temporal-secret-words")
	t.Setenv("PGPASSWORD", "hunter two")
	p := plan()
	r := &Review{Plan: p, State: fleet.State{WaitingFor: fleet.WaitingForApproval, Digest: p.Digest()}}
	for text, want := range map[string]string{
		"jane": "", "Jürgen Müller": "", "jane@example.com": "", "contract ended, see ticket OFF-1234": "", "山田": "",
		"kat-secret-of-katapult": "looks like a credential", "key kat-secret-of-katapult": "looks like a credential", "temporal-secret-words": "looks like a credential", "hunter two": "looks like a credential",
		"Bearer eyJhbGciOiJub25lIn0.e30.": "looks like a credential", "token k4tQm7Zt2Wn9Lx5Rb1Vd": "looks like a credential",
		"jane\xff": "not valid UTF-8", "jane\x1b[2J": "does not print", "a\nb": "a line end", "\u3164": "does not print", "\u200b": "does not print", "\u0301": "does not print", "ja\u202ene": "does not print",
	} {
		for name, decide := range map[string]func() (fleet.Approval, error){
			"by":     func() (fleet.Approval, error) { return r.Decision(p.Digest(), "Acme", text, "") },
			"reason": func() (fleet.Approval, error) { return r.Decision(p.Digest(), "Acme", "jane", text) },
		} {
			a, err := decide()
			if (err != nil) != (want != "") || err != nil && (!errors.Is(err, errors.NotConfirmed) || !strings.Contains(Message(err), want) || strings.Contains(Message(err), text) || a != fleet.Approval{}) {
				t.Errorf("%s %q: got %v", name, text, err)
			}
		}
	}
}

func TestDecision_TextSizes(t *testing.T) {
	t.Parallel()
	for size, fault := range map[int]func(string) string{maxPerson: PersonFault, maxReason: ReasonFault} {
		if got := fault(strings.Repeat("é ", size/3)); got != "" {
			t.Errorf("%d: got %s", size, got)
		}
		if got := fault(strings.Repeat("é", size/2+1)); !strings.HasSuffix(got, "bytes") {
			t.Errorf("%d: got %s", size, got)
		}
	}
}
