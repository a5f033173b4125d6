package zitadel_test

import (
	"bytes"
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

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/suite/pipelinesuite"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

func TestNew_InvalidOptions(t *testing.T) {
	t.Parallel()
	base, token := zitadel.WithBaseURL("https://zitadel.invalid"), zitadel.WithToken("token")
	application := changed(key(), func(content map[string]any) { content["type"] = "application" })
	for name, options := range map[string][]zitadel.Option{
		"no base URL":               {token},
		"an empty base URL":         {token, zitadel.WithBaseURL("")},
		"no credential":             {base},
		"two credentials":           {base, token, zitadel.WithKey(key())},
		"an empty token":            {base, zitadel.WithToken("")},
		"a token with a newline":    {base, zitadel.WithToken("to\nken")},
		"no key":                    {base, zitadel.WithKey(nil)},
		"the key of an application": {base, zitadel.WithKey(application)},
		"no key file":               {base, zitadel.WithKeyFile("testdata/none.json")},
		"a key file without a key":  {base, zitadel.WithKeyFile("testdata/errors.json")},
		"an empty client ID":        {base, zitadel.WithClientCredentials("", "secret")},
		"an empty client secret":    {base, zitadel.WithClientCredentials("bot", "")},
		"a secret with a newline":   {base, zitadel.WithClientCredentials("bot", "secret\n")},
		"no HTTP client":            {base, token, zitadel.WithHTTPClient(nil)},
		"a base URL without host":   {token, zitadel.WithBaseURL("https:///")},
		"a base URL of a file":      {token, zitadel.WithBaseURL("file:///x")},
		"a host without a scheme":   {token, zitadel.WithBaseURL("zitadel.invalid")},
		"a base URL with a query":   {token, zitadel.WithBaseURL("https://zitadel.invalid/?a=b")},
		"a base URL with a user":    {token, zitadel.WithBaseURL("https://u:secret@zitadel.invalid")},
		"an invalid base URL":       {token, zitadel.WithBaseURL("https://u:secret@%zz")},
		"negative attempts":         {base, token, zitadel.WithRetry(zitadel.Retry{MaxAttempts: -1, MaxWait: time.Second})},
		"a negative wait":           {base, token, zitadel.WithRetry(zitadel.Retry{MaxAttempts: 1, MaxWait: -time.Second})},
		"a rate of 0":               {base, token, zitadel.WithRateLimit(zitadel.RateLimit{PerSecond: 0, Burst: 1})},
		"a burst of 0":              {base, token, zitadel.WithRateLimit(zitadel.RateLimit{PerSecond: 1, Burst: 0})},
		"no limiter":                {base, token, zitadel.WithLimiter(nil)},
		"a user agent with lines":   {base, token, zitadel.WithUserAgent("a\r\nX-Evil: 1")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := zitadel.New(options...)
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || e.Code != errors.InvalidArgument {
				t.Fatalf("got %v, want %q", err, errors.InvalidArgument)
			}
			if text := err.Error(); len(text) > 120 || strings.Contains(text, "secret@") {
				t.Errorf("got %q", text)
			}
			if _, err := zitadel.DeleteOrganization(t.Context(), "acme", options...); code(err) != errors.InvalidArgument {
				t.Errorf("DeleteOrganization: got %v, want %q", err, errors.InvalidArgument)
			}
		})
	}
}

func TestNew_NoBaseURL(t *testing.T) {
	t.Parallel()
	_, err := zitadel.New(zitadel.WithToken("token"))
	if err == nil || err.Error() != "zitadel: New: invalid_argument: missing base URL: set WithBaseURL" {
		t.Errorf("got %v", err)
	}
}

func TestFromEnv_NotReadByDefault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.json")
	srv := zitadeltest.NewServer()
	if err := os.WriteFile(path, srv.Key(), 0o600); err != nil {
		t.Fatal(err)
	}
	set := func(url, token, path string) {
		t.Setenv("ZITADEL_API_URL", url)
		t.Setenv("ZITADEL_SERVICE_USER_TOKEN", token)
		t.Setenv("ZITADEL_KEY_PATH", path)
	}
	for _, credential := range [][2]string{{zitadeltest.Token, ""}, {"", path}} {
		set(offboardtest.InMemory, credential[0], credential[1])
		if _, err := zitadel.New(); !errors.Is(err, errors.InvalidArgument) {
			t.Errorf("got %v without FromEnv, want %q", err, errors.InvalidArgument)
		}
		c, err := zitadel.New(zitadel.FromEnv(), zitadel.WithHTTPClient(srv.Client()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.GetDefaultOrganization(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for why, variables := range map[string][3]string{
		"ZITADEL_API_URL is not set":                                     {"", zitadeltest.Token, ""},
		"neither ZITADEL_SERVICE_USER_TOKEN nor ZITADEL_KEY_PATH is set": {offboardtest.InMemory, "", ""},
		"ZITADEL_SERVICE_USER_TOKEN and ZITADEL_KEY_PATH are both set":   {offboardtest.InMemory, zitadeltest.Token, path},
		path + ".none": {offboardtest.InMemory, "", path + ".none"},
	} {
		set(variables[0], variables[1], variables[2])
		if _, err := zitadel.New(zitadel.FromEnv()); code(err) != errors.InvalidArgument || !strings.Contains(err.Error(), why) {
			t.Errorf("got %v, want %q: %s", err, errors.InvalidArgument, why)
		}
	}
}

func TestWithPlainHTTP(t *testing.T) {
	t.Parallel()
	pipelinesuite.PlainHTTP(t, func(base string, allowed bool) error {
		options := []zitadel.Option{zitadel.WithClientCredentials("id", "secret-token"), zitadel.WithBaseURL(base)}
		if allowed {
			options = append(options, zitadel.WithPlainHTTP())
		}
		_, err := zitadel.New(options...)
		return err
	})
}

func TestFromEnv_NamesVariable(t *testing.T) {
	pipelinesuite.Variables(t, []string{"ZITADEL_API_URL", "ZITADEL_SERVICE_USER_TOKEN", "ZITADEL_KEY_PATH"}, func() error {
		_, err := zitadel.New(zitadel.FromEnv())
		return err
	}, map[string]pipelinesuite.Environment{
		"no URL":        {Set: map[string]string{"ZITADEL_SERVICE_USER_TOKEN": "canary"}, Words: []string{"ZITADEL_API_URL is not set"}},
		"no credential": {Set: map[string]string{"ZITADEL_API_URL": offboardtest.InMemory}, Words: []string{"ZITADEL_SERVICE_USER_TOKEN", "ZITADEL_KEY_PATH"}},
		"a key as a path": {
			Set:   map[string]string{"ZITADEL_API_URL": offboardtest.InMemory, "ZITADEL_KEY_PATH": string(zitadeltest.NewServer().Key())},
			Words: []string{"ZITADEL_KEY_PATH", "cannot be read"},
		},
		"a token as a path": {
			Set:   map[string]string{"ZITADEL_API_URL": offboardtest.InMemory, "ZITADEL_KEY_PATH": "canary-5ebe2294ecd0"},
			Words: []string{"ZITADEL_KEY_PATH", "cannot be read"},
		},
		"a token with a space": {
			Set:   map[string]string{"ZITADEL_API_URL": offboardtest.InMemory, "ZITADEL_SERVICE_USER_TOKEN": "Bearer canary"},
			Words: []string{"ZITADEL_SERVICE_USER_TOKEN"},
		},
	})
}

// Editors and PowerShell write key files in these forms.
func TestWithKeyFile_Forms(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	var indented bytes.Buffer
	if err := json.Indent(&indented, srv.Key(), "  ", "\t"); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"a BOM":                 append([]byte("\ufeff"), srv.Key()...),
		"a BOM and indentation": append([]byte("\ufeff\r\n"), indented.Bytes()...),
		"an empty expirationDate": bytes.Replace(srv.Key(), []byte(`"expirationDate":"9999-12-31T23:59:59Z"`),
			[]byte(`"expirationDate":""`), 1),
	} {
		path := filepath.Join(t.TempDir(), "key.json")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		c := newClientWith(t, srv, zitadel.WithKeyFile(path))
		if _, err := c.GetDefaultOrganization(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// newClientWith returns a client of a fake with another credential than a token.
func newClientWith(t *testing.T, srv *zitadeltest.Server, credential zitadel.Option, options ...zitadel.Option) *zitadel.Client {
	t.Helper()
	base, client := srv.Endpoint()
	c, err := zitadel.New(append([]zitadel.Option{credential, zitadel.WithBaseURL(base), zitadel.WithHTTPClient(client)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCredentials_ServiceAccount(t *testing.T) {
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
		c := newClientWith(t, srv, credential)
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

func TestCredentials_TokenRequest(t *testing.T) {
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
		_, _ = newClientWith(t, srv, test.credential).GetDefaultOrganization(t.Context())
		r := srv.Requests()[0]
		if r.Method != "POST" || r.Path != "/oauth/v2/token" || r.Query != "" || r.Header.Get("Authorization") != "" {
			t.Errorf("%s: got %s %s?%s with Authorization %q", name, r.Method, r.Path, r.Query, r.Header.Get("Authorization"))
		}
		got, err := url.ParseQuery(string(r.Body))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(got.Get("assertion"), ".") == 2 {
			got.Set("assertion", "header.claims.signature") // the fake checks the assertion
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: form (-want +got):\n%s", name, diff)
		}
	}
}

// recordedURLs records the URLs of requests and sends none.
type recordedURLs []string

func (h *recordedURLs) RoundTrip(req *http.Request) (*http.Response, error) {
	*h = append(*h, req.URL.Scheme+"://"+req.URL.Host+req.URL.Path)
	return nil, context.Canceled
}

func TestCredentials_OptionOrder(t *testing.T) {
	t.Parallel()
	decoy, base := zitadel.WithBaseURL("https://decoy.invalid"), zitadel.WithBaseURL("https://zitadel.invalid/")
	for name, credential := range map[string]zitadel.Option{
		"client credentials": zitadel.WithClientCredentials("bot", "secret"),
		"key":                zitadel.WithKey(key()),
	} {
		for order, options := range map[string][]zitadel.Option{
			"the base URL first":      {base, credential},
			"the base URL last":       {credential, base},
			"another base URL before": {decoy, credential, base},
		} {
			var seen recordedURLs
			c, err := zitadel.New(append(options, zitadel.WithHTTPClient(&http.Client{Transport: &seen}), zitadel.WithRetry(zitadel.Retry{MaxAttempts: 1, MaxWait: time.Second}))...)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = c.GetDefaultOrganization(t.Context())
			if diff := cmp.Diff(recordedURLs{"https://zitadel.invalid/oauth/v2/token"}, seen); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", name, order, diff)
			}
		}
	}
}

// The fake compares the audience with its own URL, which has no trailing slash.
func TestWithKey_BaseURLWithSlash(t *testing.T) {
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

// The issuer is the normalized base URL: in lower case, without the default port.
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

func TestCredentials_ExpiredToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := zitadeltest.NewServer()
		c := newClientWith(t, srv, zitadel.WithClientCredentials(zitadeltest.ClientID, zitadeltest.ClientSecret))
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

func TestCredentials_RefusedNotRetried(t *testing.T) {
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
		"an expired key":            {credential: zitadel.WithKey(expired), want: errors.Unauthenticated},
		"a wrong secret": {
			credential: zitadel.WithClientCredentials(zitadeltest.ClientID, "wrong"),
			want:       errors.Unauthenticated, provider: "invalid_request", requests: 1,
		},
		"an unknown client": {
			credential: zitadel.WithClientCredentials("unknown", zitadeltest.ClientSecret),
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
			_, err := newClientWith(t, srv, test.credential).DeleteOrganization(t.Context(), "acme")
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
				t.Error("the organization was deleted")
			}
		})
	}
}

func TestCredentials_RefusedTokenReplacedOnce(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: "acme"})
	srv.Fail(offboardtest.Respond("DeleteOrganization", 401,
		`{"code":16,"message":"x (AUTH-7fs1e)","details":[{"@type":"type.googleapis.com/zitadel.v1.ErrorDetail","id":"AUTH-7fs1e"}]}`))
	c := newClientWith(t, srv, zitadel.WithClientCredentials(zitadeltest.ClientID, zitadeltest.ClientSecret))
	if _, err := c.DeleteOrganization(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	want := []string{zitadeltest.TokenRequest, "DeleteOrganization", zitadeltest.TokenRequest, "DeleteOrganization"}
	if diff := cmp.Diff(want, requests(srv)); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}
