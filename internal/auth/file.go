package auth

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf16"

	"github.com/offboard-dev/offboard-go/errors"
)

// ReadFile reads a file of a credential. Its path is in an error only if the folder
// exists: else it may be what should have been in the file.
func ReadFile(what, path string) ([]byte, error) {
	if path == "" {
		return nil, errors.New(what + " cannot be read: it has no path")
	}
	data, err := os.ReadFile(path)
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		if folder := filepath.Dir(path); filepath.IsAbs(path) && folder != filepath.Dir(folder) && isFolder(folder) {
			return nil, fmt.Errorf("%s cannot be read: %w: %s", what, e.Err, path)
		}
		return nil, fmt.Errorf("%s cannot be read: %w", what, e.Err)
	}
	if err != nil {
		return nil, errors.New(what + " cannot be read")
	}
	return data, nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// Text returns the text of a file without the byte order mark that editors and
// PowerShell put before it, in UTF-8.
func Text(file []byte) []byte {
	for mark, order := range map[string]binary.ByteOrder{"\xff\xfe": binary.LittleEndian, "\xfe\xff": binary.BigEndian} {
		rest, ok := bytes.CutPrefix(file, []byte(mark))
		if !ok {
			continue
		}
		units := make([]uint16, len(rest)/2)
		for i := range units {
			units[i] = order.Uint16(rest[2*i:])
		}
		return []byte(string(utf16.Decode(units)))
	}
	return bytes.TrimPrefix(file, []byte("\ufeff"))
}

// PEM returns PEM as package pem reads it: without a byte order mark, without the
// indentation that it has in YAML, and with the line breaks that an environment
// variable has as \n.
func PEM(file []byte) []byte {
	text := bytes.ReplaceAll(Text(file), []byte(`\n`), []byte("\n"))
	var out bytes.Buffer
	for line := range bytes.Lines(text) {
		out.Write(bytes.TrimSpace(line))
		out.WriteByte('\n')
	}
	return out.Bytes()
}
