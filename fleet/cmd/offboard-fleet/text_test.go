package main

import (
	"bytes"
	"strings"
	"testing"
)

// A person types the name of an organization as the program shows it.
func TestFact_Spaces(t *testing.T) {
	t.Parallel()
	const name = "Acme  Two   Spaces"
	var out bytes.Buffer
	fact(&out, "Organization", name)
	item(&out, strings.Repeat("word ", 14)+name)
	want := "Organization   " + name + "\n  - " + strings.TrimSpace(strings.Repeat("word ", 14)) + "\n    " + name + "\n"
	if got := out.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
