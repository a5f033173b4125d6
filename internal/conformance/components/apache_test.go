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

// apacheConfig is Apache httpd with mod_auth_digest in front of files or of a
// server, which takes the token that is put on what has passed.
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

// apache are the settings of an Apache httpd.
type apache struct {
	Lifetime int    // of a nonce, in seconds; 0: it is for one request
	Strict   string // "on": the count of a nonce has to grow
	Backend  string // the URL of what is protected; "" for files: an organization to read
	Token    string
	Modules  []string
}

const (
	publicKey  = "abcdefgh"
	privateKey = "canary-5ebe2294-ecd0-e0f0-8eab-7690d2a6ee69"
	orgID      = "64b7e31f2c9c4d1a8f5b6c7d"
)

// start starts an Apache httpd and returns its URL.
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

// client starts an Apache httpd and returns a client of it.
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

// protectedAtlas is an Atlas behind an Apache httpd, and a client of it.
func (a apache) protected(t *testing.T, private string) (*atlastest.Server, *atlas.Client, *recorder) {
	t.Helper()
	srv := atlastest.NewServer()
	srv.AddOrganization(atlastest.Organization{ID: orgID})
	a.Backend, a.Token = srv.Start(), atlastest.Token
	t.Cleanup(srv.Close)
	c, watch := a.client(t, private)
	return srv, c, watch
}

// stale reports whether an answer says that only the nonce was refused.
func stale(x exchange) bool { return strings.Contains(x.answer.Get("WWW-Authenticate"), "stale=true") }

// The parameters of the query are part of what is hashed.
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
				t.Fatalf("got %v, and the organization is there: %t", err, srv.Exists(orgID))
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
	time.Sleep(2500 * time.Millisecond) // for Apache's own clock
	if err := c.DeleteOrganization(in(t), orgID); err != nil {
		t.Fatal(err)
	}
	all := watch.take()
	if diff := cmp.Diff([]int{401, 204}, statuses(all)); diff != "" {
		t.Fatalf("statuses (-want +got):\n%s", diff)
	}
	if !stale(all[0]) {
		t.Errorf("Apache did not say that only the nonce ended: %q", all[0].answer.Get("WWW-Authenticate"))
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

// Apache offers the next nonce in Authentication-Info where a nonce is for one
// request. It is not taken up, so a call is two requests, and none fails.
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
		t.Errorf("Apache did not say that only the nonce ended: %q", all[2].answer.Get("WWW-Authenticate"))
	}
}

func TestApache_WrongPrivateKey(t *testing.T) {
	t.Parallel()
	srv, c, watch := apache{Lifetime: 300}.protected(t, "another")
	for range 2 { // the challenge is known the second time, and another one comes
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
	// Each may have begun before the first challenge was known, and been refused.
	if n := len(watch.take()); n > 80+8 {
		t.Errorf("%d requests for 80 calls of 8 at once", n)
	}
}

func TestApache_BodySentAgain(t *testing.T) {
	t.Parallel()
	// More than the buffers on the way take.
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
			Operation: "PutThing", Method: http.MethodPut, Path: "/things/a%20b", Body: want, Status: http.StatusOK,
		}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]int{401, 200, 200}, statuses(watch.take())); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	for range 2 {
		if got := <-bodies; got != `{"text":"`+want["text"]+`"}` {
			t.Errorf("a body of %d bytes is not what was sent", len(got))
		}
	}
}

// The private key is hashed. Neither it nor its URL encoding is sent.
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
