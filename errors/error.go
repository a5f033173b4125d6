package errors

import (
	"encoding/json"
	stderrors "errors"
	"log/slog"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Error is what a provider answered, or why there is no answer. It is the only
// concrete error type that the providers of this module return.
//
// None of its fields ever holds a credential, and [Error.Error] shows neither
// the provider's text nor a URL.
type Error struct {
	// Provider is the package that speaks to the provider: "katapult", "zitadel",
	// "atlas", "workspace" or "volterra".
	Provider string

	// Operation is the method that failed, such as "DeleteOrganization".
	Operation string

	// Target is the id or name that the operation was about; "" when there is none.
	Target string

	// Code is what went wrong, in words that all providers share.
	Code Code

	// Status is the HTTP status of the answer; 0 when none was received.
	Status int

	// ProviderCode is the provider's own code, verbatim: "ORG_NOT_EMPTY", "5111",
	// "COMMA-wG9p1"; "" when the answer had none.
	ProviderCode string

	// Message is the provider's own text. It may be in any language and is not
	// part of [Error.Error]: match the code, show the message.
	Message string

	// RequestID is the provider's id of the request, for its support.
	RequestID string

	// RetryAfter is how long the provider asks to wait before the next request; 0
	// when it did not say.
	RetryAfter time.Duration

	// Attempts is how often the request was sent.
	Attempts int

	// Steps is what stands in the way of a deletion, in the order in which it has
	// to go. Only what is still open is listed.
	Steps []Step

	// Detail is what else the provider said, as the type that the provider's
	// package has for it, for example katapult.ScopeNotGrantedDetail; nil when it
	// said nothing else.
	Detail any

	// Err is the cause; nil when the answer itself is the cause.
	Err error
}

// Step is one thing that stands in the way of a deletion.
type Step struct {
	// Name is the provider's own name of the step: "virtual_machines", "projects".
	Name string `json:"name"`

	// Description says what to do about it, in the provider's words where it has any.
	Description string `json:"description,omitempty"`
}

// String returns the step's name.
func (s Step) String() string { return s.Name }

// Error returns one line without the provider's text, for example
//
//	katapult: DeleteOrganization "org_x": deletion steps not satisfied (409 deletion_steps_not_satisfied)
//
// The text of a nil *Error is "<nil>".
func (e *Error) Error() string {
	if e == nil {
		return nilText
	}
	var b strings.Builder
	b.WriteString(e.Provider)
	if e.Provider != "" {
		b.WriteString(": ")
	}
	b.WriteString(e.Operation)
	if e.Target != "" {
		b.WriteByte(' ')
		b.WriteString(strconv.Quote(e.Target))
	}
	if e.Operation != "" || e.Target != "" {
		b.WriteString(": ")
	}
	b.WriteString(e.Code.Error())
	switch {
	case e.Status != 0 && e.ProviderCode != "":
		b.WriteString(" (" + strconv.Itoa(e.Status) + " " + printable(e.ProviderCode) + ")")
	case e.Status != 0:
		b.WriteString(" (" + strconv.Itoa(e.Status) + ")")
	case e.ProviderCode != "":
		b.WriteString(" (" + printable(e.ProviderCode) + ")")
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.cause())
	}
	return b.String()
}

// nilText is the text of a nil error, as package fmt writes it.
const nilText = "<nil>"

// isNil reports whether an error is a nil pointer, whose methods may panic.
func isNil(err error) bool {
	v := reflect.ValueOf(err)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

// cause is the text of the cause without what this error has said already.
func (e *Error) cause() string {
	if isNil(e.Err) {
		return nilText
	}
	inner, ok := e.Err.(*Error)
	if !ok || inner.Provider != e.Provider {
		return clean(e.Err.Error())
	}
	short := *inner
	short.Provider = ""
	if inner.Operation == e.Operation && inner.Target == e.Target {
		short.Operation, short.Target = "", ""
	}
	return short.Error()
}

// printable keeps what a provider sent from breaking a line or a terminal.
func printable(s string) string {
	quoted := strconv.Quote(s)
	return quoted[1 : len(quoted)-1]
}

// clean escapes what would break a line or steer a terminal. Causes come from
// anywhere: the names in a server's certificate are the server's own.
func clean(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if strconv.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

// Is reports whether target is the error's [Code] or the category of it.
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	return ok && e != nil && (e.Code == code || e.Code.Category() == code)
}

// Unwrap returns the first cause that is not an error of this package, such as
// [context.Canceled]; nil if there is none. The code of an error is decided by
// [Error.Code] alone: [Is] does not match the code of a cause, so that
// [OutcomeUnknown] is never taken for what its last attempt was answered. Err has the
// whole cause.
func (e *Error) Unwrap() error {
	if e == nil || isNil(e.Err) {
		return nil
	}
	err := e.Err
	for {
		switch cause := err.(type) {
		case nil:
			return nil
		case Code:
			return nil
		case *Error:
			if cause == nil || isNil(cause.Err) {
				return nil
			}
			err = cause.Err
			continue
		}
		if hasOurs(err) {
			return foreign{err}
		}
		return err
	}
}

// hasOurs reports whether there is an error of this package within another error.
func hasOurs(err error) bool {
	if _, ok := stderrors.AsType[*Error](err); ok {
		return true
	}
	_, ok := stderrors.AsType[Code](err)
	return ok
}

// foreign is a cause that holds errors of this package next to others, such as joined
// errors. Only the others match.
type foreign struct{ err error }

func (f foreign) Error() string { return f.err.Error() }

// Is reports whether the cause matches a target that is not a [Code].
func (f foreign) Is(target error) bool {
	switch target.(type) {
	case Code, *Error:
		return false
	}
	return stderrors.Is(f.err, target)
}

// As finds an error of another package.
func (f foreign) As(target any) bool {
	switch target.(type) {
	case **Error, *Code:
		return false
	}
	return stderrors.As(f.err, target)
}

// LogValue groups what is known for [slog], the provider's text included.
func (e *Error) LogValue() slog.Value {
	if e == nil {
		return slog.AnyValue(nil)
	}
	attrs := make([]slog.Attr, 0, 12)
	text := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	text("provider", e.Provider)
	text("operation", e.Operation)
	text("target", e.Target)
	text("code", string(e.Code))
	if e.Status != 0 {
		attrs = append(attrs, slog.Int("status", e.Status))
	}
	text("provider_code", e.ProviderCode)
	text("message", e.Message)
	text("request_id", e.RequestID)
	if e.RetryAfter != 0 {
		attrs = append(attrs, slog.Duration("retry_after", e.RetryAfter))
	}
	attrs = append(attrs, slog.Int("attempts", e.Attempts))
	if len(e.Steps) > 0 {
		attrs = append(attrs, slog.Any("steps", e.Steps))
	}
	if e.Err != nil {
		text("cause", e.cause())
	}
	return slog.GroupValue(attrs...)
}

// MarshalJSON writes the error for machines. The cause is written as its text.
func (e *Error) MarshalJSON() ([]byte, error) {
	if e == nil {
		return []byte("null"), nil
	}
	out := struct {
		Provider     string `json:"provider,omitempty"`
		Operation    string `json:"operation,omitempty"`
		Target       string `json:"target,omitempty"`
		Code         Code   `json:"code"`
		Status       int    `json:"status,omitempty"`
		ProviderCode string `json:"provider_code,omitempty"`
		Message      string `json:"message,omitempty"`
		RequestID    string `json:"request_id,omitempty"`
		RetryAfter   string `json:"retry_after,omitempty"`
		Attempts     int    `json:"attempts"`
		Steps        []Step `json:"steps,omitempty"`
		Detail       any    `json:"detail,omitempty"`
		Cause        string `json:"cause,omitempty"`
	}{
		Provider: e.Provider, Operation: e.Operation, Target: e.Target,
		Code: e.Code, Status: e.Status, ProviderCode: e.ProviderCode,
		Message: e.Message, RequestID: e.RequestID, Attempts: e.Attempts,
		Steps: e.Steps, Detail: e.Detail,
	}
	if e.RetryAfter != 0 {
		out.RetryAfter = e.RetryAfter.String()
	}
	if e.Err != nil {
		out.Cause = e.cause()
	}
	return json.Marshal(out)
}
