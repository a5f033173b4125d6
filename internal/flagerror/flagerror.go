// Package flagerror has the errors of flags, for all programs. No error repeats the given text, which may
// be a secret.
package flagerror

import (
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/secrets"
	"github.com/offboard-dev/offboard-go/internal/spelling"
)

// Unknown returns the error of an unknown flag. name and known have two hyphens at the start. The error
// has the name only if it is almost a known one.
func Unknown(name string, known []string, command string) error {
	if secrets.Misspelled(name, known) {
		return errors.New("unknown flag: " + name + spelling.Hint(name, known))
	}
	return errors.New("unknown flag; to list the flags: " + command + " --help")
}

// Missing returns the error of a flag without a value.
func Missing(name string) error { return errors.New("flag needs an argument: --" + name) }

// Value returns the error of a flag with an invalid value. accepted describes the valid ones; if it is
// "", the error has the type.
func Value(name, accepted, kind string) error {
	if accepted == "" {
		accepted = "a value of type " + kind
	}
	return errors.New("--" + name + " has an invalid value: use " + accepted)
}

// Other returns the error of a flag that cannot be parsed for another reason.
func Other(command string) error {
	return errors.New("invalid flag; to list the flags: " + command + " --help")
}
