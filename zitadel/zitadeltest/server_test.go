package zitadeltest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
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

func TestServer_Start(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
	srv.Start()
	defer srv.Close()
	if _, err := zitadel.DeleteOrganization(t.Context(), "acme", srv.Option()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"acme"}, srv.Deleted()); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
}

// The requests are ones that no client of this module sends.
func TestServer_Refusals(t *testing.T) {
	t.Parallel()
	bearer := "Bearer " + zitadeltest.Token
	for name, test := range map[string]struct {
		method, url, authorization, body string
		status, legacy                   int
		code                             int
		id                               string
	}{
		"no credential":    {"DELETE", "/admin/v1/orgs/acme", "", "", 500, 401, 2, ""},
		"empty bearer":     {"DELETE", "/admin/v1/orgs/acme", "Bearer ", "", 401, 401, 16, "AUTH-toLo1"},
		"lower-case":       {"DELETE", "/admin/v1/orgs/acme", "bearer " + zitadeltest.Token, "", 401, 401, 16, "AUTH-toLo1"},
		"basic":            {"DELETE", "/admin/v1/orgs/acme", "Basic Zm9vOmJhcg==", "", 401, 401, 16, "AUTH-toLo1"},
		"unknown token":    {"DELETE", "/admin/v1/orgs/acme", "Bearer x", "", 401, 401, 16, "AUTH-7fs1e"},
		"long id":          {"DELETE", "/admin/v1/orgs/" + strings.Repeat("9", 201), bearer, "", 500, 400, 2, ""},
		"trailing slash":   {"DELETE", "/admin/v1/orgs/acme/", bearer, "", 404, 404, 5, ""},
		"unknown route":    {"DELETE", "/v3/organizations/acme", bearer, "", 404, 404, 5, ""},
		"another host":     {"DELETE", "https://other.invalid/admin/v1/orgs/acme", bearer, "", 404, 404, 5, ""},
		"a malformed body": {"POST", "/admin/v1/orgs/_search", bearer, "{nope", 400, 400, 3, ""},
		"a negative limit": {"POST", "/admin/v1/orgs/_search", bearer, `{"query":{"limit":-1}}`, 400, 400, 3, ""},
		"an empty query":   {"POST", "/admin/v1/orgs/_search", bearer, `{"queries":[{}]}`, 500, 400, 2, ""},

		"no credential, by v2":               {"DELETE", "/v2/organizations/acme", "", "", 401, 404, 16, ""},
		"no credential, by the management":   {"DELETE", "/management/v1/orgs/me", "", "", 500, 401, 2, ""},
		"long id, by v2":                     {"DELETE", "/v2/organizations/" + strings.Repeat("9", 201), bearer, "", 400, 404, 3, ""},
		"a malformed body, by v2":            {"POST", "/v2/organizations/_search", bearer, "{nope", 400, 404, 3, ""},
		"an empty query, by v2":              {"POST", "/v2/organizations/_search", bearer, `{"queries":[{}]}`, 400, 404, 3, ""},
		"a malformed organization":           {"POST", "/management/v1/orgs", bearer, "{nope", 400, 400, 3, ""},
		"a malformed organization, by v2":    {"POST", "/v2/organizations", bearer, "{nope", 400, 404, 3, ""},
		"a malformed organization with user": {"POST", "/admin/v1/orgs/_setup", bearer, "{nope", 400, 400, 3, ""},
		"a malformed body of a list":         {"POST", "/management/v1/users/_search", bearer, "{nope", 400, 400, 3, ""},
		"a malformed body of memberships":    {"POST", "/auth/v1/memberships/me/_search", bearer, "{nope", 400, 400, 3, ""},
	} {
		for _, legacy := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, legacy %t", name, legacy), func(t *testing.T) {
				t.Parallel()
				srv := zitadeltest.NewServer()
				srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
				srv.Legacy(legacy)
				url := test.url
				if strings.HasPrefix(url, "/") {
					url = offboardtest.InMemory + url
				}
				req, err := http.NewRequestWithContext(t.Context(), test.method, url, strings.NewReader(test.body))
				if err != nil {
					t.Fatal(err)
				}
				if test.authorization != "" {
					req.Header.Set("Authorization", test.authorization)
				}
				resp, err := srv.Client().Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				var body struct {
					Code    int
					Message string
					Details []struct{ ID string }
				}
				if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
					t.Fatal(err)
				}
				status := test.status
				if legacy {
					status = test.legacy
				}
				id := ""
				for _, detail := range body.Details {
					id += detail.ID
				}
				if resp.StatusCode != status || id != test.id || body.Message == "" {
					t.Errorf("got status %d with id %q, want %d with %q", resp.StatusCode, id, status, test.id)
				}
				if test.status == status && body.Code != test.code {
					t.Errorf("got gRPC code %d, want %d", body.Code, test.code)
				}
				if got := resp.Header.Get("X-Request-Id"); (got == "") != legacy {
					t.Errorf("got X-Request-Id %q", got)
				}
				if !srv.Exists("acme") {
					t.Error("the organization was deleted")
				}
			})
		}
	}
}

// requestToken requests a token from the fake, and returns the status and the token or the
// error.
func requestToken(t *testing.T, srv *zitadeltest.Server, form url.Values) (int, string) {
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

func TestServer_Assertions(t *testing.T) {
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
			"":                                     func(map[string]any, jwt.MapClaims) {},
			"with the endpoint as audience":        func(_ map[string]any, c jwt.MapClaims) { c["aud"] = offboardtest.InMemory + "/oauth/v2/token" },
			"of another issuer":                    func(_ map[string]any, c jwt.MapClaims) { c["iss"] = "other" },
			"of another subject":                   func(_ map[string]any, c jwt.MapClaims) { c["sub"] = "other" },
			"older than an hour":                   func(_ map[string]any, c jwt.MapClaims) { c["iat"] = now - 3601 },
			"issued in the future":                 func(_ map[string]any, c jwt.MapClaims) { c["iat"] = now + 2 },
			"without an issue time":                func(_ map[string]any, c jwt.MapClaims) { delete(c, "iat") },
			"expired":                              func(_ map[string]any, c jwt.MapClaims) { c["exp"] = now - 1 },
			"without an expiry":                    func(_ map[string]any, c jwt.MapClaims) { delete(c, "exp") },
			"signed by an unknown key":             func(h map[string]any, _ jwt.MapClaims) { h["kid"] = "other" },
			"with another algorithm in its header": func(h map[string]any, _ jwt.MapClaims) { h["alg"] = "RS512" },
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
			status, answer := requestToken(t, srv, url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}})
			if ok := status == 200; ok != (name == "") || !ok && (status != 500 || answer != "server_error") {
				t.Errorf("an assertion %s: got %d and %q", name, status, answer)
			}
		}
	})
}

func TestServer_TokenExpiry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := zitadeltest.NewServer()
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {zitadeltest.ClientID}, "client_secret": {zitadeltest.ClientSecret}}
		use := func(token string) errors.Code {
			base, client := srv.Endpoint()
			c, err := zitadel.New(zitadel.WithBaseURL(base), zitadel.WithHTTPClient(client), zitadel.WithToken(token))
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.GetDefaultOrganization(t.Context())
			if e, ok := errors.AsType[*errors.Error](err); ok {
				return e.Code
			}
			return ""
		}
		_, token := requestToken(t, srv, form)
		if got := use(token); got != errors.InvalidAPIToken {
			t.Errorf("got code %q without the scope, want %q", got, errors.InvalidAPIToken)
		}
		form.Set("scope", "openid urn:zitadel:iam:org:project:id:zitadel:aud")
		_, token = requestToken(t, srv, form)
		if got := use(token); got != "" {
			t.Errorf("got code %q with the scope", got)
		}
		time.Sleep(43199 * time.Second)
		if got := use(token); got != errors.InvalidAPIToken {
			t.Errorf("got code %q after expires_in, want %q", got, errors.InvalidAPIToken)
		}
		if status, answer := requestToken(t, srv, url.Values{"grant_type": {"nope"}}); status != 400 || answer != "unsupported_grant_type" {
			t.Errorf("got %d and %q for another grant", status, answer)
		}
	})
}
