package planfile

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/secrets"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
)

// maxManifest is the maximum size of a manifest in bytes: about 100,000 organizations.
const maxManifest = 16 << 20

// readText reads the text of a manifest, without a byte order mark.
func readText(r io.Reader, name string) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxManifest+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxManifest:
		return nil, fmt.Errorf("%s: the manifest exceeds %d bytes", name, maxManifest)
	case !utf8.Valid(text):
		return nil, fmt.Errorf("%s: the manifest must be UTF-8 text", name)
	}
	return bytes.TrimPrefix(text, []byte("\ufeff")), nil
}

// located returns an error of the YAML library in one line. It removes the text of the
// manifest, which may be a secret, unless the text is a key of manifests.
func located(name string, text []byte, err error) error {
	e, ok := errors.AsType[yaml.Error](err)
	if !ok || e.GetToken() == nil {
		return fmt.Errorf("%s: invalid YAML", name)
	}
	line := e.GetToken().Position.Line
	return fmt.Errorf("%s:%d: %s", name, line, printable.Text(withoutValues(e.GetMessage(), inCredentials(text, line))))
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
