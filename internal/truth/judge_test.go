package truth

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// Everything rests on the judge: it has to find each lie, and none where there is
// none.
func TestTheJudgeFindsEachLie(t *testing.T) {
	t.Parallel()
	lost := &exchange{kind: deletion, reached: true}
	done := &exchange{kind: deletion, reached: true, status: 200, genuine: true, whole: true}
	absent := &exchange{kind: deletion, reached: true, status: 404, genuine: true, whole: true}
	unsent := &exchange{kind: deletion}
	failed := &exchange{kind: deletion, reached: true, status: 503}
	refused := &exchange{kind: deletion, reached: true, status: 401, genuine: true, whole: true}
	readThere := &exchange{kind: read, reached: true, status: 200, genuine: true, whole: true}
	readGone := &exchange{kind: read, reached: true, status: 404, genuine: true, whole: true}
	readElsewhere := &exchange{kind: read, reached: true, status: 404, genuine: true, whole: true, led: true}
	readNothing := &exchange{kind: read, reached: true}
	of := func(code errors.Code) error {
		return &errors.Error{Provider: "test", Operation: "DeleteThing", Code: code}
	}
	canceled := &errors.Error{Provider: "test", Operation: "DeleteThing", Code: errors.Canceled, Err: context.Canceled}
	thing := func(exists, deleted bool) organization {
		return organization{
			provider: "test", there: exists || deleted, reads: byStatus,
			exists: func() bool { return exists }, deleted: func() bool { return deleted }, touched: func() bool { return false },
		}
	}
	here, went, never := thing(true, false), thing(false, true), thing(false, false)
	blocked, hidden, wrong, touched := here, here, here, here
	blocked.blocked, hidden.hidden, wrong.refused = true, true, true
	touched.touched = func() bool { return true }

	for name, test := range map[string]struct {
		o     organization
		trial trial
		want  string // in the lie; "" for none
	}{
		"deleted":                            {went, trial{exchanges: []*exchange{done}}, ""},
		"deleted, as was read":               {went, trial{exchanges: []*exchange{lost, readGone}}, ""},
		"deleted, as the next attempt said":  {went, trial{exchanges: []*exchange{failed, readThere, absent}, late: true}, ""},
		"deleted, and there":                 {here, trial{exchanges: []*exchange{done}}, "it is there"},
		"deleted, never there":               {never, trial{exchanges: []*exchange{absent}}, "seen nothing"},
		"deleted, never sent":                {never, trial{exchanges: []*exchange{unsent, absent}}, "seen nothing"},
		"deleted, by a guess":                {went, trial{exchanges: []*exchange{lost, readNothing}}, "seen nothing"},
		"deleted, as was read elsewhere":     {went, trial{exchanges: []*exchange{lost, readElsewhere}}, "seen nothing"},
		"not found":                          {never, trial{err: of(errors.OrganizationNotFound)}, ""},
		"not found, hidden":                  {hidden, trial{err: of(errors.OrganizationNotFound)}, ""},
		"not found, and there":               {here, trial{err: of(errors.OrganizationNotFound)}, "it is there"},
		"not found, by our own deed":         {went, trial{err: of(errors.OrganizationNotFound), late: true}, "deleted itself"},
		"blocked":                            {blocked, trial{err: of(errors.ActiveSubscriptions)}, ""},
		"blocked by nothing":                 {here, trial{err: of(errors.ActiveSubscriptions)}, "nothing stands in the way"},
		"refused":                            {wrong, trial{err: of(errors.InvalidAPIToken)}, ""},
		"refused by a wall":                  {here, trial{err: of(errors.InvalidAPIToken), exchanges: []*exchange{refused}}, ""},
		"refused by nobody":                  {here, trial{err: of(errors.InvalidAPIToken)}, "nobody refused"},
		"refused, having ended it":           {went, trial{err: of(errors.InvalidAPIToken), exchanges: []*exchange{refused}, late: true}, "refused of what it deleted"},
		"canceled":                           {here, trial{err: canceled, ended: true}, ""},
		"canceled by nobody":                 {here, trial{err: canceled}, "has not ended"},
		"canceled, not saying by what":       {here, trial{err: of(errors.Canceled), ended: true}, "not by what"},
		"canceled, having done it":           {went, trial{err: canceled, ended: true}, "canceled of what it deleted"},
		"failed":                             {here, trial{err: of(errors.Unavailable)}, ""},
		"failed, having done it":             {went, trial{err: of(errors.Unavailable)}, "failed of what it deleted"},
		"failed, and it went later":          {went, trial{err: of(errors.Unavailable), exchanges: []*exchange{failed, readThere}, late: true}, ""},
		"unexpected, having done it":         {went, trial{err: of(errors.UnexpectedResponse)}, ""},
		"unknown":                            {went, trial{err: of(errors.OutcomeUnknown), exchanges: []*exchange{lost, readNothing}}, ""},
		"unknown, the credential ended":      {went, trial{err: of(errors.OutcomeUnknown), exchanges: []*exchange{failed, readThere, refused}, late: true}, ""},
		"unknown, the context ended":         {here, trial{err: of(errors.OutcomeUnknown), exchanges: []*exchange{lost}, ended: true}, ""},
		"unknown, may not look":              {here, trial{err: of(errors.OutcomeUnknown), exchanges: []*exchange{lost}, limited: true}, ""},
		"unknown, nothing was open":          {here, trial{err: of(errors.OutcomeUnknown), exchanges: []*exchange{unsent}}, "no deletion was left open"},
		"unknown, has not looked":            {here, trial{err: of(errors.OutcomeUnknown), exchanges: []*exchange{lost}}, "not looked"},
		"unknown, was read to be gone":       {went, trial{err: of(errors.OutcomeUnknown), exchanges: []*exchange{lost, readGone}}, "read to be gone"},
		"unknown, was read to be there":      {here, trial{err: of(errors.OutcomeUnknown), exchanges: []*exchange{lost, readThere}}, "read to be there"},
		"sent again after a read":            {went, trial{exchanges: []*exchange{lost, readThere, done}}, ""},
		"sent again after a refusal":         {went, trial{exchanges: []*exchange{refused, done}}, ""},
		"sent again blindly":                 {went, trial{exchanges: []*exchange{failed, done}}, "a second deletion"},
		"sent again after a read of nothing": {went, trial{exchanges: []*exchange{lost, readNothing, done}}, "a second deletion"},
		"an error of no type":                {here, trial{err: io.EOF}, "is a *errors.errorString"},
		"an error without a code":            {here, trial{err: of("")}, "has no code"},
		"an error of another":                {here, trial{err: &errors.Error{Code: errors.Internal}}, "does not say of what"},
		"something else was changed":         {touched, trial{err: of(errors.Unavailable)}, "something else"},
		"the context ended and it went on":   {here, trial{err: canceled, ended: true, overtime: time.Second}, "it went on"},
		"a body is open":                     {here, trial{err: of(errors.Unavailable), open: 1}, "left open"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, lies := test.o.judge(&test.trial)
			switch {
			case test.want == "" && len(lies) > 0:
				t.Errorf("got %q, want none", lies)
			case test.want != "" && (len(lies) != 1 || !strings.Contains(lies[0], test.want)):
				t.Errorf("got %q, want one with %q", lies, test.want)
			}
		})
	}
}
