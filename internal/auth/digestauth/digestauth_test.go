package digestauth_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icholy/digest"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/auth/digestauth"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// server checks digest credentials by RFC 7616.
type server struct {
	mu         sync.Mutex
	nonce      int
	lives      int // requests that a nonce is good for; 0: any number
	used       int
	stale      bool // it says so when a nonce has ended
	counts     map[int]bool
	requests   int
	challenges int
	name       string // the prefix of its nonces, so that no two servers share one
	domain     string
}

func (s *server) present() string { return fmt.Sprintf("%sn%d", s.name, s.nonce) }

func (s *server) RoundTrip(req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	resp := &http.Response{StatusCode: 204, Header: http.Header{}, Body: http.NoBody, Request: req}
	ok, known := s.check(req)
	if ok {
		return resp, nil
	}
	if foreign := s.name != "" && s.nonce > 0 && s.lives == 0; !known && !foreign {
		s.nonce++
		s.used, s.counts = 0, map[int]bool{}
	}
	s.challenges++
	resp.StatusCode = 401
	resp.Header.Set("WWW-Authenticate", fmt.Sprintf(`Digest realm="MMS Public API", domain="%s", nonce="%s", algorithm=MD5, qop="auth", stale=%t`, s.domain, s.present(), s.stale && !known))
	resp.Body = io.NopCloser(strings.NewReader(`{"error":401,"reason":"Unauthorized"}`))
	return resp, nil
}

// check reports whether the credentials are right, and whether their nonce is the current one.
func (s *server) check(req *http.Request) (ok, known bool) {
	sent, err := digest.ParseCredentials(req.Header.Get("Authorization"))
	if err != nil || sent.Nonce != s.present() || s.lives > 0 && s.used >= s.lives {
		return false, false
	}
	want, err := digest.Digest(&digest.Challenge{Realm: sent.Realm, Nonce: sent.Nonce, Algorithm: "MD5", QOP: []string{"auth"}}, digest.Options{
		Method: req.Method, URI: req.URL.RequestURI(), Count: sent.Nc, Cnonce: sent.Cnonce, Username: "public", Password: "private",
	})
	if err != nil || want.Response != sent.Response || s.counts[sent.Nc] {
		return false, true
	}
	s.counts[sent.Nc] = true
	s.used++
	return true, true
}

func newClient(t *testing.T, server http.RoundTripper, password string) *rest.Client {
	t.Helper()
	c, err := rest.New(rest.Config{
		Provider: "test", BaseURL: "https://test.invalid", HTTPClient: &http.Client{Transport: server},
		Authorizer: digestauth.New("public", password), Classify: func(*rest.Answer, *errors.Error) bool { return true },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func do(t *testing.T, c *rest.Client) error { return doPath(t, c, "/resources/x") }

func doPath(t *testing.T, c *rest.Client, path string) error {
	return c.Do(t.Context(), &rest.Call{Operation: "DeleteResource", Method: http.MethodDelete, Path: path, Status: 204})
}

func TestDigest_KnownChallenge(t *testing.T) {
	t.Parallel()
	s := &server{}
	c := newClient(t, s, "private")
	for range 10 {
		if err := do(t, c); err != nil {
			t.Fatal(err)
		}
	}
	if s.requests != 11 || s.challenges != 1 {
		t.Errorf("%d requests and %d challenges for 10 calls, want 11 and 1", s.requests, s.challenges)
	}
}

func TestDigest_ExpiredNonce(t *testing.T) {
	t.Parallel()
	for _, stale := range []bool{true, false} {
		s := &server{lives: 3, stale: stale}
		c := newClient(t, s, "private")
		for range 9 {
			if err := do(t, c); err != nil {
				t.Fatal(err)
			}
		}
		if s.requests != 12 || s.challenges != 3 {
			t.Errorf("stale=%t: %d requests and %d challenges for 9 calls, want 12 and 3", stale, s.requests, s.challenges)
		}
	}
}

func TestDigest_ParallelCalls(t *testing.T) {
	t.Parallel()
	s := &server{}
	c := newClient(t, s, "private")
	if err := do(t, c); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for range 10 {
				if err := do(t, c); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if s.requests != 162 {
		t.Errorf("%d requests for 161 calls, want 162", s.requests)
	}
}

func TestDigest_WrongPassword(t *testing.T) {
	t.Parallel()
	s := &server{}
	c := newClient(t, s, "guessed")
	for i, want := range []int{2, 3} { // the challenge is known the second time
		err := do(t, c)
		if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.Unauthenticated || e.Status != 401 {
			t.Errorf("got %v, want %q", err, errors.Unauthenticated)
		}
		if s.requests != want {
			t.Errorf("%d requests after call %d, want %d", s.requests, i+1, want)
		}
	}
}

// A server may report a stale nonce and send the same one again.
func TestDigest_RepeatedChallenge(t *testing.T) {
	t.Parallel()
	requests := 0
	c := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		requests++
		header := http.Header{"Www-Authenticate": {`Digest realm="x", nonce="n", qop="auth", stale=true`}}
		return &http.Response{StatusCode: 401, Header: header, Body: http.NoBody, Request: req}, nil
	}), "private")
	if err := do(t, c); !errors.Is(err, errors.Unauthenticated) || requests != 2 {
		t.Errorf("got %v after %d requests, want %q after 2", err, requests, errors.Unauthenticated)
	}
}

// Two calls that are refused at the same time get the same challenge, and must not use the same
// nonce count.
func TestDigest_NonceCount(t *testing.T) {
	t.Parallel()
	authorizer := digestauth.New("public", "private")(nil)
	header := http.Header{"Www-Authenticate": {`Digest realm="x", nonce="n", qop="auth"`}}
	seen := map[int]bool{}
	for range 2 {
		req, err := http.NewRequest(http.MethodGet, "https://test.invalid/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if !authorizer.Refused(req, header) {
			t.Error("the challenge was not kept")
		}
		if err := authorizer.Authorize(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		sent, err := digest.ParseCredentials(req.Header.Get("Authorization"))
		if err != nil || seen[sent.Nc] {
			t.Errorf("count %d was used twice, %v", sent.Nc, err)
		}
		seen[sent.Nc] = true
	}
}

func TestDigest_OtherSchemes(t *testing.T) {
	t.Parallel()
	for _, challenge := range []string{"", `Basic realm="x"`, `Digest realm="x", nonce="n", algorithm=NONE`, "Digest ", `Digest qop="auth`, `Digest nonce="n", qop="strange"`} {
		requests := 0
		c := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
			requests++
			return &http.Response{StatusCode: 401, Header: http.Header{"Www-Authenticate": {challenge}}, Body: http.NoBody, Request: req}, nil
		}), "private")
		if err := do(t, c); !errors.Is(err, errors.Unauthenticated) || requests != 1 {
			t.Errorf("%q: got %v after %d requests", challenge, err, requests)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// slow delays each answer by 40 seconds.
type slow struct{ *server }

func (s slow) RoundTrip(req *http.Request) (*http.Response, error) {
	time.Sleep(40 * time.Second)
	return s.server.RoundTrip(req)
}

// A challenge that arrives after MaxElapsed is answered by the next call. The 401 is no refusal of
// the password, which this call did not send.
func TestDigest_MaxElapsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		c, err := rest.New(rest.Config{
			Provider: "test", BaseURL: "https://test.invalid", HTTPClient: &http.Client{Transport: slow{s}},
			Authorizer: digestauth.New("public", "private"), Classify: func(*rest.Answer, *errors.Error) bool { return true },
			Retry: rest.Retry{MaxElapsed: 30 * time.Second},
		})
		if err != nil {
			t.Fatal(err)
		}
		err = do(t, c)
		e, _ := errors.AsType[*errors.Error](err)
		if e == nil || e.Code != errors.Unavailable || e.Status != http.StatusUnauthorized || e.Attempts != 1 || errors.Is(err, errors.Unauthenticated) ||
			!strings.Contains(e.Error(), "the request was not sent again: test: DeleteResource: unauthenticated (401)") {
			t.Errorf("got %v, want %q with the 401 as its cause", err, errors.Unavailable)
		}
		if err := do(t, c); err != nil || s.requests != 2 {
			t.Errorf("the next call: got %v after %d requests, want a success after 2", err, s.requests)
		}
	})
}
