package auth

import (
	"errors"
	"fmt"
	"os"
)

// Values returns the values of names by a caller's function. The result does not contain names
// without a value.
func Values(get func(name string) (string, error), names ...string) (map[string]string, error) {
	if get == nil {
		return nil, errors.New("the function for credentials must not be nil")
	}
	values := make(map[string]string, len(names))
	for _, name := range names {
		value, err := get(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if value != "" {
			values[name] = value
		}
	}
	return values, nil
}

// Env returns the value of an environment variable, for [Values].
func Env(name string) (string, error) { return os.Getenv(name), nil }
