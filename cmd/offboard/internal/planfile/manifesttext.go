package planfile

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/safefile"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/internal/secrets"
	"github.com/offboard-dev/offboard-go/internal/spelling"
)

// maxManifest is the maximum size of a manifest in bytes: about 100,000 organizations.
const maxManifest = 16 << 20

// readText reads the text of a manifest, without a byte order mark.
func readText(r io.Reader, name string) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxManifest+1))
	switch {
	case err != nil:
		return nil, safefile.Error(safefile.Reading, "MANIFEST", name, err)
	case len(text) > maxManifest:
		return nil, fmt.Errorf("%s: the manifest exceeds %d bytes", name, maxManifest)
	case isUTF16(text):
		return nil, fmt.Errorf("%s: the manifest is UTF-16 text: save it as UTF-8", name)
	case !utf8.Valid(text):
		return nil, fmt.Errorf("%s: the manifest must be UTF-8 text", name)
	}
	return bytes.TrimPrefix(text, []byte("\ufeff")), nil
}

// isUTF16 reports whether a text is UTF-16, as PowerShell writes it: it starts with a byte order
// mark, or every other one of its first bytes is 0.
func isUTF16(text []byte) bool {
	if bytes.HasPrefix(text, []byte{0xff, 0xfe}) || bytes.HasPrefix(text, []byte{0xfe, 0xff}) {
		return true
	}
	if len(text) < 4 {
		return false
	}
	return text[0] == 0 && text[1] != 0 && text[2] == 0 && text[3] != 0 || text[0] != 0 && text[1] == 0 && text[2] != 0 && text[3] == 0
}

// tabLine returns the first line, up to a given one, whose indentation contains a tab; 0 for
// none.
func tabLine(text []byte, last int) int {
	n := 0
	for line := range bytes.Lines(text) {
		if n++; n > last {
			break
		}
		indentation := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
		if bytes.IndexByte(indentation, '\t') >= 0 && len(bytes.TrimSpace(line)) > 0 {
			return n
		}
	}
	return 0
}

// located returns an error of the YAML library in one line. It removes the text of the
// manifest, which may be a secret, unless the text is a key of manifests.
func located(name string, text []byte, err error) error {
	e, ok := errors.AsType[yaml.Error](err)
	if !ok || e.GetToken() == nil {
		return fmt.Errorf("%s: invalid YAML", name)
	}
	line := e.GetToken().Position.Line
	if tab := tabLine(text, line+1); tab > 0 { // the parser may report the line above
		return fmt.Errorf("%s:%d: the indentation contains a tab: YAML requires spaces", name, tab)
	}
	message, all := e.GetMessage(), inCredentials(text, line)
	hint := ""
	if _, key, unknown := strings.Cut(message, `unknown field "`); unknown && !all {
		hint = spelling.Hint(strings.TrimSuffix(key, `"`), manifestKeys)
	}
	return fmt.Errorf("%s:%d: %s%s", name, line, printable.Text(withoutValues(message, all)), hint)
}

// manifestKeys are the keys of a manifest.
var manifestKeys = []string{
	"organizations", "allow", "deny",
	"provider", "organization", "confirm", "override", "base_url", "credentials", "email", "reason", "feedback",
}

// withoutValues replaces the text between the first and the last quote of a message: a value
// may contain quotes itself. Unless all is set, a key of manifests, or a misspelled one,
// remains.
func withoutValues(message string, all bool) string {
	first, last := strings.Index(message, `"`), strings.LastIndex(message, `"`)
	if first < 0 {
		return message
	}
	if key := message[first:last]; !all && len(key) > 0 && (slices.Contains(manifestKeys, key[1:]) || secrets.Misspelled(key[1:], manifestKeys)) {
		return message
	}
	return message[:first] + `"…"` + message[last+1:]
}

// inCredentials reports whether a line, counted from 1, belongs to the credentials of an
// entry: the line itself, or one above it with less indentation, contains "credentials".
func inCredentials(text []byte, line int) bool {
	lines := strings.Split(string(text), "\n")
	if line < 1 || line > len(lines) {
		return true // the position is unknown
	}
	indent := func(s string) int { return len(s) - len(strings.TrimLeft(s, " \t")) }
	least := indent(lines[line-1]) + 1
	for i := line - 1; i >= 0; i-- {
		l := lines[i]
		if strings.TrimSpace(l) == "" || indent(l) >= least {
			continue
		}
		if strings.Contains(l, "credentials") {
			return true
		}
		least = indent(l)
	}
	return false
}
