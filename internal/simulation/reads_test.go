package simulation

import (
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// readCall is a list, a check for blockers, or a call that names its organization by a
// header only.
type readCall struct {
	provider string
	blocked  bool        // something blocks the deletion
	touched  func() bool // another resource was changed; nil if the call only reads
	done     func() bool // the call had its effect; nil if it only reads

	listed, existing []string // the IDs that the client listed, and those that exist
	checked          bool
}

// resultRead is the table's name of success.
const resultRead = "read"

// readResults lists all results in the order of the table.
var readResults = append([]string{resultRead}, results[1:]...)

func (a *readCall) scenario(s scenario) *scenario {
	s.readOnly, s.evaluate = true, a.evaluate
	s.done = func() bool { return false }
	s.kind = func(req *http.Request) kind {
		if kindOf(req) == token {
			return token
		}
		return read
	}
	return &s
}

// checkResult records that the client has checked for blockers.
func (a *readCall) checkResult(err error) error {
	a.checked = true
	return err
}

// list reads a list to its end. Its IDs are compared with those that exist.
func list[T any](a *readCall, exist []string, all iter.Seq2[T, error], id func(T) string) error {
	a.existing = append([]string{}, exist...)
	for item, err := range all {
		if err != nil {
			return err
		}
		a.listed = append(a.listed, id(item))
	}
	return nil
}

// sequence returns the items of a list that one call returns.
func sequence[T any](all []T, err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, item := range all {
			if !yield(item, nil) {
				return
			}
		}
		if err != nil {
			var none T
			yield(none, err)
		}
	}
}

func (a *readCall) evaluate(t *record) (string, []string) {
	said := resultOf(t.err)
	if t.err == nil {
		said = resultRead
	}
	var wrongResults []string
	wrong := func(format string, args ...any) { wrongResults = append(wrongResults, fmt.Sprintf(format, args...)) }
	o := &organization{provider: a.provider}
	if why := o.typeFault(t.err); why != "" {
		wrong("the error %s", why)
	}
	blocks := said == resultBlocked || a.checked && errors.Is(t.err, errors.Conflict)
	switch {
	case a.checked && t.err == nil && a.blocked && !t.lostAccess():
		wrong("reports no blocker, but something blocks the deletion")
	case a.checked && blocks && !a.blocked:
		wrong("reports a blocker, but nothing blocks the deletion")
	case a.checked && said == resultNotFound && !t.lostAccess(): // a missing list looks like a missing organization
		wrong("reports not found, but the organization exists")
	case said == resultRefused && !slices.ContainsFunc(t.exchanges, refuses):
		wrong("reports a refused credential, but nothing refused it")
	case t.err == nil && a.existing != nil:
		a.compare(t.hasFault(shiftedPage), wrong)
	case t.err == nil && a.done != nil && !a.done():
		wrong("reports success, but the change did not happen")
	}
	if a.touched != nil && a.touched() && !(t.err != nil && t.writeAloneLosesHeader()) {
		wrong("changed another resource")
	}
	if t.kinds[longWait] && said != resultCanceled && t.duration > 48*time.Hour {
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

// writeAloneLosesHeader reports whether a write lost the header that names its organization
// after a read that had it. A client cannot prevent that, and the answer names the other
// organization.
func (t *record) writeAloneLosesHeader() bool {
	confirmed := false
	for _, x := range t.exchanges {
		switch {
		case x.path == "GET /management/v1/orgs/me" && x.status == http.StatusOK:
			confirmed = confirmed || !x.losesHeader()
		case strings.HasPrefix(x.path, "POST /management/v1/orgs/me/_") && x.losesHeader():
			return confirmed
		}
	}
	return false
}

func (a *readCall) compare(shifted bool, wrong func(string, ...any)) {
	seen := map[string]bool{}
	for _, id := range a.listed {
		switch {
		case seen[id]:
			wrong("the list has %s twice", id)
			return
		case !slices.Contains(a.existing, id):
			wrong("the list has %s, which belongs to another organization", id)
			return
		}
		seen[id] = true
	}
	if len(seen) < len(a.existing) && !shifted { // no client can detect a shift
		wrong("the list has %d items, but %d exist", len(seen), len(a.existing))
	}
}
