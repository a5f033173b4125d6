package volterra_test

import (
	"net/http"
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

// newClient makes a client of a double, with options beside.
func newClient(t testing.TB, srv *volterratest.Server, options ...volterra.Option) *volterra.Client {
	t.Helper()
	c, err := volterra.New(append([]volterra.Option{srv.Option()}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// code returns the code of an error, "" of none.
func code(err error) errors.Code {
	if e, ok := errors.AsType[*errors.Error](err); ok {
		return e.Code
	}
	return ""
}

func TestTheRequestIsSentAsTheAPIWantsIt(t *testing.T) {
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

func TestTheAPIOfABaseURLIsTakenOnce(t *testing.T) {
	t.Parallel()
	for base, path := range map[string]string{
		offboardtest.InMemory:              "/api/web/",
		offboardtest.InMemory + "/":        "/api/web/",
		offboardtest.InMemory + "/api":     "/api/web/",
		offboardtest.InMemory + "/api/":    "/api/web/",
		offboardtest.InMemory + "/api/api": "/api/api/web/",
		offboardtest.InMemory + "/xapi":    "/xapi/api/web/",
	} {
		srv := volterratest.NewServer()
		_, _ = newClient(t, srv, volterra.WithBaseURL(base)).GetTenantSettings(t.Context())
		want := path + "namespaces/system/tenant/settings"
		if got := srv.Requests()[0].Path; got != want {
			t.Errorf("%s: got %s, want %s", base, got, want)
		}
	}
}

func TestOnlyTheTenantThatIsNamedIsDeleted(t *testing.T) {
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
		"with a domain that has dots":    {volterratest.Tenant{Name: "acme-kqzvxwbn", Domain: "acme.example.com"}, "acme-kqzvxwbn", "acme.console.ves.volterra.io", "", ""},
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
		"a name that is no line":         {volterratest.Tenant{Name: "a\ncme"}, "acme", "acme.console.ves.volterra.io", errors.NotConfirmed, `the tenant's name is "a\ncme"`},
		"a host of another tenant":       {volterratest.Tenant{Name: "acme"}, "acme", "other.console.ves.volterra.io", errors.NotConfirmed, `the host is that of "other", the tenant's domain is "acme"`},
		"a host of a longer name":        {volterratest.Tenant{Name: "acme"}, "acme", "acme-production.console.ves.volterra.io", errors.NotConfirmed, `the host is that of "acme-production", the tenant's domain is "acme"`},
		"a host of another, in capitals": {volterratest.Tenant{Name: "acme"}, "acme", "OTHER.CONSOLE.ves.volterra.io", errors.NotConfirmed, `the host is that of "other", the tenant's domain is "acme"`},
		"a later label of the domain":    {volterratest.Tenant{Name: "x", Domain: "acme.example.com"}, "x", "example.console.ves.volterra.io", errors.NotConfirmed, `the host is that of "example", the tenant's domain is "acme.example.com"`},
		"one that is being deleted":      {volterratest.Tenant{Name: "acme", State: volterra.StateDisabled}, "acme", "acme.console.ves.volterra.io", errors.Conflict, "the tenant is in the state StateDisabled already"},
		"one that is suspended":          {volterratest.Tenant{Name: "acme", State: volterra.StateSuspended}, "acme", "acme.console.ves.volterra.io", "", ""},
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

func TestARequestWithoutNameOrEmailIsNotSent(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	c := newClient(t, srv)
	for _, request := range []volterra.DeleteTenantRequest{{}, {Name: "acme"}, {Email: "owner@acme.example"}} {
		for _, err := range []error{c.DeleteTenant(t.Context(), request), c.CheckDeletion(t.Context(), request)} {
			if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.InvalidArgument || e.Status != 0 {
				t.Errorf("%+v: got %v, want %q", request, err, errors.InvalidArgument)
			}
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// The rules in some descriptions of the API, such as six letters for a name, are
// none of F5's.
func TestNothingElseOfARequestIsRefused(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	srv.SetTenant(volterratest.Tenant{Name: "a"})
	request := volterra.DeleteTenantRequest{Name: "a", Email: "whoever", Feedback: strings.Repeat("x", 5000)}
	if err := newClient(t, srv).DeleteTenant(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]volterra.DeleteTenantRequest{request}, srv.Accepted()); diff != "" {
		t.Errorf("accepted (-want +got):\n%s", diff)
	}
}

func TestALostOutcomeIsToldByTheStateOrNotAtAll(t *testing.T) {
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
		"the answer is lost, and the credential lives":         {lives, offboardtest.LoseResponse(deletion), "", "", 0, 1},
		"the answer ends in its middle":                        {lives, offboardtest.TruncateResponse(deletion), "", "", 0, 1},
		"503 after the work":                                   {lives, after(503, ""), "", "", 0, 1},
		"504 after the work":                                   {lives, after(504, `{"code":4,"message":"Too late"}`), "", "", 0, 1},
		"408 after the work":                                   {lives, after(408, `{"code":1,"message":"Canceled"}`), "", "", 0, 1},
		"408 with nothing after the work":                      {lives, after(408, ""), "", "", 0, 1},
		"a failure with a status of ours after the work":       {lives, after(400, `{"code":13,"message":"Failed"}`), "", "", 0, 1},
		"the answer is lost, and the state does not change":    {volterratest.Tenant{Name: "acme", KeepsCredential: true, KeepsState: true}, offboardtest.LoseResponse(deletion), errors.OutcomeUnknown, "", 0, 1},
		"the answer is lost, and the credential dies":          {volterratest.Tenant{Name: "acme"}, offboardtest.LoseResponse(deletion), errors.OutcomeUnknown, "", 0, 1},
		"408 after the work, and the credential dies":          {volterratest.Tenant{Name: "acme"}, after(408, `{"code":1}`), errors.OutcomeUnknown, errors.Unavailable, 408, 1},
		"the request is lost":                                  {lives, offboardtest.LoseRequest(deletion), errors.OutcomeUnknown, "", 0, 0},
		"the request is lost, and the credential would die":    {volterratest.Tenant{Name: "acme"}, offboardtest.LoseRequest(deletion), errors.OutcomeUnknown, "", 0, 0},
		"503 before the work":                                  {lives, offboardtest.HTMLResponse(deletion, 503), errors.OutcomeUnknown, errors.Unavailable, 503, 0},
		"500 before the work":                                  {lives, offboardtest.Respond(deletion, 500, `{"code":13,"message":"Failed"}`), errors.OutcomeUnknown, errors.Internal, 500, 0},
		"408 before the work":                                  {lives, offboardtest.Respond(deletion, 408, `{"code":1}`), errors.OutcomeUnknown, errors.Unavailable, 408, 0},
		"a failure that calls itself a success":                {lives, offboardtest.Respond(deletion, 200, `{"code":14}`), errors.OutcomeUnknown, errors.UnexpectedResponse, 200, 0},
		"an operation that is not there":                       {lives, offboardtest.Respond(deletion, 501, `{"code":12}`), errors.RouteNotFound, "", 501, 0},
		"a failure that calls itself a success after the work": {lives, after(200, `{"code":14}`), "", "", 0, 1},
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

// A tenant that takes the other's place while the outcome is open tells nothing.
func TestTheStateOfAnotherTenantTellsNothing(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	srv.Fail(offboardtest.LoseResponse(deletion), offboardtest.Fault{Operation: "GetTenantSettings"},
		offboardtest.Respond("GetTenantSettings", 200, `{"name":"other","state":"StateDisabled"}`))
	err := newClient(t, srv).DeleteTenant(t.Context(), acme)
	if code(err) != errors.OutcomeUnknown {
		t.Errorf("got %v, want %q", err, errors.OutcomeUnknown)
	}
}

func TestASuccessIsAnObjectThatIsNoError(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]errors.Code{
		`{}`: "",
		// A member that is not described leaves the outcome open, and no read shows that
		// the request is not in the queue.
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

func TestTheCodeCountsBeforeTheStatus(t *testing.T) {
	t.Parallel()
	for provided, want := range map[string]errors.Code{
		"1": errors.Unavailable, "2": errors.Internal, "3": errors.InvalidArgument, "4": errors.Unavailable,
		"5": errors.UnexpectedResponse /* not with this status */, "6": errors.Conflict, "7": errors.PermissionDenied, "8": errors.RateLimitReached,
		"9": errors.Conflict, "10": errors.Conflict, "11": errors.InvalidArgument, "12": errors.RouteNotFound,
		"13": errors.Internal, "14": errors.Unavailable, "15": errors.Internal, "16": errors.Unauthenticated,
		"17": errors.UnexpectedResponse,
	} {
		srv := volterratest.NewServer()
		srv.Fail(offboardtest.Respond("", http.StatusTeapot, `{"code":`+provided+`}`))
		_, err := newClient(t, srv, volterra.WithRetry(volterra.Retry{MaxAttempts: 1})).GetTenantSettings(t.Context())
		if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != want || e.ProviderCode != provided {
			t.Errorf("%s: got %v, want %q", provided, err, want)
		}
	}
}

func TestRefusalsAreToldWithoutTheirDetails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		tenant  volterratest.Tenant
		request volterra.DeleteTenantRequest
		options []volterra.Option
		want    errors.Error
	}{
		"the role is missing": {
			volterratest.Tenant{Name: "acme", Unprivileged: true}, acme, nil,
			errors.Error{Operation: deletion, Target: "acme", Code: errors.PermissionDenied, Status: 403, ProviderCode: "7", Message: "The role is missing."},
		},
		"the reason is unknown": {
			volterratest.Tenant{Name: "acme"}, volterra.DeleteTenantRequest{Name: "acme", Email: "owner@acme.example", Reason: "BORED"}, nil,
			errors.Error{Operation: deletion, Target: "acme", Code: errors.InvalidArgument, Status: 400, ProviderCode: "3", Message: "The request is not valid."},
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

func TestTheCredentialIsDeadAfterTheDeletion(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	c := newClient(t, srv)
	if err := c.DeleteTenant(t.Context(), acme); err != nil {
		t.Fatal(err)
	}
	e, _ := errors.AsType[*errors.Error](c.DeleteTenant(t.Context(), acme))
	if e == nil || e.Code != errors.Unauthenticated || e.Status != 401 || e.ProviderCode != "16" || e.Message != "The credential is not valid." {
		t.Errorf("got %v, want %q", e, errors.Unauthenticated)
	}
	if n := srv.Count(deletion); n != 1 {
		t.Errorf("%d requests for deletion were sent, want 1", n)
	}
}

func TestEachOperationHasItsOwnLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		limited := offboardtest.HTMLResponse(deletion, 429)
		limited.Header.Set("Retry-After", "60")
		srv.Fail(limited)
		c := newClient(t, srv, volterra.WithRetry(volterra.Retry{MaxAttempts: 1, MaxWait: time.Minute}))
		if err := c.DeleteTenant(t.Context(), acme); code(err) != errors.RateLimitReached {
			t.Fatalf("got %v, want %q", err, errors.RateLimitReached)
		}
		start := time.Now()
		if err := c.CheckDeletion(t.Context(), acme); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("the read took %v: it waited for the limit of the deletion", took)
		}
	})
}

func TestALimitWithoutHeadersIsLearned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := volterratest.NewServer()
		srv.LimitRate(60, 18)
		c := newClient(t, srv)
		start := time.Now()
		for range 100 {
			if _, err := c.GetTenantSettings(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.DeleteTenant(t.Context(), acme); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 3*time.Minute {
			t.Errorf("took %v for 101 reads at 60 a minute", took)
		}
		refused := 0
		for _, r := range srv.Requests() {
			if r.Status == http.StatusTooManyRequests {
				refused++
			}
		}
		if refused > 20 {
			t.Errorf("%d requests were refused", refused)
		}
	})
}

func TestReads(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	srv.SetTenant(volterratest.Tenant{Name: "acme-kqzvxwbn", Domain: "acme", CompanyName: "Acme", State: volterra.StateConfiguring})
	got, err := newClient(t, srv).GetTenantSettings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := volterra.TenantSettings{
		Name: "acme-kqzvxwbn", OriginalTenant: "acme-kqzvxwbn", Domain: "acme", CompanyName: "Acme",
		State: volterra.StateConfiguring, OTPStatus: "OTP_DISABLED", SSOEnabled: true,
		MaxCredentialsExpiry: volterra.CredentialsExpiry{
			MaxAPICertificateExpiryDays: 90, MaxAPITokenExpiryDays: 60, MaxKubeConfigExpiryDays: 30,
		},
	}
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestNew_InvalidOptions(t *testing.T) {
	t.Parallel()
	token := volterra.WithAPIToken("token")
	base := volterra.WithBaseURL("https://acme.console.ves.volterra.io")
	for name, options := range map[string][]volterra.Option{
		"no credential":           {base},
		"two credentials":         {base, token, token},
		"an empty token":          {base, volterra.WithAPIToken("")},
		"a token with a newline":  {base, volterra.WithAPIToken("to\nken")},
		"no base URL":             {token},
		"an empty base URL":       {token, volterra.WithBaseURL("")},
		"a base URL without host": {token, volterra.WithBaseURL("https:///api")},
		"a base URL of /api only": {token, volterra.WithBaseURL("/api")},
		"a host without scheme":   {token, volterra.WithBaseURL("acme.console.ves.volterra.io")},
		"a base URL with a query": {token, volterra.WithBaseURL("https://api.invalid/?a=b")},
		"a base URL with a user":  {token, volterra.WithBaseURL("https://u:secret@api.invalid")},
		"no HTTP client":          {base, token, volterra.WithHTTPClient(nil)},
		"no attempt":              {base, token, volterra.WithRetry(volterra.Retry{MaxAttempts: -1, MaxWait: time.Second})},
		"no rate":                 {base, token, volterra.WithRateLimit(volterra.RateLimit{PerSecond: 0, Burst: 1})},
		"a user agent with lines": {base, token, volterra.WithUserAgent("a\r\nX-Evil: 1")},
		"a CA that is none":       {base, token, volterra.WithCACertificate([]byte("secret"))},
		"a p12 that is none":      {base, volterra.WithP12([]byte("secret"), "secret")},
		"a p12 that is not there": {base, volterra.WithP12File("/nowhere/secret", "secret")},
		"files that are not":      {base, volterra.WithCertificateFiles("/nowhere/secret", "/nowhere/secret")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := volterra.New(options...)
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || e.Code != errors.InvalidArgument {
				t.Fatalf("got %v, want %q", err, errors.InvalidArgument)
			}
			if text := err.Error(); len(text) > 200 || strings.Contains(text, "secret") {
				t.Errorf("got %q", text)
			}
		})
	}
}

func TestServer_Start(t *testing.T) {
	t.Parallel()
	srv := volterratest.NewServer()
	srv.Start()
	defer srv.Close()
	if err := volterra.DeleteTenant(t.Context(), acme, srv.Option()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]volterra.DeleteTenantRequest{acme}, srv.Accepted()); diff != "" {
		t.Errorf("accepted (-want +got):\n%s", diff)
	}
}
