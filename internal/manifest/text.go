package manifest

import (
	"bytes"
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"
)

// ReadText reads the text of a manifest, without a byte order mark. name is that of the file, which
// errors contain. The error of the reader is returned unchanged.
func ReadText(r io.Reader, name string) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > MaxSize:
		return nil, fmt.Errorf("%s: the manifest exceeds %d bytes", name, MaxSize)
	case IsUTF16(text):
		return nil, fmt.Errorf("%s: the manifest is UTF-16 text: save it as UTF-8", name)
	case !utf8.Valid(text):
		return nil, fmt.Errorf("%s: the manifest must be UTF-8 text", name)
	}
	text = bytes.TrimPrefix(text, []byte(mark))
	line := 1
	for _, r := range string(text) {
		switch {
		case r == '\n':
			line++
		case r == '\ufeff', unicode.IsControl(r) && r != '\t' && r != '\r':
			return nil, fmt.Errorf("%s:%d: the line contains the control character U+%04X: remove it", name, line, r)
		}
	}
	return text, nil
}

// mark is the byte order mark.
const mark = "\ufeff"

// IsUTF16 reports whether a text is UTF-16, as PowerShell writes it: it starts with a byte order
// mark, or every other one of its first bytes is 0.
func IsUTF16(text []byte) bool {
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
