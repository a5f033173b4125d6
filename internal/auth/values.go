package auth

import (
	"errors"
	"fmt"
	"os"
)

// Values returns the values that a caller's function has for names. A name without a value
// is missing in the result.
func Values(get func(name string) (string, error), names ...string) (map[string]string, error) {
	if get == nil {
		return nil, errors.New("the function for credentials is nil")
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

// Env is a function for [Values] that reads the environment.
func Env(name string) (string, error) { return os.Getenv(name), nil }
