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

// The oracle decides all other tests: it must report each wrong result, and none for a
// correct one.
func TestOracle_Deletion(t *testing.T) {
	t.Parallel()
	lost := &exchange{kind: deletion, mayHaveArrived: true}
	done := &exchange{kind: deletion, mayHaveArrived: true, status: 200, genuine: true, whole: true}
	absent := &exchange{kind: deletion, mayHaveArrived: true, status: 404, genuine: true, whole: true}
	unsent := &exchange{kind: deletion}
	failed := &exchange{kind: deletion, mayHaveArrived: true, status: 503}
	refused := &exchange{kind: deletion, mayHaveArrived: true, status: 401, genuine: true, whole: true}
	readExists := &exchange{kind: read, mayHaveArrived: true, status: 200, genuine: true, whole: true}
	readDeleted := &exchange{kind: read, mayHaveArrived: true, status: 404, genuine: true, whole: true}
	readRedirected := &exchange{kind: read, mayHaveArrived: true, status: 404, genuine: true, whole: true, redirected: true}
	readNothing := &exchange{kind: read, mayHaveArrived: true}
	readUnproven := &exchange{kind: read, mayHaveArrived: true, status: 404}
	unseen := &exchange{kind: read, mayHaveArrived: true, status: 404, genuine: true, whole: true, blind: true}
	twice := &exchange{kind: deletion, mayHaveArrived: true, status: 404, genuine: true, whole: true, redialed: true}
	clock := &exchange{kind: token, mayHaveArrived: true, status: 500, fault: clockOff}
	on := map[string]bool{openSuccess: true, longWait: true, innerCode: true}
	of := func(code errors.Code) error {
		return &errors.Error{Provider: "test", Operation: "DeleteOrganization", Code: code}
	}
	canceled := &errors.Error{Provider: "test", Operation: "DeleteOrganization", Code: errors.Canceled, Err: context.Canceled}
	state := func(exists, deleted bool) organization {
		return organization{
			provider: "test", existed: exists || deleted, reads: byStatus,
			exists: func() bool { return exists }, deleted: func() bool { return deleted }, touched: func() bool { return false },
		}
	}
	exists, deleted, never := state(true, false), state(false, true), state(false, false)
	blocked, hidden, badCredential, touched := exists, exists, exists, exists
	blocked.blocked, hidden.hidden, badCredential.refused = true, true, true
	touched.touched = func() bool { return true }

	for name, test := range map[string]struct {
		o      organization
		record record
		want   string // part of the wrong result; "" for none
	}{
		"deleted":                           {deleted, record{exchanges: []*exchange{done}}, ""},
		"deleted, by a read":                {deleted, record{exchanges: []*exchange{lost, readDeleted}}, ""},
		"deleted, by the next attempt":      {deleted, record{exchanges: []*exchange{failed, readExists, absent}, processedLate: true}, ""},
		"deleted, but exists":               {exists, record{exchanges: []*exchange{done}}, "the organization exists"},
		"deleted, never existed":            {never, record{exchanges: []*exchange{absent}}, "without evidence"},
		"deleted, never sent":               {never, record{exchanges: []*exchange{unsent, absent}}, "without evidence"},
		"deleted, without a read":           {deleted, record{exchanges: []*exchange{lost, readNothing}}, "without evidence"},
		"deleted, by a redirected read":     {deleted, record{exchanges: []*exchange{lost, readRedirected}}, "without evidence"},
		"not found":                         {never, record{err: of(errors.OrganizationNotFound)}, ""},
		"not found, hidden":                 {hidden, record{err: of(errors.OrganizationNotFound)}, ""},
		"not found, but exists":             {exists, record{err: of(errors.OrganizationNotFound)}, "the organization exists"},
		"not found, deleted by this client": {deleted, record{err: of(errors.OrganizationNotFound), processedLate: true}, "after it deleted"},
		"blocked":                           {blocked, record{err: of(errors.ActiveSubscriptions)}, ""},
		"blocked without a blocker":         {exists, record{err: of(errors.ActiveSubscriptions)}, "nothing blocks"},
		"refused":                           {badCredential, record{err: of(errors.InvalidAPIToken)}, ""},
		"refused by a gateway":              {exists, record{err: of(errors.InvalidAPIToken), exchanges: []*exchange{refused}}, ""},
		"refused without a refusal":         {exists, record{err: of(errors.InvalidAPIToken)}, "nothing refused"},
		"refused after the deletion":        {deleted, record{err: of(errors.InvalidAPIToken), exchanges: []*exchange{refused}, processedLate: true}, "refused after it deleted"},
		"canceled":                          {exists, record{err: canceled, ended: true}, ""},
		"canceled without an ended context": {exists, record{err: canceled}, "has not ended"},
		"canceled without an inner error":   {exists, record{err: of(errors.Canceled), ended: true}, "without the error"},
		"canceled after the deletion":       {deleted, record{err: canceled, ended: true}, "canceled after it deleted"},
		"failed":                            {exists, record{err: of(errors.Unavailable)}, ""},
		"failed after the deletion":         {deleted, record{err: of(errors.Unavailable)}, "failed after it deleted"},
		"failed, and deleted later":         {deleted, record{err: of(errors.Unavailable), exchanges: []*exchange{failed, readExists}, processedLate: true}, ""},
		"unexpected after the deletion":     {deleted, record{err: of(errors.UnexpectedResponse)}, ""},
		"unknown":                           {deleted, record{err: of(errors.OutcomeUnknown), exchanges: []*exchange{lost, readNothing}}, ""},
		"unknown, the credential ended":     {deleted, record{err: of(errors.OutcomeUnknown), exchanges: []*exchange{failed, readExists, refused}, processedLate: true}, ""},
		"unknown, the context ended":        {exists, record{err: of(errors.OutcomeUnknown), exchanges: []*exchange{lost}, ended: true}, ""},
		"unknown, rate limited":             {exists, record{err: of(errors.OutcomeUnknown), exchanges: []*exchange{lost}, limited: true}, ""},
		"unknown without a deletion":        {exists, record{err: of(errors.OutcomeUnknown), exchanges: []*exchange{unsent}}, "no deletion was open"},
		"unknown without a read":            {exists, record{err: of(errors.OutcomeUnknown), exchanges: []*exchange{lost}}, "no read was sent"},
		"unknown, read as deleted":          {deleted, record{err: of(errors.OutcomeUnknown), exchanges: []*exchange{lost, readDeleted}}, "a read showed the deletion"},
		"unknown, read as existing":         {exists, record{err: of(errors.OutcomeUnknown), exchanges: []*exchange{lost, readExists}}, "a read showed that the organization exists"},
		"sent again after a read":           {deleted, record{exchanges: []*exchange{lost, readExists, done}}, ""},
		"sent again after a refusal":        {deleted, record{exchanges: []*exchange{refused, done}}, ""},
		"sent again blindly":                {deleted, record{exchanges: []*exchange{failed, done}}, "a second deletion"},
		"sent again after a lost read":      {deleted, record{exchanges: []*exchange{lost, readNothing, done}}, "a second deletion"},
		"an untyped error":                  {exists, record{err: io.EOF}, "is a *errors.errorString"},
		"an error without a code":           {exists, record{err: of("")}, "has no code"},
		"an error without a provider":       {exists, record{err: &errors.Error{Code: errors.Internal}}, "has no provider or operation"},
		"changed another resource":          {touched, record{err: of(errors.Unavailable)}, "changed another resource"},
		"continued after the context ended": {exists, record{err: canceled, ended: true, overtime: time.Second}, "continued for"},
		"an open body":                      {exists, record{err: of(errors.Unavailable), open: 1}, "bodies open"},

		"deleted, by a cached read":                   {deleted, record{exchanges: []*exchange{lost, readUnproven}}, "without evidence"},
		"deleted, without access":                     {exists, record{exchanges: []*exchange{lost, unseen}}, ""},
		"not found, without access":                   {exists, record{exchanges: []*exchange{unseen}, err: of(errors.OrganizationNotFound)}, ""},
		"not found, of another resource":              {exists, record{exchanges: []*exchange{readUnproven}, err: of(errors.NotFound)}, ""},
		"unexpected, but a read decides":              {deleted, record{err: of(errors.UnexpectedResponse), kinds: on}, "a read could decide"},
		"unexpected, and deleted later":               {deleted, record{err: of(errors.UnexpectedResponse), kinds: on, processedLate: true}, ""},
		"deleted, by a request sent twice":            {deleted, record{exchanges: []*exchange{twice, readDeleted}}, ""},
		"sent again after a request sent twice":       {deleted, record{exchanges: []*exchange{twice, done}}, "a second deletion"},
		"unknown, after a request sent twice":         {deleted, record{exchanges: []*exchange{twice, readNothing}, err: of(errors.OutcomeUnknown)}, ""},
		"limited, and canceled in the client's limit": {exists, record{err: &errors.Error{Provider: "test", Operation: "DeleteOrganization", Code: errors.RateLimitReached, Err: context.Canceled}, ended: true, kinds: on, throttled: true}, "the context ended"},
		"limited, and canceled in the provider's":     {exists, record{err: &errors.Error{Provider: "test", Operation: "DeleteOrganization", Code: errors.RateLimitReached, Err: context.Canceled}, ended: true, kinds: on}, ""},
		"a wait of days":                              {exists, record{err: of(errors.Unavailable), kinds: on, duration: 49 * 24 * time.Hour}, "took"},
		"a token refused because of a clock":          {exists, record{exchanges: []*exchange{clock}, err: of(errors.Unavailable)}, "clock"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, wrongResults := test.o.evaluate(&test.record)
			switch {
			case test.want == "" && len(wrongResults) > 0:
				t.Errorf("got %q, want none", wrongResults)
			case test.want != "" && (len(wrongResults) != 1 || !strings.Contains(wrongResults[0], test.want)):
				t.Errorf("got %q, want one with %q", wrongResults, test.want)
			}
		})
	}
}

func TestOracle_Reading(t *testing.T) {
	t.Parallel()
	exist := []string{"a", "b"}
	failed := &errors.Error{Provider: "test", Operation: "ListProjects", Code: errors.UnexpectedResponse}
	blocks := &errors.Error{Provider: "test", Operation: "CheckDeletion", Code: errors.DeletionStepsNotSatisfied}
	absent := &errors.Error{Provider: "test", Operation: "CheckDeletion", Code: errors.OrganizationNotFound}
	shifted := &exchange{kind: read, fault: shiftedPage + ": x"}
	yes, no := func() bool { return true }, func() bool { return false }
	for name, test := range map[string]struct {
		call   readCall
		record record
		want   string // part of the wrong result; "" for none
	}{
		"a complete list":                   {readCall{existing: exist, listed: []string{"b", "a"}}, record{}, ""},
		"a shorter list":                    {readCall{existing: exist, listed: []string{"a"}}, record{}, "1 items, but 2 exist"},
		"a shorter list, with an error":     {readCall{existing: exist, listed: []string{"a"}}, record{err: failed}, ""},
		"a shorter list after a shift":      {readCall{existing: exist, listed: []string{"a"}}, record{exchanges: []*exchange{shifted}}, ""},
		"an item twice":                     {readCall{existing: exist, listed: []string{"a", "b", "a"}}, record{}, "twice"},
		"an item of another organization":   {readCall{existing: exist, listed: []string{"a", "b", "c"}}, record{}, "belongs to another"},
		"no blocker":                        {readCall{checked: true}, record{}, ""},
		"a blocker":                         {readCall{checked: true, blocked: true}, record{err: blocks}, ""},
		"a blocker, not reported":           {readCall{checked: true, blocked: true}, record{}, "something blocks"},
		"no blocker, but reported":          {readCall{checked: true}, record{err: blocks}, "nothing blocks"},
		"the organization is not found":     {readCall{checked: true}, record{err: absent}, "the organization exists"},
		"the list is not found":             {readCall{existing: exist}, record{err: absent}, ""},
		"changed":                           {readCall{done: yes, touched: no}, record{}, ""},
		"not changed, but success":          {readCall{done: no, touched: no}, record{}, "did not happen"},
		"changed another organization":      {readCall{done: yes, touched: yes}, record{}, "changed another resource"},
		"an untyped error":                  {readCall{}, record{err: io.EOF}, "is a *errors.errorString"},
		"continued after the context ended": {readCall{}, record{err: failed, overtime: time.Second}, "continued for"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.call.provider = "test"
			_, wrongResults := test.call.evaluate(&test.record)
			switch {
			case test.want == "" && len(wrongResults) > 0:
				t.Errorf("got %q, want none", wrongResults)
			case test.want != "" && (len(wrongResults) != 1 || !strings.Contains(wrongResults[0], test.want)):
				t.Errorf("got %q, want one with %q", wrongResults, test.want)
			}
		})
	}
}

func TestOracle_Teardown(t *testing.T) {
	t.Parallel()
	of := func(code errors.Code) error {
		return &errors.Error{Provider: "test", Operation: "Teardown", Code: code}
	}
	done := &exchange{kind: deletion, mayHaveArrived: true, status: 200, genuine: true, whole: true, done: true}
	unseen := &exchange{kind: read, mayHaveArrived: true, status: 404, genuine: true, whole: true, blind: true, fault: noAccess}
	harmless := &exchange{kind: write, mayHaveArrived: true, status: 202, fault: accepted, harmless: true}
	page := &exchange{kind: write, mayHaveArrived: true, status: 503, fault: "503"}
	readAgain := &exchange{kind: read, path: "GET /projects/x", status: 200, genuine: true, number: 1}
	removed := &exchange{kind: write, path: "DELETE /projects/x", number: 2}
	yes, no := func() bool { return true }, func() bool { return false }
	for name, test := range map[string]struct {
		exists, deleted bool
		outcome         teardown.Outcome
		record          record
		others          string
		recreatedExists func() bool // reports whether the recreated resource exists
		want            string      // part of the wrong result; "" for none
	}{
		"deleted":                           {false, true, teardown.Deleted, record{exchanges: []*exchange{done}}, "", nil, ""},
		"deleted, but exists":               {true, false, teardown.Deleted, record{exchanges: []*exchange{done}}, "", nil, "the organization exists"},
		"deleted, by a 404 without access":  {true, false, teardown.Deleted, record{exchanges: []*exchange{unseen}}, "", nil, "the organization exists"},
		"deleted without a request":         {false, false, teardown.Deleted, record{}, "", nil, "without evidence"},
		"not found":                         {false, false, teardown.NotFound, record{err: of(errors.OrganizationNotFound), exchanges: []*exchange{page}}, "", nil, ""},
		"not found, without access":         {true, false, teardown.NotFound, record{exchanges: []*exchange{unseen}, err: of(errors.OrganizationNotFound)}, "", nil, ""},
		"not found, but exists":             {true, false, teardown.NotFound, record{err: of(errors.OrganizationNotFound), exchanges: []*exchange{page}}, "", nil, "the organization exists"},
		"not found, deleted by this client": {false, true, teardown.NotFound, record{err: of(errors.OrganizationNotFound), exchanges: []*exchange{page}}, "", nil, "after it deleted"},
		"not found without an error":        {false, false, teardown.NotFound, record{exchanges: []*exchange{page}}, "", nil, "does not match the error <nil>"},
		"blocked by a fault":                {true, false, teardown.Blocked, record{err: of(errors.Unavailable), exchanges: []*exchange{page}}, "", nil, ""},
		"blocked by a harmless fault":       {true, false, teardown.Blocked, record{err: of(errors.Unavailable), exchanges: []*exchange{harmless}}, "", nil, "without a fault"},
		"blocked by a created resource":     {true, false, teardown.Blocked, record{err: of(errors.PlanStale)}, created, nil, ""},
		"deleted with a created resource":   {false, true, teardown.Deleted, record{exchanges: []*exchange{unseen, done}}, created, nil, "that others created"},
		"a recreated resource stays":        {true, false, teardown.Blocked, record{err: of(errors.PlanStale), exchanges: []*exchange{unseen, readAgain, removed}}, recreated, yes, ""},
		"a recreated resource was removed":  {true, false, teardown.Blocked, record{err: of(errors.PlanStale), exchanges: []*exchange{unseen, readAgain, removed}}, recreated, no, "removed the resource"},
		"a recreated resource was not read": {true, false, teardown.Blocked, record{err: of(errors.PlanStale), exchanges: []*exchange{unseen, removed}}, recreated, no, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &teardownRun{
				teardownCase: &teardownCase{
					organization: organization{
						provider: "test", existed: true, reads: byStatus,
						exists: func() bool { return test.exists }, deleted: func() bool { return test.deleted },
					},
					outcome: teardown.Deleted, recreation: &recreation{step: "project/x", path: "/projects/x", exists: test.recreatedExists},
				},
				plan: &teardown.Plan{}, report: &teardown.Report{Outcome: test.outcome}, timeout: time.Hour, changed: -1, others: test.others,
			}
			if test.others != "" {
				c.changed = 0
			}
			var wrongResults []string
			wrong := func(format string, args ...any) { wrongResults = append(wrongResults, fmt.Sprintf(format, args...)) }
			c.evaluateReport(&test.record, wrong)
			c.evaluateOthers(&test.record, wrong)
			switch {
			case test.want == "" && len(wrongResults) > 0:
				t.Errorf("got %q, want none", wrongResults)
			case test.want != "" && (len(wrongResults) != 1 || !strings.Contains(wrongResults[0], test.want)):
				t.Errorf("got %q, want one with %q", wrongResults, test.want)
			}
		})
	}
}
