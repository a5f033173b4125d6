package workspace_test

import (
	"context"
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

func TestDeleteOrganization_UsesReadID(t *testing.T) {
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
			if diff := cmp.Diff(want, requested(srv)); diff != "" {
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

func TestDeleteOrganization_OtherOrganizationAnswers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		idOrSlug, found string
		want            errors.Code
	}{
		"a slug like an ID":        {acme, `{"id":"` + other + `","slug":"` + acme + `"}`, errors.NotConfirmed},
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
		"an invalid ID":            {"acme", `{"id":"../` + acme + `","slug":"acme"}`, errors.UnexpectedResponse},
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
				t.Error("another organization was deleted")
			}
			if deletions := srv.Count("DeleteOrganization"); test.want != "" && deletions != 0 {
				t.Errorf("%d deletions were sent", deletions)
			}
		})
	}
}

func TestDeleteOrganization_SlugLikeID(t *testing.T) {
	t.Parallel()
	srv := workspacetest.NewServer()
	srv.AddOrganization(workspacetest.Organization{ID: other, Slug: acme})
	err := workspace.DeleteOrganization(t.Context(), acme, srv.Option())
	if e := wants(t, err, errors.NotConfirmed); !strings.Contains(e.Error(), other) {
		t.Errorf("got %q, want the ID of the organization", e)
	}
	if !srv.Exists(other) {
		t.Error("the organization with the slug was deleted")
	}
	srv.AddOrganization(workspacetest.Organization{ID: acme})
	wants(t, workspace.DeleteOrganization(t.Context(), acme, srv.Option()), "")
	if diff := cmp.Diff([]string{acme}, srv.Deleted()); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
}

func TestDeleteOrganization_SuccessBody(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body string
		want errors.Code
	}{
		"as documented":               {`{"status":true,"data":{"delete":"OK"}}`, ""},
		"with a null error":           {`{"status":true,"data":{"delete":"OK"},"error":null}`, ""},
		"no status":                   {`{"data":{"delete":"OK"}}`, errors.UnexpectedResponse},
		"a false status":              {`{"status":false,"data":{"delete":"OK"}}`, errors.UnexpectedResponse},
		"a status of type string":     {`{"status":"true","data":{"delete":"OK"}}`, errors.UnexpectedResponse},
		"no data":                     {`{"status":true}`, errors.UnexpectedResponse},
		"null data":                   {`{"status":true,"data":null}`, errors.UnexpectedResponse},
		"no delete":                   {`{"status":true,"data":{}}`, errors.UnexpectedResponse},
		"the organization":            {`{"status":true,"data":{"id":"` + acme + `","slug":"acme"}}`, errors.UnexpectedResponse},
		"another text":                {`{"status":true,"data":{"delete":"QUEUED"}}`, errors.UnexpectedResponse},
		"true in place of OK":         {`{"status":true,"data":{"delete":true}}`, errors.UnexpectedResponse},
		"data below its old name":     {`{"status":true,"response":{"delete":"OK"}}`, errors.UnexpectedResponse},
		"with an error":               {`{"status":true,"data":{"delete":"OK"},"error":{"code":4001}}`, errors.PermissionDenied},
		"with an empty error":         {`{"status":true,"data":{"delete":"OK"},"error":{}}`, errors.UnexpectedResponse},
		"an error of type string":     {`{"status":true,"data":{"delete":"OK"},"error":"no"}`, errors.UnexpectedResponse},
		"active subscriptions in 200": {`{"status":false,"error":{"code":5111}}`, errors.ActiveSubscriptions},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newServer()
			srv.Fail(answer("DeleteOrganization", test.body))
			// If an answer is neither the success nor a refusal, a read decides. Here it shows
			// that the organization exists.
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

func TestDeleteOrganization_FailureInStatus200(t *testing.T) {
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

func TestDeleteOrganization_ActiveSubscriptions(t *testing.T) {
	t.Parallel()
	srv := newServer(workspacetest.Subscription{Plan: "Enterprise"})
	c := newClient(t, srv.Option())
	err := c.DeleteOrganization(t.Context(), "acme")
	e := wants(t, err, errors.ActiveSubscriptions)
	if !errors.Is(err, errors.DeletionStepsNotSatisfied) || e.Status != 400 || e.ProviderCode != "5111" || e.Attempts != 1 {
		t.Errorf("got %v after %d attempts", err, e.Attempts)
	}
	if len(e.Steps) != 1 || e.Steps[0].Name != "subscription" || e.Steps[0].Description == "" {
		t.Errorf("got steps %+v", e.Steps)
	}
	if !srv.Exists(acme) {
		t.Error("the organization was deleted")
	}
	srv.CancelSubscriptions(acme)
	wants(t, c.DeleteOrganization(t.Context(), "acme"), "")
}

func TestCheckDeletion_SameErrorAsDeleteOrganization(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		organization workspacetest.Organization
		want         errors.Code
	}{
		"no blocker":             {workspacetest.Organization{ID: acme}, ""},
		"an active subscription": {workspacetest.Organization{ID: acme, Subscriptions: make([]workspacetest.Subscription, 1)}, errors.ActiveSubscriptions},
		"a subscription of the past": {workspacetest.Organization{ID: acme, Subscriptions: []workspacetest.Subscription{
			{Status: "active", Ended: time.Now().Add(-time.Second)},
		}}, ""},
		"a subscription with a future end": {workspacetest.Organization{ID: acme, Subscriptions: []workspacetest.Subscription{
			{Status: "canceled", Ended: time.Now().Add(time.Hour)},
		}}, errors.ActiveSubscriptions},
		"the slug of another": {workspacetest.Organization{ID: other, Slug: acme}, errors.NotConfirmed},
		"not found":           {workspacetest.Organization{ID: other}, errors.OrganizationNotFound},
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

func TestCheckDeletion_ListsSubscriptions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // the clock starts at 2000-01-01
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
			{Name: "subscription", Description: "unnamed"},
		}
		if diff := cmp.Diff(want, e.Steps); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
		if e.Operation != "CheckDeletion" || e.Target != "acme" {
			t.Errorf("got %v", e)
		}
	})
}

func TestDeleteOrganization_ReadAfterLostAnswer(t *testing.T) {
	t.Parallel()
	failure := func(status int, body string) offboardtest.Fault {
		return offboardtest.Respond("GetOrganization", status, body)
	}
	for name, test := range map[string]struct {
		read offboardtest.Fault
		want errors.Code
	}{
		"404 with 3001":            {failure(404, `{"status":false,"error":{"code":3001}}`), ""},
		"404 with 1002":            {failure(404, `{"status":false,"error":{"code":1002}}`), errors.OutcomeUnknown},
		"404 with another code":    {failure(404, `{"status":false,"error":{"code":3999}}`), errors.OutcomeUnknown},
		"404 without a code":       {failure(404, `{"status":false,"error":{}}`), errors.OutcomeUnknown},
		"404 of a proxy":           {offboardtest.HTMLResponse("GetOrganization", 404), errors.OutcomeUnknown},
		"404 of another resource":  {failure(404, `{"status":false,"error":{"code":3001,"data":{"entity":"app"}}}`), errors.OutcomeUnknown},
		"422 with 3001":            {failure(422, `{"status":false,"error":{"code":3001}}`), errors.OutcomeUnknown},
		"400 with 3001":            {failure(400, `{"status":false,"error":{"code":3001}}`), errors.OutcomeUnknown},
		"200 with 3001":            {failure(200, `{"status":false,"error":{"code":3001}}`), errors.OutcomeUnknown},
		"401":                      {failure(401, `{"status":false,"error":{"code":4004}}`), errors.OutcomeUnknown},
		"403":                      {failure(403, `{"status":false,"error":{"code":4003}}`), errors.OutcomeUnknown},
		"200 with another id":      {failure(200, `{"status":true,"data":{"id":"`+other+`"}}`), errors.OutcomeUnknown},
		"200 with an empty page":   {failure(200, ``), errors.OutcomeUnknown},
		"200 without an id":        {failure(200, `{"status":true,"data":{}}`), errors.OutcomeUnknown},
		"200 with an empty object": {failure(200, `{}`), errors.OutcomeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newServer()
				// The first read, before the deletion, succeeds.
				srv.Fail(offboardtest.Fault{Operation: "GetOrganization"}, test.read, offboardtest.LoseResponse("DeleteOrganization"))
				err := workspace.DeleteOrganization(t.Context(), acme, srv.Option())
				wants(t, err, test.want)
				want := []string{"GET /v1/organizations/" + acme, "DELETE /v1/organizations/" + acme, "GET /v1/organizations/" + acme}
				if diff := cmp.Diff(want, requested(srv)); diff != "" {
					t.Errorf("requests (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestDeleteOrganization_ServiceAccount(t *testing.T) {
	t.Parallel()
	t.Run("success", func(t *testing.T) {
		t.Parallel()
		srv := newServer()
		err := workspace.DeleteOrganization(t.Context(), "acme", srv.OptionWithToken(srv.AddServiceAccount(acme)))
		wants(t, err, "")
	})
	t.Run("lost answer", func(t *testing.T) {
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
	t.Run("another organization", func(t *testing.T) {
		t.Parallel()
		srv := newServer()
		srv.AddOrganization(workspacetest.Organization{ID: other})
		token := srv.AddServiceAccount(acme)
		wants(t, workspace.DeleteOrganization(t.Context(), other, srv.OptionWithToken(token)), errors.OrganizationNotFound)
		if !srv.Exists(other) {
			t.Error("another organization was deleted")
		}
	})
}

func TestDeleteOrganization_ReadBeforeRetry(t *testing.T) {
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
		if diff := cmp.Diff(want, requested(srv)); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	})
}

// A write names the organization by the ID that was read, even if another organization takes
// over the slug before the second attempt.
func TestWrites_SlugReassigned(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(context.Context, *workspace.Client) error{
		"DeleteOrganization": func(ctx context.Context, c *workspace.Client) error { return c.DeleteOrganization(ctx, "acme") },
		"ChangeOwner": func(ctx context.Context, c *workspace.Client) error {
			_, err := c.ChangeOwner(ctx, "acme", "jane-doe")
			return err
		},
		"DeleteApp":           func(ctx context.Context, c *workspace.Client) error { return c.DeleteApp(ctx, "acme", app) },
		"DisenrollAOSPDevice": func(ctx context.Context, c *workspace.Client) error { return c.DisenrollAOSPDevice(ctx, "acme", aosp) },
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := workspacetest.NewServer()
			srv.AddOrganization(workspacetest.Organization{ID: acme, Name: "Acme", Slug: "acme"})
			// The first attempt is refused.
			srv.Fail(offboardtest.Respond(name, 429, `{"status":false,"error":{"code":4029}}`))
			c := newClient(t, srv.Option())
			_ = write(t.Context(), c)
			for _, r := range srv.Requests() {
				if r.Operation == name && r.Path[:len("/v1/organizations/")+len(acme)] != "/v1/organizations/"+acme {
					t.Errorf("%s was sent to %s", name, r.Path)
				}
			}
			if srv.Count(name) == 0 {
				t.Errorf("%s was not sent", name)
			}
		})
	}
}

// No write is sent unless a read confirms the organization: the ID may be the slug of another
// organization, and an answer without an ID or a slug proves nothing.
func TestWrites_UnconfirmedOrganization(t *testing.T) {
	t.Parallel()
	writes := map[string]func(context.Context, *workspace.Client, string) error{
		"DeleteOrganization": func(ctx context.Context, c *workspace.Client, o string) error { return c.DeleteOrganization(ctx, o) },
		"ChangeOwner": func(ctx context.Context, c *workspace.Client, o string) error {
			_, err := c.ChangeOwner(ctx, o, "jane-doe")
			return err
		},
		"DeleteApp": func(ctx context.Context, c *workspace.Client, o string) error { return c.DeleteApp(ctx, o, app) },
		"DisenrollAOSPDevice": func(ctx context.Context, c *workspace.Client, o string) error {
			return c.DisenrollAOSPDevice(ctx, o, aosp)
		},
	}
	for name, test := range map[string]struct {
		named, answer string
		want          errors.Code
	}{
		"a slug like an ID":       {acme, "", errors.NotConfirmed}, // the answer of the fake
		"no id":                   {acme, `{"slug":"acme"}`, errors.UnexpectedResponse},
		"no slug, and another id": {"acme", `{"id":"` + other + `"}`, errors.UnexpectedResponse},
		"an empty slug":           {"acme", `{"id":"` + acme + `","slug":""}`, errors.UnexpectedResponse},
		"no organization":         {"acme", `{}`, errors.UnexpectedResponse},
	} {
		for operation, write := range writes {
			srv := workspacetest.NewServer()
			srv.AddOrganization(workspacetest.Organization{
				ID: other, Slug: acme, Apps: []workspacetest.App{{ID: app}}, Devices: []workspacetest.Device{{ID: aosp, Type: "aosp"}},
			})
			if test.answer != "" {
				srv.Fail(answer("GetOrganization", `{"status":true,"data":`+test.answer+`}`))
			}
			err := write(t.Context(), newClient(t, srv.Option()), test.named)
			if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != test.want || srv.Count(operation) != 0 {
				t.Errorf("%s, %s: got %v after %d requests, want %q and none", operation, name, err, srv.Count(operation), test.want)
			}
		}
	}
}

func TestWrites_SentOnce(t *testing.T) {
	t.Parallel()
	for operation, call := range map[string]func(context.Context, *workspace.Client) error{
		"DeleteApp":           func(ctx context.Context, c *workspace.Client) error { return c.DeleteApp(ctx, acme, app) },
		"DisenrollAOSPDevice": func(ctx context.Context, c *workspace.Client) error { return c.DisenrollAOSPDevice(ctx, acme, aosp) },
		"ChangeOwner": func(ctx context.Context, c *workspace.Client) error {
			_, err := c.ChangeOwner(ctx, acme, jane)
			return err
		},
	} {
		for name, fault := range map[string]offboardtest.Fault{
			"lost answer":  offboardtest.LoseResponse(operation),
			"lost request": offboardtest.LoseRequest(operation),
		} {
			t.Run(operation+", "+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv := full()
					srv.Fail(fault)
					wants(t, call(t.Context(), newClient(t, srv.Option())), errors.OutcomeUnknown)
					if n := srv.Count(operation); n != 1 {
						t.Errorf("sent %d times, want once", n)
					}
				})
			})
		}
		for name, body := range map[string]string{
			"no data":           `{"status":true}`,
			"an app":            `{"status":true,"data":{"id":"` + app + `"}}`,
			"another text":      `{"status":true,"data":{"delete":"QUEUED","status":false}}`,
			"a status of false": `{"status":false,"data":{"delete":"OK","status":true,"changed":true}}`,
			"with an error":     `{"status":true,"data":{"delete":"OK","status":true,"changed":true},"error":{}}`,
		} {
			if operation == "ChangeOwner" && !strings.Contains(name, "a status") && !strings.Contains(name, "error") {
				continue // for ChangeOwner, these bodies are valid
			}
			t.Run(operation+", "+name, func(t *testing.T) {
				t.Parallel()
				srv := full()
				srv.Fail(answer(operation, body))
				wants(t, call(t.Context(), newClient(t, srv.Option())), errors.UnexpectedResponse)
			})
		}
	}
}

func TestDeleteApp_InvalidID(t *testing.T) {
	t.Parallel()
	srv := full()
	c := newClient(t, srv.Option())
	for _, id := range []string{"", "acme-bank", "..", strings.ToUpper("65f00000000000000000000a")} {
		wants(t, c.DeleteApp(t.Context(), acme, id), errors.InvalidArgument)
		wants(t, c.DisenrollAOSPDevice(t.Context(), acme, id), errors.InvalidArgument)
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	wants(t, c.DeleteApp(t.Context(), acme, app), "")
	wants(t, c.DeleteApp(t.Context(), acme, app), errors.NotFound)
	_, err := c.GetApp(t.Context(), acme, app)
	wants(t, err, errors.NotFound)
}

func TestChangeOwner(t *testing.T) {
	t.Parallel()
	srv := full()
	token := srv.AddUser(workspacetest.User{FirstName: "John", LastName: "Smith"})
	owner, john := newClient(t, srv.Option()), newClient(t, srv.OptionWithToken(token))

	profile, err := john.GetProfile(t.Context())
	wants(t, err, "")
	if len(profile.Organizations) != 0 {
		t.Errorf("before: the new owner sees %v", profile.Organizations)
	}
	wants(t, john.DeleteOrganization(t.Context(), "acme"), errors.OrganizationNotFound)

	changed, err := owner.ChangeOwner(t.Context(), "acme", "john-smith")
	wants(t, err, "")
	again, err := owner.ChangeOwner(t.Context(), "acme", profile.ID)
	wants(t, err, "")
	if !changed || again {
		t.Errorf("changed: %t, and again: %t", changed, again)
	}
	profile, err = john.GetProfile(t.Context())
	wants(t, err, "")
	if diff := cmp.Diff([]workspace.OrganizationReference{{ID: acme, Name: "Acme", Slug: "acme"}}, profile.Organizations); diff != "" {
		t.Errorf("after (-want +got):\n%s", diff)
	}
	owners, err := gather(owner.ListCollaborators(t.Context(), "acme", workspace.ListCollaboratorsPageOptions{Role: workspace.CollaboratorRoleOwner}))
	wants(t, err, "")
	if len(owners) != 1 || owners[0].User.Email != "john.smith@example.com" {
		t.Errorf("the owners are %v", owners)
	}
	wants(t, john.DeleteOrganization(t.Context(), "acme"), "")
}

func TestWrites_PermissionDenied(t *testing.T) {
	t.Parallel()
	srv := workspacetest.NewServer()
	viewer := workspacetest.User{ID: jane}
	token := srv.AddUser(viewer)
	srv.AddOrganization(workspacetest.Organization{
		ID: acme, Slug: "acme", Collaborators: []workspacetest.Collaborator{{User: viewer}},
		Apps: []workspacetest.App{{ID: app}}, Devices: []workspacetest.Device{{ID: aosp, Type: "aosp"}},
	})
	c := newClient(t, srv.OptionWithToken(token))
	_, changed := c.ChangeOwner(t.Context(), acme, jane)
	for _, err := range []error{
		changed, c.DeleteOrganization(t.Context(), acme), c.DeleteApp(t.Context(), acme, app), c.DisenrollAOSPDevice(t.Context(), acme, aosp),
	} {
		if e := wants(t, err, errors.PermissionDenied); e.Status != http.StatusUnauthorized || e.ProviderCode != "4001" {
			t.Errorf("got %v", err)
		}
	}
	if !srv.Exists(acme) {
		t.Error("the organization was deleted")
	}
}

func TestDisenrollAOSPDevice_Unreachable(t *testing.T) {
	t.Parallel()
	srv := workspacetest.NewServer()
	srv.AddOrganization(workspacetest.Organization{ID: acme, Devices: []workspacetest.Device{
		{ID: aosp, Type: "aosp", Unreachable: true}, {ID: phone, Type: "aosp", Deleted: true},
	}})
	c := newClient(t, srv.Option())
	if e := wants(t, c.DisenrollAOSPDevice(t.Context(), acme, aosp), errors.Conflict); e.ProviderCode != "5173" || e.Target != aosp {
		t.Errorf("got %v", e)
	}
	wants(t, c.DisenrollAOSPDevice(t.Context(), acme, phone), errors.NotFound)
}

func TestDeleteOrganization_Cascades(t *testing.T) {
	t.Parallel()
	srv := full()
	c := newClient(t, srv.Option())
	wants(t, c.DeleteOrganization(t.Context(), "acme"), "")
	for name, list := range lists {
		switch _, err := list(t.Context(), c); name {
		case "ListOrganizations":
			wants(t, err, "")
		default:
			wants(t, err, errors.NotFound)
		}
	}
	profile, err := c.GetProfile(t.Context())
	wants(t, err, "")
	if len(profile.Organizations) != 0 {
		t.Errorf("the user is in %v", profile.Organizations)
	}
}

// Both arguments are strings: a swapped call must not delete anything.
func TestWrites_SwappedArguments(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(context.Context, *workspace.Client) error{
		"DeleteApp, slug":         func(ctx context.Context, c *workspace.Client) error { return c.DeleteApp(ctx, app, "acme") },
		"DeleteApp, ID":           func(ctx context.Context, c *workspace.Client) error { return c.DeleteApp(ctx, app, acme) },
		"DisenrollAOSPDevice, ID": func(ctx context.Context, c *workspace.Client) error { return c.DisenrollAOSPDevice(ctx, aosp, acme) },
		"ChangeOwner, ID": func(ctx context.Context, c *workspace.Client) error {
			_, err := c.ChangeOwner(ctx, jane, acme)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := full()
			if err := call(t.Context(), newClient(t, srv.Option())); err == nil {
				t.Error("got nil, want an error")
			}
			for _, r := range srv.Requests() {
				if r.Method != http.MethodGet {
					t.Errorf("sent %s %s", r.Method, r.Path)
				}
			}
		})
	}
}

// Errors name an argument as the Go signature does.
func TestOperations_ArgumentNames(t *testing.T) {
	t.Parallel()
	c := newClient(t, full().Option())
	_, owner := c.ChangeOwner(t.Context(), acme, "..")
	_, read := c.GetApp(t.Context(), acme, "..")
	_, list := c.ListSegments(t.Context(), "..")
	for name, err := range map[string]error{
		"appID": c.DeleteApp(t.Context(), acme, "acme-bank"), "deviceID": c.DisenrollAOSPDevice(t.Context(), acme, "phone"), "newOwner": owner,
		"appIDOrSlug": read, "idOrSlug": list,
	} {
		if e := wants(t, err, errors.InvalidArgument); !strings.Contains(e.Error(), name+" ") {
			t.Errorf("got %q, want the name %q", e, name)
		}
	}
}
