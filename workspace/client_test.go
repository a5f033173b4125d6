package workspace_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
)

// other is the id of an organization that must not be touched.
const other = "65f0000000000000000000b1"

// newServer returns a double with the organization acme.
func newServer(subscriptions ...workspacetest.Subscription) *workspacetest.Server {
	srv := workspacetest.NewServer()
	srv.AddOrganization(workspacetest.Organization{ID: acme, Slug: "acme", Name: "Acme", Subscriptions: subscriptions})
	return srv
}

func newClient(t *testing.T, options ...workspace.Option) *workspace.Client {
	t.Helper()
	c, err := workspace.New(options...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// wants checks the code of an error; "" wants none.
func wants(t *testing.T, err error, code errors.Code) *errors.Error {
	t.Helper()
	e, _ := errors.AsType[*errors.Error](err)
	switch {
	case code == "" && err != nil:
		t.Errorf("got %v, want nil", err)
	case code != "" && e == nil:
		t.Fatalf("got %v, want code %q", err, code)
	case code != "" && e.Code != code:
		t.Errorf("got %v, want code %q", err, code)
	}
	return e
}

// asked lists the requests that a double got.
func asked(srv *workspacetest.Server) []string {
	var all []string
	for _, r := range srv.Requests() {
		all = append(all, r.Method+" "+r.Path)
	}
	return all
}

// answer answers the next request for an operation with a body.
func answer(operation, body string) offboardtest.Fault {
	return offboardtest.Respond(operation, http.StatusOK, body)
}

func TestTheDeletionGoesToTheIDThatWasRead(t *testing.T) {
	t.Parallel()
	for name, idOrSlug := range map[string]string{
		"by id":                     acme,
		"by id in upper case":       strings.ToUpper(acme),
		"by slug":                   "acme",
		"by slug in upper case":     "ACME",
		"by slug with outer dashes": "-acme-",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := workspacetest.NewServer()
			slug := idOrSlug
			if len(slug) == len(acme) {
				slug = "acme"
			}
			srv.AddOrganization(workspacetest.Organization{ID: acme, Slug: slug})
			err := workspace.DeleteOrganization(t.Context(), idOrSlug, srv.Option(), workspace.WithUserAgent("acme-cleaner/2"))
			wants(t, err, "")
			want := []string{"GET /v1/organizations/" + idOrSlug, "DELETE /v1/organizations/" + acme}
			if diff := cmp.Diff(want, asked(srv)); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			for _, r := range srv.Requests() {
				if r.Query != "" || len(r.Body) != 0 || r.Header.Get("Content-Type") != "" {
					t.Errorf("got query %q and body %q of type %q", r.Query, r.Body, r.Header.Get("Content-Type"))
				}
				if got := r.Header.Get("Authorization"); got != "Bearer "+workspacetest.Token {
					t.Errorf("got Authorization %q", got)
				}
				if got := r.Header.Get("User-Agent"); !strings.HasPrefix(got, "acme-cleaner/2 offboard-go/") {
					t.Errorf("got User-Agent %q", got)
				}
			}
			if diff := cmp.Diff([]string{acme}, srv.Deleted()); diff != "" {
				t.Errorf("deleted (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsNotTheOneThatIsNamedIsNotDeleted(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		idOrSlug, found string
		want            errors.Code
	}{
		"an id that is a slug":     {acme, `{"id":"` + other + `","slug":"` + acme + `"}`, errors.NotConfirmed},
		"another id":               {acme, `{"id":"` + other + `"}`, errors.NotConfirmed},
		"another slug":             {"acme", `{"id":"` + acme + `","slug":"other"}`, errors.NotConfirmed},
		"no slug":                  {"acme", `{"id":"` + acme + `"}`, errors.UnexpectedResponse},
		"another, without a slug":  {"acme", `{"id":"` + other + `"}`, errors.UnexpectedResponse},
		"no slug, by the id":       {acme, `{"id":"` + acme + `"}`, ""},
		"a slug in another case":   {"acme", `{"id":"` + acme + `","slug":"Acme"}`, ""},
		"an id in another case":    {acme, `{"id":"` + strings.ToUpper(acme) + `"}`, ""},
		"an id with an underscore": {acme, `{"_id":"` + acme + `"}`, ""},
		"another, with underscore": {acme, `{"_id":"` + other + `"}`, errors.NotConfirmed},
		"two ids":                  {acme, `{"id":"` + acme + `","_id":"` + other + `"}`, errors.UnexpectedResponse},
		"one id by two names":      {acme, `{"id":"` + acme + `","_id":"` + acme + `"}`, ""},
		"an id that is none":       {"acme", `{"id":"../` + acme + `","slug":"acme"}`, errors.UnexpectedResponse},
		"a slug for an id":         {"acme", `{"id":"acme","slug":"acme"}`, errors.UnexpectedResponse},
		"no id":                    {"acme", `{"slug":"acme"}`, errors.UnexpectedResponse},
		"an id of another type":    {"acme", `{"id":7,"slug":"acme"}`, errors.UnexpectedResponse},
		"an underscored number":    {"acme", `{"_id":7,"slug":"acme"}`, errors.UnexpectedResponse},
		"nothing":                  {"acme", `null`, errors.UnexpectedResponse},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newServer()
			srv.AddOrganization(workspacetest.Organization{ID: other})
			srv.Fail(
				answer("GetOrganization", `{"status":true,"data":`+test.found+`}`),
				answer("GetWorkspace", `{"status":true,"data":{"organization":`+test.found+`}}`),
			)
			c := newClient(t, srv.Option())
			check := c.CheckDeletion(t.Context(), test.idOrSlug)
			if e := wants(t, check, test.want); e != nil && e.Target != test.idOrSlug {
				t.Errorf("got target %q, want %q", e.Target, test.idOrSlug)
			}
			deletion := c.DeleteOrganization(t.Context(), test.idOrSlug)
			if e := wants(t, deletion, test.want); e != nil && e.Target != test.idOrSlug {
				t.Errorf("got target %q, want %q", e.Target, test.idOrSlug)
			}
			if !srv.Exists(other) {
				t.Error("another organization is gone")
			}
			if deletions := srv.Count("DeleteOrganization"); test.want != "" && deletions != 0 {
				t.Errorf("%d deletions were sent", deletions)
			}
		})
	}
}

func TestASlugThatLooksLikeAnIDIsTakenForOne(t *testing.T) {
	t.Parallel()
	srv := workspacetest.NewServer()
	srv.AddOrganization(workspacetest.Organization{ID: other, Slug: acme})
	err := workspace.DeleteOrganization(t.Context(), acme, srv.Option())
	if e := wants(t, err, errors.NotConfirmed); !strings.Contains(e.Error(), other) {
		t.Errorf("got %q, which does not say whose slug it is", e)
	}
	if !srv.Exists(other) {
		t.Error("the organization with the slug is gone")
	}
	srv.AddOrganization(workspacetest.Organization{ID: acme})
	wants(t, workspace.DeleteOrganization(t.Context(), acme, srv.Option()), "")
	if diff := cmp.Diff([]string{acme}, srv.Deleted()); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
}

func TestASuccessIsWhatIsDocumentedAndNothingElse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body string
		want errors.Code
	}{
		"as documented":               {`{"status":true,"data":{"delete":"OK"}}`, ""},
		"with an error that is null":  {`{"status":true,"data":{"delete":"OK"},"error":null}`, ""},
		"no status":                   {`{"data":{"delete":"OK"}}`, errors.UnexpectedResponse},
		"a status that is false":      {`{"status":false,"data":{"delete":"OK"}}`, errors.UnexpectedResponse},
		"a status that is a text":     {`{"status":"true","data":{"delete":"OK"}}`, errors.UnexpectedResponse},
		"no data":                     {`{"status":true}`, errors.UnexpectedResponse},
		"data that is null":           {`{"status":true,"data":null}`, errors.UnexpectedResponse},
		"no delete":                   {`{"status":true,"data":{}}`, errors.UnexpectedResponse},
		"the organization":            {`{"status":true,"data":{"id":"` + acme + `","slug":"acme"}}`, errors.UnexpectedResponse},
		"another text":                {`{"status":true,"data":{"delete":"QUEUED"}}`, errors.UnexpectedResponse},
		"true in place of OK":         {`{"status":true,"data":{"delete":true}}`, errors.UnexpectedResponse},
		"data below its old name":     {`{"status":true,"response":{"delete":"OK"}}`, errors.UnexpectedResponse},
		"an error beside it":          {`{"status":true,"data":{"delete":"OK"},"error":{"code":4001}}`, errors.PermissionDenied},
		"an empty error beside it":    {`{"status":true,"data":{"delete":"OK"},"error":{}}`, errors.UnexpectedResponse},
		"an error that is a text":     {`{"status":true,"data":{"delete":"OK"},"error":"no"}`, errors.UnexpectedResponse},
		"active subscriptions in 200": {`{"status":false,"error":{"code":5111}}`, errors.ActiveSubscriptions},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newServer()
			srv.Fail(answer("DeleteOrganization", test.body))
			// An answer that is neither the success nor a refusal is resolved by a read,
			// which shows that the organization exists.
			err := workspace.DeleteOrganization(t.Context(), "acme", srv.Option(), workspace.WithRetry(workspace.Retry{MaxAttempts: 1, MaxWait: time.Minute}))
			if e := wants(t, err, test.want); e != nil && (e.Status != http.StatusOK || e.Target != acme) {
				t.Errorf("got status %d and target %q", e.Status, e.Target)
			}
			if n := srv.Count("DeleteOrganization"); n != 1 {
				t.Errorf("%d deletions were sent, want 1", n)
			}
		})
	}
}

func TestAFailureInA200IsReadBeforeTheDeletionIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServer()
		srv.Fail(answer("DeleteOrganization", `{"status":false,"error":{"code":1000}}`))
		wants(t, workspace.DeleteOrganization(t.Context(), "acme", srv.Option()), "")
		var operations []string
		for _, r := range srv.Requests() {
			operations = append(operations, r.Operation)
		}
		want := []string{"GetOrganization", "DeleteOrganization", "GetOrganization", "DeleteOrganization"}
		if diff := cmp.Diff(want, operations); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	})
}

func TestActiveSubscriptionsStandInTheWay(t *testing.T) {
	t.Parallel()
	srv := newServer(workspacetest.Subscription{Plan: "Enterprise"})
	c := newClient(t, srv.Option())
	err := c.DeleteOrganization(t.Context(), "acme")
	e := wants(t, err, errors.ActiveSubscriptions)
	if !errors.Is(err, errors.DeletionStepsNotSatisfied) || e.Status != 400 || e.ProviderCode != "5111" || e.Attempts != 1 {
		t.Errorf("got %v after %d attempts", err, e.Attempts)
	}
	if len(e.Steps) != 1 || e.Steps[0].Name != "subscriptions" || e.Steps[0].Description == "" {
		t.Errorf("got steps %+v", e.Steps)
	}
	if !srv.Exists(acme) {
		t.Error("the organization is gone")
	}
	srv.CancelSubscriptions(acme)
	wants(t, c.DeleteOrganization(t.Context(), "acme"), "")
}

func TestCheckDeletionSaysWhatDeletionWouldSay(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		organization workspacetest.Organization
		want         errors.Code
	}{
		"nothing in the way":     {workspacetest.Organization{ID: acme}, ""},
		"an active subscription": {workspacetest.Organization{ID: acme, Subscriptions: make([]workspacetest.Subscription, 1)}, errors.ActiveSubscriptions},
		"a subscription of the past": {workspacetest.Organization{ID: acme, Subscriptions: []workspacetest.Subscription{
			{Status: "active", Ended: time.Now().Add(-time.Second)},
		}}, ""},
		"a subscription that ends soon": {workspacetest.Organization{ID: acme, Subscriptions: []workspacetest.Subscription{
			{Status: "canceled", Ended: time.Now().Add(time.Hour)},
		}}, errors.ActiveSubscriptions},
		"the slug of another": {workspacetest.Organization{ID: other, Slug: acme}, errors.NotConfirmed},
		"not there":           {workspacetest.Organization{ID: other}, errors.OrganizationNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := workspacetest.NewServer()
			srv.AddOrganization(test.organization)
			c := newClient(t, srv.Option())
			check := c.CheckDeletion(t.Context(), acme)
			if n := srv.Count("DeleteOrganization"); n != 0 {
				t.Errorf("%d deletions were sent", n)
			}
			wants(t, check, test.want)
			wants(t, c.DeleteOrganization(t.Context(), acme), test.want)
		})
	}
}

func TestCheckDeletionNamesEachSubscription(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // whose clock starts with the year 2000
		srv := newServer()
		srv.Fail(answer("GetWorkspace", `{"status":true,"data":{"organization":{"id":"`+acme+`","slug":"acme","subscriptions":[
			{"id":"sub_1","plan":"Enterprise","status":"active","iniDate":"1999-06-01T00:00:00.000Z","endDate":"2000-06-01T02:00:00.000+02:00","endedAt":null},
			{"id":"sub_2","planCode":"mdm-20","status":"something new","endDate":"soon"},
			{"id":"sub_3","plan":"Past","status":"active","endedAt":"1999-12-31T23:59:59Z"},
			{"id":"sub_4","status":"canceled","endedAt":"2000-01-01T00:00:01Z"},
			{"plan":"Odd","endedAt":"yesterday"},
			{}
		]}}}`))
		err := newClient(t, srv.Option()).CheckDeletion(t.Context(), "acme")
		e := wants(t, err, errors.ActiveSubscriptions)
		want := []errors.Step{
			{Name: "subscription", Description: "Enterprise, active, from 1999-06-01, until 2000-06-01"},
			{Name: "subscription", Description: "mdm-20, something new"},
			{Name: "subscription", Description: "sub_4, canceled, ends 2000-01-01"},
			{Name: "subscription", Description: "Odd"},
			{Name: "subscription", Description: "without a name"},
		}
		if diff := cmp.Diff(want, e.Steps); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
		if e.Operation != "CheckDeletion" || e.Target != "acme" {
			t.Errorf("got %v", e)
		}
	})
}

func TestOnlyTheProvidersOwnWordsSayThatItIsGone(t *testing.T) {
	t.Parallel()
	failure := func(status int, body string) offboardtest.Fault {
		return offboardtest.Respond("GetOrganization", status, body)
	}
	for name, test := range map[string]struct {
		look offboardtest.Fault
		want errors.Code
	}{
		"404 with 3001":           {failure(404, `{"status":false,"error":{"code":3001}}`), ""},
		"404 with 1002":           {failure(404, `{"status":false,"error":{"code":1002}}`), errors.OutcomeUnknown},
		"404 with another code":   {failure(404, `{"status":false,"error":{"code":3999}}`), errors.OutcomeUnknown},
		"404 without a code":      {failure(404, `{"status":false,"error":{}}`), errors.OutcomeUnknown},
		"404 of a proxy":          {offboardtest.HTMLResponse("GetOrganization", 404), errors.OutcomeUnknown},
		"404 of something else":   {failure(404, `{"status":false,"error":{"code":3001,"data":{"entity":"app"}}}`), errors.OutcomeUnknown},
		"422 with 3001":           {failure(422, `{"status":false,"error":{"code":3001}}`), errors.OutcomeUnknown},
		"400 with 3001":           {failure(400, `{"status":false,"error":{"code":3001}}`), errors.OutcomeUnknown},
		"200 with 3001":           {failure(200, `{"status":false,"error":{"code":3001}}`), errors.OutcomeUnknown},
		"401":                     {failure(401, `{"status":false,"error":{"code":4004}}`), errors.OutcomeUnknown},
		"403":                     {failure(403, `{"status":false,"error":{"code":4003}}`), errors.OutcomeUnknown},
		"200 with another id":     {failure(200, `{"status":true,"data":{"id":"`+other+`"}}`), errors.OutcomeUnknown},
		"200 with an empty page":  {failure(200, ``), errors.OutcomeUnknown},
		"200 without an id":       {failure(200, `{"status":true,"data":{}}`), errors.OutcomeUnknown},
		"200 with nothing at all": {failure(200, `{}`), errors.OutcomeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newServer()
				// The first read goes through: it comes before the deletion.
				srv.Fail(offboardtest.Fault{Operation: "GetOrganization"}, test.look, offboardtest.LoseResponse("DeleteOrganization"))
				err := workspace.DeleteOrganization(t.Context(), acme, srv.Option())
				wants(t, err, test.want)
				want := []string{"GET /v1/organizations/" + acme, "DELETE /v1/organizations/" + acme, "GET /v1/organizations/" + acme}
				if diff := cmp.Diff(want, asked(srv)); diff != "" {
					t.Errorf("requests (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestAServiceAccountIsGoneWithItsWorkspace(t *testing.T) {
	t.Parallel()
	t.Run("which a success does not ask", func(t *testing.T) {
		t.Parallel()
		srv := newServer()
		err := workspace.DeleteOrganization(t.Context(), "acme", srv.OptionWithToken(srv.AddServiceAccount(acme)))
		wants(t, err, "")
	})
	t.Run("so that a lost answer stays lost", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			srv := newServer()
			srv.Fail(offboardtest.LoseResponse("DeleteOrganization"))
			err := workspace.DeleteOrganization(t.Context(), "acme", srv.OptionWithToken(srv.AddServiceAccount(acme)))
			wants(t, err, errors.OutcomeUnknown)
			if srv.Exists(acme) || srv.Count("DeleteOrganization") != 1 {
				t.Errorf("%d deletions were sent", srv.Count("DeleteOrganization"))
			}
		})
	})
	t.Run("and sees no other", func(t *testing.T) {
		t.Parallel()
		srv := newServer()
		srv.AddOrganization(workspacetest.Organization{ID: other})
		token := srv.AddServiceAccount(acme)
		wants(t, workspace.DeleteOrganization(t.Context(), other, srv.OptionWithToken(token)), errors.OrganizationNotFound)
		if !srv.Exists(other) {
			t.Error("another organization is gone")
		}
	})
}

func TestAFailedDeletionIsReadBeforeItIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServer()
		fault := offboardtest.Respond("DeleteOrganization", 500, `{"status":false,"error":{"code":3002}}`)
		fault.Times = 2
		srv.Fail(fault)
		err := workspace.DeleteOrganization(t.Context(), "acme", srv.Option(), workspace.WithRetry(workspace.Retry{MaxAttempts: 2, MaxWait: time.Minute}))
		if e := wants(t, err, errors.Internal); e.Status != 500 || e.ProviderCode != "3002" || e.Attempts != 2 {
			t.Errorf("got %v after %d attempts", err, e.Attempts)
		}
		want := []string{
			"GET /v1/organizations/acme",
			"DELETE /v1/organizations/" + acme, "GET /v1/organizations/" + acme,
			"DELETE /v1/organizations/" + acme, "GET /v1/organizations/" + acme,
		}
		if diff := cmp.Diff(want, asked(srv)); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	})
}

func TestReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Date(1999, 6, 1, 0, 0, 0, 0, time.UTC)
		srv := newServer(workspacetest.Subscription{ID: "sub_1", Plan: "Enterprise", Status: "active", From: begun})
		c := newClient(t, srv.Option())
		want := workspace.Organization{ID: acme, Name: "Acme", Slug: "acme", WebSiteURL: "https://acme.example.com"}
		got, err := c.GetOrganization(t.Context(), "acme")
		wants(t, err, "")
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("organization (-want +got):\n%s", diff)
		}
		page, err := c.ListOrganizationsPage(t.Context(), workspace.ListOrganizationsPageOptions{})
		wants(t, err, "")
		wantPage := workspace.OrganizationsPage{Items: []workspace.Organization{want}, TotalDocs: 1, Limit: 100, Page: 1, TotalPages: 1}
		if diff := cmp.Diff(&wantPage, page); diff != "" {
			t.Errorf("page (-want +got):\n%s", diff)
		}
		workspaceGot, err := c.GetWorkspace(t.Context(), acme)
		wants(t, err, "")
		wantWorkspace := workspace.Workspace{Organization: workspace.WorkspaceOrganization{
			ID: acme, Name: "Acme", Slug: "acme", WebSiteURL: "https://acme.example.com",
			Subscriptions: []workspace.Subscription{{
				ID: "sub_1", Plan: "Enterprise", Status: "active", IniDate: workspace.Time{Time: begun},
			}},
		}}
		if diff := cmp.Diff(&wantWorkspace, workspaceGot); diff != "" {
			t.Errorf("workspace (-want +got):\n%s", diff)
		}
	})
}

func TestAReadIsWhatIsDocumentedAndNothingElse(t *testing.T) {
	t.Parallel()
	for name, read := range map[string]struct {
		data string
		call func(context.Context, *workspace.Client) error
	}{
		"organization": {`{"id":"` + acme + `"}`, func(ctx context.Context, c *workspace.Client) error {
			_, err := c.GetOrganization(ctx, acme)
			return err
		}},
		"workspace": {`{"organization":{"id":"` + acme + `"}}`, func(ctx context.Context, c *workspace.Client) error {
			_, err := c.GetWorkspace(ctx, acme)
			return err
		}},
		"page": {`{"items":[]}`, func(ctx context.Context, c *workspace.Client) error {
			_, err := c.ListOrganizationsPage(ctx, workspace.ListOrganizationsPageOptions{})
			return err
		}},
	} {
		for body, want := range map[string]errors.Code{
			`{"status":true,"data":` + read.data + `}`:                         "",
			`{"status":false,"data":` + read.data + `}`:                        errors.UnexpectedResponse,
			`{"data":` + read.data + `}`:                                       errors.UnexpectedResponse,
			`{"status":true,"response":` + read.data + `}`:                     errors.UnexpectedResponse,
			`{"status":true,"data":{}}`:                                        errors.UnexpectedResponse,
			`{"status":true,"data":{"organization":{}}}`:                       errors.UnexpectedResponse,
			`{"status":true,"data":` + read.data + `,"error":{"code":4001}}`:   errors.PermissionDenied,
			`{"status":true,"data":` + read.data + `,"error":{"message":"x"}}`: errors.UnexpectedResponse,
		} {
			t.Run(name+" "+body, func(t *testing.T) {
				t.Parallel()
				srv := newServer()
				srv.Fail(answer("", body))
				wants(t, read.call(t.Context(), newClient(t, srv.Option())), want)
			})
		}
	}
}

// What a payment is begun with is a secret. It comes beside the subscriptions.
func TestThePaymentSecretIsNotKept(t *testing.T) {
	t.Parallel()
	srv := newServer()
	const payment = `"paymentIntent":{"id":"pi_1","secret":"pi_1_canary"}`
	srv.Fail(answer("GetWorkspace", `{"status":true,"data":{"organization":{"id":"`+acme+`","subscriptions":[{"plan":"Pro",`+payment+`}],`+payment+`}}}`))
	srv.Fail(offboardtest.Respond("GetWorkspace", 400, `{"status":false,"error":{"code":5003,"data":{"limit":1,`+payment+`}},`+payment+`}`))
	c := newClient(t, srv.Option())
	found, err := c.GetWorkspace(t.Context(), acme)
	wants(t, err, "")
	_, err = c.GetWorkspace(t.Context(), acme)
	e := wants(t, err, errors.Conflict)
	for _, v := range []any{found, e, e.Detail} {
		encoded, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if text := fmt.Sprintf("%+v %#v %s", v, v, encoded); strings.Contains(text, "canary") {
			t.Errorf("got %s", text)
		}
	}
}

func TestAListOfNothingInParticularIsNotFoundAsSuch(t *testing.T) {
	t.Parallel()
	srv := newServer()
	srv.Fail(offboardtest.Respond("", 404, `{"status":false,"error":{"code":3001}}`))
	_, err := newClient(t, srv.Option()).ListOrganizationsPage(t.Context(), workspace.ListOrganizationsPageOptions{})
	wants(t, err, errors.NotFound)
}

func TestAListGoesThroughAllPages(t *testing.T) {
	t.Parallel()
	srv := workspacetest.NewServer()
	for i := range 7 {
		srv.AddOrganization(workspacetest.Organization{ID: fmt.Sprintf("65f00000000000000000000%d", i), Name: "n", Slug: fmt.Sprintf("slug-%d", i)})
	}
	srv.AddOrganization(workspacetest.Organization{ID: acme, Name: "another name"})
	options := workspace.ListOrganizationsPageOptions{Limit: 3, Sort: "slug:desc", Name: "n"}
	c := newClient(t, srv.Option())
	if diff := cmp.Diff([]string{"slug-6", "slug-5", "slug-4", "slug-3", "slug-2", "slug-1", "slug-0"}, slugs(t, c, options)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var queries []string
	for _, r := range srv.Requests() {
		queries = append(queries, r.Query)
	}
	want := []string{
		"page=1&limit=3&sort=slug%3Adesc&name=n",
		"page=2&limit=3&sort=slug%3Adesc&name=n",
		"page=3&limit=3&sort=slug%3Adesc&name=n",
	}
	if diff := cmp.Diff(want, queries); diff != "" {
		t.Errorf("queries (-want +got):\n%s", diff)
	}
	options.Page = 3
	if diff := cmp.Diff([]string{"slug-0"}, slugs(t, c, options)); diff != "" {
		t.Errorf("from page 3 on (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"slug-2"}, slugs(t, c, workspace.ListOrganizationsPageOptions{Slug: "slug-2"})); diff != "" {
		t.Errorf("by slug (-want +got):\n%s", diff)
	}
}

func slugs(t *testing.T, c *workspace.Client, options workspace.ListOrganizationsPageOptions) []string {
	t.Helper()
	var all []string
	for organization, err := range c.ListOrganizations(t.Context(), options) {
		wants(t, err, "")
		all = append(all, organization.Slug)
	}
	return all
}

func TestAListEndsWhateverItSays(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		pages []string
		want  string
		code  errors.Code
	}{
		"no next page":         {[]string{`{"items":[{"id":"a"}],"hasNextPage":false,"page":1,"totalPages":1}`}, "a", ""},
		"more pages only":      {[]string{`{"items":[{"id":"a"}],"hasNextPage":false,"page":1,"totalPages":9}`, `{"items":[],"page":2}`}, "a", ""},
		"nothing said":         {[]string{`{"items":[{"id":"a"}]}`}, "a", ""},
		"no items":             {[]string{`{"items":[{"id":"a"}],"hasNextPage":true}`, `{"items":[],"hasNextPage":true}`}, "a", errors.UnexpectedResponse},
		"the last of all":      {[]string{`{"items":[{"id":"a"}],"hasNextPage":true,"totalPages":2}`, `{"items":[{"id":"b"}],"hasNextPage":true,"totalPages":2}`, `{"items":[]}`}, "ab", ""},
		"the same page again":  {[]string{`{"items":[{"id":"a"}],"hasNextPage":true,"page":1}`, `{"items":[{"id":"a"}],"hasNextPage":true,"page":1}`}, "a", errors.UnexpectedResponse},
		"no list":              {[]string{`{"hasNextPage":true}`}, "", errors.UnexpectedResponse},
		"a list that is null":  {[]string{`{"items":null}`}, "", errors.UnexpectedResponse},
		"an underscored id":    {[]string{`{"items":[{"_id":"a"},{"id":"b"}]}`}, "ab", ""},
		"a failure in between": {[]string{`{"items":[{"id":"a"}],"hasNextPage":true}`, `7`}, "a", errors.UnexpectedResponse},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := workspacetest.NewServer()
			for _, page := range test.pages {
				srv.Fail(answer("ListOrganizationsPage", `{"status":true,"data":`+page+`}`))
			}
			var got string
			var last error
			for organization, err := range newClient(t, srv.Option()).ListOrganizations(t.Context(), workspace.ListOrganizationsPageOptions{}) {
				got, last = got+organization.ID, err
			}
			wants(t, last, test.code)
			if got != test.want || len(srv.Requests()) != len(test.pages) {
				t.Errorf("got %q in %d pages, want %q in %d", got, len(srv.Requests()), test.want, len(test.pages))
			}
		})
	}
}

func TestNew_InvalidOptions(t *testing.T) {
	t.Parallel()
	token := workspace.WithToken("token")
	for name, options := range map[string][]workspace.Option{
		"no credential":           nil,
		"two credentials":         {token, token},
		"an empty token":          {workspace.WithToken("")},
		"a token with a newline":  {workspace.WithToken("to\nken")},
		"a token with a space":    {workspace.WithToken("to ken")},
		"no HTTP client":          {token, workspace.WithHTTPClient(nil)},
		"a base URL without host": {token, workspace.WithBaseURL("https:///v1")},
		"a base URL of a file":    {token, workspace.WithBaseURL("file:///v1")},
		"a relative base URL":     {token, workspace.WithBaseURL("/v1")},
		"a base URL with a query": {token, workspace.WithBaseURL("https://api.invalid/?a=b")},
		"a base URL with a user":  {token, workspace.WithBaseURL("https://u:secret@api.invalid")},
		"a base URL that is none": {token, workspace.WithBaseURL("https://u:secret@%zz")},
		"no attempt":              {token, workspace.WithRetry(workspace.Retry{MaxAttempts: -1, MaxWait: time.Second})},
		"a negative wait":         {token, workspace.WithRetry(workspace.Retry{MaxAttempts: 1, MaxWait: -time.Second})},
		"no rate":                 {token, workspace.WithRateLimit(workspace.RateLimit{PerSecond: 0, Burst: 1})},
		"no burst":                {token, workspace.WithRateLimit(workspace.RateLimit{PerSecond: 1, Burst: 0})},
		"a user agent with lines": {token, workspace.WithUserAgent("a\r\nX-Evil: 1")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := workspace.New(options...)
			if text := wants(t, err, errors.InvalidArgument).Error(); len(text) > 120 || strings.Contains(text, "secret") {
				t.Errorf("got %q", text)
			}
		})
	}
}

func TestFromEnv_NotReadByDefault(t *testing.T) {
	t.Setenv("APPLIVERY_API_TOKEN", workspacetest.Token)
	_, err := workspace.New()
	wants(t, err, errors.InvalidArgument)
	srv := newServer()
	c := newClient(t, workspace.FromEnv(), workspace.WithHTTPClient(srv.Client()))
	_, err = c.GetOrganization(t.Context(), "acme")
	wants(t, err, "")
	t.Setenv("APPLIVERY_API_TOKEN", "")
	_, err = workspace.New(workspace.FromEnv())
	if e := wants(t, err, errors.InvalidArgument); !strings.Contains(e.Error(), "APPLIVERY_API_TOKEN") {
		t.Errorf("got %q, which does not name the variable", e)
	}
}

func TestThePathOfAPrivateTenantIsKept(t *testing.T) {
	t.Parallel()
	srv := newServer()
	c := newClient(t, srv.Option(), workspace.WithBaseURL("https://api.tenant.invalid/api/v1/"))
	_, err := c.GetOrganization(t.Context(), "acme")
	wants(t, err, errors.RouteNotFound) // says the double, which is elsewhere
	if diff := cmp.Diff([]string{"GET /api/v1/organizations/acme"}, asked(srv)); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestTheDoubleAnswersAsApplivery(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method, path, authorization string
		want                        string
	}{
		"no token":        {"DELETE", "/v1/organizations/acme", "", `401 {"error":{"code":4002,"message":"There is no token."},"status":false}`},
		"another token":   {"DELETE", "/v1/organizations/acme", "Bearer x", `401 {"error":{"code":4004,"message":"The token is not valid."},"status":false}`},
		"an old token":    {"GET", "/v1/organizations/acme", "Bearer " + workspacetest.ExpiredToken, `401 {"error":{"code":4005,"message":"The token has expired."},"status":false}`},
		"no such route":   {"GET", "/organizations/acme", "", `404 {"error":{"code":1002,"message":"There is no such route."},"status":false}`},
		"no such method":  {"PATCH", "/v1/organizations/acme", "Bearer " + workspacetest.Token, `404 {"error":{"code":1002,"message":"There is no such route."},"status":false}`},
		"no such slug":    {"DELETE", "/v1/organizations/nobody", "Bearer " + workspacetest.Token, `404 {"error":{"code":3001,"message":"There is no such entity."},"status":false}`},
		"a subscription":  {"DELETE", "/v1/organizations/paying", "Bearer " + workspacetest.Token, `400 {"error":{"code":5111,"message":"Some subscriptions are active."},"status":false}`},
		"a success, slug": {"DELETE", "/v1/organizations/acme", "Bearer " + workspacetest.Token, `200 {"data":{"delete":"OK"},"status":true}`},
		"the id is first": {"DELETE", "/v1/organizations/" + strings.ToUpper(acme), "Bearer " + workspacetest.Token, `200 {"data":{"delete":"OK"},"status":true}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := workspacetest.NewServer()
			srv.AddOrganization(workspacetest.Organization{ID: other, Slug: strings.ToUpper(acme), Subscriptions: make([]workspacetest.Subscription, 1)})
			srv.AddOrganization(workspacetest.Organization{ID: acme, Slug: "acme"})
			srv.AddOrganization(workspacetest.Organization{ID: "65f0000000000000000000c1", Slug: "paying", Subscriptions: make([]workspacetest.Subscription, 1)})
			req, err := http.NewRequestWithContext(t.Context(), test.method, offboardtest.InMemory+test.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if test.authorization != "" {
				req.Header.Set("Authorization", test.authorization)
			}
			resp, err := srv.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, fmt.Sprintf("%d %s", resp.StatusCode, body)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestServer_Start(t *testing.T) {
	t.Parallel()
	srv := newServer()
	srv.Start()
	defer srv.Close()
	wants(t, workspace.DeleteOrganization(t.Context(), "acme", srv.Option()), "")
	if diff := cmp.Diff([]string{acme}, srv.Deleted()); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
}

func TestATimeThatIsNoneIsZero(t *testing.T) {
	t.Parallel()
	var got struct{ A, B, C, D, E workspace.Time }
	if err := json.Unmarshal([]byte(`{"A":"2026-08-15T18:12:44.5+02:00","B":null,"C":"2026-08-15T16: 12:44Z","D":1786810364}`), &got); err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2026, 8, 15, 16, 12, 44, 5e8, time.UTC); got.A.Time != want || !got.B.IsZero() || !got.C.IsZero() || !got.D.IsZero() {
		t.Errorf("got %v", got)
	}
	encoded, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`{"A":"2026-08-15T16:12:44.5Z","B":null,"C":null,"D":null,"E":null}`, string(encoded)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
