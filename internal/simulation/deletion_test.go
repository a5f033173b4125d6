package simulation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// organization is what is true of an organization that a client is asked to delete.
type organization struct {
	provider string
	exists   func() bool // it is there
	deleted  func() bool // it was deleted by a request
	touched  func() bool // something else was changed

	there   bool                      // it was there at the beginning, by the name that is asked for
	blocked bool                      // something stands in the way
	hidden  bool                      // the provider says "not found" to this credential although it is there
	refused bool                      // the credential is wrong, ends at some time, or may not do this
	reads   func(*exchange) existence // what a genuine answer to a read says

	// dry reports whether the caller's own source had no credential any more; nil
	// where there is no such source.
	dry func() bool
}

// existence is what an answer to a read says.
type existence int

const (
	nothing existence = iota
	there
	gone
)

// byStatus is what a read says at most providers.
func byStatus(x *exchange) existence {
	switch x.status {
	case 200:
		return there
	case 404:
		return gone
	}
	return nothing
}

// saysOf is what a genuine answer says of the organization: to a read, or to a
// deletion of what is not there.
func (o *organization) saysOf(x *exchange) existence {
	switch {
	case !x.whole || x.led || x.kind == token: // a redirect leads to something else
		return nothing
	case x.kind == deletion && x.status != 404:
		return nothing
	}
	return o.reads(x)
}

// Verdicts are what a client can say, in the words of the table.
const (
	saysDeleted     = "deleted"
	saysBlocked     = "blocked"
	saysNotFound    = "not found"
	saysRefused     = "refused"
	saysUnconfirmed = "not confirmed"
	saysLimited     = "limited"
	saysFailed      = "failed"
	saysCanceled    = "canceled"
	saysUnexpected  = "unexpected"
	saysUnknown     = "unknown"
	saysOther       = "other"
)

// verdicts are all of them, in the order of the table.
var verdicts = []string{
	saysDeleted, saysBlocked, saysNotFound, saysRefused, saysUnconfirmed, saysLimited,
	saysFailed, saysCanceled, saysUnexpected, saysUnknown, saysOther,
}

// verdict is what an error says.
func verdict(err error) string {
	if err == nil {
		return saysDeleted
	}
	e, _ := errors.AsType[*errors.Error](err)
	if e == nil {
		return saysOther
	}
	switch e.Code.Category() {
	case errors.DeletionStepsNotSatisfied:
		return saysBlocked
	case errors.NotFound:
		if e.Code != errors.OrganizationNotFound { // of another resource, or of a route
			return saysUnexpected
		}
		return saysNotFound
	case errors.Unauthenticated, errors.PermissionDenied:
		return saysRefused
	case errors.NotConfirmed, errors.Conflict, errors.InvalidArgument:
		return saysUnconfirmed
	case errors.RateLimitReached:
		return saysLimited
	case errors.Unavailable, errors.Internal:
		return saysFailed
	case errors.Canceled:
		return saysCanceled
	case errors.UnexpectedResponse:
		return saysUnexpected
	case errors.OutcomeUnknown:
		return saysUnknown
	}
	return saysOther
}

// judge compares what a client says with what is true.
func (o *organization) judge(t *trial) (string, []string) {
	said := verdict(t.err)
	var lies []string
	lie := func(format string, args ...any) { lies = append(lies, fmt.Sprintf(format, args...)) }

	if why := o.untyped(t.err); why != "" {
		lie("the failure %s", why)
	}
	deleted := o.deleted()
	switch said {
	case saysDeleted:
		switch {
		case o.exists() && !(t.blind() && o.evident(t)):
			lie("it says deleted, and it is there")
		case !o.evident(t):
			lie("it says deleted, and has seen nothing that says so")
		}
	case saysNotFound:
		switch {
		case deleted:
			lie("it says not found of what it deleted itself")
		case o.exists() && o.there && !o.hidden && !t.blind():
			lie("it says not found, and it is there")
		}
	case saysBlocked:
		if !o.blocked {
			lie("it says blocked, and nothing stands in the way")
		}
	case saysRefused:
		if !o.refused && !slices.ContainsFunc(t.exchanges, refuses) {
			lie("it says that it was refused, and nobody refused it")
		}
	case saysCanceled:
		if !t.ended {
			lie("it says canceled, and the context has not ended")
		} else if !errors.Is(t.err, context.Canceled) && !errors.Is(t.err, context.DeadlineExceeded) {
			lie("it says canceled, and not by what")
		}
	case saysUnknown:
		if why := o.knowable(t, false); why != "" {
			lie("it says unknown, and %s", why)
		}
	}
	switch said {
	case saysDeleted, saysNotFound, saysUnknown:
	case saysUnexpected:
		if deleted && !t.late && t.strict() {
			lie("it says unexpected of what it deleted, and could read")
		}
	case saysRefused:
		// A credential may end with what was deleted, so that its refusal proves nothing.
		if deleted {
			lie("it says refused of what it deleted")
		}
	default:
		if deleted && !t.late {
			lie("it says %s of what it deleted", said)
		}
	}
	if o.blind(t) {
		lie("a second deletion was sent after one whose answer told nothing, and nothing was read in between")
	}
	if o.touched() {
		lie("something else was changed")
	}
	if t.on[innerCode] {
		if why := ambiguousCode(t); why != "" {
			lie("%s", why)
		}
	}
	if slices.ContainsFunc(t.exchanges, func(x *exchange) bool { return x.fault == clockOff }) {
		lie("a token was refused because of a clock that is a minute off")
	}
	if t.on[longWait] && t.took > 48*time.Hour {
		lie("it took %v", t.took)
	}
	if t.overtime > 0 {
		lie("it went on for %v after its context had ended", t.overtime)
	}
	if t.open > 0 {
		lie("%d bodies were left open", t.open)
	}
	return said, lies
}

// untyped says what a failure lacks; "" for nothing.
func (o *organization) untyped(err error) string {
	if err == nil {
		return ""
	}
	e, ok := err.(*errors.Error)
	switch {
	case !ok:
		return fmt.Sprintf("is a %T", err)
	case e.Code == "":
		return "has no code"
	case e.Provider != o.provider || e.Operation == "":
		return "does not say of what"
	}
	return ""
}

// codes are those that a caller asks for before OutcomeUnknown.
var codes = []errors.Code{
	errors.DeletionStepsNotSatisfied, errors.NotFound, errors.Unauthenticated, errors.PermissionDenied, errors.InvalidArgument,
	errors.Conflict, errors.RateLimitReached, errors.Unavailable, errors.Internal, errors.UnexpectedResponse, errors.Canceled,
}

// ambiguousCode says which other code an unknown outcome also is, or which context a
// refusal by a limit also is.
func ambiguousCode(t *trial) string {
	err := t.err
	switch verdict(err) {
	case saysUnknown:
		for _, code := range codes {
			if errors.Is(err, code) {
				return "it says unknown, and is also " + string(code)
			}
		}
	case saysLimited:
		e, _ := errors.AsType[*errors.Error](err)
		if e.Status == 0 && t.throttled && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
			return "it says limited, and the context ended while it waited"
		}
	}
	return ""
}

// evident reports whether the client has seen that the organization is gone: by the
// answer to its deletion, or by another answer after one that told nothing.
func (o *organization) evident(t *trial) bool {
	open := false
	for _, x := range t.exchanges {
		if x.kind == deletion && x.genuine && x.status < 300 || (open || x.redialed) && o.saysOf(x) == gone {
			return true
		}
		open = open || x.kind == deletion && !x.telling()
	}
	return false
}

// knowable says why the outcome could be known; "" when it could not. With checked, a
// deletion that was accepted is open, too, until a read shows that it is done, and an
// organization that is read to be there may still be deleted.
func (o *organization) knowable(t *trial, checked bool) string {
	open, looked, was, refused, accepted := false, false, nothing, false, false
	for _, x := range t.exchanges {
		done := checked && x.kind == deletion && x.status >= 200 && x.status < 300
		switch {
		case done, x.kind == deletion && !x.telling():
			open, looked, was, refused, accepted = true, false, nothing, false, accepted || done
			continue
		case !open:
		case x.genuine && o.saysOf(x) != nothing:
			was, refused = o.saysOf(x), false
		case refuses(x):
			refused = true
		}
		looked = true
	}
	dry := o.dry != nil && o.dry()
	switch {
	case !open:
		return "no deletion was left open"
	case was == gone:
		return "it was read to be gone"
	case !looked && !t.ended && !t.limited && !dry:
		return "it has not looked"
	case was == there && !accepted && !refused && !t.ended && !dry:
		return "it was read to be there"
	}
	return ""
}

// refuses reports whether a credential was refused by the provider, or by what
// stands in its place. A token endpoint has many ways to say that.
func refuses(x *exchange) bool {
	return x.status == 401 || x.status == 403 || x.kind == token && x.status >= 400
}

// blind reports whether a deletion was sent again without a read that says that the
// organization is there.
func (o *organization) blind(t *trial) bool {
	open := false
	for _, x := range t.exchanges {
		switch {
		case x.kind == deletion && open:
			return true
		case x.kind == deletion:
			open = !x.telling()
		case x.genuine && o.saysOf(x) == there:
			open = false
		}
	}
	return false
}
