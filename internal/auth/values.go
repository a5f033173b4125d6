package auth

import (
	"errors"
	"fmt"
	"os"

	"github.com/offboard-dev/offboard-go/internal/rest"
)

// NotSet is the error of a credential without a value, for functions that [Values] calls.
type NotSet string

// Error returns the text.
func (n NotSet) Error() string { return string(n) }

// Values returns the values of names by a caller's function. The result does not contain names
// without a value. An error of the function, except [NotSet], is a [*rest.LookupError].
func Values(get func(name string) (string, error), names ...string) (map[string]string, error) {
	if get == nil {
		return nil, errors.New("the function for credentials must not be nil")
	}
	values := make(map[string]string, len(names))
	for _, name := range names {
		value, err := get(name)
		if _, ok := errors.AsType[NotSet](err); ok {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if err != nil {
			return nil, &rest.LookupError{Name: name, Err: err}
		}
		if value != "" {
			values[name] = value
		}
	}
	return values, nil
}

// Value returns the value of one name by a caller's function; see [Values]. A name without a
// value is an error.
func Value(get func(name string) (string, error), name string) (string, error) {
	values, err := Values(get, name)
	if err != nil {
		return "", err
	}
	if values[name] == "" {
		return "", errors.New(name + " is not set")
	}
	return values[name], nil
}

// Named adds the name of a value to an error about the value; nil stays nil.
func Named(name string, err error) error {
	if err != nil {
		return fmt.Errorf("%w (%s)", err, name)
	}
	return nil
}

// Env returns the value of an environment variable, for [Values].
func Env(name string) (string, error) { return os.Getenv(name), nil }
