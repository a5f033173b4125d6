package components_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// tinyproxyConfig is tinyproxy with full logging.
const tinyproxyConfig = `
Listen 127.0.0.1
Port {{.Port}}
Allow 127.0.0.1
LogFile "{{.Dir}}/proxy.log"
LogLevel Info
MaxClients 20
{{with .Settings.Password}}BasicAuth proxy {{.}}{{end}}
{{if .Settings.Refuse}}Filter "{{$.Dir}}/filter"
FilterDefaultDeny Yes{{end}}
`

// tinyproxy are the settings of tinyproxy.
type tinyproxy struct {
	Password string // of the user proxy; "" for none
	Refuse   bool   // it connects to no server
}

const (
	proxyPassword = "canary-proxy-0d107d09f5bb"
	apiToken      = zitadeltest.Token
	victim        = "312909075211944042" // the deleted organization
)

// route is the path between a client and a Zitadel with TLS: a tap, then tinyproxy.
type route struct {
	srv   *zitadeltest.Server
	api   *httptest.Server
	proxy *daemon
	tap   *tap
}

// newRoute starts all of it.
func newRoute(t *testing.T, settings tinyproxy) *route {
	t.Helper()
	r := &route{srv: zitadeltest.NewServer(), proxy: &daemon{config: tinyproxyConfig, dir: directory(t)}}
	r.proxy.command = []string{program(t, "tinyproxy"), "-d", "-c", "${config}"}
	write(t, filepath.Join(r.proxy.dir, "filter"), "^nowhere$\n")
	r.proxy.start(t, settings)
	r.tap = newTap(t, r.proxy.address)
	r.srv.AddOrganization(zitadeltest.Organization{ID: victim})
	r.api = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		req.Host = "fake.invalid"
		serveFake(r.srv).ServeHTTP(w, req)
	}))
	r.api.Config.ErrorLog = log.New(io.Discard, "", 0)
	r.api.EnableHTTP2 = true
	r.api.StartTLS()
	t.Cleanup(r.api.Close)
	return r
}

// client returns a client that uses the route, with a password for the proxy.
func (r *route) client(t *testing.T, password string, options ...zitadel.Option) *zitadel.Client {
	t.Helper()
	proxy := &url.URL{Scheme: "http", Host: r.tap.address}
	if password != "" {
		proxy.User = url.UserPassword("proxy", password)
	}
	transport := r.api.Client().Transport.(*http.Transport).Clone()
	transport.Proxy = http.ProxyURL(proxy)
	t.Cleanup(transport.CloseIdleConnections)
	c, err := zitadel.New(append([]zitadel.Option{
		zitadel.WithBaseURL(r.api.URL), zitadel.WithToken(apiToken), zitadel.WithHTTPClient(&http.Client{Transport: transport}),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// log returns the proxy's log.
func (r *route) log(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(r.proxy.dir, "proxy.log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// tap forwards connections and records the clients' data.
type tap struct {
	address string

	mu   sync.Mutex
	sent bytes.Buffer
}

func newTap(t *testing.T, to string) *tap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tp := &tap{address: l.Addr().String()}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				client.Close()
				continue
			}
			group.Go(func() {
				_, _ = io.Copy(io.MultiWriter(server, tp), client)
				server.Close()
			})
			group.Go(func() {
				_, _ = io.Copy(client, server)
				client.Close()
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		group.Wait()
	})
	return tp
}

func (tp *tap) Write(b []byte) (int, error) {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	return tp.sent.Write(b)
}

func (tp *tap) String() string {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	return tp.sent.String()
}

func TestProxy_NoCredential(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"", proxyPassword} {
		t.Run(fmt.Sprintf("password %t", password != ""), func(t *testing.T) {
			t.Parallel()
			r := newRoute(t, tinyproxy{Password: password})
			if _, err := r.client(t, password).DeleteOrganization(in(t), victim); err != nil || r.srv.Exists(victim) {
				t.Fatalf("got %v, organization exists: %t", err, r.srv.Exists(victim))
			}
			r.proxy.stop() // flushes its log
			for what, text := range map[string]string{"the log": r.log(t), "what was sent": r.tap.String()} {
				if !strings.Contains(text, r.api.Listener.Addr().String()) {
					t.Errorf("%s does not contain the host, so it proves nothing: %s", what, text)
				}
				if strings.Contains(text, apiToken) || strings.Contains(text, victim) {
					t.Errorf("%s contains the credential or the path", what)
				}
			}
			if strings.Contains(r.log(t), proxyPassword) {
				t.Error("the log contains the proxy's password")
			}
		})
	}
}

// This proves that the tap sees plain text, so the test above is meaningful.
func TestProxy_PlainHTTP(t *testing.T) {
	t.Parallel()
	r := newRoute(t, tinyproxy{})
	plain := httptest.NewServer(r.api.Config.Handler)
	t.Cleanup(plain.Close)
	if _, err := r.client(t, "", zitadel.WithBaseURL(plain.URL)).DeleteOrganization(in(t), victim); err != nil {
		t.Fatal(err)
	}
	if sent := r.tap.String(); !strings.Contains(sent, apiToken) || !strings.Contains(sent, victim) {
		t.Errorf("the tap received %s", sent)
	}
}

// A request that the proxy refused was not sent, so its outcome is known.
func TestProxy_Refusal(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		settings tinyproxy
		password string
		cause    string
	}{
		"no password":         {tinyproxy{Password: proxyPassword}, "", "Proxy Authentication Required"},
		"another password":    {tinyproxy{Password: proxyPassword}, proxyPassword + "x", "Unauthorized"},
		"a host that is none": {tinyproxy{Refuse: true}, "", "Filtered"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRoute(t, test.settings)
			_, err := r.client(t, test.password, zitadel.WithRetry(zitadel.Retry{MaxAttempts: 2, MaxWait: time.Second})).DeleteOrganization(in(t), victim)
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || e.Code != errors.Unavailable || e.Status != 0 || e.Attempts != 2 || !errors.Retryable(err) {
				t.Fatalf("got %v, want %q after two attempts", err, errors.Unavailable)
			}
			if e.Err == nil || !strings.Contains(e.Err.Error(), test.cause) {
				t.Errorf("got cause %v, want %q", e.Err, test.cause)
			}
			if shown := fmt.Sprintf("%v %#v", err, e.Err); strings.Contains(shown, proxyPassword) || strings.Contains(shown, apiToken) {
				t.Errorf("the text contains a credential: %s", shown)
			}
			if sent := r.tap.String(); strings.Contains(sent, apiToken) {
				t.Error("the credential was sent to the proxy")
			}
			if n := len(r.srv.Requests()); n != 0 || !r.srv.Exists(victim) {
				t.Errorf("%d requests passed, organization exists: %t", n, r.srv.Exists(victim))
			}
		})
	}
	t.Run("no proxy", func(t *testing.T) {
		t.Parallel()
		r := newRoute(t, tinyproxy{})
		r.proxy.stop()
		_, err := r.client(t, proxyPassword, zitadel.WithRetry(zitadel.Retry{MaxAttempts: 2, MaxWait: time.Second})).DeleteOrganization(in(t), victim)
		e, _ := errors.AsType[*errors.Error](err)
		if e == nil || e.Code != errors.Unavailable || e.Status != 0 || e.Attempts != 2 {
			t.Errorf("got %v, want %q after two attempts", err, errors.Unavailable)
		}
		if shown := fmt.Sprintf("%v %#v", err, err); strings.Contains(shown, proxyPassword) {
			t.Errorf("the text contains the proxy's password: %s", shown)
		}
	})
	t.Run("no server behind the proxy", func(t *testing.T) {
		t.Parallel()
		r := newRoute(t, tinyproxy{})
		r.api.Close()
		_, err := r.client(t, "", zitadel.WithRetry(zitadel.Retry{MaxAttempts: 2, MaxWait: time.Second})).DeleteOrganization(in(t), victim)
		if got, status := code(t, err); got != errors.Unavailable || status != 0 {
			t.Errorf("got %v, want %q", err, errors.Unavailable)
		}
	})
}

// The proxy stops while the server processes the request. Reads fail, too.
func TestProxy_EndsDuringRequest(t *testing.T) {
	t.Parallel()
	r := newRoute(t, tinyproxy{})
	work := r.api.Config.Handler
	r.api.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		work.ServeHTTP(httptest.NewRecorder(), req)
		r.proxy.stop()
		panic(http.ErrAbortHandler)
	})
	_, err := r.client(t, "", zitadel.WithRetry(zitadel.Retry{MaxAttempts: 2, MaxWait: time.Second})).DeleteOrganization(in(t), victim)
	if got, status := code(t, err); got != errors.OutcomeUnknown || status != 0 {
		t.Errorf("got %v, want %q", err, errors.OutcomeUnknown)
	}
	if diff := cmp.Diff([]string{victim}, r.srv.Deleted()); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
	if n := r.srv.Count("DeleteOrganization"); n != 1 {
		t.Errorf("the deletion was sent %d times", n)
	}
}

// A proxy that intercepts TLS works only if the client trusts its authority.
func TestProxy_ForeignCertificate(t *testing.T) {
	t.Parallel()
	r := newRoute(t, tinyproxy{})
	transport := &http.Transport{
		Proxy:             http.ProxyURL(&url.URL{Scheme: "http", Host: r.tap.address}),
		TLSClientConfig:   &tls.Config{}, // without the server's authority
		ForceAttemptHTTP2: true,
	}
	t.Cleanup(transport.CloseIdleConnections)
	_, err := r.client(t, "", zitadel.WithHTTPClient(&http.Client{Transport: transport}), zitadel.WithRetry(zitadel.Retry{MaxAttempts: 1})).
		DeleteOrganization(in(t), victim)
	if got, status := code(t, err); got != errors.Unavailable || status != 0 {
		t.Errorf("got %v, want %q", err, errors.Unavailable)
	}
	if strings.Contains(r.tap.String(), apiToken) || !r.srv.Exists(victim) {
		t.Error("the credential was sent, or the organization is deleted")
	}
}

// serveFake serves a fake on a listener that is not the fake's own.
func serveFake(fake http.RoundTripper) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		resp, err := fake.RoundTrip(r)
		if err != nil {
			panic(http.ErrAbortHandler) // closes the connection without an answer
		}
		defer resp.Body.Close()
		for name, values := range resp.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	})
}
