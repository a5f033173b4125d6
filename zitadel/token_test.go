package zitadel_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// with returns a client of a double that has another credential than a token.
func with(t *testing.T, srv *zitadeltest.Server, credential zitadel.Option, options ...zitadel.Option) *zitadel.Client {
	t.Helper()
	base, client := srv.Endpoint()
	c, err := zitadel.New(append([]zitadel.Option{credential, zitadel.WithBaseURL(base), zitadel.WithHTTPClient(client)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAServiceAccountDeletes(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	path := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(path, srv.Key(), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, credential := range map[string]zitadel.Option{
		"key":                zitadel.WithKey(srv.Key()),
		"key file":           zitadel.WithKeyFile(path),
		"client credentials": zitadel.WithClientCredentials(zitadeltest.ClientID, zitadeltest.ClientSecret),
	} {
		srv.AddOrganization(zitadeltest.Organization{ID: name})
		before := srv.Count(zitadeltest.TokenRequest)
		c := with(t, srv, credential)
		if _, err := c.DeleteOrganization(t.Context(), name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := c.GetDefaultOrganization(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n := srv.Count(zitadeltest.TokenRequest) - before; n != 1 {
			t.Errorf("%s: %d tokens were fetched, want 1", name, n)
		}
	}
}

func TestATokenIsAskedForAsTheEndpointWantsIt(t *testing.T) {
	t.Parallel()
	const scope = "urn:zitadel:iam:org:project:id:zitadel:aud"
	for name, test := range map[string]struct {
		credential zitadel.Option
		want       url.Values
	}{
		"client credentials": {zitadel.WithClientCredentials("bot", "s3cret/+"), url.Values{
			"grant_type": {"client_credentials"}, "client_id": {"bot"}, "client_secret": {"s3cret/+"}, "scope": {scope},
		}},
		"key": {zitadel.WithKey(key()), url.Values{
			"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {"header.claims.signature"}, "scope": {scope},
		}},
	} {
		srv := zitadeltest.NewServer()
		_, _ = with(t, srv, test.credential).GetDefaultOrganization(t.Context())
		r := srv.Requests()[0]
		if r.Method != "POST" || r.Path != "/oauth/v2/token" || r.Query != "" || r.Header.Get("Authorization") != "" {
			t.Errorf("%s: got %s %s?%s with Authorization %q", name, r.Method, r.Path, r.Query, r.Header.Get("Authorization"))
		}
		got, err := url.ParseQuery(string(r.Body))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(got.Get("assertion"), ".") == 2 {
			got.Set("assertion", "header.claims.signature") // which the double checks
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: form (-want +got):\n%s", name, diff)
		}
	}
}

// hosts notes where requests go, and lets none get there.
type hosts []string

func (h *hosts) RoundTrip(req *http.Request) (*http.Response, error) {
	*h = append(*h, req.URL.Scheme+"://"+req.URL.Host+req.URL.Path)
	return nil, context.Canceled
}

func TestACredentialGoesToTheBaseURLWhicheverOptionComesFirst(t *testing.T) {
	t.Parallel()
	decoy, base := zitadel.WithBaseURL("https://decoy.invalid"), zitadel.WithBaseURL("https://zitadel.invalid/")
	for name, credential := range map[string]zitadel.Option{
		"client credentials": zitadel.WithClientCredentials("bot", "secret"),
		"key":                zitadel.WithKey(key()),
	} {
		for order, options := range map[string][]zitadel.Option{
			"the base URL first":  {base, credential},
			"the base URL last":   {credential, base},
			"another one between": {decoy, credential, base},
		} {
			var seen hosts
			c, err := zitadel.New(append(options, zitadel.WithHTTPClient(&http.Client{Transport: &seen}), zitadel.WithRetry(zitadel.Retry{MaxAttempts: 1, MaxWait: time.Second}))...)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = c.GetDefaultOrganization(t.Context())
			if diff := cmp.Diff(hosts{"https://zitadel.invalid/oauth/v2/token"}, seen); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", name, order, diff)
			}
		}
	}
}

// The double compares the audience with its own URL, which ends without a slash.
func TestAnAssertionIsMadeOutToTheIssuer(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.Start()
	defer srv.Close()
	base, client := srv.Endpoint()
	for _, url := range []string{base, base + "/"} {
		c, err := zitadel.New(zitadel.WithKey(srv.Key()), zitadel.WithBaseURL(url), zitadel.WithHTTPClient(client))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.GetDefaultOrganization(t.Context()); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// An instance is the issuer by its own name, in lower case, without the default port.
func TestWithKey_AudienceOfBaseURL(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	host := strings.TrimPrefix(offboardtest.InMemory, "https://")
	for _, base := range []string{
		offboardtest.InMemory, offboardtest.InMemory + "/", offboardtest.InMemory + ":443", offboardtest.InMemory + ".",
		"HTTPS://" + strings.ToUpper(host), "https://" + strings.ToUpper(host) + ".:443//",
	} {
		c, err := zitadel.New(zitadel.WithKey(srv.Key()), zitadel.WithBaseURL(base), zitadel.WithHTTPClient(&http.Client{Transport: srv}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.GetDefaultOrganization(t.Context()); err != nil {
			t.Errorf("%s: %v", base, err)
		}
	}
}

func TestATokenIsReplacedWhenItEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := zitadeltest.NewServer()
		c := with(t, srv, zitadel.WithClientCredentials(zitadeltest.ClientID, zitadeltest.ClientSecret))
		for range 3 {
			if _, err := c.GetDefaultOrganization(t.Context()); err != nil {
				t.Error(err)
			}
			time.Sleep(13 * time.Hour)
		}
		want := []string{
			zitadeltest.TokenRequest, "GetDefaultOrganization",
			zitadeltest.TokenRequest, "GetDefaultOrganization",
			zitadeltest.TokenRequest, "GetDefaultOrganization",
		}
		if diff := cmp.Diff(want, requests(srv)); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	})
}

func TestACredentialThatIsRefusedIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	expired := changed(key(), func(content map[string]any) { content["expirationDate"] = "2001-02-03T04:05:06Z" })
	for name, test := range map[string]struct {
		credential zitadel.Option
		prepare    func(*zitadeltest.Server)
		want       errors.Code
		provider   string // code of the cause
		requests   int
	}{
		"a key of another instance": {credential: zitadel.WithKey(key()), want: errors.Unauthenticated, provider: "server_error", requests: 1},
		"a key that expired":        {credential: zitadel.WithKey(expired), want: errors.Unauthenticated},
		"a wrong secret": {
			credential: zitadel.WithClientCredentials(zitadeltest.ClientID, "wrong"),
			want:       errors.Unauthenticated, provider: "invalid_request", requests: 1,
		},
		"an unknown client": {
			credential: zitadel.WithClientCredentials("nobody", zitadeltest.ClientSecret),
			want:       errors.Unauthenticated, provider: "invalid_client", requests: 1,
		},
		"a blocked instance": {
			credential: zitadel.WithClientCredentials(zitadeltest.ClientID, zitadeltest.ClientSecret),
			prepare:    func(srv *zitadeltest.Server) { srv.Block(true) },
			want:       errors.InstanceBlocked, requests: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := zitadeltest.NewServer()
			srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
			if test.prepare != nil {
				test.prepare(srv)
			}
			_, err := with(t, srv, test.credential).DeleteOrganization(t.Context(), "acme")
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || e.Code != test.want || e.ProviderCode != test.provider || e.Status != 0 || e.Attempts != 0 {
				t.Fatalf("got %v, want %q (%s) of a deletion that was not sent", err, test.want, test.provider)
			}
			if cause, ok := errors.AsType[*errors.Error](e.Err); ok && (cause.ProviderCode != test.provider || cause.Status == 0) {
				t.Errorf("got the cause %v, want code %q", cause, test.provider)
			}
			if n := len(srv.Requests()); n != test.requests {
				t.Errorf("%d requests were sent, want %d", n, test.requests)
			}
			if !srv.Exists("acme") {
				t.Error("the organization is gone")
			}
		})
	}
}

func TestATokenThatIsRefusedIsReplacedOnce(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
	srv.Fail(offboardtest.Respond("DeleteOrganization", 401,
		`{"code":16,"message":"x (AUTH-7fs1e)","details":[{"@type":"type.googleapis.com/zitadel.v1.ErrorDetail","id":"AUTH-7fs1e"}]}`))
	c := with(t, srv, zitadel.WithClientCredentials(zitadeltest.ClientID, zitadeltest.ClientSecret))
	if _, err := c.DeleteOrganization(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	want := []string{zitadeltest.TokenRequest, "DeleteOrganization", zitadeltest.TokenRequest, "DeleteOrganization"}
	if diff := cmp.Diff(want, requests(srv)); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// ask asks the double for a token as no client of this module does, and returns the
// status and the token or the error.
func ask(t *testing.T, srv *zitadeltest.Server, form url.Values) (int, string) {
	t.Helper()
	resp, err := srv.Client().PostForm(offboardtest.InMemory+"/oauth/v2/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body struct {
		Token string `json:"access_token"`
		Error string `json:"error"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body.Token + body.Error
}

func TestTheDoubleChecksAssertions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := zitadeltest.NewServer()
		var file struct{ KeyID, UserID, Key string }
		if err := json.Unmarshal(srv.Key(), &file); err != nil {
			t.Fatal(err)
		}
		private, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(file.Key))
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now().Unix()
		for name, change := range map[string]func(header map[string]any, claims jwt.MapClaims){
			"":                              func(map[string]any, jwt.MapClaims) {},
			"made out to the endpoint":      func(_ map[string]any, c jwt.MapClaims) { c["aud"] = offboardtest.InMemory + "/oauth/v2/token" },
			"of somebody else":              func(_ map[string]any, c jwt.MapClaims) { c["iss"] = "other" },
			"about somebody else":           func(_ map[string]any, c jwt.MapClaims) { c["sub"] = "other" },
			"older than an hour":            func(_ map[string]any, c jwt.MapClaims) { c["iat"] = now - 3601 },
			"of the future":                 func(_ map[string]any, c jwt.MapClaims) { c["iat"] = now + 2 },
			"of no time":                    func(_ map[string]any, c jwt.MapClaims) { delete(c, "iat") },
			"expired":                       func(_ map[string]any, c jwt.MapClaims) { c["exp"] = now - 1 },
			"without an end":                func(_ map[string]any, c jwt.MapClaims) { delete(c, "exp") },
			"signed by a key not known":     func(h map[string]any, _ jwt.MapClaims) { h["kid"] = "other" },
			"not signed as its header says": func(h map[string]any, _ jwt.MapClaims) { h["alg"] = "RS512" },
		} {
			token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
				"iss": file.UserID, "sub": file.UserID, "aud": offboardtest.InMemory, "iat": now, "exp": now + 864000,
			})
			token.Header["kid"] = file.KeyID
			change(token.Header, token.Claims.(jwt.MapClaims))
			assertion, err := token.SignedString(private)
			if err != nil {
				t.Fatal(err)
			}
			status, answer := ask(t, srv, url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}})
			if ok := status == 200; ok != (name == "") || !ok && (status != 500 || answer != "server_error") {
				t.Errorf("an assertion %s: got %d and %q", name, status, answer)
			}
		}
	})
}

func TestTheDoublesTokensAreOfUseWhenTheyAreMadeOutToTheAPIAndUntilTheyEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := zitadeltest.NewServer()
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {zitadeltest.ClientID}, "client_secret": {zitadeltest.ClientSecret}}
		use := func(token string) error {
			_, err := with(t, srv, zitadel.WithToken(token)).GetDefaultOrganization(t.Context())
			return err
		}
		_, token := ask(t, srv, form)
		if err := use(token); code(err) != errors.InvalidAPIToken {
			t.Errorf("got %v without the scope, want %q", err, errors.InvalidAPIToken)
		}
		form.Set("scope", "openid urn:zitadel:iam:org:project:id:zitadel:aud")
		_, token = ask(t, srv, form)
		if err := use(token); err != nil {
			t.Errorf("got %v with the scope", err)
		}
		time.Sleep(43199 * time.Second)
		if err := use(token); code(err) != errors.InvalidAPIToken {
			t.Errorf("got %v at its end, want %q", err, errors.InvalidAPIToken)
		}
		if status, answer := ask(t, srv, url.Values{"grant_type": {"nope"}}); status != 400 || answer != "unsupported_grant_type" {
			t.Errorf("got %d and %q for another grant", status, answer)
		}
	})
}
