package pipelinesuite

import (
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go/errors"
)

// PlainHTTP makes clients with base URLs, with and without the option that allows plain
// HTTP. Without the option, only loopback addresses may use it.
func PlainHTTP(t *testing.T, make func(base string, allowed bool) error) {
	t.Helper()
	for base, local := range map[string]bool{
		"http://api.example":            false,
		"HTTP://API.EXAMPLE":            false,
		"http://api.example:443":        false,
		"http://10.0.0.1":               false,
		"http://128.0.0.1":              false,
		"http://0.0.0.0":                false,
		"http://[::]":                   false,
		"http://[2001:db8::1]":          false,
		"http://localhost.example":      false,
		"http://notlocalhost":           false,
		"http://127.0.0.1.example":      false,
		"http://example/127.0.0.1":      false,
		"http://127.0.0.1:8080":         true,
		"http://127.255.255.254":        true,
		"http://[::1]:8080":             true,
		"http://[::ffff:127.0.0.1]":     true,
		"http://localhost":              true,
		"http://LocalHost.:8080":        true,
		"http://api.localhost:8080/v1/": true,
	} {
		switch err := make(base, false); {
		case local && err != nil:
			t.Errorf("%s: got %v, want nil", base, err)
		case !local && (!errors.Is(err, errors.InvalidArgument) || !strings.Contains(err.Error(), "WithPlainHTTP")):
			t.Errorf("%s: got %v, want %q with the name of the option", base, err, errors.InvalidArgument)
		}
		if err := make(base, true); err != nil {
			t.Errorf("%s with the option: got %v", base, err)
		}
		if err := make("https"+base[len("http"):], false); err != nil {
			t.Errorf("%s with https: got %v", base, err)
		}
	}
}
