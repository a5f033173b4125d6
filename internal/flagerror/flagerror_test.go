package flagerror_test

import (
	"testing"

	"github.com/offboard-dev/offboard-go/internal/flagerror"
)

// An error repeats only a name that is almost a known one.
func TestErrors(t *testing.T) {
	t.Parallel()
	known := []string{"--digest", "--by"}
	for want, err := range map[string]error{
		"unknown flag: --dgest; did you mean --digest?":         flagerror.Unknown("--dgest", known, "offboard x"),
		"unknown flag; to list the flags: offboard x --help":    flagerror.Unknown("--k4tQm7Zt2Wn9", known, "offboard x"),
		"flag needs an argument: --by":                          flagerror.Missing("by"),
		"--by has an invalid value: use a value of type int":    flagerror.Value("by", "", "int"),
		"--by has an invalid value: use a number of at least 1": flagerror.Value("by", "a number of at least 1", "int"),
		"invalid flag; to list the flags: offboard x --help":    flagerror.Other("offboard x"),
	} {
		if err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
