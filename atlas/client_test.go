package atlas_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

// newClient makes a client of the double's own credential.
func newClient(t *testing.T, srv *atlastest.Server, options ...atlas.Option) *atlas.Client {
	t.Helper()
	c, err := atlas.New(append([]atlas.Option{srv.Option()}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// as makes a client of another credential.
func as(t *testing.T, srv *atlastest.Server, credential atlas.Option, options ...atlas.Option) *atlas.Client {
	t.Helper()
	url, client := srv.Endpoint()
	c, err := atlas.New(append([]atlas.Option{credential, atlas.WithBaseURL(url), atlas.WithHTTPClient(client)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// asked lists the operations that were asked for.
func requests(srv *atlastest.Server) []string {
	var operations []string
	for _, r := range srv.Requests() {
		operations = append(operations, r.Operation)
	}
	return operations
}

// code is the code of an error; "" for nil.
func code(t *testing.T, err error) errors.Code {
	t.Helper()
	e, ok := errors.AsType[*errors.Error](err)
	switch {
	case err == nil:
		return ""
	case !ok:
		t.Fatalf("got %T, want an *errors.Error", err)
	}
	return e.Code
}

func TestTheDeletionIsSentAsTheAPIWantsIt(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	_ = atlas.DeleteOrganization(t.Context(), acme, srv.Option(), atlas.WithUserAgent("acme-cleaner/2"))
	r := srv.Requests()[0]
	if r.Method != "DELETE" || r.Path != "/api/atlas/v2/orgs/"+acme || r.Query != "" || len(r.Body) != 0 {
		t.Errorf("got %s %s?%s with body %q", r.Method, r.Path, r.Query, r.Body)
	}
	if got := r.Header.Get("Accept"); got != "application/vnd.atlas.2023-01-01+json" {
		t.Errorf("got Accept %q", got)
	}
	if got := r.Header.Get("Authorization"); got != "Bearer "+atlastest.Token {
		t.Errorf("got Authorization %q", got)
	}
	if got := r.Header.Get("User-Agent"); !strings.HasPrefix(got, "acme-cleaner/2 offboard-go/") {
		t.Errorf("got User-Agent %q", got)
	}
}

// changed sends requests with another header.
type changed struct {
	next        http.RoundTripper
	name, value string
}

func (c changed) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set(c.name, c.value)
	return c.next.RoundTrip(req)
}

func TestTheVersionHasToBeNamed(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]errors.Code{
		"":                                      errors.VersionNotSupported,
		"*/*":                                   errors.VersionNotSupported,
		"application/json":                      errors.VersionNotSupported,
		"application/vnd.atlas.v2+json":         errors.VersionNotSupported,
		"application/vnd.atlas.2023-02-30+json": errors.VersionNotSupported,
		"application/vnd.atlas.2022-12-31+json": errors.VersionNotSupported,
		"application/vnd.atlas.2025-03-12+json": "",
	} {
		t.Run(accept, func(t *testing.T) {
			t.Parallel()
			srv := atlastest.NewServer()
			srv.AddOrganization(atlastest.Organization{ID: acme})
			hc := &http.Client{Transport: changed{srv, "Accept", accept}}
			err := atlas.DeleteOrganization(t.Context(), acme, srv.Option(), atlas.WithHTTPClient(hc))
			if got := code(t, err); got != want {
				t.Errorf("got %v, want code %q", err, want)
			}
		})
	}
}

func TestWhatStandsInTheWayIsNamed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		organization atlastest.Organization
		projects     int
		want         errors.Code
		category     errors.Code
		status       int
		provider     string // code
		steps        []string
	}{
		"projects": {
			projects: 2, want: errors.OrganizationNotEmpty, category: errors.DeletionStepsNotSatisfied,
			status: 409, provider: "ORG_NOT_EMPTY", steps: []string{"projects"},
		},
		"a live migration": {
			organization: atlastest.Organization{LiveMigration: true},
			want:         errors.ActiveLiveMigration, category: errors.DeletionStepsNotSatisfied,
			status: 409, provider: "CANNOT_DELETE_ORG_ACTIVE_LIVE_MIGRATION_ATLAS_ORG_LINK", steps: []string{"live_migrations"},
		},
		"failed payments": {
			organization: atlastest.Organization{FailedPayments: true},
			want:         errors.PaymentRequired, category: errors.DeletionStepsNotSatisfied,
			status: 402, provider: "CANNOT_DELETE_ORG_FAILED_PAYMENTS", steps: []string{"failed_payments"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := atlastest.NewServer()
			test.organization.ID = acme
			srv.AddOrganization(test.organization)
			for i := range test.projects {
				srv.AddProject(acme, atlastest.Project{ID: fmt.Sprintf("5e2f0000000000000000%04d", i)})
			}
			err := atlas.DeleteOrganization(t.Context(), acme, srv.Option())
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || e.Code != test.want || e.Status != test.status || e.ProviderCode != test.provider || !errors.Is(err, test.category) {
				t.Fatalf("got %v, want %q with status %d", err, test.want, test.status)
			}
			var steps []string
			for _, step := range e.Steps {
				steps = append(steps, step.Name)
				if step.Description == "" || step.Description != e.Message {
					t.Errorf("got description %q, want Atlas's text %q", step.Description, e.Message)
				}
			}
			if diff := cmp.Diff(test.steps, steps); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			if !srv.Exists(acme) || srv.Count("DeleteOrganization") != 1 {
				t.Errorf("%d deletions were sent; still there: %t", srv.Count("DeleteOrganization"), srv.Exists(acme))
			}
		})
	}
}

func TestAnOrganizationIsDeletedOnceItsProjectsAreGone(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme})
	srv.AddProject(acme, atlastest.Project{ID: shop})
	c := newClient(t, srv)
	if err := c.DeleteOrganization(t.Context(), acme); !errors.Is(err, errors.OrganizationNotEmpty) {
		t.Fatalf("got %v, want %q", err, errors.OrganizationNotEmpty)
	}
	srv.RemoveProjects(acme)
	if err := c.DeleteOrganization(t.Context(), acme); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{acme}, srv.Deleted()); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
}

func TestCheckDeletionSaysWhatDeletionWouldSay(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(*atlastest.Server)
		want    errors.Code
	}{
		"nothing in the way": {func(*atlastest.Server) {}, ""},
		"projects":           {func(srv *atlastest.Server) { srv.AddProject(acme, atlastest.Project{ID: shop}) }, errors.OrganizationNotEmpty},
		"a failed payment": {func(srv *atlastest.Server) {
			srv.RemoveOrganization(acme)
			srv.AddOrganization(atlastest.Organization{ID: acme, FailedPayments: true})
		}, errors.PaymentRequired},
		"not there": {func(srv *atlastest.Server) { srv.RemoveOrganization(acme) }, errors.OrganizationNotFound},
		"deleted, but found": {func(srv *atlastest.Server) {
			srv.RemoveOrganization(acme)
			srv.AddOrganization(atlastest.Organization{ID: acme, Lingers: true})
			srv.RemoveOrganization(acme)
		}, errors.OrganizationNotFound},
		"an address that is not listed": {func(srv *atlastest.Server) { srv.RefuseAddress(true) }, errors.UnauthorizedNetworkForAPIToken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := atlastest.NewServer()
			srv.AddOrganization(atlastest.Organization{ID: acme})
			test.prepare(srv)
			c := newClient(t, srv)
			check := c.CheckDeletion(t.Context(), acme)
			if n := srv.Count("DeleteOrganization"); n != 0 {
				t.Errorf("%d deletions were sent", n)
			}
			deletion := c.DeleteOrganization(t.Context(), acme)
			for what, err := range map[string]error{"check": check, "deletion": deletion} {
				if got := code(t, err); got != test.want {
					t.Errorf("%s: got %v, want code %q", what, err, test.want)
				}
			}
		})
	}
}

func TestCheckDeletionNamesEachProject(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme})
	srv.AddProject(acme, atlastest.Project{ID: shop, Name: "shop", Clusters: 3})
	srv.AddProject(acme, atlastest.Project{ID: other, Name: "blog"})
	err := newClient(t, srv).CheckDeletion(t.Context(), acme)
	e, _ := errors.AsType[*errors.Error](err)
	if e == nil || e.Operation != "CheckDeletion" || e.Target != acme {
		t.Fatalf("got %v, want an error of CheckDeletion", err)
	}
	want := []errors.Step{
		{Name: "project", Description: "shop (" + shop + "), clusters: 3"},
		{Name: "project", Description: "blog (" + other + "), clusters: 0"},
	}
	if diff := cmp.Diff(want, e.Steps); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	// Who may not see invoices is told of the rest.
	srv.Fail(offboardtest.Respond("ListInvoicesPage", 403, `{"errorCode":"ACCESS_FORBIDDEN"}`))
	if err := newClient(t, srv).CheckDeletion(t.Context(), acme); !errors.Is(err, errors.OrganizationNotEmpty) {
		t.Errorf("got %v although the invoices could not be read, want %q", err, errors.OrganizationNotEmpty)
	}
	srv.Fail(offboardtest.Respond("ListProjectsPage", 403, `{"errorCode":"ACCESS_FORBIDDEN"}`))
	if err := newClient(t, srv).CheckDeletion(t.Context(), acme); !errors.Is(err, errors.PermissionDenied) {
		t.Errorf("got %v although the projects could not be read, want %q", err, errors.PermissionDenied)
	}
}

func TestCheckDeletionNamesEachFailedInvoice(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme, FailedPayments: true})
	e, _ := errors.AsType[*errors.Error](newClient(t, srv).CheckDeletion(t.Context(), acme))
	want := []errors.Step{{Name: "failed_invoice", Description: "313565326630303030303030, unpaid: USD 42.00"}}
	if e == nil || !cmp.Equal(want, e.Steps) {
		t.Errorf("got %+v, want the steps %v", e, want)
	}
}

func TestAnOrganizationThatIsFoundAsDeletedIsGone(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme, Lingers: true})
	srv.Fail(offboardtest.LoseResponse("DeleteOrganization"))
	if err := atlas.DeleteOrganization(t.Context(), acme, srv.Option()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"DeleteOrganization", "GetOrganization"}, requests(srv)); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// always is a fault that all requests have: reads that are refused by a page are tried
// again.
func always(f offboardtest.Fault) offboardtest.Fault {
	f.Times = 100
	return f
}

func TestWhatAReadDoesNotTellStaysUnknown(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]offboardtest.Fault{
		"another organization": offboardtest.Respond("GetOrganization", 200, `{"id":"`+other+`","name":"Other"}`),
		"one without id":       offboardtest.Respond("GetOrganization", 200, `{"name":"Acme"}`),
		"a 404 without a code": offboardtest.Respond("GetOrganization", 404, `{"error":404,"reason":"Not Found"}`),
		"a malformed id":       offboardtest.Respond("GetOrganization", 404, `{"error":404,"errorCode":"INVALID_ORG_ID"}`),
		"not one of Atlas":     offboardtest.Respond("GetOrganization", 404, `{"error":404,"errorCode":"NOT_ATLAS_ORG"}`),
		"another thing":        offboardtest.Respond("GetOrganization", 404, `{"error":404,"errorCode":"GROUP_NOT_FOUND"}`),
		"no access":            offboardtest.Respond("GetOrganization", 401, `{"error":401,"errorCode":"USER_CANNOT_ACCESS_ORG"}`),
		"a 401":                offboardtest.Respond("GetOrganization", 401, `{"error":401,"reason":"Unauthorized"}`),
		"a 403":                always(offboardtest.HTMLResponse("GetOrganization", 403)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := atlastest.NewServer()
			srv.AddOrganization(atlastest.Organization{ID: acme})
			srv.Fail(offboardtest.LoseRequest("DeleteOrganization"), answer)
			err := atlas.DeleteOrganization(t.Context(), acme, srv.Option())
			if got := code(t, err); got != errors.OutcomeUnknown {
				t.Errorf("got %v, want %q", err, errors.OutcomeUnknown)
			}
			if n := srv.Count("DeleteOrganization"); n != 1 {
				t.Errorf("%d deletions were sent, want 1", n)
			}
		})
	}
	for _, errorCode := range []string{"ORG_NOT_FOUND", "RESOURCE_NOT_FOUND"} {
		t.Run(errorCode+" does tell", func(t *testing.T) {
			t.Parallel()
			srv := atlastest.NewServer()
			srv.AddOrganization(atlastest.Organization{ID: acme})
			srv.Fail(offboardtest.LoseResponse("DeleteOrganization"),
				offboardtest.Respond("GetOrganization", 404, `{"error":404,"errorCode":"`+errorCode+`"}`))
			if err := atlas.DeleteOrganization(t.Context(), acme, srv.Option()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAnUpgradeIsWaitedForWithoutARead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := atlastest.NewServer()
		srv.AddOrganization(atlastest.Organization{ID: acme})
		upgrade := offboardtest.Respond("DeleteOrganization", 405, `{"error":405,"errorCode":"WRITES_NOT_ALLOWED_DURING_APP_UPGRADES"}`)
		upgrade.Times = 2
		srv.Fail(upgrade)
		if err := atlas.DeleteOrganization(t.Context(), acme, srv.Option()); err != nil {
			t.Fatal(err)
		}
		want := []string{"DeleteOrganization", "DeleteOrganization", "DeleteOrganization"}
		if diff := cmp.Diff(want, requests(srv)); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	})
}

func TestWhatIsNotFoundDependsOnWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	c := newClient(t, srv)
	answer := offboardtest.Respond("", 404, `{"error":404,"errorCode":"RESOURCE_NOT_FOUND"}`)
	answer.Times = 3
	srv.Fail(answer)
	_, err := c.GetOrganization(t.Context(), acme)
	if got := code(t, err); got != errors.OrganizationNotFound {
		t.Errorf("got %v of an organization, want %q", err, errors.OrganizationNotFound)
	}
	err = c.DeleteOrganization(t.Context(), acme)
	if got := code(t, err); got != errors.OrganizationNotFound {
		t.Errorf("got %v of a deletion, want %q", err, errors.OrganizationNotFound)
	}
	_, err = c.ListProjectsPage(t.Context(), acme, atlas.ListProjectsPageOptions{})
	if got := code(t, err); got != errors.NotFound {
		t.Errorf("got %v of projects, want %q", err, errors.NotFound)
	}
}

func TestTheBucketIsWaitedForAndOthersAreNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := atlastest.NewServer()
		srv.LimitRate("DeleteOrganization", 10, 5, time.Minute)
		c := newClient(t, srv)
		start := time.Now()
		for i := range 20 {
			id := fmt.Sprintf("5e2f0000000000000000%04d", i)
			srv.AddOrganization(atlastest.Organization{ID: id})
			if i == 10 {
				// The bucket of deletions is empty, and that of reads is another one.
				time.AfterFunc(time.Second, func() {
					asked := time.Now()
					if _, err := c.GetOrganization(t.Context(), id); err != nil || time.Since(asked) != 0 {
						t.Errorf("got %v after %v, want an answer at once", err, time.Since(asked))
					}
				})
			}
			if err := c.DeleteOrganization(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 2*time.Minute {
			t.Errorf("took %v, want 2 minutes: two fillings", took)
		}
		if n := len(srv.Deleted()); n != 20 {
			t.Errorf("%d organizations were deleted, want 20", n)
		}
		if n := srv.Count("DeleteOrganization"); n > 22 {
			t.Errorf("%d deletions were sent, want one refusal a filling at most", n)
		}
	})
}

func TestNoMoreRequestsAreUnderWayThanTheBucketHolds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := atlastest.NewServer()
		srv.AddOrganization(atlastest.Organization{ID: acme})
		srv.LimitRate("GetOrganization", 70, 70, time.Minute)
		c := newClient(t, srv)
		for range 64 { // after which many are sent at a time
			if _, err := c.GetOrganization(t.Context(), acme); err != nil {
				t.Fatal(err)
			}
		}
		srv.Fail(offboardtest.Fault{Delay: time.Second, Times: 100})
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				if _, err := c.GetOrganization(t.Context(), acme); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if n := srv.Count("GetOrganization"); n != 64+20+1 {
			t.Errorf("%d requests were sent, want 84 and one that was refused", n)
		}
	})
}

func TestNew_InvalidOptions(t *testing.T) {
	t.Parallel()
	account, key := atlas.WithServiceAccount("id", "secret"), atlas.WithAPIKey("public", "secret")
	for name, options := range map[string][]atlas.Option{
		"no credential":               nil,
		"two credentials":             {account, key},
		"the same credential twice":   {key, key},
		"an empty client id":          {atlas.WithServiceAccount("", "secret")},
		"an empty client secret":      {atlas.WithServiceAccount("id", "")},
		"a client secret with a line": {atlas.WithServiceAccount("id", "secret\n")},
		"an empty public key":         {atlas.WithAPIKey("", "secret")},
		"an empty private key":        {atlas.WithAPIKey("public", "")},
		"a private key with a space":  {atlas.WithAPIKey("public", "secret ")},
		"no HTTP client":              {key, atlas.WithHTTPClient(nil)},
		"a base URL without host":     {key, atlas.WithBaseURL("https:///")},
		"a base URL of a file":        {key, atlas.WithBaseURL("file:///api")},
		"a relative base URL":         {key, atlas.WithBaseURL("/api/atlas/v2")},
		"a base URL with a query":     {account, atlas.WithBaseURL("https://atlas.invalid/?a=b")},
		"a base URL with a user":      {account, atlas.WithBaseURL("https://u:secret@atlas.invalid")},
		"a base URL that is none":     {account, atlas.WithBaseURL("https://u:secret@%zz")},
		"no attempt":                  {key, atlas.WithRetry(atlas.Retry{MaxAttempts: -1, MaxWait: time.Second})},
		"a negative wait":             {key, atlas.WithRetry(atlas.Retry{MaxAttempts: 1, MaxWait: -time.Second})},
		"two client ids":              {key, atlas.WithClientID("mdb_sa_id_1")},
		"no token source":             {atlas.WithTokenSource(nil)},
		"no rate":                     {key, atlas.WithRateLimit(atlas.RateLimit{PerSecond: 0, Burst: 1})},
		"no burst":                    {key, atlas.WithRateLimit(atlas.RateLimit{PerSecond: 1, Burst: 0})},
		"a user agent with lines":     {key, atlas.WithUserAgent("a\r\nX-Evil: 1")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := atlas.New(options...)
			if got := code(t, err); got != errors.InvalidArgument {
				t.Fatalf("got %v, want %q", err, errors.InvalidArgument)
			}
			if text := strings.ReplaceAll(err.Error(), "client secret", ""); len(text) > 120 || strings.Contains(text, "secret") {
				t.Errorf("got %q", text)
			}
		})
	}
}

func TestFromEnv_NotReadByDefault(t *testing.T) {
	const id, secret = "MONGODB_ATLAS_CLIENT_ID", "MONGODB_ATLAS_CLIENT_SECRET"
	const public, private = "MONGODB_ATLAS_PUBLIC_KEY", "MONGODB_ATLAS_PRIVATE_KEY"
	for name, test := range map[string]struct {
		env  map[string]string
		want string // the scheme of the credential
		lack string // the variable that an error names
	}{
		"a service account":      {map[string]string{id: atlastest.ClientID, secret: atlastest.ClientSecret}, "Bearer", ""},
		"an API key":             {map[string]string{public: atlastest.PublicKey, private: atlastest.PrivateKey}, "Digest", ""},
		"both":                   {map[string]string{id: atlastest.ClientID, secret: atlastest.ClientSecret, public: "a", private: "b"}, "Bearer", ""},
		"a client id only":       {map[string]string{id: "a"}, "", secret},
		"a client secret only":   {map[string]string{secret: "a"}, "", id},
		"a public key only":      {map[string]string{public: "a"}, "", private},
		"a private key only":     {map[string]string{private: "a"}, "", public},
		"half of the first pair": {map[string]string{id: "a", public: "a", private: "b"}, "", secret},
	} {
		t.Run(name, func(t *testing.T) {
			for _, variable := range []string{id, secret, public, private} {
				t.Setenv(variable, test.env[variable])
			}
			t.Setenv("MONGODB_ATLAS_BASE_URL", offboardtest.InMemory+"/")
			if _, err := atlas.New(); !errors.Is(err, errors.InvalidArgument) {
				t.Errorf("got %v without FromEnv, want %q", err, errors.InvalidArgument)
			}
			srv := atlastest.NewServer()
			seen := &hosts{next: srv}
			c, err := atlas.New(atlas.FromEnv(), atlas.WithHTTPClient(&http.Client{Transport: seen}))
			if test.want == "" {
				if !errors.Is(err, errors.InvalidArgument) || !strings.HasSuffix(err.Error(), ": "+test.lack+" is not set") {
					t.Errorf("got %v, want one that names %s", err, test.lack)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			gather(t, c.ListOrganizations(t.Context(), atlas.ListOrganizationsPageOptions{}))
			requests := srv.Requests()
			if got := requests[len(requests)-1].Header.Get("Authorization"); !strings.HasPrefix(got, test.want+" ") {
				t.Errorf("got Authorization %q, want %s", got, test.want)
			}
			for _, url := range seen.urls {
				if !strings.HasPrefix(url, offboardtest.InMemory+"/api/") {
					t.Errorf("a request was sent to %s", url)
				}
			}
		})
	}
}

func TestTheEnvironmentMayHaveNoCredential(t *testing.T) {
	for _, variable := range []string{"CLIENT_ID", "CLIENT_SECRET", "PUBLIC_KEY", "PRIVATE_KEY", "BASE_URL"} {
		t.Setenv("MONGODB_ATLAS_"+variable, "")
	}
	_, err := atlas.New(atlas.FromEnv())
	if got := code(t, err); got != errors.InvalidArgument || !strings.Contains(err.Error(), "MONGODB_ATLAS_CLIENT_ID nor MONGODB_ATLAS_PUBLIC_KEY") {
		t.Errorf("got %v, want one that names both", err)
	}
}

func TestServer_Start(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme})
	srv.AddOrganization(atlastest.Organization{ID: other})
	srv.Start()
	defer srv.Close()
	if err := atlas.DeleteOrganization(t.Context(), acme, srv.Option()); err != nil {
		t.Fatal(err)
	}
	c := as(t, srv, atlas.WithAPIKey(atlastest.PublicKey, atlastest.PrivateKey))
	if err := c.DeleteOrganization(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{acme, other}, srv.Deleted()); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
}
