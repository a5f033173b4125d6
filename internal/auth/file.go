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

// ReadFile reads the file of a credential. An error contains the path only if the directory
// exists, because the path may be a credential that was passed by mistake.
func ReadFile(name, path string) ([]byte, error) {
	if path == "" {
		return nil, errors.New(name + " cannot be read: the path is empty")
	}
	data, err := os.ReadFile(path)
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		if folder := filepath.Dir(path); filepath.IsAbs(path) && folder != filepath.Dir(folder) && isFolder(folder) {
			return nil, fmt.Errorf("%s cannot be read: %w: %s", name, e.Err, path)
		}
		return nil, fmt.Errorf("%s cannot be read: %w", name, e.Err)
	}
	if err != nil {
		return nil, errors.New(name + " cannot be read")
	}
	return data, nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// Text returns the text of a file in UTF-8, without the byte order mark that editors and PowerShell
// add.
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

// PEM returns PEM in the form that package pem reads: without a byte order mark, without the
// indentation of YAML, and with line breaks instead of the \n of environment variables.
func PEM(file []byte) []byte {
	text := bytes.ReplaceAll(Text(file), []byte(`\n`), []byte("\n"))
	var out bytes.Buffer
	for line := range bytes.Lines(text) {
		out.Write(bytes.TrimSpace(line))
		out.WriteByte('\n')
	}
	return out.Bytes()
}
