package simulation

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/teardown"
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
	readUnproven := &exchange{kind: read, reached: true, status: 404}
	unseen := &exchange{kind: read, reached: true, status: 404, genuine: true, whole: true, blind: true}
	twice := &exchange{kind: deletion, reached: true, status: 404, genuine: true, whole: true, redialed: true}
	clock := &exchange{kind: token, reached: true, status: 500, fault: clockOff}
	on := map[string]bool{openSuccess: true, longWait: true, innerCode: true}
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

		"deleted, as a cache said":                    {went, trial{exchanges: []*exchange{lost, readUnproven}}, "seen nothing"},
		"deleted, and not seen any more":              {here, trial{exchanges: []*exchange{lost, unseen}}, ""},
		"not found, and not seen any more":            {here, trial{exchanges: []*exchange{unseen}, err: of(errors.OrganizationNotFound)}, ""},
		"not found, of another resource":              {here, trial{exchanges: []*exchange{readUnproven}, err: of(errors.NotFound)}, ""},
		"unexpected, where a read decides":            {went, trial{err: of(errors.UnexpectedResponse), on: on}, "could read"},
		"unexpected, and it was deleted later":        {went, trial{err: of(errors.UnexpectedResponse), on: on, late: true}, ""},
		"deleted, by a request that was sent twice":   {went, trial{exchanges: []*exchange{twice, readGone}}, ""},
		"sent again after one that was sent twice":    {went, trial{exchanges: []*exchange{twice, done}}, "a second deletion"},
		"unknown, after one that was sent twice":      {went, trial{exchanges: []*exchange{twice, readNothing}, err: of(errors.OutcomeUnknown)}, ""},
		"limited, and canceled in its own limit":      {here, trial{err: &errors.Error{Provider: "test", Operation: "DeleteThing", Code: errors.RateLimitReached, Err: context.Canceled}, ended: true, on: on, throttled: true}, "the context ended"},
		"limited, and canceled in the provider's":     {here, trial{err: &errors.Error{Provider: "test", Operation: "DeleteThing", Code: errors.RateLimitReached, Err: context.Canceled}, ended: true, on: on}, ""},
		"a wait of days":                              {here, trial{err: of(errors.Unavailable), on: on, took: 49 * 24 * time.Hour}, "it took"},
		"a token that was refused because of a clock": {here, trial{exchanges: []*exchange{clock}, err: of(errors.Unavailable)}, "clock"},
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

// Lists and checks are judged by what exists.
func TestJudge_Reading(t *testing.T) {
	t.Parallel()
	exist := []string{"a", "b"}
	failed := &errors.Error{Provider: "test", Operation: "ListThings", Code: errors.UnexpectedResponse}
	blocks := &errors.Error{Provider: "test", Operation: "CheckDeletion", Code: errors.DeletionStepsNotSatisfied}
	absent := &errors.Error{Provider: "test", Operation: "CheckDeletion", Code: errors.OrganizationNotFound}
	shifted := &exchange{kind: read, fault: shiftedPage + ": x"}
	yes, no := func() bool { return true }, func() bool { return false }
	for name, test := range map[string]struct {
		asking asking
		trial  trial
		want   string // in the wrong result; "" for none
	}{
		"a whole list":                      {asking{exist: exist, listed: []string{"b", "a"}}, trial{}, ""},
		"a shorter list":                    {asking{exist: exist, listed: []string{"a"}}, trial{}, "1 items, and 2 exist"},
		"a shorter list, with an error":     {asking{exist: exist, listed: []string{"a"}}, trial{err: failed}, ""},
		"a shorter list, by a shift":        {asking{exist: exist, listed: []string{"a"}}, trial{exchanges: []*exchange{shifted}}, ""},
		"an item twice":                     {asking{exist: exist, listed: []string{"a", "b", "a"}}, trial{}, "twice"},
		"an item of another":                {asking{exist: exist, listed: []string{"a", "b", "c"}}, trial{}, "does not belong"},
		"nothing blocks":                    {asking{checked: true}, trial{}, ""},
		"something blocks":                  {asking{checked: true, blocked: true}, trial{err: blocks}, ""},
		"something blocks, unsaid":          {asking{checked: true, blocked: true}, trial{}, "something does"},
		"nothing blocks, denied":            {asking{checked: true}, trial{err: blocks}, "nothing does"},
		"the organization is not found":     {asking{checked: true}, trial{err: absent}, "it is there"},
		"the list is not found":             {asking{exist: exist}, trial{err: absent}, ""},
		"done":                              {asking{done: yes, touched: no}, trial{}, ""},
		"done, and it is not":               {asking{done: no, touched: no}, trial{}, "it is not"},
		"done to another":                   {asking{done: yes, touched: yes}, trial{}, "something else"},
		"a failure of another type":         {asking{}, trial{err: io.EOF}, "is a *errors.errorString"},
		"the context ended, and it went on": {asking{}, trial{err: failed, overtime: time.Second}, "it went on"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.asking.provider = "test"
			_, lies := test.asking.judge(&test.trial)
			switch {
			case test.want == "" && len(lies) > 0:
				t.Errorf("got %q, want none", lies)
			case test.want != "" && (len(lies) != 1 || !strings.Contains(lies[0], test.want)):
				t.Errorf("got %q, want one with %q", lies, test.want)
			}
		})
	}
}

// What a report says of the organization is judged by what exists, and by what others
// changed during the run.
func TestJudge_Teardown(t *testing.T) {
	t.Parallel()
	of := func(code errors.Code) error {
		return &errors.Error{Provider: "test", Operation: "Teardown", Code: code}
	}
	done := &exchange{kind: deletion, reached: true, status: 200, genuine: true, whole: true, did: true}
	unseen := &exchange{kind: read, reached: true, status: 404, genuine: true, whole: true, blind: true, fault: noAccess}
	harmless := &exchange{kind: write, reached: true, status: 202, fault: accepted, harmless: true}
	page := &exchange{kind: write, reached: true, status: 503, fault: "503"}
	readAgain := &exchange{kind: read, path: "GET /things/x", status: 200, genuine: true, number: 1}
	removed := &exchange{kind: write, path: "DELETE /things/x", number: 2}
	there, gone := func() bool { return true }, func() bool { return false }
	for name, test := range map[string]struct {
		exists, deleted bool
		outcome         teardown.Outcome
		trial           trial
		others          string
		stands          func() bool // of what comes back
		want            string      // in the wrong result; "" for none
	}{
		"gone":                             {false, true, teardown.Deleted, trial{exchanges: []*exchange{done}}, "", nil, ""},
		"gone, and there":                  {true, false, teardown.Deleted, trial{exchanges: []*exchange{done}}, "", nil, "it is not"},
		"gone, by a credential's 404":      {true, false, teardown.Deleted, trial{exchanges: []*exchange{unseen}}, "", nil, "it is not"},
		"gone, and nothing of ours did it": {false, false, teardown.Deleted, trial{}, "", nil, "seen nothing"},
		"not found":                        {false, false, teardown.NotFound, trial{err: of(errors.OrganizationNotFound), exchanges: []*exchange{page}}, "", nil, ""},
		"not found, and not seen any more": {true, false, teardown.NotFound, trial{exchanges: []*exchange{unseen}, err: of(errors.OrganizationNotFound)}, "", nil, ""},
		"not found, and there":             {true, false, teardown.NotFound, trial{err: of(errors.OrganizationNotFound), exchanges: []*exchange{page}}, "", nil, "it is there"},
		"not found, by our own deed":       {false, true, teardown.NotFound, trial{err: of(errors.OrganizationNotFound), exchanges: []*exchange{page}}, "", nil, "deleted itself"},
		"not found, without an error":      {false, false, teardown.NotFound, trial{exchanges: []*exchange{page}}, "", nil, "the error <nil>"},
		"blocked by a fault":               {true, false, teardown.Blocked, trial{err: of(errors.Unavailable), exchanges: []*exchange{page}}, "", nil, ""},
		"blocked by a harmless fault":      {true, false, teardown.Blocked, trial{err: of(errors.Unavailable), exchanges: []*exchange{harmless}}, "", nil, "nothing went wrong"},
		"stopped by what others created":   {true, false, teardown.Blocked, trial{err: of(errors.PlanStale)}, created, nil, ""},
		"deleted with what others created": {false, true, teardown.Deleted, trial{exchanges: []*exchange{unseen, done}}, created, nil, "that others created"},
		"what came back stays":             {true, false, teardown.Blocked, trial{err: of(errors.PlanStale), exchanges: []*exchange{unseen, readAgain, removed}}, recreated, there, ""},
		"what came back was removed":       {true, false, teardown.Blocked, trial{err: of(errors.PlanStale), exchanges: []*exchange{unseen, readAgain, removed}}, recreated, gone, "was removed"},
		"what came back went unread":       {true, false, teardown.Blocked, trial{err: of(errors.PlanStale), exchanges: []*exchange{unseen, removed}}, recreated, gone, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &carrying{
				demolition: &demolition{
					organization: organization{
						provider: "test", there: true, reads: byStatus,
						exists: func() bool { return test.exists }, deleted: func() bool { return test.deleted },
					},
					outcome: teardown.Deleted, comesBack: &comesBack{step: "thing/x", path: "/things/x", stands: test.stands},
				},
				plan: &teardown.Plan{}, report: &teardown.Report{Outcome: test.outcome}, timeout: time.Hour, changed: -1, others: test.others,
			}
			if test.others != "" {
				c.changed = 0
			}
			var lies []string
			lie := func(format string, args ...any) { lies = append(lies, fmt.Sprintf(format, args...)) }
			c.judgeReport(&test.trial, lie)
			c.judgeOthers(&test.trial, lie)
			switch {
			case test.want == "" && len(lies) > 0:
				t.Errorf("got %q, want none", lies)
			case test.want != "" && (len(lies) != 1 || !strings.Contains(lies[0], test.want)):
				t.Errorf("got %q, want one with %q", lies, test.want)
			}
		})
	}
}
