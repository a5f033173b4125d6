// Package confirmation decides by which value a person confirms an organization, for all programs.
package confirmation

import (
	"strings"

	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/internal/secrets"
)

// Value returns the value for teardown.WithConfirm: the name of an organization, or its ID if it has
// no name.
func Value(name, id string) string {
	if strings.TrimSpace(name) == "" {
		return id
	}
	return name
}

// Typed returns the value that a person can give for an organization: its name, or its ID if the name
// is empty, is printed in another form, or is refused as an argument.
func Typed(name, id string) string {
	if printable.Text(name) != name || secrets.Fault(name) != "" {
		return id
	}
	return Value(name, id)
}
