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

// asking is a list that is read, or a question whether something blocks a deletion,
// or a call that names its organization by a header only.
type asking struct {
	provider string
	blocked  bool        // something blocks the deletion
	touched  func() bool // something else was changed; nil if nothing can be
	done     func() bool // the call did what it says; nil if it only reads

	listed, exist []string // what the client lists, and what exists
	checked       bool
}

// says is what success is called in the table.
const saysRead = "read"

// readings are all words of the table.
var readings = append([]string{saysRead}, verdicts[1:]...)

func (a *asking) scenario(s scenario) *scenario {
	s.reads, s.judge = true, a.judge
	s.done = func() bool { return false }
	s.kind = func(req *http.Request) kind {
		if kindOf(req) == token {
			return token
		}
		return read
	}
	return &s
}

// check notes that the client answered whether something blocks the deletion.
func (a *asking) check(err error) error {
	a.checked = true
	return err
}

// list reads a list to its end. The listed ids are compared with those that exist.
func list[T any](a *asking, exist []string, all iter.Seq2[T, error], id func(T) string) error {
	a.exist = append([]string{}, exist...)
	for item, err := range all {
		if err != nil {
			return err
		}
		a.listed = append(a.listed, id(item))
	}
	return nil
}

// sequence makes a list of one that is read as a whole.
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

func (a *asking) judge(t *trial) (string, []string) {
	said := verdict(t.err)
	if t.err == nil {
		said = saysRead
	}
	var lies []string
	lie := func(format string, args ...any) { lies = append(lies, fmt.Sprintf(format, args...)) }
	o := &organization{provider: a.provider}
	if why := o.untyped(t.err); why != "" {
		lie("the failure %s", why)
	}
	blocks := said == saysBlocked || a.checked && errors.Is(t.err, errors.Conflict)
	switch {
	case a.checked && t.err == nil && a.blocked && !t.blind():
		lie("it says that nothing blocks the deletion, and something does")
	case a.checked && blocks && !a.blocked:
		lie("it says that something blocks the deletion, and nothing does")
	case a.checked && said == saysNotFound && !t.blind(): // a list that is not found is not told from its organization
		lie("it says not found, and it is there")
	case said == saysRefused && !slices.ContainsFunc(t.exchanges, refuses):
		lie("it says that it was refused, and nobody refused it")
	case t.err == nil && a.exist != nil:
		a.compare(t.befell(shiftedPage), lie)
	case t.err == nil && a.done != nil && !a.done():
		lie("it says done, and it is not")
	}
	if a.touched != nil && a.touched() && !(t.err != nil && t.writeAloneLosesHeader()) {
		lie("something else was changed")
	}
	if t.on[longWait] && said != saysCanceled && t.took > 48*time.Hour {
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

// writeAloneLosesHeader reports whether a write lost the header that names its organization
// after a read that had it. That cannot be prevented, and its answer names the other
// organization.
func (t *trial) writeAloneLosesHeader() bool {
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

func (a *asking) compare(shifted bool, lie func(string, ...any)) {
	seen := map[string]bool{}
	for _, id := range a.listed {
		switch {
		case seen[id]:
			lie("%s is on the list twice", id)
			return
		case !slices.Contains(a.exist, id):
			lie("%s is on the list, and does not belong there", id)
			return
		}
		seen[id] = true
	}
	if len(seen) < len(a.exist) && !shifted { // which no list can tell
		lie("the list has %d items, and %d exist", len(seen), len(a.exist))
	}
}
