package rest

import (
	"strings"
	"unicode/utf8"

	"github.com/offboard-dev/offboard-go/errors"
)

// Check refuses an argument before anything is sent. An empty id would reach
// the collection, ".." the parent, and either with DELETE.
type Check func(string) error

// Opaque accepts an id whose form the provider does not fix: anything that is
// one segment of a path, prints, and has at most 200 characters.
func Opaque(id string) error {
	switch {
	case isWord(id):
		return nil // as most ids
	case strings.TrimSpace(id) == "":
		return errors.New("is empty")
	case strings.TrimSpace(id) != id:
		// A provider may remove it, and would then act on another resource.
		return errors.New("begins or ends with white space")
	case id == "." || id == "..":
		return errors.New("is a relative path")
	case strings.ContainsAny(id, `/\`):
		return errors.New("contains a slash")
	case !utf8.ValidString(id):
		return errors.New("is not UTF-8")
	case strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r >= 0x7f && r <= 0x9f }):
		return errors.New("contains a control character")
	case utf8.RuneCountInString(id) > 200:
		return errors.New("is longer than 200 characters")
	}
	return nil
}

// isWord reports whether an id has 1 to 200 letters, digits, hyphens and underscores only.
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

// ResourceID accepts an id that is opaque but for its slashes, as that of a
// resource at a cloud provider has them. They are escaped in the path, so that it
// stays one segment.
func ResourceID(id string) error {
	for part := range strings.SplitSeq(strings.TrimPrefix(id, "/"), "/") {
		if err := Opaque(part); err != nil {
			return err
		}
	}
	return nil
}

// Hex24 accepts an id of 24 lower-case hexadecimal digits.
func Hex24(id string) error {
	if len(id) != 24 {
		return errors.New("is not 24 hexadecimal digits")
	}
	for i := range len(id) {
		if c := id[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return errors.New("is not 24 hexadecimal digits")
		}
	}
	return nil
}

// Name accepts letters, digits and hyphens of which a hyphen is not the first.
func Name(name string) error {
	if name == "" || name[0] == '-' {
		return errors.New("does not begin with a letter or a digit")
	}
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-':
		default:
			return errors.New("contains something else than letters, digits and hyphens")
		}
	}
	return nil
}

// Slug accepts 3 to 128 letters, digits and hyphens, and thereby also an id of 24
// hexadecimal digits.
func Slug(slug string) error {
	if len(slug) < 3 || len(slug) > 128 {
		return errors.New("does not have 3 to 128 characters")
	}
	for i := range len(slug) {
		switch c := slug[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-':
		default:
			return errors.New("contains something else than letters, digits and hyphens")
		}
	}
	return nil
}
