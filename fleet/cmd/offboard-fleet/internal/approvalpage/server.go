// Package approvalpage serves the page on which people review plans and decide about them. The
// pages have no script and load nothing from other origins.
//
// # Access
//
// [Page.URL] has a random token. A request with it gets a cookie, and a page that continues to an
// address without the token. A request is refused
//
//   - if its Host is not that of the page, so that a name of an attacker that resolves to this
//     machine (DNS rebinding) reaches nothing;
//   - without the token or the cookie, which are compared in constant time;
//   - if it is a POST, and a header does not show that a page of this origin sent it, or it lacks
//     the form's token, which is that of one decision about one plan.
//
// A cookie of a loopback address is sent to all its ports. Its value is not the token, and its name
// has the port, so that two programs do not replace each other's cookies.
package approvalpage

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/engine"
)

// Config configures a page.
type Config struct {
	// Engine is that of the workers. Required.
	Engine engine.Engine

	// Store is that of the workers. Required.
	Store fleet.Store

	// Origin is the origin of the page, such as "http://127.0.0.1:8420". Its host is the one that
	// browsers send. The default port of the scheme is ignored. Required.
	Origin string

	// By is the name of the only person who decides; "" if the page asks for it.
	By string

	// Logger gets errors and decisions. Required.
	Logger *slog.Logger
}

// Page is the page. Make it with [New]. It is safe for concurrent use.
type Page struct {
	config Config
	origin *url.URL
	cookie string // the name
	token  string // in the address
	key    []byte // of all other tokens
	routes *http.ServeMux
	names  names
	now    func() time.Time
}

// New returns a page with a token of its own.
func New(config Config) (*Page, error) {
	origin, err := url.Parse(config.Origin)
	if err != nil || origin.Host == "" {
		return nil, &errors.Error{Operation: "New", Code: errors.InvalidArgument, Err: errors.New("the origin of the page is invalid")}
	}
	origin.Host = withoutDefaultPort(origin.Scheme, origin.Host)
	p := &Page{config: config, origin: origin, token: rand.Text(), key: make([]byte, 32), routes: http.NewServeMux(), now: time.Now}
	_, _ = rand.Read(p.key) // it never returns an error
	p.cookie = "offboard-fleet"
	if port := origin.Port(); port != "" {
		p.cookie += "-" + port
	}
	p.routes.HandleFunc("GET /{$}", p.list)
	p.routes.HandleFunc("GET /plan", p.plan)
	p.routes.HandleFunc("POST /approve", p.approve)
	p.routes.HandleFunc("POST /deny", p.deny)
	p.routes.HandleFunc("GET /style.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write(style)
	})
	return p, nil
}

//go:embed style.css
var style []byte

// URL returns the address of the page with its token.
func (p *Page) URL() string { return p.origin.Scheme + "://" + p.origin.Host + "/?token=" + p.token }

// policy permits the style sheet and the forms of the page, and nothing else.
const policy = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// maxForm is the maximum size of a form in bytes.
const maxForm = 64 << 10

// ServeHTTP implements [http.Handler].
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	// With "no-referrer", browsers send the origin "null" with forms.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	switch {
	case !p.ownHost(r.Host):
		http.Error(w, "This page is not served for this host. Open the address that the program has printed.", http.StatusMisdirectedRequest)
	case r.URL.Path == "/favicon.ico":
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodGet && r.URL.Path == "/" && r.URL.Query().Has("token"):
		p.enter(w, r)
	case !p.entered(r):
		http.Error(w, "Access requires the address that the program has printed.", http.StatusUnauthorized)
	case r.Method != http.MethodGet && r.Method != http.MethodHead && !p.sameOrigin(r):
		http.Error(w, "The request was sent by another page.", http.StatusForbidden)
	default:
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		p.routes.ServeHTTP(w, r)
	}
}

// withoutDefaultPort returns a host without the default port of a scheme, which browsers omit.
func withoutDefaultPort(scheme, host string) string {
	port := map[string]string{"http": ":80", "https": ":443"}[scheme]
	return strings.TrimSuffix(host, port)
}

// ownHost reports whether a Host header is that of the page. A loopback address can be given by
// another name of this machine that needs no resolver.
func (p *Page) ownHost(host string) bool {
	host = withoutDefaultPort(p.origin.Scheme, host)
	if strings.EqualFold(host, p.origin.Host) {
		return true
	}
	ip := net.ParseIP(p.origin.Hostname())
	return ip != nil && ip.IsLoopback() && strings.EqualFold(host, withoutDefaultPort(p.origin.Scheme, "localhost:"+cmp.Or(p.origin.Port(), "80")))
}

// enter exchanges the token of the address for a cookie.
func (p *Page) enter(w http.ResponseWriter, r *http.Request) {
	if !equal(r.URL.Query().Get("token"), p.token) {
		http.Error(w, "The token is wrong. Open the address that the program has printed.", http.StatusUnauthorized)
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: p.cookie, Value: p.seal("session"), Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: p.origin.Scheme == "https",
	})
	// A redirect after a click on another site would not send the cookie, because it is strict: a page
	// of this origin must start the next request.
	w.Header().Set("Referrer-Policy", "no-referrer") // the address has the token
	p.render(w, r, http.StatusOK, "enter", nil)
}

// entered reports whether a request has the cookie.
func (p *Page) entered(r *http.Request) bool {
	c, err := r.Cookie(p.cookie)
	return err == nil && equal(c.Value, p.seal("session"))
}

// sameOrigin reports whether a header shows that a page of this origin sent a request.
func (p *Page) sameOrigin(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" {
		return origin == p.origin.Scheme+"://"+withoutDefaultPort(p.origin.Scheme, r.Host)
	}
	return r.Header.Get("Sec-Fetch-Site") == "same-origin"
}

// formToken returns the token of a form: that of one decision about one plan.
func (p *Page) formToken(decision, id, digest string) string {
	return p.seal("form", decision, id, digest)
}

// seal returns a text that only this page can make for the values.
func (p *Page) seal(values ...string) string {
	mac := hmac.New(sha256.New, p.key)
	for _, v := range values {
		sum := sha256.Sum256([]byte(v)) // of one length, so that values cannot be split differently
		mac.Write(sum[:])
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
