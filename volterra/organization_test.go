package volterra_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

func TestDeleteTenant_Request(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		request volterra.DeleteTenantRequest
		body    string
	}{
		"without a reason": {acme, `{"name":"acme","email":"owner@acme.example"}`},
		"with everything": {
			volterra.DeleteTenantRequest{
				Name: "acme", Email: "owner@acme.example",
				Reason: volterra.ReasonNotJustifyCosts, Feedback: `It is "dear".`,
			},
			`{"name":"acme","email":"owner@acme.example","reason":"REASON_NOT_JUSTIFY_COSTS","feedback":"It is \"dear\"."}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := volterratest.NewServer()
			if err := volterra.DeleteTenant(t.Context(), test.request, srv.Option(), volterra.WithUserAgent("acme-cleaner/2")); err != nil {
				t.Fatal(err)
			}
			var sent []string
			for _, r := range srv.Requests() {
				sent = append(sent, r.Method+" "+r.Path+r.Query)
			}
			want := []string{
				"GET /api/web/namespaces/system/tenant/settings",
				"POST /api/web/namespaces/system/tenant/request-delete",
			}
			if diff := cmp.Diff(want, sent); diff != "" {
				t.Fatalf("requests (-want +got):\n%s", diff)
			}
			r := srv.Requests()[1]
			if diff := cmp.Diff(test.body, string(r.Body)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			if got := r.Header.Get("Content-Type"); got != "application/json" {
				t.Errorf("got Content-Type %q", got)
			}
			if got := r.Header.Get("Authorization"); got != "APIToken "+volterratest.Token {
				t.Errorf("got Authorization %q", got)
			}
			if got := r.Header.Get("User-Agent"); !strings.HasPrefix(got, "acme-cleaner/2 offboard-go/") {
				t.Errorf("got User-Agent %q", got)
			}
			if diff := cmp.Diff([]volterra.DeleteTenantRequest{test.request}, srv.Accepted()); diff != "" {
				t.Errorf("accepted (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDeleteTenant_OtherTenant(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		tenant volterratest.Tenant
		name   string
		host   string
		want   errors.Code
		cause  string
	}{
		"the same":                       {volterratest.Tenant{Name: "acme"}, "acme", "acme.console.ves.volterra.io", "", ""},
		"of three letters":               {volterratest.Tenant{Name: "abc"}, "abc", "abc.console.ves.volterra.io", "", ""},
		"with a suffix":                  {volterratest.Tenant{Name: "acme-kqzvxwbn", Domain: "acme"}, "acme-kqzvxwbn", "acme.console.ves.volterra.io", "", ""},
		"with a domain with dots":        {volterratest.Tenant{Name: "acme-kqzvxwbn", Domain: "acme.example.com"}, "acme-kqzvxwbn", "acme.console.ves.volterra.io", "", ""},
		"with a domain in capitals":      {volterratest.Tenant{Name: "x", Domain: "Acme"}, "x", "acme.console.ves.volterra.io", "", ""},
		"by its name, of the host":       {volterratest.Tenant{Name: "acme", Domain: "example.com"}, "acme", "acme.console.ves.volterra.io", "", ""},
		"in letters of another case":     {volterratest.Tenant{Name: "Acme"}, "Acme", "ACME.Console.ves.volterra.io", "", ""},
		"with a port":                    {volterratest.Tenant{Name: "acme"}, "acme", "acme.console.ves.volterra.io:443", "", ""},
		"at a host without its name":     {volterratest.Tenant{Name: "acme"}, "acme", "console.ves.volterra.io", "", ""},
		"at a host of another kind":      {volterratest.Tenant{Name: "acme"}, "acme", "other.staging.volterra.us", "", ""},
		"at an address":                  {volterratest.Tenant{Name: "acme"}, "acme", "192.0.2.1:8443", "", ""},
		"another name":                   {volterratest.Tenant{Name: "acme-production"}, "acme", "acme.console.ves.volterra.io", errors.NotConfirmed, `the tenant's name is "acme-production"`},
		"a name in another case":         {volterratest.Tenant{Name: "Acme"}, "acme", "acme.console.ves.volterra.io", errors.NotConfirmed, `the tenant's name is "Acme"`},
		"the domain for the name":        {volterratest.Tenant{Name: "acme-kqzvxwbn", Domain: "acme"}, "acme", "acme.console.ves.volterra.io", errors.NotConfirmed, `the tenant's name is "acme-kqzvxwbn"`},
		"a name with a line break":       {volterratest.Tenant{Name: "a\ncme"}, "acme", "acme.console.ves.volterra.io", errors.NotConfirmed, `the tenant's name is "a\ncme"`},
		"a host of another tenant":       {volterratest.Tenant{Name: "acme"}, "acme", "other.console.ves.volterra.io", errors.NotConfirmed, `the host belongs to "other", the tenant's domain is "acme"`},
		"a host of a longer name":        {volterratest.Tenant{Name: "acme"}, "acme", "acme-production.console.ves.volterra.io", errors.NotConfirmed, `the host belongs to "acme-production", the tenant's domain is "acme"`},
		"a host of another, in capitals": {volterratest.Tenant{Name: "acme"}, "acme", "OTHER.CONSOLE.ves.volterra.io", errors.NotConfirmed, `the host belongs to "other", the tenant's domain is "acme"`},
		"a later label of the domain":    {volterratest.Tenant{Name: "x", Domain: "acme.example.com"}, "x", "example.console.ves.volterra.io", errors.NotConfirmed, `the host belongs to "example", the tenant's domain is "acme.example.com"`},
		"a tenant being deleted":         {volterratest.Tenant{Name: "acme", State: volterra.StateDisabled}, "acme", "acme.console.ves.volterra.io", errors.AlreadyRequestedDeletion, "the tenant is already marked for deletion"},
		"a suspended tenant":             {volterratest.Tenant{Name: "acme", State: volterra.StateSuspended}, "acme", "acme.console.ves.volterra.io", "", ""},
		"one in a state of the future":   {volterratest.Tenant{Name: "acme", State: "StateFrozen"}, "acme", "acme.console.ves.volterra.io", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := volterratest.NewServer()
			srv.SetTenant(test.tenant)
			c := newClient(t, srv, volterra.WithBaseURL("https://"+test.host+"/api"))
			request := volterra.DeleteTenantRequest{Name: test.name, Email: "owner@acme.example"}
			check := c.CheckDeletion(t.Context(), request)
			if n := srv.Count(deletion); n != 0 {
				t.Errorf("the check has sent %d requests for deletion", n)
			}
			deletionErr := c.DeleteTenant(t.Context(), request)
			for operation, err := range map[string]error{"CheckDeletion": check, "DeleteTenant": deletionErr} {
				if test.want == "" {
					if err != nil {
						t.Errorf("%s: got %v, want nil", operation, err)
					}
					continue
				}
				e, _ := errors.AsType[*errors.Error](err)
				if e == nil || e.Code != test.want || e.Status != 0 || e.Operation != operation || e.Target != test.name || e.Err.Error() != test.cause {
					t.Errorf("%s: got %v, want %q: %s", operation, err, test.want, test.cause)
				}
			}
			if accepted, n := len(srv.Accepted()), srv.Count(deletion); accepted != n || (n == 0) != (test.want != "") {
				t.Errorf("%d requests for deletion were sent and %d accepted", n, accepted)
			}
		})
	}
}

func TestDeleteTenant_InvalidRequest(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	c := newClient(t, srv)
	for _, request := range []volterra.DeleteTenantRequest{
		{}, {Name: "acme"}, {Email: "owner@acme.example"}, {Name: "acme", Email: "owner@acme.example", Reason: "BORED"},
	} {
		_, plan := c.Plan(t.Context(), request)
		for _, err := range []error{request.Validate(), c.DeleteTenant(t.Context(), request), c.CheckDeletion(t.Context(), request), plan} {
			if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.InvalidArgument || e.Status != 0 {
				t.Errorf("%+v: got %v, want %q", request, err, errors.InvalidArgument)
			}
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// Some published specifications require a name of six characters or more. F5 does not.
func TestDeleteTenant_UnusualRequest(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	srv.SetTenant(volterratest.Tenant{Name: "a"})
	request := volterra.DeleteTenantRequest{Name: "a", Email: "owner", Feedback: strings.Repeat("x", 5000)}
	if err := newClient(t, srv).DeleteTenant(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]volterra.DeleteTenantRequest{request}, srv.Accepted()); diff != "" {
		t.Errorf("accepted (-want +got):\n%s", diff)
	}
}

func TestDeleteTenant_OpenOutcome(t *testing.T) {
	t.Parallel()
	lives := volterratest.Tenant{Name: "acme", KeepsCredential: true}
	after := func(status int, body string) offboardtest.Fault {
		return offboardtest.Fault{Operation: deletion, Processed: true, Status: status, Body: body}
	}
	for name, test := range map[string]struct {
		tenant   volterratest.Tenant
		fault    offboardtest.Fault
		want     errors.Code
		cause    errors.Code
		status   int
		accepted int
	}{
		"lost answer, valid credential":        {lives, offboardtest.LoseResponse(deletion), "", "", 0, 1},
		"truncated answer":                     {lives, offboardtest.TruncateResponse(deletion), "", "", 0, 1},
		"503, processed":                       {lives, after(503, ""), "", "", 0, 1},
		"504, processed":                       {lives, after(504, `{"code":4,"message":"Too late"}`), "", "", 0, 1},
		"408, processed":                       {lives, after(408, `{"code":1,"message":"Canceled"}`), "", "", 0, 1},
		"408 with an empty body, processed":    {lives, after(408, ""), "", "", 0, 1},
		"a failure with status 400, processed": {lives, after(400, `{"code":13,"message":"Failed"}`), "", "", 0, 1},
		"lost answer, same state":              {volterratest.Tenant{Name: "acme", KeepsCredential: true, KeepsState: true}, offboardtest.LoseResponse(deletion), errors.OutcomeUnknown, "", 0, 1},
		"lost answer, refused credential":      {volterratest.Tenant{Name: "acme"}, offboardtest.LoseResponse(deletion), errors.OutcomeUnknown, "", 0, 1},
		"408, processed, refused credential":   {volterratest.Tenant{Name: "acme"}, after(408, `{"code":1}`), errors.OutcomeUnknown, errors.Unavailable, 408, 1},
		"lost request":                         {lives, offboardtest.LoseRequest(deletion), errors.OutcomeUnknown, "", 0, 0},
		"lost request, refused credential":     {volterratest.Tenant{Name: "acme"}, offboardtest.LoseRequest(deletion), errors.OutcomeUnknown, "", 0, 0},
		"503, not processed":                   {lives, offboardtest.HTMLResponse(deletion, 503), errors.OutcomeUnknown, errors.Unavailable, 503, 0},
		"500, not processed":                   {lives, offboardtest.Respond(deletion, 500, `{"code":13,"message":"Failed"}`), errors.OutcomeUnknown, errors.Internal, 500, 0},
		"408, not processed":                   {lives, offboardtest.Respond(deletion, 408, `{"code":1}`), errors.OutcomeUnknown, errors.Unavailable, 408, 0},
		"a failure with status 200":            {lives, offboardtest.Respond(deletion, 200, `{"code":14}`), errors.OutcomeUnknown, errors.UnexpectedResponse, 200, 0},
		"unknown operation":                    {lives, offboardtest.Respond(deletion, 501, `{"code":12}`), errors.RouteNotFound, "", 501, 0},
		"a failure with status 200, processed": {lives, after(200, `{"code":14}`), "", "", 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := volterratest.NewServer()
				srv.SetTenant(test.tenant)
				srv.Fail(test.fault)
				err := newClient(t, srv).DeleteTenant(t.Context(), acme)
				e, _ := errors.AsType[*errors.Error](err)
				switch {
				case test.want == "" && err != nil:
					t.Errorf("got %v, want nil", err)
				case test.want != "" && (e == nil || e.Code != test.want || e.Status != test.status || e.Target != "acme"):
					t.Errorf("got %v, want %q with status %d", err, test.want, test.status)
				case test.want == errors.OutcomeUnknown && e.Err == nil, test.cause != "" && !errors.Is(e.Err, test.cause):
					t.Errorf("got %v, want a cause that is %q", err, test.cause)
				}
				if n := srv.Count(deletion); n != 1 {
					t.Errorf("%d requests for deletion were sent, want 1", n)
				}
				if n := len(srv.Accepted()); n != test.accepted {
					t.Errorf("%d requests for deletion were accepted, want %d", n, test.accepted)
				}
			})
		})
	}
}

// The state of another tenant proves nothing about an open outcome.
func TestDeleteTenant_StateOfAnotherTenant(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	srv.Fail(offboardtest.LoseResponse(deletion), offboardtest.Fault{Operation: "GetTenantSettings"},
		offboardtest.Respond("GetTenantSettings", 200, `{"name":"other","state":"StateDisabled"}`))
	err := newClient(t, srv).DeleteTenant(t.Context(), acme)
	if code(err) != errors.OutcomeUnknown {
		t.Errorf("got %v, want %q", err, errors.OutcomeUnknown)
	}
}

func TestDeleteTenant_SuccessBody(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]errors.Code{
		`{}`: "",
		// An undocumented member leaves the outcome open, and no read can prove that F5 did
		// not accept the request.
		` {"status":"EOK"} `:        errors.OutcomeUnknown,
		`{"code":0}`:                errors.OutcomeUnknown,
		`{"code":null}`:             errors.OutcomeUnknown,
		`{"Code":"EUNKNOWN"}`:       errors.OutcomeUnknown,
		`{"error":{}}`:              errors.OutcomeUnknown,
		`{"message":""}`:            errors.OutcomeUnknown,
		`{"code":14,"message":"x"}`: errors.OutcomeUnknown,
	} {
		srv := volterratest.NewServer()
		srv.Fail(offboardtest.Respond(deletion, 200, body))
		if err := newClient(t, srv).DeleteTenant(t.Context(), acme); code(err) != want {
			t.Errorf("%s: got %v, want code %q", body, err, want)
		}
		if n := srv.Count(deletion); n != 1 {
			t.Errorf("%s: %d requests for deletion were sent, want 1", body, n)
		}
	}
}

func TestDeleteTenant_Refusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		tenant  volterratest.Tenant
		request volterra.DeleteTenantRequest
		options []volterra.Option
		want    errors.Error
	}{
		"the role is missing": {
			volterratest.Tenant{Name: "acme", Unprivileged: true}, acme, nil,
			errors.Error{Operation: deletion, Target: "acme", Code: errors.PermissionDenied, Status: 403, ProviderCode: "7", Message: "Permission denied."},
		},
		"the URL is wrong": {
			volterratest.Tenant{Name: "acme"}, acme, []volterra.Option{volterra.WithBaseURL(offboardtest.InMemory + "/v1")},
			errors.Error{Operation: "GetTenantSettings", Code: errors.UnexpectedResponse, Status: 200},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := volterratest.NewServer()
			srv.SetTenant(test.tenant)
			e, _ := errors.AsType[*errors.Error](newClient(t, srv, test.options...).DeleteTenant(t.Context(), test.request))
			if e == nil {
				t.Fatal("got no *errors.Error")
			}
			got := errors.Error{
				Operation: e.Operation, Target: e.Target, Code: e.Code, Status: e.Status,
				ProviderCode: e.ProviderCode, Message: e.Message, Detail: e.Detail,
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if n := len(srv.Accepted()); n != 0 {
				t.Errorf("%d requests for deletion were accepted", n)
			}
		})
	}
}

func TestDeleteTenant_CredentialRefusedAfterwards(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	c := newClient(t, srv)
	if err := c.DeleteTenant(t.Context(), acme); err != nil {
		t.Fatal(err)
	}
	e, _ := errors.AsType[*errors.Error](c.DeleteTenant(t.Context(), acme))
	if e == nil || e.Code != errors.Unauthenticated || e.Status != 401 || e.ProviderCode != "16" || e.Message != "Invalid credential." {
		t.Errorf("got %v, want %q", e, errors.Unauthenticated)
	}
	if n := srv.Count(deletion); n != 1 {
		t.Errorf("%d requests for deletion were sent, want 1", n)
	}
}

// A removal by name is sent again only if a read shows the UID of the object that was there
// before the first attempt.
func TestDelete_RecreatedAfterLostAnswer(t *testing.T) {
	t.Parallel()
	add := map[string]func(*volterratest.Server){
		"DeleteChildTenant": func(s *volterratest.Server) {
			s.AddChildTenant(volterratest.ChildTenant{Name: "branch"})
		},
		"DeleteChildTenantManager": func(s *volterratest.Server) { s.AddChildTenantManager("retail") },
		"DeleteManagedTenant": func(s *volterratest.Server) {
			s.AddManagedTenant(volterratest.ManagedTenant{Name: "partner", TenantID: "x-1"})
		},
		"DeleteAddonSubscription": func(s *volterratest.Server) {
			s.AddAddonSubscription(volterratest.AddonSubscription{Name: "waap"})
		},
		"CascadeDeleteNamespace": func(s *volterratest.Server) { s.AddNamespace(volterratest.Namespace{Name: "app"}) },
	}
	const noUID = `{"metadata":{"name":"x"},"system_metadata":{},"spec":{},"referring_objects":[]}`
	for operation, deletion := range deletions {
		real := offboardtest.Fault{Operation: deletion.read, Delay: 1}
		bare := offboardtest.Respond(deletion.read, 200, noUID)
		bare.Times = 1000
		denied := offboardtest.Respond(deletion.read, 403, `{"code":7,"details":[],"message":"denied"}`)
		for name, test := range map[string]struct {
			reads    []offboardtest.Fault
			recreate bool
			want     errors.Code
			sent     int
		}{
			"another one":                   {nil, true, "", 1},
			"another one, not read before":  {[]offboardtest.Fault{denied}, true, errors.OutcomeUnknown, 1},
			"another one, no UID before":    {[]offboardtest.Fault{offboardtest.Respond(deletion.read, 200, noUID)}, true, errors.OutcomeUnknown, 1},
			"another one, no UID after":     {[]offboardtest.Fault{real, bare}, true, errors.OutcomeUnknown, 1},
			"none":                          {nil, false, "", 1},
			"none, not read before":         {[]offboardtest.Fault{denied}, false, "", 1},
			"none before":                   {[]offboardtest.Fault{offboardtest.Respond(deletion.read, 404, `{"code":5,"details":[],"message":"none"}`)}, false, errors.NotFound, 0},
			"another one's page before":     {[]offboardtest.Fault{offboardtest.HTMLResponse(deletion.read, 200)}, true, errors.OutcomeUnknown, 1},
			"the credential ended before":   {[]offboardtest.Fault{offboardtest.Respond(deletion.read, 401, `{"code":16,"details":[],"message":"expired"}`)}, false, errors.Unauthenticated, 0},
			"none, and the read is another": {[]offboardtest.Fault{real, offboardtest.HTMLResponse(deletion.read, 404)}, false, errors.OutcomeUnknown, 1},
		} {
			synctest.Test(t, func(t *testing.T) {
				srv := volterratest.NewServer()
				add[operation](srv)
				srv.Fail(test.reads...)
				c := newClient(t, srv, volterra.WithHTTPClient(&http.Client{Transport: &losing{next: srv, recreate: func() {
					if test.recreate {
						add[operation](srv)
					}
				}}}))
				err := deletion.delete(t.Context(), c, volterra.DeleteOptions{})
				if code(err) != test.want || srv.Count(operation) != test.sent {
					t.Errorf("%s, %s: got %v after %d removals, want %q after %d", operation, name, err, srv.Count(operation), test.want, test.sent)
				}
				if test.recreate && len(srv.Remaining()) != 1 {
					t.Errorf("%s, %s: what others created was removed", operation, name)
				}
				if e, ok := errors.AsType[*errors.Error](err); ok && e.Operation != operation {
					t.Errorf("%s, %s: the error is of %s", operation, name, e.Operation)
				}
			})
		}
	}
}

// deletions contains the deletion and the read of each kind of object.
var deletions = map[string]struct {
	read   string
	delete func(context.Context, *volterra.Client, volterra.DeleteOptions) error
}{
	"DeleteChildTenant": {"GetChildTenant", func(ctx context.Context, c *volterra.Client, o volterra.DeleteOptions) error {
		return c.DeleteChildTenant(ctx, "branch", o)
	}},
	"DeleteChildTenantManager": {"GetChildTenantManager", func(ctx context.Context, c *volterra.Client, o volterra.DeleteOptions) error {
		return c.DeleteChildTenantManager(ctx, "retail", o)
	}},
	"DeleteManagedTenant": {"GetManagedTenant", func(ctx context.Context, c *volterra.Client, o volterra.DeleteOptions) error {
		return c.DeleteManagedTenant(ctx, "partner", o)
	}},
	"DeleteAddonSubscription": {"GetAddonSubscription", func(ctx context.Context, c *volterra.Client, o volterra.DeleteOptions) error {
		return c.DeleteAddonSubscription(ctx, "waap", o)
	}},
	"CascadeDeleteNamespace": {"GetNamespace", func(ctx context.Context, c *volterra.Client, _ volterra.DeleteOptions) error {
		_, err := c.CascadeDeleteNamespace(ctx, "app")
		return err
	}},
}

func TestDelete_LostAnswer(t *testing.T) {
	t.Parallel()
	there := `{"metadata":{"name":"x"},"system_metadata":{"uid":"u-1"},"referring_objects":[]}`
	leaving := `{"metadata":{"name":"x"},"system_metadata":{"deletion_timestamp":"2026-05-01T00:00:00Z"},"referring_objects":[]}`
	after := func(operation string, status int, body string) offboardtest.Fault {
		return offboardtest.Fault{Operation: operation, Processed: true, Status: status, Body: body}
	}
	for operation, deletion := range deletions {
		for name, test := range map[string]struct {
			faults []offboardtest.Fault
			sent   int
			want   errors.Code
		}{
			"the answer is lost":              {[]offboardtest.Fault{offboardtest.LoseResponse(operation)}, 1, ""},
			"the answer is cut":               {[]offboardtest.Fault{offboardtest.TruncateResponse(operation)}, 1, ""},
			"the request is lost":             {[]offboardtest.Fault{offboardtest.LoseRequest(operation)}, 2, ""},
			"no connection":                   {[]offboardtest.Fault{offboardtest.RefuseConnection(operation)}, 2, ""},
			"503 after the work":              {[]offboardtest.Fault{after(operation, 503, "")}, 1, ""},
			"503 before the work":             {[]offboardtest.Fault{offboardtest.HTMLResponse(operation, 503)}, 2, ""},
			"a late 504 after the work":       {[]offboardtest.Fault{after(operation, 504, `{"code":4}`)}, 1, ""},
			"a failure with a status of ours": {[]offboardtest.Fault{after(operation, 400, `{"code":13}`)}, 1, ""},
			"429":                             {[]offboardtest.Fault{offboardtest.Respond(operation, 429, `{"code":8}`)}, 2, ""},
			"it is not to be deleted":         {[]offboardtest.Fault{offboardtest.Respond(operation, 403, `{"code":7}`)}, 1, errors.PermissionDenied},
			"not found at first":              {[]offboardtest.Fault{offboardtest.Respond(operation, 404, `{"code":5}`)}, 1, errors.NotFound},
			"a page of a proxy":               {[]offboardtest.Fault{offboardtest.HTMLResponse(operation, 404)}, 1, errors.UnexpectedResponse},
			"the read has a page":             {[]offboardtest.Fault{offboardtest.LoseResponse(operation), offboardtest.HTMLResponse(deletion.read, 200)}, 1, errors.OutcomeUnknown},
			"the read is not to be done":      {[]offboardtest.Fault{offboardtest.LoseResponse(operation), offboardtest.Respond(deletion.read, 403, `{"code":7}`)}, 1, errors.OutcomeUnknown},
			"the read has a page of a 404":    {[]offboardtest.Fault{offboardtest.LoseResponse(operation), offboardtest.HTMLResponse(deletion.read, 404)}, 1, errors.OutcomeUnknown},
		} {
			t.Run(operation+"/"+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv := owner()
					srv.Fail(offboardtest.Fault{Operation: deletion.read, Delay: 1}) // the read before it succeeds
					srv.Fail(test.faults...)
					err := deletion.delete(t.Context(), newClient(t, srv), volterra.DeleteOptions{EvenIfReferred: true})
					if code(err) != test.want {
						t.Errorf("got %v, want code %q", err, test.want)
					}
					if n := srv.Count(operation); n != test.sent {
						t.Errorf("%d requests were sent, want %d", n, test.sent)
					}
				})
			})
		}
		if operation == "CascadeDeleteNamespace" {
			continue // decided by a wait; see below
		}
		t.Run(operation+"/there, and then not found", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := owner()
				srv.Fail(offboardtest.LoseResponse(operation), offboardtest.Respond(deletion.read, 200, there), offboardtest.Respond(deletion.read, 200, there), offboardtest.Respond(operation, 404, `{"code":5}`))
				if err := deletion.delete(t.Context(), newClient(t, srv), volterra.DeleteOptions{EvenIfReferred: true}); err != nil {
					t.Errorf("got %v, want nil", err)
				}
			})
		})
		t.Run(operation+"/being deleted", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := owner()
				srv.Fail(offboardtest.LoseRequest(operation), offboardtest.Respond(deletion.read, 200, there), offboardtest.Respond(deletion.read, 200, leaving))
				err := deletion.delete(t.Context(), newClient(t, srv), volterra.DeleteOptions{EvenIfReferred: true})
				if err != nil || srv.Count(operation) != 1 {
					t.Errorf("got %v after %d requests, want nil after one", err, srv.Count(operation))
				}
			})
		})
	}
}

func TestDelete_EvenIfReferred(t *testing.T) {
	t.Parallel()
	srv := owner()
	c := newClient(t, srv)
	err := c.DeleteChildTenantManager(t.Context(), "retail", volterra.DeleteOptions{})
	if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.Conflict || e.Status != 409 || e.Target != "retail" {
		t.Fatalf("got %v, want %q", err, errors.Conflict)
	}
	if err := c.DeleteChildTenantManager(t.Context(), "retail", volterra.DeleteOptions{EvenIfReferred: true}); err != nil {
		t.Fatal(err)
	}
	if left := srv.Remaining(); slices.Contains(left, "child_tenant_manager retail") || !slices.Contains(left, "child_tenant branch") {
		t.Errorf("left are %q", left)
	}
}

func TestDelete_Refusals(t *testing.T) {
	t.Parallel()
	for name, test := range operations {
		for _, refusal := range []struct {
			answer offboardtest.Fault
			want   errors.Code
		}{
			{offboardtest.Respond(test.name, 401, `{"code":16,"details":[],"message":"x"}`), errors.Unauthenticated},
			{offboardtest.Respond(test.name, 403, `{"code":7,"details":[],"message":"x"}`), errors.PermissionDenied},
			{offboardtest.Respond(test.name, 404, `{"code":5,"details":[],"message":"x"}`), errors.NotFound},
			{offboardtest.Respond(test.name, 409, `{"code":10,"details":[],"message":"x"}`), errors.Conflict},
			{offboardtest.Respond(test.name, 400, `{"code":3,"details":[],"message":"x"}`), errors.InvalidArgument},
		} {
			srv := owner()
			srv.Fail(refusal.answer)
			_, err := test.call(t.Context(), newClient(t, srv))
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || e.Code != refusal.want || e.Status != refusal.answer.Status || e.Operation != test.name || e.Message != "x" || e.Attempts != 1 {
				t.Errorf("%s: got %v, want %q", name, err, refusal.want)
			}
		}
	}
}

func TestDelete_PermissionDenied(t *testing.T) {
	t.Parallel()
	for operation, deletion := range deletions {
		srv := owner()
		left := srv.Remaining()
		srv.SetTenant(volterratest.Tenant{Name: "acme", Unprivileged: true})
		err := deletion.delete(t.Context(), newClient(t, srv), volterra.DeleteOptions{EvenIfReferred: true})
		if code(err) != errors.PermissionDenied || !cmp.Equal(left, srv.Remaining()) {
			t.Errorf("%s: got %v, want %q; left are %q", operation, err, errors.PermissionDenied, srv.Remaining())
		}
	}
}

func TestCascadeDeleteNamespace_OwnedByF5(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	for _, name := range []string{"system", "shared", "default", "System", "ves-io-shared", "VES-IO-x"} {
		_, err := newClient(t, srv).CascadeDeleteNamespace(t.Context(), name)
		if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.InvalidArgument || e.Status != 0 || e.Target != name {
			t.Errorf("%s: got %v, want %q", name, err, errors.InvalidArgument)
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	for _, name := range []string{"systems", "ves-iox", "default-2"} {
		srv.AddNamespace(volterratest.Namespace{Name: name})
		if _, err := newClient(t, srv).CascadeDeleteNamespace(t.Context(), name); err != nil {
			t.Errorf("%s: got %v, want nil", name, err)
		}
	}
}

func TestCascadeDeleteNamespace_RemainingObjects(t *testing.T) {
	t.Parallel()
	srv := owner()
	srv.AddNamespace(volterratest.Namespace{Name: "pools", Objects: []volterratest.Object{{Kind: "healthcheck", Name: "check"}}})
	c := newClient(t, srv)
	items, err := c.CascadeDeleteNamespace(t.Context(), "pools")
	left := volterra.CascadeItem{
		ObjectType: "ves.io.schema.origin_pool.Object", ObjectName: "pool",
		ErrorMessage: "Referred to by http_loadbalancer app/web.",
	}
	deleted := volterra.CascadeItem{ObjectType: "ves.io.schema.healthcheck.Object", ObjectName: "check"}
	if diff := cmp.Diff([]volterra.CascadeItem{left, deleted}, items, made); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	e, _ := errors.AsType[*errors.Error](err)
	if e == nil {
		t.Fatal("got no *errors.Error")
	}
	want := &errors.Error{
		Provider: "volterra", Operation: "CascadeDeleteNamespace", Target: "pools", Code: errors.NamespaceNotEmpty, Status: http.StatusOK,
		Steps: []errors.Step{{
			Name: "ves.io.schema.origin_pool.Object", Description: "pool: Referred to by http_loadbalancer app/web.",
		}},
		Detail: []volterra.CascadeItem{left},
	}
	if diff := cmp.Diff(want, e, made); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	if !errors.Is(err, errors.DeletionStepsNotSatisfied) || errors.Retryable(err) {
		t.Error("the error does not say that something has to go first")
	}
	for _, namespace := range []string{"app", "pools"} {
		if _, err := c.CascadeDeleteNamespace(t.Context(), namespace); err != nil {
			t.Errorf("%s: got %v, want nil", namespace, err)
		}
	}
	if _, err := c.GetNamespace(t.Context(), "pools", volterra.GetNamespaceOptions{}); !errors.Is(err, errors.NotFound) {
		t.Errorf("got %v, want %q", err, errors.NotFound)
	}
}

// F5 continues after the timeout of the caller's client.
func TestCascadeDeleteNamespace_AfterTimeout(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		takes time.Duration
		fault offboardtest.Fault
		sent  int
	}{
		"while it is waited for": {30 * time.Second, offboardtest.Fault{Processed: true, DelayAfter: time.Hour}, 1},
		"at once":                {0, offboardtest.Fault{Processed: true, DelayAfter: time.Hour}, 1},
		"only when sent again":   {0, offboardtest.Fault{Delay: time.Hour}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := volterratest.NewServer()
				srv.AddNamespace(volterratest.Namespace{Name: "app", Takes: test.takes, Objects: []volterratest.Object{{Name: "web"}}})
				test.fault.Operation = "CascadeDeleteNamespace"
				srv.Fail(test.fault)
				hc := srv.Client()
				hc.Timeout = 20 * time.Second
				items, err := newClient(t, srv, volterra.WithHTTPClient(hc)).CascadeDeleteNamespace(t.Context(), "app")
				if err != nil || (items == nil) != (test.sent == 1) {
					t.Errorf("got %v and %v, want no error", items, err)
				}
				if n := srv.Count("CascadeDeleteNamespace"); n != test.sent {
					t.Errorf("%d requests were sent, want %d", n, test.sent)
				}
				if left := srv.Remaining(); len(left) != 0 {
					t.Errorf("left are %q", left)
				}
			})
		})
	}
}

// No read decides, or the last read is outdated.
func TestCascadeDeleteNamespace_OutcomeUnknown(t *testing.T) {
	t.Parallel()
	const operation = "CascadeDeleteNamespace"
	failing := offboardtest.HTMLResponse("GetNamespace", 503)
	failing.Times = 1000
	for name, test := range map[string]struct {
		within time.Duration // of the context
		faults []offboardtest.Fault
	}{
		"the context ends before the answer":   {10 * time.Second, []offboardtest.Fault{{Operation: operation, Processed: true, DelayAfter: time.Hour}}},
		"the context ends before the deletion": {10 * time.Second, []offboardtest.Fault{offboardtest.LoseResponse(operation)}},
		"no read is answered":                  {time.Hour, []offboardtest.Fault{offboardtest.LoseResponse(operation), failing}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := volterratest.NewServer()
				srv.AddNamespace(volterratest.Namespace{Name: "app", Takes: 30 * time.Second})
				srv.Fail(offboardtest.Fault{Operation: "GetNamespace", Delay: 1}) // the read before it succeeds
				srv.Fail(test.faults...)
				ctx, cancel := context.WithTimeout(t.Context(), test.within)
				defer cancel()
				_, err := newClient(t, srv).CascadeDeleteNamespace(ctx, "app")
				if code(err) != errors.OutcomeUnknown || srv.Count(operation) != 1 {
					t.Errorf("got %v after %d requests, want %q after one", err, srv.Count(operation), errors.OutcomeUnknown)
				}
			})
		})
	}
}

func TestDeleteChildTenant_AlreadyDeleting(t *testing.T) {
	t.Parallel()
	srv := owner()
	srv.Fail(offboardtest.LoseRequest("DeleteChildTenant"), offboardtest.Fault{Operation: "GetChildTenant", Delay: 1},
		offboardtest.Respond("GetChildTenant", 200, `{"spec":{"status":"StateDeleteInProgress"},"referring_objects":[]}`))
	err := newClient(t, srv).DeleteChildTenant(t.Context(), "branch", volterra.DeleteOptions{})
	if err != nil || srv.Count("DeleteChildTenant") != 1 {
		t.Errorf("got %v after %d requests, want nil after one", err, srv.Count("DeleteChildTenant"))
	}
}

func TestUnsubscribe_Body(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "waap"})
	srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "mesh", Service: volterra.AddonSecureMeshStandard})
	srv.AddAddonSubscription(volterratest.AddonSubscription{Name: "support", Service: volterra.AddonDelegatedAccessStandard})
	c := newClient(t, srv)
	for _, service := range []volterra.AddonService{volterra.AddonWAAPStandard, volterra.AddonDelegatedAccessStandard, "f5xc_of_the_future"} {
		if err := c.Unsubscribe(t.Context(), service); err != nil {
			t.Errorf("%s: got %v, want nil", string(service), err)
		}
	}
	states := func() map[string]volterra.AddonSubscriptionState {
		list, err := c.ListAddonSubscriptions(t.Context(), volterra.ListAddonSubscriptionsOptions{ReportFields: []string{"spec"}})
		if err != nil {
			t.Fatal(err)
		}
		states := map[string]volterra.AddonSubscriptionState{}
		for _, item := range list {
			states[item.Name] = item.Spec.Status
		}
		return states
	}
	want := map[string]volterra.AddonSubscriptionState{
		"waap": volterra.AddonSubscriptionStateDisabled, "mesh": volterra.AddonSubscriptionStateEnabled,
		"support": volterra.AddonSubscriptionStateDisablePending,
	}
	if diff := cmp.Diff(want, states()); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	one, err := c.GetAddonSubscription(t.Context(), "support", volterra.GetAddonSubscriptionOptions{})
	if err != nil || one.Spec.Notification.SupportTickets.UnsubscriptionTicketID != "ticket-support" {
		t.Errorf("got %+v and %v, want the ticket of the request", one, err)
	}
	srv.ApproveUnsubscription("support")
	if want["support"] = volterra.AddonSubscriptionStateDisabled; !cmp.Equal(want, states()) {
		t.Errorf("got %v, want %v", states(), want)
	}
}

// No read decides whether F5 accepted an unsubscription that it must approve.
func TestUnsubscribe_LostAnswer(t *testing.T) {
	t.Parallel()
	for _, fault := range []offboardtest.Fault{
		offboardtest.LoseResponse("Unsubscribe"), offboardtest.LoseRequest("Unsubscribe"), offboardtest.HTMLResponse("Unsubscribe", 503),
		offboardtest.Respond("Unsubscribe", 400, `{"code":13}`),
	} {
		srv := owner()
		srv.Fail(fault)
		err := newClient(t, srv).Unsubscribe(t.Context(), volterra.AddonWAAPAdvanced)
		if code(err) != errors.OutcomeUnknown || srv.Count("Unsubscribe") != 1 {
			t.Errorf("got %v after %d requests, want %q after one", err, srv.Count("Unsubscribe"), errors.OutcomeUnknown)
		}
	}
}

func TestDeactivateTenant(t *testing.T) {
	t.Parallel()
	const operation = "DeactivateTenant"
	request := volterra.DeactivateTenantRequest{Reason: volterra.ReasonNoLongerNeeded, Feedback: "Thanks."}
	lives := volterratest.Tenant{Name: "acme", KeepsCredential: true}
	for name, test := range map[string]struct {
		tenant volterratest.Tenant
		name   string
		fault  offboardtest.Fault
		job    string
		want   errors.Code
		sent   int
	}{
		"the same":                {lives, "acme", offboardtest.Fault{}, "job-1", "", 1},
		"another name":            {lives, "acme-trial", offboardtest.Fault{}, "", errors.NotConfirmed, 0},
		"no name":                 {lives, "", offboardtest.Fault{}, "", errors.InvalidArgument, 0},
		"disabled already":        {volterratest.Tenant{Name: "acme", State: volterra.StateDisabled}, "acme", offboardtest.Fault{}, "", errors.AlreadyRequestedDeletion, 0},
		"no role":                 {volterratest.Tenant{Name: "acme", Unprivileged: true}, "acme", offboardtest.Fault{}, "", errors.PermissionDenied, 1},
		"a lost answer":           {lives, "acme", offboardtest.LoseResponse(operation), "", "", 1},
		"a lost request":          {lives, "acme", offboardtest.LoseRequest(operation), "", errors.OutcomeUnknown, 1},
		"a dead credential":       {volterratest.Tenant{Name: "acme"}, "acme", offboardtest.LoseResponse(operation), "", errors.OutcomeUnknown, 1},
		"a failure with a 4xx":    {lives, "acme", offboardtest.Respond(operation, 408, `{"code":4}`), "", errors.OutcomeUnknown, 1},
		"no job":                  {lives, "acme", offboardtest.Respond(operation, 200, `{}`), "", errors.OutcomeUnknown, 1},
		"the page of the console": {lives, "acme", offboardtest.HTMLResponse(operation, 200), "", errors.OutcomeUnknown, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := volterratest.NewServer()
				srv.SetTenant(test.tenant)
				if test.fault.Operation != "" {
					srv.Fail(test.fault)
				}
				job, err := newClient(t, srv).DeactivateTenant(t.Context(), test.name, request)
				if code(err) != test.want || job != test.job {
					t.Errorf("got %q and %v, want %q and code %q", job, err, test.job, test.want)
				}
				if n := srv.Count(operation); n != test.sent {
					t.Fatalf("%d requests were sent, want %d", n, test.sent)
				}
				if test.sent == 0 {
					return
				}
				r := srv.Requests()[1]
				got := r.Method + " " + r.Path + " " + string(r.Body)
				want := `PUT /api/saas/namespaces/system/v2/tenant/deactivate {"reason":"REASON_NO_LONGER_NEEDED","feedback":"Thanks."}`
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("request (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A fake with resources of every kind, from the first refusal to the end.
func TestClient_RemoveAllResources(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := owner()
		srv.SetTenant(volterratest.Tenant{Name: "acme", RefusesWhileInUse: true})
		c := newClient(t, srv)
		ctx := t.Context()
		remove := func(err error) {
			t.Helper()
			if err != nil {
				t.Error(err)
			}
		}
		want := []string{
			"namespace app", "namespace pools", "child_tenant_manager retail", "child_tenant branch", "managed_tenant partner",
			"addon_subscription waap", "subscription sub-1", "invoice inv-1",
		}
		if diff := cmp.Diff(want, srv.Remaining()); diff != "" {
			t.Errorf("left (-want +got):\n%s", diff)
		}
		if err := c.DeleteTenant(ctx, acme); code(err) != errors.Conflict {
			t.Fatalf("got %v, want %q", err, errors.Conflict)
		}
		remove(c.DeleteChildTenant(ctx, "branch", volterra.DeleteOptions{}))
		remove(c.WaitForChildTenantDeletion(ctx, "branch", nil))
		remove(c.DeleteChildTenantManager(ctx, "retail", volterra.DeleteOptions{}))
		remove(c.DeleteManagedTenant(ctx, "partner", volterra.DeleteOptions{}))
		for _, namespace := range []string{"app", "pools"} {
			_, err := c.CascadeDeleteNamespace(ctx, namespace)
			remove(err)
		}
		remove(c.Unsubscribe(ctx, volterra.AddonWAAPAdvanced))
		remove(c.DeleteAddonSubscription(ctx, "waap", volterra.DeleteOptions{}))
		if err := c.DeleteTenant(ctx, acme); code(err) != errors.Conflict {
			t.Errorf("got %v, want %q", err, errors.Conflict)
		}
		if diff := cmp.Diff(want[len(want)-2:], srv.Remaining()); diff != "" {
			t.Errorf("left (-want +got):\n%s", diff)
		}
		srv.CancelSubscription("sub-1")
		srv.PayInvoice("inv-1")
		if left := srv.Remaining(); len(left) != 0 {
			t.Errorf("left are %q", left)
		}
		paid, err := c.ListInvoices(ctx, volterra.ListInvoicesOptions{})
		if err != nil || len(paid) != 1 || paid[0].Status != volterra.InvoiceStatusPaid {
			t.Errorf("got %v and %v", paid, err)
		}
		current, err := c.ListSubscriptions(ctx, volterra.ListSubscriptionsOptions{Current: true})
		if err != nil || len(current) != 0 {
			t.Errorf("got %v and %v", current, err)
		}
		remove(c.DeleteTenant(ctx, acme))
	})
}
