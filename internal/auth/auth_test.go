package auth_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/auth"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// issuer is a token endpoint, at /token, and an API that accepts its last token.
type issuer struct {
	lifetime int                                   // of tokens, in seconds; 0: not said
	answer   func(n int) (status int, body string) // of the n-th token request; nil for a token
	delay    time.Duration
	media    string // type of the answers; "" for JSON

	mu     sync.Mutex
	tokens []url.Values // requests for tokens
	basic  []string     // their Authorization
	valid  string
	calls  int
}

func (i *issuer) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Path == "/token" {
		time.Sleep(i.delay)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	status, body, media := 200, "{}", "application/json"
	if i.media != "" {
		media = i.media
	}
	if req.URL.Path == "/token" {
		form, _ := io.ReadAll(req.Body)
		values, _ := url.ParseQuery(string(form))
		i.tokens = append(i.tokens, values)
		i.basic = append(i.basic, req.Header.Get("Authorization"))
		i.valid = fmt.Sprintf("token-%d", len(i.tokens))
		body = fmt.Sprintf(`{"access_token":%q,"token_type":"Bearer","expires_in":%d}`, i.valid, i.lifetime)
		if i.answer != nil {
			if s, b := i.answer(len(i.tokens)); s != 0 {
				status, body = s, b
			}
		}
	} else {
		i.calls++
		if req.Header.Get("Authorization") != "Bearer "+i.valid {
			status = 401
		}
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {media}},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: req,
	}, nil
}

func (i *issuer) revoke() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.valid = "nothing"
}

const base = "https://test.invalid"

func newClient(t *testing.T, server http.RoundTripper, authorizer rest.NewAuthorizer) *rest.Client {
	t.Helper()
	c, err := rest.New(rest.Config{
		Provider: "test", BaseURL: base, HTTPClient: &http.Client{Transport: server},
		Authorizer: authorizer, Classify: func(*rest.Answer, *errors.Error) bool { return true },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func call() *rest.Call {
	return &rest.Call{Operation: "DeleteResource", Target: "x", Method: http.MethodDelete, Path: "/resources/x", Status: 200}
}

var grant = auth.Grant{
	TokenURL: base + "/token", ClientID: "id:1", ClientSecret: "s3cret/+", Scopes: []string{"a", "b"}, InHeader: true,
}

func TestFetched_OneTokenForAllCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &issuer{lifetime: 3600, delay: time.Second}
		c := newClient(t, server, auth.Fetched(grant))
		var group sync.WaitGroup
		for range 16 {
			group.Go(func() {
				for range 5 {
					if err := c.Do(t.Context(), call()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		if len(server.tokens) != 1 || server.calls != 80 {
			t.Errorf("%d tokens for %d calls", len(server.tokens), server.calls)
		}
		want := url.Values{"grant_type": {"client_credentials"}, "scope": {"a b"}}
		if diff := cmp.Diff(want, server.tokens[0]); diff != "" {
			t.Errorf("form (-want +got):\n%s", diff)
		}
		// RFC 6749, section 2.3.1: both are form-encoded before they are concatenated.
		basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape("id:1")+":"+url.QueryEscape("s3cret/+")))
		if diff := cmp.Diff(basic, server.basic[0]); diff != "" {
			t.Errorf("authorization (-want +got):\n%s", diff)
		}
	})
}

func TestFetched_ParallelCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &issuer{lifetime: 3600, delay: time.Second}
		authorizer := auth.Fetched(grant)(&http.Client{Transport: server})
		var group sync.WaitGroup
		for range 16 {
			group.Go(func() {
				req := &http.Request{Header: http.Header{}}
				if err := authorizer.Authorize(t.Context(), req); err != nil || req.Header.Get("Authorization") != "Bearer token-1" {
					t.Errorf("got %v and %v", err, req.Header)
				}
			})
		}
		group.Wait()
		if len(server.tokens) != 1 {
			t.Errorf("%d token requests", len(server.tokens))
		}
	})
}

func TestFetched_AnswerWithSecret(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"error":"invalid_client","error_description":"no s3cret/+ here"}`,
		`{"error":"invalid_client","error_description":"no s3cret\/\u002b here"}`,
		`{"error":"no s3cret/+ here"}`,
		`{"error":401,"detail":"no s3cret/+ here"}`,
		`{"error":401,"detail":"no s3cret%2F%2B here"}`,
		`{"error":401,"detail":"no s3cret\/\u002B here"}`,
		`{"error":401,"detail":"no ` + base64.StdEncoding.EncodeToString([]byte("id%3A1:s3cret%2F%2B")) + ` here"}`,
	} {
		server := &issuer{answer: func(int) (int, string) { return 401, body }}
		c, err := rest.New(rest.Config{
			Provider: "test", BaseURL: base, HTTPClient: &http.Client{Transport: server}, Authorizer: auth.Fetched(grant),
			Classify: func(a *rest.Answer, e *errors.Error) bool { e.Message = string(a.Body); return true },
		})
		if err != nil {
			t.Fatal(err)
		}
		err = c.Do(t.Context(), call())
		e, _ := errors.AsType[*errors.Error](err)
		cause, _ := errors.AsType[*errors.Error](e.Err)
		said := cause.ProviderCode + cause.Message
		if strings.Contains(said, "s3cret") || !strings.Contains(said, "[redacted] here") {
			t.Errorf("%s became %q", body, said)
		}
	}
}

// An assertion is valid until it expires.
func TestFetched_AnswerWithAssertion(t *testing.T) {
	t.Parallel()
	signed := auth.Grant{TokenURL: base + "/token", Assertion: func() (string, error) { return "head.claims.signature", nil }}
	server := &issuer{answer: func(int) (int, string) {
		return 400, `{"error":"invalid_grant","error_description":"head.claims.signature is too old"}`
	}}
	err := newClient(t, server, auth.Fetched(signed)).Do(t.Context(), call())
	e, _ := errors.AsType[*errors.Error](err)
	if e == nil || e.Message != "[redacted] is too old" {
		t.Errorf("got %+v", e)
	}
}

func TestFetched_SecretInForm(t *testing.T) {
	t.Parallel()
	server := &issuer{lifetime: 3600}
	inForm := grant
	inForm.InHeader = false
	if err := newClient(t, server, auth.Fetched(inForm)).Do(t.Context(), call()); err != nil {
		t.Fatal(err)
	}
	want := url.Values{"grant_type": {"client_credentials"}, "scope": {"a b"}, "client_id": {"id:1"}, "client_secret": {"s3cret/+"}}
	if diff := cmp.Diff(want, server.tokens[0]); diff != "" {
		t.Errorf("form (-want +got):\n%s", diff)
	}
	if server.basic[0] != "" {
		t.Errorf("got Authorization %q", server.basic[0])
	}
}

func TestFetched_AssertionPerToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &issuer{lifetime: 100}
		n := 0
		c := newClient(t, server, auth.Fetched(auth.Grant{
			TokenURL: base + "/token", Scopes: []string{"a"},
			Assertion: func() (string, error) { n++; return fmt.Sprintf("assertion-%d", n), nil },
		}))
		for range 2 {
			if err := c.Do(t.Context(), call()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Minute)
		}
		want := []url.Values{}
		for _, assertion := range []string{"assertion-1", "assertion-2"} {
			want = append(want, url.Values{
				"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "scope": {"a"}, "assertion": {assertion},
			})
		}
		if diff := cmp.Diff(want, server.tokens); diff != "" {
			t.Errorf("forms (-want +got):\n%s", diff)
		}
	})
}

func TestFetched_TokenExpiry(t *testing.T) {
	t.Parallel()
	for lifetime, margin := range map[int]time.Duration{3600: time.Minute, 100: 10 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			server := &issuer{lifetime: lifetime}
			c := newClient(t, server, auth.Fetched(grant))
			do := func() {
				if err := c.Do(t.Context(), call()); err != nil {
					t.Fatal(err)
				}
			}
			do()
			time.Sleep(time.Duration(lifetime)*time.Second - margin - time.Second)
			do()
			if len(server.tokens) != 1 {
				t.Errorf("%d s: replaced too early", lifetime)
			}
			time.Sleep(2 * time.Second)
			do()
			if len(server.tokens) != 2 {
				t.Errorf("%d s: not replaced", lifetime)
			}
		})
	}
}

func TestFetched_ExpiresInForms(t *testing.T) {
	t.Parallel()
	for form, want := range map[string]time.Duration{ // until the token is replaced
		`3600`: 59 * time.Minute, `3600.0`: 59 * time.Minute, `3599.9`: 58*time.Minute + 59900*time.Millisecond,
		`3.6e3`: 59 * time.Minute, `"3600"`: 59 * time.Minute, `"3600.5"`: 59*time.Minute + 500*time.Millisecond, `" 3600 "`: 59 * time.Minute,
		`100`: 90 * time.Second,
		`0`:   0, `-5`: 0, `null`: 0, `""`: 0, `"soon"`: 0, `{}`: 0, `"NaN"`: 0, // not said
		`1e300`: 30*24*time.Hour - time.Minute, `"Inf"`: 30*24*time.Hour - time.Minute,
	} {
		synctest.Test(t, func(t *testing.T) {
			server := &issuer{answer: func(n int) (int, string) {
				return 200, fmt.Sprintf(`{"access_token":"token-%d","token_type":"Bearer","expires_in":%s}`, n, form)
			}}
			c := newClient(t, server, auth.Fetched(grant))
			do := func() {
				if err := c.Do(t.Context(), call()); err != nil {
					t.Fatalf("%s: %v", form, err)
				}
			}
			do()
			lasts := want
			if want == 0 {
				lasts = 365 * 24 * time.Hour
			}
			time.Sleep(lasts - time.Millisecond)
			do()
			if len(server.tokens) != 1 {
				t.Errorf("%s: replaced before %v", form, lasts)
			}
			time.Sleep(2 * time.Millisecond)
			do()
			if replaced := len(server.tokens) == 2; replaced != (want > 0) {
				t.Errorf("%s: %d tokens after %v", form, len(server.tokens), lasts)
			}
		})
	}
}

func TestFetched_RefusedToken(t *testing.T) {
	t.Parallel()
	server := &issuer{} // whose tokens end when it says so
	c := newClient(t, server, auth.Fetched(grant))
	for range 2 {
		if err := c.Do(t.Context(), call()); err != nil {
			t.Fatal(err)
		}
		server.revoke()
	}
	if len(server.tokens) != 2 || server.calls != 3 {
		t.Errorf("%d tokens for %d calls, want 2 for 3", len(server.tokens), server.calls)
	}
	server.answer = func(int) (int, string) { return 200, `{"access_token":"never-valid","token_type":"Bearer"}` }
	err := c.Do(t.Context(), call())
	if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.Unauthenticated || e.Status != 401 {
		t.Errorf("got %v, want %q", err, errors.Unauthenticated)
	}
	if len(server.tokens) != 3 || server.calls != 5 {
		t.Errorf("%d tokens for %d calls, want 3 for 5", len(server.tokens), server.calls)
	}
}

func TestFetched_NoToken(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status   int
		body     string
		code     errors.Code
		provider string // code
		requests int
	}{
		"invalid client":        {401, `{"error":"invalid_client","error_description":"no such client"}`, errors.Unauthenticated, "invalid_client", 1},
		"invalid grant":         {400, `{"error":"invalid_grant"}`, errors.Unauthenticated, "invalid_grant", 1},
		"unauthorized client":   {400, `{"error":"unauthorized_client"}`, errors.Unauthenticated, "unauthorized_client", 1},
		"invalid scope":         {400, `{"error":"invalid_scope"}`, errors.InvalidArgument, "invalid_scope", 1},
		"unknown grant":         {400, `{"error":"unsupported_grant_type"}`, errors.InvalidArgument, "unsupported_grant_type", 1},
		"not now":               {503, `{"error":"temporarily_unavailable"}`, errors.Unavailable, "temporarily_unavailable", 5},
		"a failure":             {500, `{"error":"server_error"}`, errors.Internal, "server_error", 5},
		"a limit":               {429, `too many`, errors.RateLimitReached, "", 5},
		"a page":                {502, `<html>`, errors.Unavailable, "", 5},
		"an error in a success": {200, `{"error":"invalid_client","access_token":"x"}`, errors.Unauthenticated, "invalid_client", 1},
		"a redirect":            {302, ``, errors.UnexpectedResponse, "", 1},
		"a success with a page": {200, `<html>`, errors.UnexpectedResponse, "", 1},
		"a success without":     {200, `{}`, errors.UnexpectedResponse, "", 1},
		"a success with null":   {200, `null`, errors.UnexpectedResponse, "", 1},
		"a token with a line":   {200, `{"access_token":"a\nb"}`, errors.UnexpectedResponse, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused := func(t *testing.T, media string) {
				server := &issuer{media: media, answer: func(int) (int, string) { return test.status, test.body }}
				err := newClient(t, server, auth.Fetched(grant)).Do(t.Context(), call())
				e, _ := errors.AsType[*errors.Error](err)
				if e == nil || e.Code != test.code || e.Status != 0 || e.Operation != "DeleteResource" || e.Target != "x" || e.Attempts != 0 {
					t.Fatalf("got %v, want %q of the call, not sent", err, test.code)
				}
				cause, _ := errors.AsType[*errors.Error](e.Err)
				if cause == nil || cause.Status != test.status || cause.ProviderCode != test.provider {
					t.Errorf("got cause %v, want status %d and code %q", e.Err, test.status, test.provider)
				}
				if len(server.tokens) != test.requests {
					t.Errorf("%d token requests, want %d", len(server.tokens), test.requests)
				}
				if server.calls != 0 {
					t.Errorf("%d calls were sent", server.calls)
				}
			}
			// The body counts, with any Content-Type.
			for _, media := range []string{"application/json", "text/plain", "text/html"} {
				synctest.Test(t, func(t *testing.T) { refused(t, media) })
			}
		})
	}
	t.Run("no connection", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			err := newClient(t, broken{}, auth.Fetched(grant)).Do(t.Context(), call())
			if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.Unavailable || strings.Contains(e.Error(), "test.invalid") {
				t.Errorf("got %v, want %q", err, errors.Unavailable)
			}
		})
	})
	t.Run("no assertion", func(t *testing.T) {
		t.Parallel()
		bad := auth.Grant{TokenURL: base + "/token", Assertion: func() (string, error) { return "", errors.New("no key") }}
		err := newClient(t, &issuer{}, auth.Fetched(bad)).Do(t.Context(), call())
		if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.Unauthenticated {
			t.Errorf("got %v, want %q", err, errors.Unauthenticated)
		}
	})
}

type broken struct{}

func (broken) RoundTrip(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

func TestFetched_TemporaryFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &issuer{answer: func(n int) (int, string) {
			if n < 3 {
				return 503, "<html>"
			}
			return 0, ""
		}}
		if err := newClient(t, server, auth.Fetched(grant)).Do(t.Context(), call()); err != nil {
			t.Fatal(err)
		}
		if len(server.tokens) != 3 || server.calls != 1 {
			t.Errorf("%d token requests and %d calls", len(server.tokens), server.calls)
		}
	})
}

func TestFetched_ContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &issuer{delay: time.Hour}
		c := newClient(t, server, auth.Fetched(grant))
		first, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() { _ = c.Do(first, call()) }) // fetches
		synctest.Wait()
		ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
		defer stop()
		start := time.Now()
		err := c.Do(ctx, call())
		if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.Canceled || time.Since(start) != 5*time.Second {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
		cancel()
		group.Wait()
	})
}

func TestSource_EveryCall(t *testing.T) {
	t.Parallel()
	server := &issuer{valid: "mine"}
	n := 0
	source := sourceFunc(func() (*oauth2.Token, error) {
		if n++; n == 3 {
			return nil, errors.New("no more")
		}
		return &oauth2.Token{AccessToken: "mine"}, nil
	})
	c := newClient(t, server, auth.Source(source))
	for range 2 {
		if err := c.Do(t.Context(), call()); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Do(t.Context(), call()); !errors.Is(err, errors.Unauthenticated) {
		t.Errorf("got %v, want %q", err, errors.Unauthenticated)
	}
}

type sourceFunc func() (*oauth2.Token, error)

func (f sourceFunc) Token() (*oauth2.Token, error) { return f() }

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"", " ", "a b", "a\r\nHost: b", "a\x00", "a\x7f"} {
		if err := auth.Check("the token", secret); err == nil || len(secret) > 1 && strings.Contains(err.Error(), secret) {
			t.Errorf("%q: got %v", secret, err)
		}
	}
	if err := auth.Check("the token", "a!~"); err != nil {
		t.Error(err)
	}
}

func TestSource_ErrorWithoutAnswer(t *testing.T) {
	t.Parallel()
	c := newClient(t, new(issuer), auth.Source(sourceFunc(func() (*oauth2.Token, error) {
		return nil, new(oauth2.RetrieveError)
	})))
	err := c.Do(t.Context(), &rest.Call{Operation: "GetResource", Method: http.MethodGet, Path: "/resources/x", Status: 200, Repeat: true})
	if e, ok := errors.AsType[*errors.Error](err); !ok || e.Status != 0 {
		t.Errorf("got %v", err)
	}
}

// A line break in a credential would start another header. If the transport refuses it, the error
// does not prove that nothing was sent.
func TestSource_ControlCharacter(t *testing.T) {
	t.Parallel()
	for name, token := range map[string]*oauth2.Token{
		"no token":               nil,
		"an empty one":           {},
		"one with a line break":  {AccessToken: "a\r\nHost: elsewhere"},
		"one with a NUL":         {AccessToken: "a\x00"},
		"a type with line break": {AccessToken: "a", TokenType: "Bearer x\r\nHost: elsewhere"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := new(issuer)
			c := newClient(t, server, auth.Source(sourceFunc(func() (*oauth2.Token, error) { return token, nil })))
			err := c.Do(t.Context(), call())
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || e.Code != errors.Unauthenticated || e.Status != 0 || e.Attempts != 0 {
				t.Errorf("got %v, want %q of a call that was not sent", err, errors.Unauthenticated)
			}
			if server.calls != 0 {
				t.Error("it was sent")
			}
		})
	}
}

// The answer of a token endpoint is bounded before the OAuth library decodes it.
func TestFetched_HostileAnswer(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"too long":          `{"access_token":"x","token_type":"Bearer","other":"` + strings.Repeat("x", 64<<10) + `"}`,
		"too many elements": `{"access_token":"x","token_type":"Bearer","other":[` + strings.Repeat("0,", 12_000) + `0]}`,
		"duplicate keys":    `{"access_token":"y","access_token":"x","token_type":"Bearer"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := &issuer{answer: func(int) (int, string) { return http.StatusOK, body }}
			authorizer := auth.Fetched(auth.Grant{
				TokenURL: "https://test.invalid/token", ClientID: "id", ClientSecret: "secret",
			})(&http.Client{Transport: i})
			req, err := http.NewRequest(http.MethodGet, "https://test.invalid/", nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := authorizer.Authorize(t.Context(), req); err == nil {
				t.Error("the token is accepted")
			}
		})
	}
}

// A refused token is renewed and the request sent again, also without retries, but not after
// MaxElapsed. The next call fetches a token.
func TestFetched_RenewalAfterMaxElapsed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		retry rest.Retry
		calls int
		want  error
	}{
		"no retries":        {rest.Retry{MaxAttempts: 1}, 2, nil},
		"before MaxElapsed": {rest.Retry{MaxElapsed: time.Minute}, 2, nil},
		"after MaxElapsed":  {rest.Retry{MaxElapsed: 10 * time.Second}, 1, errors.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := &issuer{lifetime: 3600}
				c, err := rest.New(rest.Config{
					Provider: "test", BaseURL: base, HTTPClient: &http.Client{Transport: revoking{server}}, Retry: test.retry,
					Authorizer: auth.Fetched(grant), Classify: func(*rest.Answer, *errors.Error) bool { return true },
				})
				if err != nil {
					t.Fatal(err)
				}
				if err := c.Do(t.Context(), call()); !errors.Is(err, test.want) || server.calls != test.calls {
					t.Errorf("got %v after %d requests, want %v after %d", err, server.calls, test.want, test.calls)
				}
				if err := c.Do(t.Context(), call()); err != nil || len(server.tokens) != 2 {
					t.Errorf("got %v with %d tokens, want a success with 2", err, len(server.tokens))
				}
			})
		})
	}
}

// No token request delays an attempt beyond MaxElapsed. The error states that the operation was not
// sent, and has the cause.
func TestFetched_MaxElapsed(t *testing.T) {
	t.Parallel()
	waited := func(delay time.Duration) rest.NewAuthorizer {
		return auth.Source(sourceFunc(func() (*oauth2.Token, error) {
			time.Sleep(delay)
			return &oauth2.Token{AccessToken: "x"}, nil
		}))
	}
	jwt := grant
	jwt.Assertion = func() (string, error) { return "assertion", nil }
	for name, test := range map[string]struct {
		authorizer rest.NewAuthorizer
		want       error
		took       time.Duration
	}{
		"client credentials":  {auth.Fetched(grant), context.DeadlineExceeded, 10 * time.Second},
		"a JWT":               {auth.Fetched(jwt), context.DeadlineExceeded, 10 * time.Second},
		"a late token source": {waited(40 * time.Second), nil, 40 * time.Second}, // it has no context
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := &issuer{delay: 40 * time.Second}
				c := elapsing(t, transport(func(req *http.Request) (*http.Response, error) {
					if req.URL.Path != "/token" {
						return server.RoundTrip(req)
					}
					select {
					case <-req.Context().Done():
						return nil, req.Context().Err()
					case <-time.After(server.delay):
						return server.RoundTrip(req)
					}
				}), test.authorizer)
				start := time.Now()
				err := c.Do(t.Context(), call())
				e, _ := errors.AsType[*errors.Error](err)
				if e == nil || e.Code != errors.Unavailable || e.Status != 0 || e.Attempts != 0 ||
					!strings.Contains(e.Error(), "MaxElapsed passed before the credential was available; the request was not sent") {
					t.Errorf("got %v, want %q of a call that was not sent", err, errors.Unavailable)
				}
				if test.want != nil && !errors.Is(err, test.want) {
					t.Errorf("got %v, want the cause %v", err, test.want)
				}
				if took := time.Since(start); took != test.took || server.calls != 0 {
					t.Errorf("took %v with %d requests, want %v with none", took, server.calls, test.took)
				}
			})
		})
	}
}

// The end of the context takes precedence over MaxElapsed.
func TestFetched_ContextBeforeMaxElapsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := elapsing(t, transport(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		}), auth.Fetched(grant))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Do(ctx, call()); !errors.Is(err, errors.Canceled) {
			t.Errorf("got %v, want %q", err, errors.Canceled)
		}
	})
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// elapsing returns a client whose MaxElapsed is 10 seconds.
func elapsing(t *testing.T, server http.RoundTripper, authorizer rest.NewAuthorizer) *rest.Client {
	t.Helper()
	c, err := rest.New(rest.Config{
		Provider: "test", BaseURL: base, HTTPClient: &http.Client{Transport: server}, Retry: rest.Retry{MaxElapsed: 10 * time.Second},
		Authorizer: authorizer, Classify: func(*rest.Answer, *errors.Error) bool { return true },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// revoking is an issuer that revokes its first token during the first call, which takes 40
// seconds.
type revoking struct{ *issuer }

func (r revoking) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Path != "/token" && r.calls == 0 {
		time.Sleep(40 * time.Second)
		r.revoke()
	}
	return r.issuer.RoundTrip(req)
}
