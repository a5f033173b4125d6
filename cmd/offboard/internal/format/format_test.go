package format

import (
	"testing"
)

// A printed command works in a shell for every file name.
func TestShellQuote_FileName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"plans/plan-1.json":      "plans/plan-1.json",
		"a folder/plan.json":     "'a folder/plan.json'",
		"it's/plan.json":         `'it'\''s/plan.json'`,
		"$HOME/plan.json":        "'$HOME/plan.json'",
		"plan;.json":             "'plan;.json'",
		"":                       "''",
		"Zürich, 東京":             "'Zürich, 東京'",
		"a\x1b[2Jb'\\\u202e\xff": `$'a\033[2Jb\'\\\342\200\256\377'`,
		"a\nb":                   `$'a\012b'`,
	} {
		if got := ShellQuote(name); got != want {
			t.Errorf("%q: got %s, want %s", name, got, want)
		}
	}
}
