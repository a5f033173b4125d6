package zitadel

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
)

// UnmarshalJSON reads a state. It refuses null and an empty string: only a missing state shows
// that an organization was deleted.
func (s *OrganizationState) UnmarshalJSON(data []byte) error {
	if string(data) == "null" || string(data) == `""` {
		return errors.New("zitadel: state must not be null or empty")
	}
	return json.Unmarshal(data, (*string)(s))
}

// Password is the password of a new user. JSON contains it; [Password.String] hides it.
type Password string

// String hides the password.
func (Password) String() string { return "[hidden]" }

// GoString hides the password.
func (Password) GoString() string { return "[hidden]" }

// Uint64 is an unsigned number, which the API writes as a JSON string.
type Uint64 uint64

// UnmarshalJSON reads a number with or without quotes; null is zero.
func (n *Uint64) UnmarshalJSON(data []byte) error {
	text := string(data)
	if text == "null" {
		return nil
	}
	value, err := strconv.ParseUint(strings.Trim(text, `"`), 10, 64)
	if err != nil {
		return errors.New("zitadel: number must be an unsigned integer of 64 bits")
	}
	*n = Uint64(value)
	return nil
}

// MarshalJSON writes the number in quotes.
func (n Uint64) MarshalJSON() ([]byte, error) {
	return strconv.AppendQuote(nil, strconv.FormatUint(uint64(n), 10)), nil
}

// DefaultQuery matches the default organization of the instance if true. The API represents it
// by an empty object.
type DefaultQuery bool

// UnmarshalJSON reads any object as true, and null as false.
func (q *DefaultQuery) UnmarshalJSON(data []byte) error {
	*q = string(data) != "null"
	return nil
}

// MarshalJSON writes an empty object, or null.
func (q DefaultQuery) MarshalJSON() ([]byte, error) {
	if !q {
		return []byte("null"), nil
	}
	return []byte("{}"), nil
}
