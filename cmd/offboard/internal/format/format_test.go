package format

import (
	"testing"
)

// A printed command works in a shell for every file name.
func TestShellQuote_FileName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"plans/plan-1.json":  "plans/plan-1.json",
		"a folder/plan.json": "'a folder/plan.json'",
		"it's/plan.json":     `'it'\''s/plan.json'`,
		"$HOME/plan.json":    "'$HOME/plan.json'",
		"plan;.json":         "'plan;.json'",
		"":                   "''",
	} {
		if got := ShellQuote(name); got != want {
			t.Errorf("%q: got %s, want %s", name, got, want)
		}
	}
}
