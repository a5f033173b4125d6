// Package key validates the keys of blobs, so that each key is valid in all stores.
package key

import (
	"io/fs"
	"strings"
	"unicode"

	"github.com/offboard-dev/offboard-go/errors"
)

// maxLength is the maximum length of a key in bytes: an index of PostgreSQL refuses longer ones.
const maxLength = 1024

// Validate returns [errors.InvalidArgument] for a key that is not valid in all stores.
func Validate(operation, key string) error {
	var err error
	switch {
	case len(key) > maxLength:
		err = errors.New("the key must have at most 1024 bytes")
	case !fs.ValidPath(key) || key == ".":
		err = errors.New("the key must be a path of UTF-8 text without empty elements, . and ..")
	case strings.ContainsFunc(key, unicode.IsControl):
		err = errors.New("the key must not contain control characters")
	default:
		return nil
	}
	return &errors.Error{Operation: operation, Target: key, Code: errors.InvalidArgument, Err: err}
}
