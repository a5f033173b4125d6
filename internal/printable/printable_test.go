package printable_test

import (
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go/internal/printable"
)

func TestText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":               "",
		"Zürich, 東京":     "Zürich, 東京",
		"a\nb\x1b[2Jc":   "a\uFFFDb\uFFFD[2Jc",
		"\xff\u202eabc":  "\uFFFD\uFFFDabc", // not UTF-8, right to left
		"already \uFFFD": "already \uFFFD",
		"\u3164\u115f":   "\uFFFD\uFFFD", // fillers
		"Acme\u034f":     "Acme\uFFFD",
		"\u2800":         "\uFFFD",
		"\u0301\u0302":   "\uFFFD\uFFFD", // marks without a character
		"a \u0301\ufe0f": "a \uFFFD\uFFFD",
		"Zu\u0308\u0323": "Zu\u0308\u0323",
		"❤\ufe0f हिन्दी": "❤\ufe0f हिन्दी",
	} {
		if got := printable.Text(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if got, want := printable.Lines(text+"\n"), strings.Replace(want, "a\uFFFDb", "a\nb", 1)+"\n"; got != want {
			t.Errorf("lines: %q: got %q, want %q", text, got, want)
		}
	}
}
