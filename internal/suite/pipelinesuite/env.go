package pipelinesuite

import (
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go/errors"
)

// Variables sets environment variables and checks that the error of a client that reads
// them contains all words and no value. It cannot run in parallel. all lists the variables
// that are unset before each test.
func Variables(t *testing.T, all []string, client func() error, wants map[string]Environment) {
	t.Helper()
	for name, test := range wants {
		t.Run(name, func(t *testing.T) {
			for _, variable := range all {
				t.Setenv(variable, test.Set[variable])
			}
			err := client()
			if !errors.Is(err, errors.InvalidArgument) {
				t.Fatalf("got %v, want %q", err, errors.InvalidArgument)
			}
			for _, word := range test.Words {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("got %v, want %s in its text", err, word)
				}
			}
			for variable, value := range test.Set {
				if len(value) > 3 && !strings.HasPrefix(value, "https://") && !strings.HasPrefix(value, "/") && strings.Contains(err.Error(), value) {
					t.Errorf("got %v, which contains the value of %s", err, variable)
				}
			}
		})
	}
}

// Environment holds environment variables and the words of the resulting error.
type Environment struct {
	Set   map[string]string
	Words []string
}
