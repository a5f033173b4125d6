package simulation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// organization is the actual state of the organization that a client deletes.
type organization struct {
	provider string
	exists   func() bool // the organization exists
	deleted  func() bool // a request deleted it
	touched  func() bool // another resource was changed

	existed bool                      // it existed at the start, under the requested name
	blocked bool                      // something blocks the deletion
	hidden  bool                      // the provider answers "not found" to this credential although the organization exists
	refused bool                      // the credential is wrong, expires during the run, or lacks a permission
	reads   func(*exchange) existence // the existence that a genuine answer to a read shows

	// noCredential reports whether the caller's token source had no token left; nil if the
	// client has no such source.
	noCredential func() bool
}

// existence is the statement of an answer about the organization.
type existence int

const (
	undecided existence = iota
	present
	missing
)

// byStatus returns the existence that a read shows at most providers.
func byStatus(x *exchange) existence {
	switch x.status {
	case 200:
		return present
	case 404:
		return missing
	}
	return undecided
}

// existenceIn returns the statement of a genuine answer about the organization: of a read,
// or of a 404 to a deletion.
func (o *organization) existenceIn(x *exchange) existence {
	switch {
	case !x.whole || x.redirected || x.kind == token: // a redirect leads to another resource
		return undecided
	case x.kind == deletion && x.status != 404:
		return undecided
	}
	return o.reads(x)
}

// The results of a deletion, as the table names them.
const (
	resultDeleted     = "deleted"
	resultBlocked     = "blocked"
	resultNotFound    = "not found"
	resultRefused     = "refused"
	resultUnconfirmed = "not confirmed"
	resultLimited     = "limited"
	resultFailed      = "failed"
	resultCanceled    = "canceled"
	resultUnexpected  = "unexpected"
	resultUnknown     = "unknown"
	resultOther       = "other"
)

// results lists all results in the order of the table.
var results = []string{
	resultDeleted, resultBlocked, resultNotFound, resultRefused, resultUnconfirmed, resultLimited,
	resultFailed, resultCanceled, resultUnexpected, resultUnknown, resultOther,
}

// resultOf returns the result that an error reports.
func resultOf(err error) string {
	if err == nil {
		return resultDeleted
	}
	e, _ := errors.AsType[*errors.Error](err)
	if e == nil {
		return resultOther
	}
	switch e.Code.Category() {
	case errors.DeletionStepsNotSatisfied:
		return resultBlocked
	case errors.NotFound:
		if e.Code != errors.OrganizationNotFound { // another resource or a route was not found
			return resultUnexpected
		}
		return resultNotFound
	case errors.Unauthenticated, errors.PermissionDenied:
		return resultRefused
	case errors.NotConfirmed, errors.Conflict, errors.InvalidArgument:
		return resultUnconfirmed
	case errors.RateLimitReached:
		return resultLimited
	case errors.Unavailable, errors.Internal:
		return resultFailed
	case errors.Canceled:
		return resultCanceled
	case errors.UnexpectedResponse:
		return resultUnexpected
	case errors.OutcomeUnknown:
		return resultUnknown
	}
	return resultOther
}

// evaluate compares the client's result with the actual state.
func (o *organization) evaluate(t *record) (string, []string) {
	said := resultOf(t.err)
	var wrongResults []string
	wrong := func(format string, args ...any) { wrongResults = append(wrongResults, fmt.Sprintf(format, args...)) }

	if why := o.typeFault(t.err); why != "" {
		wrong("the error %s", why)
	}
	deleted := o.deleted()
	switch said {
	case resultDeleted:
		switch {
		case o.exists() && !(t.lostAccess() && o.hasEvidence(t)):
			wrong("reports deleted, but the organization exists")
		case !o.hasEvidence(t):
			wrong("reports deleted without evidence")
		}
	case resultNotFound:
		switch {
		case deleted:
			wrong("reports not found after it deleted the organization")
		case o.exists() && o.existed && !o.hidden && !t.lostAccess():
			wrong("reports not found, but the organization exists")
		}
	case resultBlocked:
		if !o.blocked {
			wrong("reports blocked, but nothing blocks the deletion")
		}
	case resultRefused:
		if !o.refused && !slices.ContainsFunc(t.exchanges, refuses) {
			wrong("reports a refused credential, but nothing refused it")
		}
	case resultCanceled:
		if !t.ended {
			wrong("reports canceled, but the context has not ended")
		} else if !errors.Is(t.err, context.Canceled) && !errors.Is(t.err, context.DeadlineExceeded) {
			wrong("reports canceled without the error of the context")
		}
	case resultUnknown:
		if why := o.couldKnow(t, false); why != "" {
			wrong("reports unknown, but %s", why)
		}
	}
	switch said {
	case resultDeleted, resultNotFound, resultUnknown:
	case resultUnexpected:
		if deleted && !t.processedLate && t.readDecides() {
			wrong("reports unexpected after it deleted the organization, but a read could decide")
		}
	case resultRefused:
		// A credential may end with the organization, so its refusal proves nothing.
		if deleted {
			wrong("reports refused after it deleted the organization")
		}
	default:
		if deleted && !t.processedLate {
			wrong("reports %s after it deleted the organization", said)
		}
	}
	if o.blindRetry(t) {
		wrong("sent a second deletion after an inconclusive one without a read in between")
	}
	if o.touched() {
		wrong("changed another resource")
	}
	if t.kinds[innerCode] {
		if why := ambiguousCode(t); why != "" {
			wrong("%s", why)
		}
	}
	if slices.ContainsFunc(t.exchanges, func(x *exchange) bool { return x.fault == clockOff }) {
		wrong("a token was refused because the clock differs by a minute")
	}
	if t.kinds[longWait] && t.duration > 48*time.Hour {
		wrong("took %v", t.duration)
	}
	if t.overtime > 0 {
		wrong("continued for %v after its context had ended", t.overtime)
	}
	if t.open > 0 {
		wrong("left %d bodies open", t.open)
	}
	return said, wrongResults
}

// typeFault returns the property that a failure lacks; "" if it is complete.
func (o *organization) typeFault(err error) string {
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
		return "has no provider or operation"
	}
	return ""
}

// codes are those that a caller may compare before OutcomeUnknown.
var codes = []errors.Code{
	errors.DeletionStepsNotSatisfied, errors.NotFound, errors.Unauthenticated, errors.PermissionDenied, errors.InvalidArgument,
	errors.Conflict, errors.RateLimitReached, errors.Unavailable, errors.Internal, errors.UnexpectedResponse, errors.Canceled,
}

// ambiguousCode returns the other code that an unknown outcome also matches, or the context
// error that a refusal by a limit also matches.
func ambiguousCode(t *record) string {
	err := t.err
	switch resultOf(err) {
	case resultUnknown:
		for _, code := range codes {
			if errors.Is(err, code) {
				return "reports unknown, but also matches " + string(code)
			}
		}
	case resultLimited:
		e, _ := errors.AsType[*errors.Error](err)
		if e.Status == 0 && t.throttled && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
			return "reports limited, but the context ended during the wait"
		}
	}
	return ""
}

// hasEvidence reports whether the client has seen that the organization is deleted: in the
// answer to its deletion, or in a later answer after an inconclusive one.
func (o *organization) hasEvidence(t *record) bool {
	open := false
	for _, x := range t.exchanges {
		if x.kind == deletion && x.genuine && x.status < 300 || (open || x.redialed) && o.existenceIn(x) == missing {
			return true
		}
		open = open || x.kind == deletion && !x.conclusive()
	}
	return false
}

// couldKnow returns the reason why the client could know the outcome; "" if it could not.
// With checked, an accepted deletion stays open until a read shows that it is finished, and
// an organization that a read shows as existing may still be deleted.
func (o *organization) couldKnow(t *record, checked bool) string {
	open, looked, was, refused, accepted := false, false, undecided, false, false
	for _, x := range t.exchanges {
		done := checked && x.kind == deletion && x.status >= 200 && x.status < 300
		switch {
		case done, x.kind == deletion && !x.conclusive():
			open, looked, was, refused, accepted = true, false, undecided, false, accepted || done
			continue
		case !open:
		case x.genuine && o.existenceIn(x) != undecided:
			was, refused = o.existenceIn(x), false
		case refuses(x):
			refused = true
		}
		looked = true
	}
	dry := o.noCredential != nil && o.noCredential()
	switch {
	case !open:
		return "no deletion was open"
	case was == missing:
		return "a read showed the deletion"
	case !looked && !t.ended && !t.limited && !dry:
		return "no read was sent"
	case was == present && !accepted && !refused && !t.ended && !dry:
		return "a read showed that the organization exists"
	}
	return ""
}

// refuses reports whether the provider, or a gateway before it, refused a credential. A
// token endpoint does so with any 4xx or 5xx.
func refuses(x *exchange) bool {
	return x.status == 401 || x.status == 403 || x.kind == token && x.status >= 400
}

// blindRetry reports whether a deletion was sent again without a read which showed that the
// organization exists.
func (o *organization) blindRetry(t *record) bool {
	open := false
	for _, x := range t.exchanges {
		switch {
		case x.kind == deletion && open:
			return true
		case x.kind == deletion:
			open = !x.conclusive()
		case x.genuine && o.existenceIn(x) == present:
			open = false
		}
	}
	return false
}
