package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/printable"
)

// maxManifest is the largest manifest that is read, in bytes: some 100,000 organizations.
const maxManifest = 16 << 20

// readText reads the text of a manifest, without a byte order mark.
func readText(r io.Reader, name string) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxManifest+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxManifest:
		return nil, fmt.Errorf("%s: it exceeds %d bytes", name, maxManifest)
	case !utf8.Valid(text):
		return nil, fmt.Errorf("%s: it is not UTF-8 text", name)
	}
	return bytes.TrimPrefix(text, []byte("\ufeff")), nil
}

// located is an error of the YAML library in one line. What the library repeats of the
// manifest is left out unless it is a key of a manifest: it may be a secret.
func located(name string, text []byte, err error) error {
	e, ok := errors.AsType[yaml.Error](err)
	if !ok || e.GetToken() == nil {
		return fmt.Errorf("%s: it is not valid YAML", name)
	}
	line := e.GetToken().Position.Line
	return fmt.Errorf("%s:%d: %s", name, line, printable.Text(withoutValues(e.GetMessage(), inCredentials(text, line))))
}

// manifestKeys are the keys of a manifest.
var manifestKeys = []string{
	"organizations", "allow", "deny",
	"provider", "organization", "confirm", "permit", "base_url", "credentials", "email", "reason", "feedback",
}

// withoutValues replaces what is in quotes in a message, from the first quote to the last,
// because a value may contain quotes itself. A key of a manifest, or almost one, remains
// unless all is to be replaced.
func withoutValues(message string, all bool) string {
	first, last := strings.Index(message, `"`), strings.LastIndex(message, `"`)
	if first < 0 {
		return message
	}
	if key := message[first:last]; !all && len(key) > 0 && (slices.Contains(manifestKeys, key[1:]) || misspelled(key[1:], manifestKeys)) {
		return message
	}
	return message[:first] + `"…"` + message[last+1:]
}

// inCredentials reports whether a line, which counts from 1, belongs to the credentials
// of an entry: in itself, or by the lines above it that are indented less.
func inCredentials(text []byte, line int) bool {
	lines := strings.Split(string(text), "\n")
	if line < 1 || line > len(lines) {
		return true // not known where it is
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
