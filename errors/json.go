// SPDX-License-Identifier: Apache-2.0

package errors

import (
	"bytes"
	"encoding/json"
	stderrors "errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// encoded is the JSON form of an Error. README.md in this folder describes it.
type encoded struct {
	Provider     string          `json:"provider,omitempty"`
	Operation    string          `json:"operation,omitempty"`
	Target       string          `json:"target,omitempty"`
	Code         Code            `json:"code"`
	Status       int             `json:"status,omitempty"`
	ProviderCode string          `json:"provider_code,omitempty"`
	Message      string          `json:"message,omitempty"`
	RequestID    string          `json:"request_id,omitempty"`
	RetryAfter   seconds         `json:"retry_after_seconds,omitempty"`
	Attempts     int             `json:"attempts"`
	Steps        []Step          `json:"steps,omitempty"`
	Detail       json.RawMessage `json:"detail,omitempty"`
	Cause        *string         `json:"cause,omitempty"`
}

// MarshalJSON returns the error as a JSON object:
//
//	{"provider":"atlas","operation":"DeleteOrganization","target":"5f1b","code":"rate_limit_reached",
//	 "status":429,"provider_code":"RATE_LIMITED","retry_after_seconds":17.5,"attempts":3}
//
// Empty fields are omitted, except code and attempts. The wait is an exact decimal number
// of seconds, and the cause is its text as [Error.Error] shows it, also if the text is empty.
// A Detail that has no JSON form, such as a function, a channel or a cyclic value, is omitted.
// The error of this method is always nil.
//
// [Error.UnmarshalJSON] restores all other fields. After a round trip the JSON form and
// [Error.Error] are the same as before, except that bytes that are not UTF-8 become
// U+FFFD.
func (e Error) MarshalJSON() ([]byte, error) {
	out := encoded{
		Provider: e.Provider, Operation: e.Operation, Target: e.Target,
		Code: e.Code, Status: e.Status, ProviderCode: e.ProviderCode,
		Message: e.Message, RequestID: e.RequestID, RetryAfter: seconds(e.RetryAfter),
		Attempts: e.Attempts, Steps: e.Steps,
	}
	if e.Detail != nil {
		// Without a JSON form, only the Detail is lost: reports and journals need the rest.
		if detail, err := json.Marshal(e.Detail); err == nil {
			out.Detail = detail
		}
	}
	if e.Err != nil {
		cause := e.cause()
		out.Cause = &cause
	}
	return json.Marshal(out)
}

// UnmarshalJSON restores an error from the form of [Error.MarshalJSON]. All fields of e are
// replaced. Detail becomes a [json.RawMessage], because the form does not name its type:
// read it with [DetailAs]. Err becomes an error with the text of the cause, which matches
// no other error. Unknown members are ignored, and an unknown code is kept. JSON null
// changes nothing.
func (e *Error) UnmarshalJSON(data []byte) error {
	if string(bytes.TrimSpace(data)) == "null" {
		return nil
	}
	var in encoded
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*e = Error{
		Provider: in.Provider, Operation: in.Operation, Target: in.Target,
		Code: in.Code, Status: in.Status, ProviderCode: in.ProviderCode,
		Message: in.Message, RequestID: in.RequestID, RetryAfter: time.Duration(in.RetryAfter),
		Attempts: in.Attempts, Steps: in.Steps,
	}
	if len(in.Detail) > 0 {
		e.Detail = in.Detail
	}
	if in.Cause != nil {
		e.Err = stderrors.New(*in.Cause)
	}
	return nil
}

// GobEncode returns the error in the form of [Error.MarshalJSON], for package encoding/gob.
func (e Error) GobEncode() ([]byte, error) { return e.MarshalJSON() }

// GobDecode restores an error that GobEncode has encoded.
func (e *Error) GobDecode(data []byte) error { return e.UnmarshalJSON(data) }

// DetailAs returns the Detail of an error as a T, and reports whether it is one:
//
//	detail, ok := errors.DetailAs[katapult.ScopeNotGrantedDetail](e)
//
// If e was decoded from JSON or gob, DetailAs decodes the Detail into a T and reports
// whether that was possible. The JSON form does not name the type of the Detail, and
// decoding ignores unknown members: compare [Error.Code] and [Error.Provider] before.
func DetailAs[T any](e *Error) (T, bool) {
	var detail T
	if e == nil {
		return detail, false
	}
	if detail, ok := e.Detail.(T); ok {
		return detail, true
	}
	raw, ok := e.Detail.(json.RawMessage)
	if !ok {
		return detail, false
	}
	if err := json.Unmarshal(raw, &detail); err != nil {
		var none T
		return none, false
	}
	return detail, true
}

// seconds is a duration whose JSON form is a number of seconds. A float64 would lose
// nanoseconds.
type seconds time.Duration

// MarshalJSON returns the exact decimal number.
func (s seconds) MarshalJSON() ([]byte, error) {
	sign, ns := "", uint64(s)
	if s < 0 {
		sign, ns = "-", -ns
	}
	text := fmt.Sprintf("%s%d.%09d", sign, ns/uint64(time.Second), ns%uint64(time.Second))
	return []byte(strings.TrimRight(strings.TrimRight(text, "0"), ".")), nil
}

// UnmarshalJSON reads any JSON number that is a duration.
func (s *seconds) UnmarshalJSON(data []byte) error {
	var number json.Number
	if data[0] == '"' {
		return fmt.Errorf("retry_after_seconds is %s, want a number", data)
	}
	if err := json.Unmarshal(data, &number); err != nil {
		return err
	}
	if number == "" { // null
		return nil
	}
	text := string(number)
	if strings.ContainsAny(text, "eE") {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("retry_after_seconds is %s, want a duration: %w", text, err)
		}
		text = strconv.FormatFloat(f, 'f', -1, 64)
	}
	d, err := time.ParseDuration(text + "s")
	if err != nil {
		return fmt.Errorf("retry_after_seconds is %s, want a duration", text)
	}
	*s = seconds(d)
	return nil
}
