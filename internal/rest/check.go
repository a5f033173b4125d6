package rest

import (
	"strings"
	"unicode/utf8"

	"github.com/offboard-dev/offboard-go/errors"
)

// Check returns an error if an argument must not be sent. An empty ID, for example, would send
// DELETE to the collection, and ".." to the parent resource. The text of the error follows the
// name of the argument.
type Check func(string) error

// Opaque accepts an ID whose form the provider does not document: one segment of a path, of at
// most 200 characters, without control characters.
func Opaque(id string) error {
	switch {
	case isWord(id):
		return nil // most IDs
	case strings.TrimSpace(id) == "":
		return errors.New("must not be empty")
	case strings.TrimSpace(id) != id:
		// A provider may remove the white space, and act on another resource.
		return errors.New("must not start or end with white space")
	case id == "." || id == "..":
		return errors.New("must not be a relative path")
	case strings.ContainsAny(id, `/\`):
		return errors.New("must not contain a slash")
	case !utf8.ValidString(id):
		return errors.New("must be UTF-8")
	case strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r >= 0x7f && r <= 0x9f }):
		return errors.New("must not contain a control character")
	case utf8.RuneCountInString(id) > 200:
		return errors.New("must have at most 200 characters")
	}
	return nil
}

// isWord reports whether an ID consists of 1 to 200 letters, digits, hyphens and underscores.
func isWord(id string) bool {
	for i := range len(id) {
		switch c := id[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return id != "" && len(id) <= 200
}

// ResourceID accepts an ID like [Opaque], and also slashes, such as in the ID of a resource at a
// cloud provider. The path contains the slashes escaped, so that the ID is one segment.
func ResourceID(id string) error {
	for part := range strings.SplitSeq(strings.TrimPrefix(id, "/"), "/") {
		if err := Opaque(part); err != nil {
			return err
		}
	}
	return nil
}

// Hex24 accepts an ID of 24 lower-case hexadecimal digits.
func Hex24(id string) error {
	if len(id) != 24 {
		return errors.New("must be 24 lower-case hexadecimal digits")
	}
	for i := range len(id) {
		if c := id[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return errors.New("must be 24 lower-case hexadecimal digits")
		}
	}
	return nil
}

// Name accepts letters, digits and hyphens that do not start with a hyphen.
func Name(name string) error {
	if name == "" || name[0] == '-' {
		return errors.New("must start with a letter or a digit")
	}
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-':
		default:
			return errors.New("must contain only letters, digits and hyphens")
		}
	}
	return nil
}

// Slug accepts 3 to 128 letters, digits and hyphens, which includes an ID of 24 hexadecimal
// digits.
func Slug(slug string) error {
	if len(slug) < 3 || len(slug) > 128 {
		return errors.New("must have 3 to 128 characters")
	}
	for i := range len(slug) {
		switch c := slug[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-':
		default:
			return errors.New("must contain only letters, digits and hyphens")
		}
	}
	return nil
}
