package offboard_test

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/oauth2"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/zitadel"
)

// A client without a caller's http.Client has its own connections. Close ends the idle
// ones, and later calls open new ones.
func TestClient_Close(t *testing.T) {
	t.Parallel()
	type client struct {
		read  func() error
		close func()
	}
	for name, open := range map[string]func(url string) (client, error){
		"katapult": func(url string) (client, error) {
			c, err := katapult.New(katapult.WithBaseURL(url), katapult.WithToken("token"))
			return client{func() error { _, err := c.ListOrganizations(t.Context()); return err }, c.Close}, err
		},
		"zitadel": func(url string) (client, error) {
			c, err := zitadel.New(zitadel.WithBaseURL(url), zitadel.WithToken("token"))
			return client{func() error { _, err := c.GetOrganization(t.Context(), "1"); return err }, c.Close}, err
		},
		"atlas": func(url string) (client, error) {
			c, err := atlas.New(atlas.WithBaseURL(url), atlas.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "token"})))
			return client{func() error { _, err := c.GetOrganization(t.Context(), "aaaaaaaaaaaaaaaaaaaaaaaa"); return err }, c.Close}, err
		},
		"workspace": func(url string) (client, error) {
			c, err := workspace.New(workspace.WithBaseURL(url), workspace.WithToken("token"))
			return client{func() error { _, err := c.GetProfile(t.Context()); return err }, c.Close}, err
		},
		"volterra": func(url string) (client, error) {
			c, err := volterra.New(volterra.WithBaseURL(url), volterra.WithAPIToken("token"))
			return client{func() error { _, err := c.GetTenantSettings(t.Context()); return err }, c.Close}, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var opened atomic.Int32
			closed := make(chan struct{}, 2)
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusTeapot)
			}))
			server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				switch state {
				case http.StateNew:
					opened.Add(1)
				case http.StateClosed:
					closed <- struct{}{}
				}
			}
			server.Start()
			defer server.Close()
			c, err := open(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, ok := errors.AsType[*errors.Error](c.read()); !ok {
					t.Fatal("got no error of the provider")
				}
			}
			if n := opened.Load(); n != 1 {
				t.Fatalf("%d connections for two calls, want 1", n)
			}
			c.close()
			<-closed // the test times out if the connection stays open
			if _ = c.read(); opened.Load() != 2 {
				t.Errorf("%d connections, want a new one after Close", opened.Load())
			}
			c.close()
		})
	}
}

// Close does not close connections of the caller's client.
func TestClient_CloseKeepsCallersConnections(t *testing.T) {
	t.Parallel()
	var closed int
	transport := &closing{RoundTripper: http.NewFileTransport(http.Dir(t.TempDir())), closed: &closed}
	c, err := katapult.New(katapult.WithToken("token"), katapult.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	new(katapult.Client).Close()
	if closed != 0 {
		t.Error("the idle connections of the caller's client were closed")
	}
}

type closing struct {
	http.RoundTripper
	closed *int
}

func (c *closing) CloseIdleConnections() { *c.closed++ }

func TestOptions_InOrder(t *testing.T) {
	t.Parallel()
	both := katapult.Options(katapult.WithBaseURL("https://first.invalid"), katapult.WithBaseURL("http://second.invalid"))
	if _, err := katapult.New(katapult.WithToken("token"), both); !errors.Is(err, errors.InvalidArgument) {
		t.Errorf("got %v, want the second base URL, which has no TLS", err)
	}
	if _, err := katapult.New(katapult.WithToken("token"), katapult.Options(nil)); !errors.Is(err, errors.InvalidArgument) {
		t.Errorf("got %v for nil within Options, want %q", err, errors.InvalidArgument)
	}
}

// The source is called for each request, and its token is the credential.
func TestWithTokenSource(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(*http.Client, oauth2.TokenSource) error{
		"katapult": func(hc *http.Client, source oauth2.TokenSource) error {
			c, err := katapult.New(katapult.WithHTTPClient(hc), katapult.WithTokenSource(source))
			if err == nil {
				_, err = c.ListOrganizations(t.Context())
			}
			return err
		},
		"zitadel": func(hc *http.Client, source oauth2.TokenSource) error {
			c, err := zitadel.New(zitadel.WithBaseURL("https://acme.invalid"), zitadel.WithHTTPClient(hc), zitadel.WithTokenSource(source))
			if err == nil {
				_, err = c.GetOrganization(t.Context(), "1")
			}
			return err
		},
		"atlas": func(hc *http.Client, source oauth2.TokenSource) error {
			c, err := atlas.New(atlas.WithHTTPClient(hc), atlas.WithTokenSource(source), atlas.WithClientID("mdb_sa_id_1"))
			if err == nil {
				_, err = c.GetOrganization(t.Context(), "aaaaaaaaaaaaaaaaaaaaaaaa")
			}
			return err
		},
		"workspace": func(hc *http.Client, source oauth2.TokenSource) error {
			c, err := workspace.New(workspace.WithHTTPClient(hc), workspace.WithTokenSource(source))
			if err == nil {
				_, err = c.GetProfile(t.Context())
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for kind, source := range map[string]oauth2.TokenSource{"nil": nil, "a nil pointer": (*pointerSource)(nil), "a nil function": functionSource(nil)} {
				const want = "the token source must not be nil"
				if err := call(http.DefaultClient, source); !errors.Is(err, errors.InvalidArgument) || !strings.HasSuffix(err.Error(), want) {
					t.Errorf("%s: got %v, want %q: %s", kind, err, errors.InvalidArgument, want)
				}
			}
			sent := ""
			hc := &http.Client{Transport: answer(func(req *http.Request) *http.Response {
				sent = req.Header.Get("Authorization")
				return &http.Response{StatusCode: http.StatusTeapot, Header: http.Header{}, Body: http.NoBody, Request: req}
			})}
			_ = call(hc, oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "of-the-source"}))
			if sent != "Bearer of-the-source" {
				t.Errorf("sent %q", sent)
			}
		})
	}
}

type pointerSource struct{ token oauth2.Token }

func (s *pointerSource) Token() (*oauth2.Token, error) { return &s.token, nil }

type functionSource func() (*oauth2.Token, error)

func (f functionSource) Token() (*oauth2.Token, error) { return f() }

// Options refuse nil values, also in interfaces, with the same texts at all providers. Otherwise
// the first call would panic.
func TestOptions_Nil(t *testing.T) {
	t.Parallel()
	for text, clients := range map[string][]*http.Client{
		"the HTTP client must not be nil":                  {nil},
		"the Transport of the HTTP client must not be nil": {{Transport: (*http.Transport)(nil)}, {Transport: answer(nil)}},
		"the Jar of the HTTP client must not be nil":       {{Jar: (*cookiejar.Jar)(nil)}},
	} {
		for _, client := range clients {
			refuse(t, text, katapult.WithHTTPClient(client), zitadel.WithHTTPClient(client), atlas.WithHTTPClient(client),
				workspace.WithHTTPClient(client), volterra.WithHTTPClient(client), offboard.WithHTTPClient(client))
		}
	}
	for _, logger := range []*slog.Logger{new(slog.Logger), slog.New((*slog.TextHandler)(nil))} {
		refuse(t, "the handler of the logger must not be nil", katapult.WithLogger(logger), zitadel.WithLogger(logger), atlas.WithLogger(logger),
			workspace.WithLogger(logger), volterra.WithLogger(logger), offboard.WithLogger(logger))
	}
	refuse(t, "the function for credentials must not be nil", katapult.WithCredentials(nil), zitadel.WithCredentials(nil), atlas.WithCredentials(nil),
		workspace.WithCredentials(nil), volterra.WithCredentials(nil), offboard.WithCredentials(nil))
}

// refuse checks that no client can be made with one of the options.
func refuse(t *testing.T, text string, k katapult.Option, z zitadel.Option, a atlas.Option, w workspace.Option, v volterra.Option, o offboard.Option) {
	t.Helper()
	for name, open := range map[string]func() error{
		"katapult": func() error { _, err := katapult.New(katapult.WithToken("token"), k); return err },
		"zitadel": func() error {
			_, err := zitadel.New(zitadel.WithBaseURL("https://acme.invalid"), zitadel.WithToken("token"), z)
			return err
		},
		"atlas":     func() error { _, err := atlas.New(atlas.WithServiceAccount("mdb_sa_id_1", "secret"), a); return err },
		"workspace": func() error { _, err := workspace.New(workspace.WithToken("token"), w); return err },
		"volterra": func() error {
			_, err := volterra.New(volterra.WithBaseURL("https://acme.invalid"), volterra.WithAPIToken("token"), v)
			return err
		},
		"offboard": func() error {
			token := credentials(map[string]string{"KATAPULT_API_KEY": "token"})
			_, err := offboard.Open(t.Context(), offboard.Spec{Provider: "katapult", Organization: "org_a"}, token, o)
			return err
		},
	} {
		if err := open(); !errors.Is(err, errors.InvalidArgument) || !strings.HasSuffix(err.Error(), text) {
			t.Errorf("%s: got %v, want %q: %s", name, err, errors.InvalidArgument, text)
		}
	}
}

type answer func(*http.Request) *http.Response

func (a answer) RoundTrip(req *http.Request) (*http.Response, error) { return a(req), nil }
