package components_test

import (
	"crypto/md5"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/auth/digestauth"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// apacheConfig is Apache httpd with mod_auth_digest before files or a server. The server
// accepts the token that Apache adds to authenticated requests.
const apacheConfig = `
ServerName localhost
ServerRoot "{{.Dir}}"
DefaultRuntimeDir "{{.Dir}}"
PidFile "{{.Dir}}/pid"
ErrorLog "{{.Dir}}/error.log"
LogLevel info
Listen 127.0.0.1:{{.Port}}
{{range .Settings.Modules}}
LoadModule {{.}}_module /usr/lib/apache2/modules/mod_{{.}}.so{{end}}
StartServers 1
ServerLimit 1
ThreadsPerChild 25
MaxRequestWorkers 25
AuthDigestShmemSize 64K
<IfModule unixd_module>
User www-data
Group www-data
</IfModule>
<Location "/">
AuthType Digest
AuthName "MMS Public API"
AuthDigestProvider file
AuthUserFile "{{.Dir}}/users"
AuthDigestQop auth
AuthDigestNonceLifetime {{.Settings.Lifetime}}
AuthDigestNcCheck {{.Settings.Strict}}
Require valid-user
RequestHeader set Authorization "Bearer {{.Settings.Token}}"
{{with .Settings.Backend}}ProxyPass {{.}}/{{end}}
</Location>
DocumentRoot "{{.Dir}}/files"
`

// apache are the settings of Apache httpd.
type apache struct {
	Lifetime int    // of a nonce, in seconds; 0: valid for one request
	Strict   string // "on": the count of a nonce must increase
	Backend  string // the URL of the protected server; "" for files: an organization to read
	Token    string
	Modules  []string
}

const (
	publicKey  = "abcdefgh"
	privateKey = "canary-5ebe2294-ecd0-e0f0-8eab-7690d2a6ee69"
	orgID      = "64b7e31f2c9c4d1a8f5b6c7d"
)

// start starts Apache httpd and returns its URL.
func (a apache) start(t *testing.T) string {
	t.Helper()
	d := daemon{
		config:  apacheConfig,
		command: []string{program(t, "apache2"), "-f", "${config}", "-DFOREGROUND"},
		dir:     directory(t),
	}
	realm := "MMS Public API"
	ha1 := md5.Sum([]byte(publicKey + ":" + realm + ":" + privateKey))
	file := filepath.Join(d.dir, "files/api/atlas/v2/orgs", orgID)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, file, fmt.Sprintf(`{"id":%q,"name":"Acme"}`, orgID))
	write(t, filepath.Join(d.dir, "users"), fmt.Sprintf("%s:%s:%x\n", publicKey, realm, ha1))
	if a.Strict == "" {
		a.Strict = "off"
	}
	a.Modules = []string{
		"mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_digest", "headers", "proxy", "proxy_http",
	}
	d.start(t, a)
	return "http://" + d.address
}

// client starts Apache httpd and returns a client of it.
func (a apache) client(t *testing.T, private string) (*atlas.Client, *recorder) {
	t.Helper()
	watch := &recorder{next: new(http.Transport)}
	c, err := atlas.New(
		atlas.WithBaseURL(a.start(t)), atlas.WithAPIKey(publicKey, private),
		atlas.WithHTTPClient(&http.Client{Transport: watch}),
	)
	if err != nil {
		t.Fatal(err)
	}
	return c, watch
}

// protectedAtlas is an Atlas behind Apache httpd, with a client.
func (a apache) protected(t *testing.T, private string) (*atlastest.Server, *atlas.Client, *recorder) {
	t.Helper()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: orgID})
	a.Backend, a.Token = srv.Start(), atlastest.Token
	t.Cleanup(srv.Close)
	c, watch := a.client(t, private)
	return srv, c, watch
}

// stale reports whether only the nonce was refused.
func stale(x exchange) bool { return strings.Contains(x.answer.Get("WWW-Authenticate"), "stale=true") }

// The hash includes the parameters of the query.
func TestApache_OneRequestPerCall(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]apache{
		"as it is":                        {Lifetime: 300},
		"where the nonce count must grow": {Lifetime: 300, Strict: "on"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, c, watch := a.protected(t, privateKey)
			for range 10 {
				if err := c.CheckDeletion(in(t), orgID); err != nil { // three requests
					t.Fatal(err)
				}
			}
			if err := c.DeleteOrganization(in(t), orgID); err != nil || srv.Exists(orgID) {
				t.Fatalf("got %v, organization exists: %t", err, srv.Exists(orgID))
			}
			all := watch.take()
			if len(all) != 32 || all[0].status != http.StatusUnauthorized || stale(all[0]) {
				t.Errorf("got %d exchanges, want 32 of which the first is refused: %v", len(all), statuses(all))
			}
			for _, x := range all[1:] {
				if x.status == http.StatusUnauthorized || !strings.Contains(x.header.Get("Authorization"), "qop=auth") {
					t.Errorf("got %v and %q", x.status, x.header.Get("Authorization"))
				}
			}
			if got := len(srv.Requests()); got != 31 {
				t.Errorf("%d requests passed, want 31", got)
			}
		})
	}
}

func TestApache_ExpiredNonce(t *testing.T) {
	t.Parallel()
	srv, c, watch := apache{Lifetime: 2}.protected(t, privateKey)
	if _, err := c.GetOrganization(in(t), orgID); err != nil {
		t.Fatal(err)
	}
	watch.take()
	time.Sleep(2500 * time.Millisecond) // Apache has its own clock
	if err := c.DeleteOrganization(in(t), orgID); err != nil {
		t.Fatal(err)
	}
	all := watch.take()
	if diff := cmp.Diff([]int{401, 204}, statuses(all)); diff != "" {
		t.Fatalf("statuses (-want +got):\n%s", diff)
	}
	if !stale(all[0]) {
		t.Errorf("Apache did not report a stale nonce: %q", all[0].answer.Get("WWW-Authenticate"))
	}
	if n := srv.Count("DeleteOrganization"); n != 1 {
		t.Errorf("the deletion passed %d times", n)
	}
	_, err := c.GetOrganization(in(t), orgID)
	if got, _ := code(t, err); got != errors.OrganizationNotFound {
		t.Errorf("got %v, want %q", err, errors.OrganizationNotFound)
	}
	if diff := cmp.Diff([]int{404}, statuses(watch.take())); diff != "" {
		t.Errorf("statuses after that (-want +got):\n%s", diff)
	}
}

// If a nonce is valid for one request, Apache offers the next one in Authentication-Info.
// The client ignores it, so a call takes two requests, and none fails.
func TestApache_SingleUseNonce(t *testing.T) {
	t.Parallel()
	c, watch := apache{Lifetime: 0}.client(t, privateKey)
	for range 3 {
		if _, err := c.GetOrganization(in(t), orgID); err != nil {
			t.Fatal(err)
		}
	}
	all := watch.take()
	if diff := cmp.Diff([]int{401, 200, 401, 200, 401, 200}, statuses(all)); diff != "" {
		t.Fatalf("statuses (-want +got):\n%s", diff)
	}
	if info := all[1].answer.Get("Authentication-Info"); !strings.Contains(info, "nextnonce=") {
		t.Errorf("Apache offered no nonce: %q", info)
	}
	if !stale(all[2]) {
		t.Errorf("Apache did not report a stale nonce: %q", all[2].answer.Get("WWW-Authenticate"))
	}
}

func TestApache_WrongPrivateKey(t *testing.T) {
	t.Parallel()
	srv, c, watch := apache{Lifetime: 300}.protected(t, "another")
	for range 2 { // the second time, the challenge is known and replaced
		got, status := code(t, c.DeleteOrganization(in(t), orgID))
		if got != errors.Unauthenticated || status != http.StatusUnauthorized {
			t.Errorf("got %q and %d, want %q", got, status, errors.Unauthenticated)
		}
		if diff := cmp.Diff([]int{401, 401}, statuses(watch.take())); diff != "" {
			t.Errorf("statuses (-want +got):\n%s", diff)
		}
	}
	if len(srv.Requests()) != 0 || !srv.Exists(orgID) {
		t.Error("a request passed")
	}
}

func TestApache_ConcurrentCalls(t *testing.T) {
	t.Parallel()
	_, c, watch := apache{Lifetime: 300}.protected(t, privateKey)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 10 {
				if _, err := c.GetOrganization(in(t), orgID); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	// Each call may have started before the first challenge was known, and been refused.
	if n := len(watch.take()); n > 80+8 {
		t.Errorf("%d requests for 80 calls of 8 at once", n)
	}
}

func TestApache_BodySentAgain(t *testing.T) {
	t.Parallel()
	// More than the buffers between client and server hold.
	want := map[string]string{"text": strings.Repeat("0123456789", 100_000)}
	bodies := make(chan string, 2)
	address := serve(t, new(http.Server), func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		bodies <- string(b)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, "{}")
	})
	watch := &recorder{next: new(http.Transport)}
	c, err := rest.New(rest.Config{
		Provider: "test", BaseURL: apache{Lifetime: 300, Backend: "http://" + address, Token: "token"}.start(t),
		HTTPClient: &http.Client{Transport: watch}, Authorizer: digestauth.New(publicKey, privateKey),
		Classify: func(*rest.Answer, *errors.Error) bool { return true },
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Do(in(t), &rest.Call{
			Operation: "PutItem", Method: http.MethodPut, Path: "/items/a%20b", Body: want, Status: http.StatusOK,
		}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]int{401, 200, 200}, statuses(watch.take())); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	for range 2 {
		if got := <-bodies; got != `{"text":"`+want["text"]+`"}` {
			t.Errorf("a body of %d bytes differs from the sent one", len(got))
		}
	}
}

// The private key is hashed. Neither the key nor its URL encoding is sent.
func TestApache_PrivateKeyNotSent(t *testing.T) {
	t.Parallel()
	_, c, watch := apache{Lifetime: 300}.protected(t, privateKey)
	if err := c.DeleteOrganization(in(t), orgID); err != nil {
		t.Fatal(err)
	}
	for _, x := range watch.take() {
		if sent := fmt.Sprint(x.header); strings.Contains(sent, privateKey) || strings.Contains(sent, url.QueryEscape(privateKey)) {
			t.Errorf("sent %s", sent)
		}
	}
}
