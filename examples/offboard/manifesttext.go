package main

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"

	"github.com/offboard-dev/offboard-go/errors"
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
// manifest is left out unless it looks like a key: it may be a secret.
func located(name string, text []byte, err error) error {
	e, ok := errors.AsType[yaml.Error](err)
	if !ok || e.GetToken() == nil {
		return fmt.Errorf("%s: it is not valid YAML", name)
	}
	line := e.GetToken().Position.Line
	return fmt.Errorf("%s:%d: %s", name, line, printable(withoutValues(e.GetMessage(), inCredentials(text, line))))
}

var (
	quotedText = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	plainKey   = regexp.MustCompile(`^"[a-z_]{1,24}"$`)
)

// withoutValues replaces the quoted parts of a message: all, or those that do not look
// like a manifest's key.
func withoutValues(message string, all bool) string {
	return quotedText.ReplaceAllStringFunc(message, func(quoted string) string {
		if !all && plainKey.MatchString(quoted) {
			return quoted
		}
		return `"…"`
	})
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
