package digestauth_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/icholy/digest"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/auth/digestauth"
)

// The forms are those of RFC 9110, section 11.6.1, and RFC 7616, section 3.3.
func TestChallenge_HeaderForms(t *testing.T) {
	t.Parallel()
	const md5, sha = `realm="x", nonce="m", qop="auth", algorithm=MD5`, `realm="x", nonce="s", qop="auth", algorithm=SHA-256`
	for name, test := range map[string]struct {
		lines                 []string
		nonce, algorithm, qop string
	}{
		"one":                               {[]string{"Digest " + md5}, "m", "MD5", "auth"},
		"after Basic in one line":           {[]string{`Basic realm="a, Digest b", charset="UTF-8", Digest ` + md5}, "m", "MD5", "auth"},
		"before Basic in one line":          {[]string{`Digest ` + md5 + `, Basic realm="y"`}, "m", "MD5", "auth"},
		"after Negotiate in one line":       {[]string{"Negotiate, Digest " + md5}, "m", "MD5", "auth"},
		"after a token68 in one line":       {[]string{"Negotiate YII/+==, Digest " + md5}, "m", "MD5", "auth"},
		"after Bearer in one line":          {[]string{`Bearer realm="y", nonce="no", error="invalid_token", Digest ` + md5}, "m", "MD5", "auth"},
		"before Bearer with its parameters": {[]string{"Digest " + md5 + `, Bearer nonce="no", realm="no", qop="no"`}, "m", "MD5", "auth"},
		"after others in lines":             {[]string{"Negotiate", `Bearer realm="y"`, "Digest " + md5}, "m", "MD5", "auth"},
		"SHA-256 first":                     {[]string{"Digest " + sha + ", Digest " + md5}, "s", "SHA-256", "auth"},
		"SHA-256 second":                    {[]string{"Digest " + md5 + ", Digest " + sha}, "s", "SHA-256", "auth"},
		"SHA-256 in a second line":          {[]string{"Digest " + md5, "Digest " + sha}, "s", "SHA-256", "auth"},
		"an unknown algorithm first":        {[]string{`Digest realm="x", nonce="u", algorithm=SHAKE, Digest ` + md5}, "m", "MD5", "auth"},
		"a broken one first":                {[]string{`Digest realm="x", nonce="u"x, Digest ` + md5}, "m", "MD5", "auth"},
		"an unknown qop first":              {[]string{`Digest realm="x", nonce="u", qop="strange", Digest ` + md5}, "m", "MD5", "auth"},
		"quoted commas":                     {[]string{`Digest realm="a, Basic b=\"c\", d", nonce="m, n", qop="auth"`}, "m, n", "", "auth"},
		"qop with spaces":                   {[]string{`Digest realm="x", nonce="m", qop=" auth-int , auth "`}, "m", "", "auth"},
		"qop with unknown members":          {[]string{`Digest realm="x", nonce="m", qop="auth-conf,AUTH,token"`}, "m", "", "auth"},
		"qop without quotation marks":       {[]string{`Digest qop=auth-int,auth, realm="x", nonce="m"`}, "m", "", "auth"},
		"auth-int alone":                    {[]string{`Digest realm="x", nonce="m", qop="auth-int"`}, "m", "", "auth-int"},
		"no qop":                            {[]string{`Digest realm="x", nonce="m"`}, "m", "", ""},
		"names in capital letters":          {[]string{`DIGEST REALM="x",NONCE="m",QOP="auth",ALGORITHM="MD5"`}, "m", "MD5", "auth"},
		"white space":                       {[]string{"Digest\t realm = \"x\" ,\tnonce= \"m\" ,, qop=auth"}, "m", "", "auth"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sent *digest.Credentials
			c := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
				resp := &http.Response{StatusCode: 401, Header: http.Header{"Www-Authenticate": test.lines}, Body: http.NoBody, Request: req}
				if authorization := req.Header.Get("Authorization"); authorization != "" {
					var err error
					if sent, err = digest.ParseCredentials(authorization); err != nil {
						t.Error(err)
					}
					resp.StatusCode = 204
				}
				return resp, nil
			}), "private")
			if err := do(t, c); err != nil {
				t.Fatal(err)
			}
			if sent.Nonce != test.nonce || sent.Algorithm != test.algorithm || sent.QOP != test.qop {
				t.Errorf("got nonce %q, algorithm %q, qop %q", sent.Nonce, sent.Algorithm, sent.QOP)
			}
			want, err := digest.Digest(
				&digest.Challenge{Realm: sent.Realm, Nonce: test.nonce, Algorithm: test.algorithm, QOP: strings.Fields(test.qop)},
				digest.Options{Method: http.MethodDelete, URI: sent.URI, Count: sent.Nc, Cnonce: sent.Cnonce, Username: "public", Password: "private"},
			)
			if err != nil || want.Response != sent.Response {
				t.Errorf("got response %q, want %q, %v", sent.Response, want.Response, err)
			}
		})
	}
}

// A nonce may expire between its challenge and the first credential.
func TestStaleNonce_FirstCredential(t *testing.T) {
	t.Parallel()
	for ended := range 5 {
		requests := 0
		c := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
			requests++
			sent, _ := digest.ParseCredentials(req.Header.Get("Authorization"))
			if sent != nil && requests > ended+1 && sent.Nonce == fmt.Sprintf("n%d", requests-1) {
				return &http.Response{StatusCode: 204, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
			}
			challenge := fmt.Sprintf(`Digest realm="x", nonce="n%d", qop="auth", stale=%t`, requests, sent != nil)
			return &http.Response{StatusCode: 401, Header: http.Header{"Www-Authenticate": {challenge}}, Body: http.NoBody, Request: req}, nil
		}), "private")
		if err := do(t, c); err != nil {
			t.Errorf("%d nonces ended: got %v after %d requests", ended, err, requests)
		}
		if ended < 2 && requests != ended+2 {
			t.Errorf("%d nonces ended: %d requests", ended, requests)
		}
	}
}

func TestStaleNonce_Repeated(t *testing.T) {
	t.Parallel()
	requests := 0
	c := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		requests++
		challenge := fmt.Sprintf(`Digest realm="x", nonce="n%d", qop="auth", stale=true`, requests)
		return &http.Response{StatusCode: 401, Header: http.Header{"Www-Authenticate": {challenge}}, Body: http.NoBody, Request: req}, nil
	}), "private")
	if err := do(t, c); !errors.Is(err, errors.Unauthenticated) || requests != 6 {
		t.Errorf("got %v after %d requests, want %q after 6", err, requests, errors.Unauthenticated)
	}
}

// Servers behind one address have separate nonces if they share no secret.
func TestServers_SeparateNonces(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		next     func(n int, req *http.Request) int // the server of the n-th request
		requests int                                // for 20 calls
	}{
		"by turns":            {func(n int, _ *http.Request) int { return n % 2 }, 23},
		"one after the other": {func(n int, _ *http.Request) int { return n / 12 % 2 }, 24},
		"by path": {func(_ int, req *http.Request) int {
			return strings.Count(req.URL.Path, "other")
		}, 40},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			servers := []*server{{stale: true, name: "a"}, {stale: true, name: "b"}}
			n := 0
			c := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
				server := servers[test.next(n, req)]
				n++
				return server.RoundTrip(req)
			}), "private")
			for call := range 20 {
				path := "/resources/x"
				if call%2 == 1 {
					path = "/other/x"
				}
				if err := doPath(t, c, path); err != nil {
					t.Fatalf("call %d: %v", call, err)
				}
			}
			if n > test.requests {
				t.Errorf("%d requests for 20 calls, want %d at most", n, test.requests)
			}
		})
	}
}

func TestServers_NonceOfOtherOrigin(t *testing.T) {
	t.Parallel()
	a := digestauth.New("public", "private")(nil)
	request := func(url string) *http.Request {
		req, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		return req
	}
	nonce := func(url string) string {
		req := request(url)
		if err := a.Authorize(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		sent, err := digest.ParseCredentials(req.Header.Get("Authorization"))
		if err != nil {
			return ""
		}
		return sent.Nonce
	}
	challenge := func(url, nonce string) {
		a.Refused(request(url), http.Header{"Www-Authenticate": {fmt.Sprintf(`Digest realm="x", nonce=%q, qop="auth"`, nonce)}})
	}
	challenge("https://a.invalid/x", "a")
	if got := nonce("https://b.invalid/x"); got != "" {
		t.Errorf("the nonce %q was sent to another host", got)
	}
	if got := nonce("http://a.invalid/x"); got != "" {
		t.Errorf("the nonce %q was sent by another scheme", got)
	}
	challenge("https://b.invalid/x", "b")
	for host, want := range map[string]string{"a": "a", "b": "b"} {
		if got := nonce("https://" + host + ".invalid/x"); got != want {
			t.Errorf("%s: got nonce %q", host, got)
		}
	}
}

// The domain of a challenge contains its paths (RFC 7616, section 3.3).
func TestServers_Domain(t *testing.T) {
	t.Parallel()
	servers := map[bool]*server{
		false: {stale: true, name: "a", domain: "/resources"},
		true:  {stale: true, name: "b", domain: "/other https://test.invalid/another"},
	}
	n := 0
	c := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		n++
		return servers[strings.Contains(req.URL.Path, "other")].RoundTrip(req)
	}), "private")
	for range 5 {
		for _, path := range []string{"/resources/1", "/resources/2", "/other/1", "/another/2", "/other/3"} {
			if err := doPath(t, c, path); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n > 25+6 {
		t.Errorf("%d requests for 25 calls", n)
	}
}
