package printable_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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

// The escaped text has the same value, and every character of it prints.
func TestJSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"a": "Zürich, 東京"}` + "\n":   `{"a": "Zürich, 東京"}` + "\n",
		"\"\u202eabc\u0085\x7f\"":      `"\u202eabc\u0085\u007f"`,
		"\"a\u3164 \u0301\"":           `"a\u3164 \u0301"`,
		"\"\u0301\", \"Zu\u0308\"":     `"\u0301", "Zu` + "\u0308\"",
		"\"\U000e0041\U0001f600\"":     `"\udb40\udc41` + "\U0001f600\"",
		`"\n` + "\u2028" + `\"\u202e"`: `"\n\u2028\"\u202e"`,
	} {
		got := string(printable.JSON([]byte(text)))
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		var before, after []any
		if err := json.Unmarshal([]byte("["+text+"]"), &before); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if err := json.Unmarshal([]byte("["+got+"]"), &after); err != nil {
			t.Errorf("%q: %v", got, err)
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
		if lines := printable.Lines(got); lines != got {
			t.Errorf("%q does not print: %q", text, lines)
		}
	}
}

func TestJSONWriter(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := json.NewEncoder(printable.JSONWriter(&b)).Encode(map[string]string{"name": "\u202eabc"}); err != nil {
		t.Error(err)
	}
	if want := `{"name":"\u202eabc"}` + "\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}
