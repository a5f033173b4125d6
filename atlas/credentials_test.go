package atlas_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

// own are the kinds of credentials, as ones of an organization itself.
var own = map[string]func(*atlastest.Server) atlas.Option{
	"service account": func(srv *atlastest.Server) atlas.Option {
		srv.AddServiceAccount(atlastest.Credential{ID: "mdb_sa_id_" + acme, Secret: "own-secret", Organization: acme})
		return atlas.WithServiceAccount("mdb_sa_id_"+acme, "own-secret")
	},
	"API key": func(srv *atlastest.Server) atlas.Option {
		srv.AddAPIKey(atlastest.Credential{ID: "acmeacme", Secret: "own-secret", Organization: acme})
		return atlas.WithAPIKey("acmeacme", "own-secret")
	},
}

func TestACredentialThatEndsWithItsOrganizationLeavesALostAnswerUnknown(t *testing.T) {
	t.Parallel()
	for name, credential := range own {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := atlastest.NewServer()
			srv.AddOrganization(atlastest.Organization{ID: acme})
			c := as(t, srv, credential(srv))
			if _, err := c.GetOrganization(t.Context(), acme); err != nil {
				t.Fatal(err)
			}
			srv.Fail(offboardtest.LoseResponse("DeleteOrganization"))
			err := c.DeleteOrganization(t.Context(), acme)
			if got := code(t, err); got != errors.OutcomeUnknown || errors.Retryable(err) {
				t.Errorf("got %v, want %q", err, errors.OutcomeUnknown)
			}
			if srv.Exists(acme) || srv.Count("DeleteOrganization") != 1 {
				t.Errorf("%d deletions were sent; still there: %t", srv.Count("DeleteOrganization"), srv.Exists(acme))
			}
		})
	}
}

// The first deletion fails with 503, and a read shows that the organization is
// still there. Before the second one somebody else deletes it.
func TestARepeatedDeletionThatFindsNothing(t *testing.T) {
	t.Parallel()
	unavailable := offboardtest.HTMLResponse("DeleteOrganization", 503)
	unavailable.Header.Set("Retry-After", "10")
	meanwhile := func(t *testing.T, srv *atlastest.Server, c *atlas.Client) error {
		srv.Fail(unavailable)
		time.AfterFunc(5*time.Second, func() { srv.RemoveOrganization(acme) })
		return c.DeleteOrganization(t.Context(), acme)
	}
	for name, credential := range own {
		t.Run("is of unknown outcome with a "+name+" of the organization", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := atlastest.NewServer()
				srv.AddOrganization(atlastest.Organization{ID: acme})
				err := meanwhile(t, srv, as(t, srv, credential(srv)))
				if got := code(t, err); got != errors.OutcomeUnknown {
					t.Errorf("got %v, want %q", err, errors.OutcomeUnknown)
				}
				if cause, _ := errors.AsType[*errors.Error](causeOf(err)); cause == nil || cause.Code != errors.Unauthenticated {
					t.Errorf("got cause %v, want %q", cause, errors.Unauthenticated)
				}
			})
		})
	}
	t.Run("is a success with a credential that is told so", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			srv := atlastest.NewServer()
			srv.AddOrganization(atlastest.Organization{ID: acme})
			if err := meanwhile(t, srv, newClient(t, srv)); err != nil {
				t.Error(err)
			}
		})
	})
}

func TestACredentialOfAnotherOrganizationIsNotAccepted(t *testing.T) {
	t.Parallel()
	for name, credential := range own {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := atlastest.NewServer()
			srv.AddOrganization(atlastest.Organization{ID: other})
			err := as(t, srv, credential(srv)).DeleteOrganization(t.Context(), other)
			if got := code(t, err); got != errors.Unauthenticated {
				t.Errorf("got %v, want %q", err, errors.Unauthenticated)
			}
			if !srv.Exists(other) {
				t.Error("the organization is gone")
			}
		})
	}
}

func TestAMissingRoleIsAMatterOfPermission(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme})
	srv.AddAPIKey(atlastest.Credential{ID: "member", Secret: "member-secret", Member: true})
	c := as(t, srv, atlas.WithAPIKey("member", "member-secret"))
	err := c.DeleteOrganization(t.Context(), acme)
	e, _ := errors.AsType[*errors.Error](err)
	if e == nil || e.Code != errors.PermissionDenied || e.Status != 401 || e.ProviderCode != "NOT_ORG_OWNER" {
		t.Fatalf("got %v, want %q with status 401", err, errors.PermissionDenied)
	}
	want := atlas.ErrorDetail{Reason: "Unauthorized", Parameters: []any{acme}}
	if diff := cmp.Diff(want, e.Detail); diff != "" {
		t.Errorf("detail (-want +got):\n%s", diff)
	}
	if err := c.CheckDeletion(t.Context(), acme); err != nil {
		t.Errorf("got %v from a check, which a member may make", err)
	}
}

func TestATokenIsFetchedOnceForAllCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := atlastest.NewServer()
		srv.AddServiceAccount(atlastest.Credential{ID: "id:1", Secret: "s3cret/+"})
		srv.AddOrganization(atlastest.Organization{ID: acme})
		c := as(t, srv, atlas.WithServiceAccount("id:1", "s3cret/+"))
		read := func() {
			t.Helper()
			if _, err := c.GetOrganization(t.Context(), acme); err != nil {
				t.Fatal(err)
			}
		}
		for range 20 {
			read()
		}
		if n := srv.Count("RequestToken"); n != 1 {
			t.Errorf("%d tokens were asked for, want 1", n)
		}
		r := srv.Requests()[0]
		if r.Method != "POST" || r.Path != "/api/oauth/token" || string(r.Body) != "grant_type=client_credentials" {
			t.Errorf("got %s %s with body %q", r.Method, r.Path, r.Body)
		}
		// RFC 6749, section 2.3.1: both are form-encoded before they are joined.
		basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("id%3A1:s3cret%2F%2B"))
		if got := r.Header.Get("Authorization"); got != basic {
			t.Errorf("got Authorization %q, want %q", got, basic)
		}
		time.Sleep(time.Hour - time.Second) // too short for the life that is left
		read()
		if n := srv.Count("RequestToken"); n != 2 {
			t.Errorf("%d tokens were asked for in an hour, want 2", n)
		}
		time.Sleep(2 * time.Second)
		old := newClient(t, srv, atlas.WithHTTPClient(&http.Client{
			Transport: changed{srv, "Authorization", "Bearer atlastest-token-1"},
		}))
		if _, err := old.GetOrganization(t.Context(), acme); !errors.Is(err, errors.Unauthenticated) {
			t.Errorf("got %v with a token that has ended, want %q", err, errors.Unauthenticated)
		}
		srv.EndTokens()
		read()
		if n := srv.Count("RequestToken"); n != 3 {
			t.Errorf("%d tokens were asked for after one was refused, want 3", n)
		}
	})
}

// hosts records where requests go.
type hosts struct {
	next http.RoundTripper
	urls []string
}

func (h *hosts) RoundTrip(req *http.Request) (*http.Response, error) {
	h.urls = append(h.urls, req.URL.String())
	return h.next.RoundTrip(req)
}

func TestTheSecretGoesToTheBaseURLWhateverTheOrderOfOptions(t *testing.T) {
	t.Parallel()
	account := atlas.WithServiceAccount(atlastest.ClientID, atlastest.ClientSecret)
	base := atlas.WithBaseURL(offboardtest.InMemory + "/")
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme})
	for name, options := range map[string][]atlas.Option{
		"base URL first":        {base, account},
		"service account first": {account, base},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := &hosts{next: srv}
			c, err := atlas.New(append(options, atlas.WithHTTPClient(&http.Client{Transport: seen}))...)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.GetOrganization(t.Context(), acme); err != nil {
				t.Fatal(err)
			}
			want := []string{
				offboardtest.InMemory + "/api/oauth/token",
				offboardtest.InMemory + "/api/atlas/v2/orgs/" + acme,
			}
			if diff := cmp.Diff(want, seen.urls); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheLimitOfTheTokenEndpointIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := atlastest.NewServer()
		srv.AddOrganization(atlastest.Organization{ID: acme})
		read := func(options ...atlas.Option) error {
			account := atlas.WithServiceAccount(atlastest.ClientID, atlastest.ClientSecret)
			_, err := as(t, srv, account, options...).GetOrganization(t.Context(), acme)
			return err
		}
		for range 10 {
			if err := read(); err != nil {
				t.Fatal(err)
			}
		}
		err := read(atlas.WithRetry(atlas.Retry{MaxAttempts: 1, MaxWait: time.Minute}))
		e, _ := errors.AsType[*errors.Error](err)
		if e == nil || e.Code != errors.RateLimitReached || e.RetryAfter != time.Minute || e.Status != 0 || e.Attempts != 0 {
			t.Fatalf("got %v, want %q of a call that was not sent", err, errors.RateLimitReached)
		}
		if cause, _ := errors.AsType[*errors.Error](e.Err); cause == nil || cause.Status != 429 || cause.ProviderCode != "RATE_LIMITED" {
			t.Errorf("got cause %v, want status 429", e.Err)
		}
		start := time.Now()
		if err := read(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != time.Minute {
			t.Errorf("took %v, want a minute", took)
		}
		srv.LimitTokens(100)
		for range 20 {
			if err := read(); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != time.Minute {
			t.Errorf("took %v, want no more time with a higher limit", took)
		}
	})
}

func TestAServiceAccountThatIsNotAcceptedIsNotAuthenticated(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	err := as(t, srv, atlas.WithServiceAccount(atlastest.ClientID, "guessed")).DeleteOrganization(t.Context(), acme)
	e, _ := errors.AsType[*errors.Error](err)
	if e == nil || e.Code != errors.Unauthenticated || e.Status != 0 {
		t.Fatalf("got %v, want %q of a call that was not sent", err, errors.Unauthenticated)
	}
	if cause, _ := errors.AsType[*errors.Error](e.Err); cause == nil || cause.Status != 401 || cause.ProviderCode != "invalid_client" {
		t.Errorf("got cause %v, want invalid_client", e.Err)
	}
	if diff := cmp.Diff([]string{"RequestToken"}, requests(srv)); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestAChallengeIsAnsweredForAllCalls(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme})
	c := as(t, srv, atlas.WithAPIKey(atlastest.PublicKey, atlastest.PrivateKey))
	read := func() {
		t.Helper()
		if _, err := c.GetOrganization(t.Context(), acme); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 {
		read()
	}
	if n := srv.Count("GetOrganization"); n != 11 {
		t.Errorf("%d requests for 10 calls, want one more for the challenge", n)
	}
	srv.EndNonces()
	read()
	if n := srv.Count("GetOrganization"); n != 13 {
		t.Errorf("%d requests for 11 calls, want another challenge", n)
	}
	if err := c.DeleteOrganization(t.Context(), acme); err != nil {
		t.Fatal(err)
	}
	if n := srv.Count("DeleteOrganization"); n != 1 {
		t.Errorf("%d deletions were sent, want 1", n)
	}
}

func TestAnAPIKeyThatIsNotAcceptedIsNotAuthenticated(t *testing.T) {
	t.Parallel()
	for name, credential := range map[string]atlas.Option{
		"a guessed private key": atlas.WithAPIKey(atlastest.PublicKey, "guessed"),
		"an unknown public key": atlas.WithAPIKey("unknown", atlastest.PrivateKey),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := atlastest.NewServer()
			srv.AddOrganization(atlastest.Organization{ID: acme})
			err := as(t, srv, credential).DeleteOrganization(t.Context(), acme)
			if got := code(t, err); got != errors.Unauthenticated {
				t.Errorf("got %v, want %q", err, errors.Unauthenticated)
			}
			if n := srv.Count("DeleteOrganization"); n != 2 || !srv.Exists(acme) {
				t.Errorf("%d requests, want 2; still there: %t", n, srv.Exists(acme))
			}
		})
	}
}

func TestTheDoubleTakesACredentialOnceAndForItsRequestOnly(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme})
	c := as(t, srv, atlas.WithAPIKey(atlastest.PublicKey, atlastest.PrivateKey), atlas.WithRetry(atlas.Retry{MaxAttempts: 1, MaxWait: time.Minute}))
	if _, err := c.GetOrganization(t.Context(), acme); err != nil {
		t.Fatal(err)
	}
	srv.Fail(offboardtest.LoseRequest("GetOrganization"))
	_, _ = c.GetOrganization(t.Context(), acme)
	requests := srv.Requests() // to the challenge, answered, lost
	const path = "/api/atlas/v2/orgs/" + acme
	for _, test := range []struct {
		name, path string
		from       offboardtest.Request
		challenge  string // how it ends; "": there is none
	}{
		{"taken before", path, requests[1], "stale=false"},
		{"for another path", path + "/groups", requests[2], "stale=false"},
		{"for this path", path, requests[2], ""},
		{"for this path, once more", path, requests[2], "stale=false"},
		{"with a challenge that has ended", path, requests[2], "stale=true"},
	} {
		if test.challenge == "stale=true" {
			srv.EndNonces()
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, offboardtest.InMemory+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = test.from.Header
		resp, err := srv.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_, challenge, _ := strings.Cut(resp.Header.Get("WWW-Authenticate"), `qop="auth", `)
		if challenge != test.challenge || (resp.StatusCode == 200) != (test.challenge == "") {
			t.Errorf("%s: got %d with %q, want %q", test.name, resp.StatusCode, challenge, test.challenge)
		}
	}
}

func TestAnAnswerThatRepeatsTheTokenDoesNotShowIt(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.Fail(offboardtest.Respond("DeleteOrganization", 403,
		`{"error":403,"errorCode":"ACCESS_FORBIDDEN","detail":"not with atlastest-token-1","parameters":["atlastest-token-1"]}`))
	account := atlas.WithServiceAccount(atlastest.ClientID, atlastest.ClientSecret)
	err := as(t, srv, account).DeleteOrganization(t.Context(), acme)
	e, _ := errors.AsType[*errors.Error](err)
	if e == nil || e.Code != errors.PermissionDenied {
		t.Fatalf("got %v, want %q", err, errors.PermissionDenied)
	}
	if got := srv.Requests()[1].Header.Get("Authorization"); got != "Bearer atlastest-token-1" {
		t.Fatalf("got Authorization %q", got)
	}
	want := atlas.ErrorDetail{Parameters: []any{"[redacted]"}}
	if diff := cmp.Diff(want, e.Detail); diff != "" || e.Message != "not with [redacted]" {
		t.Errorf("got message %q, detail (-want +got):\n%s", e.Message, diff)
	}
}

func TestAMissingRoleIsNotSoughtInANewToken(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme})
	srv.AddServiceAccount(atlastest.Credential{ID: "member", Secret: "member-secret", Member: true})
	err := as(t, srv, atlas.WithServiceAccount("member", "member-secret")).DeleteOrganization(t.Context(), acme)
	if got := code(t, err); got != errors.PermissionDenied {
		t.Errorf("got %v, want %q", err, errors.PermissionDenied)
	}
	if diff := cmp.Diff([]string{"RequestToken", "DeleteOrganization"}, requests(srv)); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// causeOf returns the whole cause of an error.
func causeOf(err error) error {
	e, _ := errors.AsType[*errors.Error](err)
	if e == nil {
		return nil
	}
	return e.Err
}
