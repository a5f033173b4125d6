// SPDX-License-Identifier: Apache-2.0

package errors

import (
	stderrors "errors"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// Error is a provider's answer that is not a success, or the reason for a missing answer. It
// is the only concrete error type that the providers of this module return.
//
// No field holds a credential. [Error.Error] shows neither the provider's text nor a
// URL.
//
// An Error is plain data: copy it, compare its fields, store it as JSON or with package
// encoding/gob. See [Error.MarshalJSON]. Only a pointer is an error.
type Error struct {
	// Provider is the name of the provider package: "katapult", "zitadel", "atlas",
	// "workspace" or "volterra".
	Provider string

	// Operation is the name of the method that failed, such as "DeleteOrganization".
	Operation string

	// Target is the ID or name of the resource of the operation; "" if the operation
	// has none.
	Target string

	// Code is the cause in terms that all providers share; "" only in an Error that
	// no provider package made.
	Code Code

	// Status is the HTTP status of the provider's answer to the request of the operation; 0
	// if the error is not such an answer: none was received, the token endpoint refused the
	// request for a token, whose status Err has, or the client found the cause, for example in
	// its own reads.
	Status int

	// ProviderCode is the provider's own code, verbatim: "ORG_NOT_EMPTY", "5111",
	// "COMMA-wG9p1"; "" if the answer had none.
	ProviderCode string

	// Message is the provider's own text, in any language. It is not part of
	// [Error.Error]: match the code, show the message.
	Message string

	// RequestID is the provider's ID of the request, for its support; "" if the answer
	// had none.
	RequestID string

	// RetryAfter is the time to wait before the next request, as the provider states
	// it; 0 if the provider does not state it.
	RetryAfter time.Duration

	// Attempts is the number of times that the request was sent; 0 if it was not sent.
	Attempts int

	// Steps are the steps of a deletion that are still open, in the order in which they
	// must be taken.
	Steps []Step

	// Detail is the rest of the provider's answer, in a type of the provider package,
	// such as katapult.ScopeNotGrantedDetail; nil if the answer had nothing else. After
	// decoding it is a [encoding/json.RawMessage]: read it with [DetailAs]. A Detail that has
	// no JSON form is not encoded.
	Detail any

	// Err is the cause; nil if the answer itself is the cause. After decoding it has
	// only the text of the cause.
	Err error
}

// Step is one step that must be taken before an organization can be deleted.
type Step struct {
	// Name is the name of the blocker, which CheckDeletion and DeleteOrganization share: the
	// provider's own if the provider names its deletion steps, as Katapult does
	// ("virtual_machines"), and otherwise the kind of the step in a plan ("project").
	Name string `json:"name"`

	// Description states the action that the step requires, in the provider's words if
	// the provider has any; "" if it is not known.
	Description string `json:"description,omitempty"`
}

// String returns the step's name.
func (s Step) String() string { return s.Name }

// Error returns one line without the provider's text, for example
//
//	atlas: DeleteOrganization "5f1b": organization_not_empty (409 ORG_NOT_EMPTY)
//
// The parentheses have the HTTP status and the provider's own code. The provider's code
// is omitted if it equals the code, as most do at Katapult. The text of a nil *Error is
// "<nil>".
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
	if e.Code == "" {
		b.WriteString("unknown error")
	}
	b.WriteString(printable(string(e.Code)))
	own := e.ProviderCode != "" && e.ProviderCode != string(e.Code)
	switch {
	case e.Status != 0 && own:
		b.WriteString(" (" + strconv.Itoa(e.Status) + " " + printable(e.ProviderCode) + ")")
	case e.Status != 0:
		b.WriteString(" (" + strconv.Itoa(e.Status) + ")")
	case own:
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

// cause returns the text of the cause without the parts that e has printed already.
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

// printable escapes what would break a line or control a terminal.
func printable(s string) string {
	quoted := strconv.Quote(s)
	return quoted[1 : len(quoted)-1]
}

// clean escapes what would break a line or control a terminal, and keeps quotes. A cause
// can have any text: the names in a server's certificate are the server's own.
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

// Is reports whether target is the error's [Code] or the category of the code.
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	return ok && e != nil && (e.Code == code || e.Code.Category() == code)
}

// Unwrap returns the first cause that is not an error of this package, such as
// [context.Canceled]; nil if there is none.
//
// [Error.Code] alone decides the code of an error. [Is], [AsType] and [CodeOf] skip an
// *Error and a [Code] in the cause of an *Error, also in joined and wrapped errors, so
// that an [OutcomeUnknown] never matches the code of its last attempt. Errors of other
// packages match wherever they are in the cause. For the skipped errors read [Error.Err].
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
			return &foreign{err}
		}
		return err
	}
}

// hasOurs reports whether err contains an error of this package.
func hasOurs(err error) bool {
	return !walk(err, func(Code, *Error) bool { return false })
}

// foreign is a cause that contains errors of this package, such as joined errors. Only
// the errors of other packages match.
type foreign struct{ err error }

func (f *foreign) Error() string { return f.err.Error() }

// Is reports whether the cause matches a target of another package.
func (f *foreign) Is(target error) bool {
	switch target.(type) {
	case Code, *Error:
		return false
	}
	return stderrors.Is(f.err, target)
}

// As finds an error of another package.
func (f *foreign) As(target any) bool {
	switch target.(type) {
	case **Error, *Code:
		return false
	}
	return stderrors.As(f.err, target)
}

// LogValue returns a group with all fields but Detail, the provider's text included. The
// names of the attributes are those of [Error.MarshalJSON]. The value of a nil *Error is
// nil.
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
		attrs = append(attrs, slog.Float64("retry_after_seconds", e.RetryAfter.Seconds()))
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
