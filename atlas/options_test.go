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
	"github.com/offboard-dev/offboard-go/internal/suite/pipelinesuite"
	"github.com/offboard-dev/offboard-go/observe"
	"github.com/offboard-dev/offboard-go/offboardtest"
)

func TestNew_InvalidOptions(t *testing.T) {
	t.Parallel()
	account, key := atlas.WithServiceAccount("id", "secret"), atlas.WithAPIKey("public", "secret")
	for name, options := range map[string][]atlas.Option{
		"no credential":               nil,
		"two credentials":             {account, key},
		"the same credential twice":   {key, key},
		"an empty client ID":          {atlas.WithServiceAccount("", "secret")},
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
		"an invalid base URL":         {account, atlas.WithBaseURL("https://u:secret@%zz")},
		"no attempt":                  {key, atlas.WithRetry(atlas.Retry{MaxAttempts: -1, MaxWait: time.Second})},
		"a negative wait":             {key, atlas.WithRetry(atlas.Retry{MaxAttempts: 1, MaxWait: -time.Second})},
		"two client IDs":              {key, atlas.WithClientID("mdb_sa_id_1")},
		"no token source":             {atlas.WithTokenSource(nil)},
		"no rate":                     {key, atlas.WithRateLimit(atlas.RateLimit{PerSecond: 0, Burst: 1})},
		"no burst":                    {key, atlas.WithRateLimit(atlas.RateLimit{PerSecond: 1, Burst: 0})},
		"no limiter":                  {key, atlas.WithLimiter(nil)},
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

func TestWithServiceAccount_TokenShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := atlastest.NewServer()
		srv.AddServiceAccount(atlastest.Credential{ID: "id:1", Secret: "s3cret/+"})
		srv.AddOrganization(atlastest.Organization{ID: acme})
		c := newClientAs(t, srv, atlas.WithServiceAccount("id:1", "s3cret/+"))
		read := func() {
			t.Helper()
			if _, err := c.GetOrganization(t.Context(), acme); err != nil {
				t.Fatal(err)
			}
		}
		for range 20 {
			read()
		}
		if n := srv.Count(atlastest.TokenRequest); n != 1 {
			t.Errorf("%d tokens were requested, want 1", n)
		}
		r := srv.Requests()[0]
		if r.Method != "POST" || r.Path != "/api/oauth/token" || string(r.Body) != "grant_type=client_credentials" {
			t.Errorf("got %s %s with body %q", r.Method, r.Path, r.Body)
		}
		// RFC 6749, section 2.3.1: both are form-encoded and then joined.
		basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("id%3A1:s3cret%2F%2B"))
		if got := r.Header.Get("Authorization"); got != basic {
			t.Errorf("got Authorization %q, want %q", got, basic)
		}
		time.Sleep(time.Hour - time.Second) // less than the remaining lifetime
		read()
		if n := srv.Count(atlastest.TokenRequest); n != 2 {
			t.Errorf("%d tokens were requested in an hour, want 2", n)
		}
		time.Sleep(2 * time.Second)
		old := newClient(t, srv, atlas.WithHTTPClient(&http.Client{
			Transport: headerTransport{srv, "Authorization", "Bearer atlastest-token-1"},
		}))
		if _, err := old.GetOrganization(t.Context(), acme); !errors.Is(err, errors.Unauthenticated) {
			t.Errorf("got %v with an expired token, want %q", err, errors.Unauthenticated)
		}
		srv.EndTokens()
		read()
		if n := srv.Count(atlastest.TokenRequest); n != 3 {
			t.Errorf("%d tokens were requested after a refusal, want 3", n)
		}
	})
}

// The context of a request for a token has an operation of its own.
func TestWithServiceAccount_TokenRequestContext(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme})
	var got []observe.Request
	named := roundTripper(func(req *http.Request) (*http.Response, error) {
		request, _ := observe.FromContext(req.Context())
		got = append(got, request)
		return srv.RoundTrip(req)
	})
	c := newClientAs(t, srv, atlas.WithServiceAccount(atlastest.ClientID, atlastest.ClientSecret), atlas.WithHTTPClient(&http.Client{Transport: named}))
	if _, err := c.GetOrganization(t.Context(), acme); err != nil {
		t.Fatal(err)
	}
	want := []observe.Request{
		{Call: observe.Call{Provider: "atlas", Operation: "token request"}, Attempt: 1},
		{Call: observe.Call{Provider: "atlas", Operation: "GetOrganization"}, Attempt: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestWithServiceAccount_BaseURLOptionOrder(t *testing.T) {
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
			seen := &hostRecorder{next: srv}
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

// hostRecorder records the hosts of requests.
type hostRecorder struct {
	next http.RoundTripper
	urls []string
}

func (h *hostRecorder) RoundTrip(req *http.Request) (*http.Response, error) {
	h.urls = append(h.urls, req.URL.String())
	return h.next.RoundTrip(req)
}

func TestWithServiceAccount_TokenRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := atlastest.NewServer()
		srv.AddOrganization(atlastest.Organization{ID: acme})
		read := func(options ...atlas.Option) error {
			account := atlas.WithServiceAccount(atlastest.ClientID, atlastest.ClientSecret)
			_, err := newClientAs(t, srv, account, options...).GetOrganization(t.Context(), acme)
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
			t.Fatalf("got %v, want %q for an unsent call", err, errors.RateLimitReached)
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
			t.Errorf("took %v, want no wait with a higher limit", took)
		}
	})
}

func TestWithServiceAccount_Refused(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	err := newClientAs(t, srv, atlas.WithServiceAccount(atlastest.ClientID, "guessed")).DeleteOrganization(t.Context(), acme)
	e, _ := errors.AsType[*errors.Error](err)
	if e == nil || e.Code != errors.Unauthenticated || e.Status != 0 {
		t.Fatalf("got %v, want %q for an unsent call", err, errors.Unauthenticated)
	}
	if cause, _ := errors.AsType[*errors.Error](e.Err); cause == nil || cause.Status != 401 || cause.ProviderCode != "invalid_client" {
		t.Errorf("got cause %v, want invalid_client", e.Err)
	}
	if diff := cmp.Diff([]string{atlastest.TokenRequest}, requests(srv)); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestWithServiceAccount_TokenInAnswer(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.Fail(offboardtest.Respond("DeleteOrganization", 403,
		`{"error":403,"errorCode":"ACCESS_FORBIDDEN","detail":"not with atlastest-token-1","parameters":["atlastest-token-1"]}`))
	account := atlas.WithServiceAccount(atlastest.ClientID, atlastest.ClientSecret)
	err := newClientAs(t, srv, account).DeleteOrganization(t.Context(), acme)
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

func TestWithServiceAccount_MissingRole(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme})
	srv.AddServiceAccount(atlastest.Credential{ID: "member", Secret: "member-secret", Member: true})
	err := newClientAs(t, srv, atlas.WithServiceAccount("member", "member-secret")).DeleteOrganization(t.Context(), acme)
	if got := code(t, err); got != errors.PermissionDenied {
		t.Errorf("got %v, want %q", err, errors.PermissionDenied)
	}
	if diff := cmp.Diff([]string{atlastest.TokenRequest, "DeleteOrganization"}, requests(srv)); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestWithAPIKey_ChallengeShared(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme})
	c := newClientAs(t, srv, atlas.WithAPIKey(atlastest.PublicKey, atlastest.PrivateKey))
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

func TestWithAPIKey_Refused(t *testing.T) {
	t.Parallel()
	for name, credential := range map[string]atlas.Option{
		"a guessed private key": atlas.WithAPIKey(atlastest.PublicKey, "guessed"),
		"an unknown public key": atlas.WithAPIKey("unknown", atlastest.PrivateKey),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := atlastest.NewServer()
			srv.AddOrganization(atlastest.Organization{ID: acme})
			err := newClientAs(t, srv, credential).DeleteOrganization(t.Context(), acme)
			if got := code(t, err); got != errors.Unauthenticated {
				t.Errorf("got %v, want %q", err, errors.Unauthenticated)
			}
			if n := srv.Count("DeleteOrganization"); n != 2 || !srv.Exists(acme) {
				t.Errorf("%d requests, want 2; exists: %t", n, srv.Exists(acme))
			}
		})
	}
}

func TestServer_DigestReplay(t *testing.T) {
	t.Parallel()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: acme})
	c := newClientAs(t, srv, atlas.WithAPIKey(atlastest.PublicKey, atlastest.PrivateKey), atlas.WithRetry(atlas.Retry{MaxAttempts: 1, MaxWait: time.Minute}))
	if _, err := c.GetOrganization(t.Context(), acme); err != nil {
		t.Fatal(err)
	}
	srv.Fail(offboardtest.LoseRequest("GetOrganization"))
	_, _ = c.GetOrganization(t.Context(), acme)
	requests := srv.Requests() // challenge, answer, lost answer
	const path = "/api/atlas/v2/orgs/" + acme
	for _, test := range []struct {
		name, path string
		from       offboardtest.Request
		challenge  string // suffix of the challenge; "" for none
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

// rootCause returns the whole cause of an error.
func rootCause(err error) error {
	e, _ := errors.AsType[*errors.Error](err)
	if e == nil {
		return nil
	}
	return e.Err
}

func TestFromEnv_NotReadByDefault(t *testing.T) {
	const id, secret = "MONGODB_ATLAS_CLIENT_ID", "MONGODB_ATLAS_CLIENT_SECRET"
	const public, private = "MONGODB_ATLAS_PUBLIC_KEY", "MONGODB_ATLAS_PRIVATE_KEY"
	for name, test := range map[string]struct {
		env  map[string]string
		want string // scheme of the credential
		lack string // variable in the error
	}{
		"a service account":      {map[string]string{id: atlastest.ClientID, secret: atlastest.ClientSecret}, "Bearer", ""},
		"an API key":             {map[string]string{public: atlastest.PublicKey, private: atlastest.PrivateKey}, "Digest", ""},
		"both":                   {map[string]string{id: atlastest.ClientID, secret: atlastest.ClientSecret, public: "a", private: "b"}, "Bearer", ""},
		"only a client ID":       {map[string]string{id: "a"}, "", secret},
		"only a client secret":   {map[string]string{secret: "a"}, "", id},
		"only a public key":      {map[string]string{public: "a"}, "", private},
		"only a private key":     {map[string]string{private: "a"}, "", public},
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
			seen := &hostRecorder{next: srv}
			c, err := atlas.New(atlas.FromEnv(), atlas.WithHTTPClient(&http.Client{Transport: seen}))
			if test.want == "" {
				if !errors.Is(err, errors.InvalidArgument) || !strings.HasSuffix(err.Error(), ": "+test.lack+" is not set") {
					t.Errorf("got %v, want an error with %s", err, test.lack)
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

func TestFromEnv_NoCredential(t *testing.T) {
	for _, variable := range []string{"CLIENT_ID", "CLIENT_SECRET", "PUBLIC_KEY", "PRIVATE_KEY", "BASE_URL"} {
		t.Setenv("MONGODB_ATLAS_"+variable, "")
	}
	_, err := atlas.New(atlas.FromEnv())
	if got := code(t, err); got != errors.InvalidArgument || !strings.Contains(err.Error(), "MONGODB_ATLAS_CLIENT_ID nor MONGODB_ATLAS_PUBLIC_KEY") {
		t.Errorf("got %v, want an error with both", err)
	}
}

func TestFromEnv_NamesVariable(t *testing.T) {
	pipelinesuite.Variables(t, []string{"MONGODB_ATLAS_BASE_URL", "MONGODB_ATLAS_CLIENT_ID", "MONGODB_ATLAS_CLIENT_SECRET", "MONGODB_ATLAS_PUBLIC_KEY", "MONGODB_ATLAS_PRIVATE_KEY"}, func() error {
		_, err := atlas.New(atlas.FromEnv())
		return err
	}, map[string]pipelinesuite.Environment{
		"nothing":              {Set: nil, Words: []string{"MONGODB_ATLAS_CLIENT_ID", "MONGODB_ATLAS_PUBLIC_KEY"}},
		"only a client ID":     {Set: map[string]string{"MONGODB_ATLAS_CLIENT_ID": "mdb_sa_id_canary"}, Words: []string{"MONGODB_ATLAS_CLIENT_SECRET is not set"}},
		"only a client secret": {Set: map[string]string{"MONGODB_ATLAS_CLIENT_SECRET": "mdb_sa_sk_canary"}, Words: []string{"MONGODB_ATLAS_CLIENT_ID is not set"}},
		"only a public key":    {Set: map[string]string{"MONGODB_ATLAS_PUBLIC_KEY": "canaryab"}, Words: []string{"MONGODB_ATLAS_PRIVATE_KEY is not set"}},
		"only a private key": {
			Set: map[string]string{"MONGODB_ATLAS_PRIVATE_KEY": "1f6ec9b4-4e4f-4a2b-9a5e-0c8f3f1f7a11"}, Words: []string{"MONGODB_ATLAS_PUBLIC_KEY is not set"},
		},
		"a secret with a line break": {
			Set:   map[string]string{"MONGODB_ATLAS_CLIENT_ID": "mdb_sa_id_canary", "MONGODB_ATLAS_CLIENT_SECRET": "canary\n"},
			Words: []string{"clientSecret", "MONGODB_ATLAS_CLIENT_SECRET"},
		},
		"a client secret as the client ID": {
			Set:   map[string]string{"MONGODB_ATLAS_CLIENT_ID": "mdb_sa_sk_canary", "MONGODB_ATLAS_CLIENT_SECRET": "mdb_sa_id_canary"},
			Words: []string{"clientID is a client secret", "MONGODB_ATLAS_CLIENT_ID"},
		},
		"a private key as the public key": {
			Set:   map[string]string{"MONGODB_ATLAS_PUBLIC_KEY": "1f6ec9b4-4e4f-4a2b-9a5e-0c8f3f1f7a11", "MONGODB_ATLAS_PRIVATE_KEY": "canaryab"},
			Words: []string{"publicKey is a private key", "MONGODB_ATLAS_PUBLIC_KEY"},
		},
		"an invalid base URL": {
			Set:   map[string]string{"MONGODB_ATLAS_BASE_URL": "canary", "MONGODB_ATLAS_PUBLIC_KEY": "public", "MONGODB_ATLAS_PRIVATE_KEY": "private"},
			Words: []string{"base URL"},
		},
	})
}
