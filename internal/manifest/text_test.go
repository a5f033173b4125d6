package manifest_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/manifest"
)

func TestReadText_Forms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                 "",
		"a: b\r\n\tc: d\n": "",
		"\ufeffa: b\n":     "",
		"a: b\n# \u202e\n": "", // a name may have a character that changes the direction
		"a: b\nc: \ufeffd": "m:2: the line contains the control character U+FEFF: remove it",
		"a: b\x00":         "m:1: the line contains the control character U+0000: remove it",
		"a: b\n\x1b[2J":    "m:2: the line contains the control character U+001B: remove it",
		"a: \u009b2J":      "m:1: the line contains the control character U+009B: remove it",
		"a: \xff":          "m: the manifest must be UTF-8 text",
		"\xff\xfea\x00":    "m: the manifest is UTF-16 text: save it as UTF-8",
		"\xfe\xff\x00a":    "m: the manifest is UTF-16 text: save it as UTF-8",
		"a\x00b\x00":       "m: the manifest is UTF-16 text: save it as UTF-8",
		"\x00a\x00b":       "m: the manifest is UTF-16 text: save it as UTF-8",
	} {
		got, err := manifest.ReadText(strings.NewReader(text), "m")
		if want == "" {
			if err != nil || string(got) != strings.TrimPrefix(text, "\ufeff") {
				t.Errorf("%q: got %q, %v", text, got, err)
			}
			continue
		}
		if err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func TestReadText_TooLarge(t *testing.T) {
	t.Parallel()
	_, err := manifest.ReadText(bytes.NewReader(bytes.Repeat([]byte("#"), manifest.MaxSize+1)), "m")
	if err == nil || err.Error() != "m: the manifest exceeds 8388608 bytes" {
		t.Error(err)
	}
	failure := errors.New("failure")
	if _, err := manifest.ReadText(iotest.ErrReader(failure), "m"); err != failure {
		t.Error(err)
	}
}
