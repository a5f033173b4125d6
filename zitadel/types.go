package zitadel

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
)

// UnmarshalJSON reads a state. One that is null or empty is no state, and not the same as
// none, by which Zitadel shows that an organization was deleted.
func (s *OrganizationState) UnmarshalJSON(data []byte) error {
	if string(data) == "null" || string(data) == `""` {
		return errors.New("zitadel: a state is empty")
	}
	return json.Unmarshal(data, (*string)(s))
}

// Password is the password of a user to be. It is sent, and not shown otherwise.
type Password string

// String hides the password.
func (Password) String() string { return "[hidden]" }

// GoString hides the password.
func (Password) GoString() string { return "[hidden]" }

// Uint64 is a number without a sign, which the API writes as a JSON string.
type Uint64 uint64

// UnmarshalJSON reads a number, in quotes or not; null is zero.
func (n *Uint64) UnmarshalJSON(data []byte) error {
	text := string(data)
	if text == "null" {
		return nil
	}
	value, err := strconv.ParseUint(strings.Trim(text, `"`), 10, 64)
	if err != nil {
		return errors.New("zitadel: a number is not one without a sign")
	}
	*n = Uint64(value)
	return nil
}

// MarshalJSON writes the number in quotes.
func (n Uint64) MarshalJSON() ([]byte, error) {
	return strconv.AppendQuote(nil, strconv.FormatUint(uint64(n), 10)), nil
}

// DefaultQuery matches the default organization of the instance when it is true.
// The API has an empty object for it.
type DefaultQuery bool

// UnmarshalJSON reads an object, whatever is in it.
func (q *DefaultQuery) UnmarshalJSON(data []byte) error {
	*q = string(data) != "null"
	return nil
}

// MarshalJSON writes the empty object.
func (q DefaultQuery) MarshalJSON() ([]byte, error) {
	if !q {
		return []byte("null"), nil
	}
	return []byte("{}"), nil
}
