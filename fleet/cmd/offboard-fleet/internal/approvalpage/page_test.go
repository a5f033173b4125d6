package approvalpage

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/enginefake"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/review"
	"github.com/offboard-dev/offboard-go/teardown"
)

const (
	host    = "127.0.0.1:8420"
	origin  = "http://" + host
	hostile = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`
)

var since = time.Date(2000, 1, 3, 12, 0, 0, 0, time.UTC)

// planOf returns a plan with machines, their disks and a manual step.
func planOf(id, name string, machines int) *teardown.Plan {
	p := &teardown.Plan{
		Version: 2, Provider: "katapult", Instance: "https://api.example/core/v1", Organization: teardown.Organization{ID: id, Name: name},
		CreatedAt: since.Add(-time.Hour), Requires: []teardown.Override{teardown.OwnOrganization},
		Cascades: []teardown.Cascade{{Kind: "user", Count: 2, Names: []string{"jane", name}, Note: "with their sessions"}, {Kind: "invoice", Note: "could not be read"}},
	}
	add := func(kind, name string, after ...string) string {
		s := teardown.Step{ID: kind + "/" + name, Kind: kind, Name: name, Why: "it keeps the organization", Removal: "delete it", After: after}
		p.Steps = append(p.Steps, s)
		return s.ID
	}
	for i := range machines {
		policy := add("disk_backup_policy", fmt.Sprintf("daily-%d", i))
		machine := add("virtual_machine", fmt.Sprintf("web-%d", i))
		disk := add("disk", fmt.Sprintf("data-%d", i), policy, machine)
		add("virtual_network", fmt.Sprintf("inner-%d", i), machine, disk)
	}
	add("managed_organization", "child")
	p.Steps[len(p.Steps)-1].Organization = &teardown.Organization{ID: "org_child", Name: name}
	p.Steps[len(p.Steps)-1].Requires = []teardown.Override{teardown.ManagedOrganizations}
	add("invoice", name)
	p.Steps[len(p.Steps)-1].Manual = true
	return p
}

// site is a page with its fakes.
type site struct {
	t      *testing.T
	page   *Page
	engine *enginefake.Engine
	store  *enginefake.Store
	cookie *http.Cookie
}

// open returns a site, and enters it.
func open(t *testing.T, change ...func(*Config)) *site {
	t.Helper()
	s := &site{t: t, engine: new(enginefake.Engine), store: new(enginefake.Store)}
	config := Config{Engine: s.engine, Store: s.store, Origin: origin, Logger: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&config)
	}
	var err error
	if s.page, err = New(config); err != nil {
		t.Fatal(err)
	}
	s.page.now = func() time.Time { return since.Add(50 * time.Hour) }
	answer := s.do(httptest.NewRequest(http.MethodGet, s.page.URL(), nil))
	if len(answer.Cookies()) != 1 {
		t.Fatalf("got %d and the cookies %v", answer.StatusCode, answer.Cookies())
	}
	s.cookie = answer.Cookies()[0]
	return s
}

// wait adds an organization that waits for an approval, and returns its ID.
func (s *site) wait(p *teardown.Plan, required int, approvals ...fleet.Approval) string {
	return s.engine.Wait(s.t, s.store, p, fleet.State{Since: since, Required: required, Approvals: approvals})
}

// do sends a request with the cookie.
func (s *site) do(r *http.Request) *http.Response {
	if s.cookie != nil {
		r.AddCookie(s.cookie)
	}
	w := httptest.NewRecorder()
	s.page.ServeHTTP(w, r)
	return w.Result()
}

// get returns the status and the text of a page.
func (s *site) get(path string) (int, string) {
	return read(s.t, s.do(httptest.NewRequest(http.MethodGet, origin+path, nil)))
}

func read(t *testing.T, r *http.Response) (int, string) {
	t.Helper()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(text)
}

// form returns the hidden values of the form of a decision, as the page shows it.
func (s *site) form(decision, id string) url.Values {
	s.t.Helper()
	_, text := s.get(link(id))
	_, text, ok := strings.Cut(text, `action="/`+decision+`"`)
	if !ok {
		s.t.Fatalf("the page has no form to %s", decision)
	}
	text, _, _ = strings.Cut(text, "</form>")
	values := url.Values{}
	for _, found := range regexp.MustCompile(`type="hidden" name="(\w+)" value="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		values.Set(found[1], found[2])
	}
	return values
}

// request returns the request that a browser makes of a form.
func request(decision string, values url.Values) *http.Request {
	r := httptest.NewRequest(http.MethodPost, origin+"/"+decision, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", origin)
	return r
}

// with returns values with others, as pairs of names and values.
func with(values url.Values, pairs ...string) url.Values {
	all := url.Values{}
	for name := range values {
		all.Set(name, values.Get(name))
	}
	for i := 0; i < len(pairs); i += 2 {
		all.Set(pairs[i], pairs[i+1])
	}
	return all
}

func TestPage_Access(t *testing.T) {
	t.Parallel()
	s := open(t)
	if c := s.cookie; !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Name != "offboard-fleet-8420" || strings.Contains(c.Value, s.page.token) {
		t.Errorf("got the cookie %v", c)
	}
	for name, test := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"cookie":        {func(r *http.Request) { r.AddCookie(s.cookie) }, http.StatusOK},
		"localhost":     {func(r *http.Request) { r.AddCookie(s.cookie); r.Host = "localhost:8420" }, http.StatusOK},
		"token":         {func(r *http.Request) { r.URL.RawQuery = "token=" + s.page.token }, http.StatusOK},
		"nothing":       {func(*http.Request) {}, http.StatusUnauthorized},
		"wrong token":   {func(r *http.Request) { r.URL.RawQuery = "token=" + s.page.token[1:] }, http.StatusUnauthorized},
		"empty token":   {func(r *http.Request) { r.URL.RawQuery = "token=" }, http.StatusUnauthorized},
		"token, cookie": {func(r *http.Request) { r.AddCookie(s.cookie); r.URL.RawQuery = "token=x" }, http.StatusUnauthorized},
		"token in cookie": {func(r *http.Request) {
			r.AddCookie(&http.Cookie{Name: s.cookie.Name, Value: s.page.token})
		}, http.StatusUnauthorized},
		"other host":         {func(r *http.Request) { r.AddCookie(s.cookie); r.Host = "attacker.example:8420" }, http.StatusMisdirectedRequest},
		"other port":         {func(r *http.Request) { r.AddCookie(s.cookie); r.Host = "127.0.0.1:80" }, http.StatusMisdirectedRequest},
		"no host":            {func(r *http.Request) { r.AddCookie(s.cookie); r.Host = "" }, http.StatusMisdirectedRequest},
		"token, other host":  {func(r *http.Request) { r.URL.RawQuery = "token=" + s.page.token; r.Host = "attacker.example" }, http.StatusMisdirectedRequest},
		"method":             {func(r *http.Request) { r.AddCookie(s.cookie); r.Method = http.MethodPut }, http.StatusForbidden},
		"other page":         {func(r *http.Request) { r.AddCookie(s.cookie); r.URL.Path = "/other" }, http.StatusNotFound},
		"style":              {func(r *http.Request) { r.URL.Path = "/style.css" }, http.StatusUnauthorized},
		"decision by GET":    {func(r *http.Request) { r.AddCookie(s.cookie); r.URL.Path = "/approve" }, http.StatusMethodNotAllowed},
		"plan without an ID": {func(r *http.Request) { r.AddCookie(s.cookie); r.URL.Path = "/plan" }, http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, origin+"/", nil)
			test.change(r)
			w := httptest.NewRecorder()
			s.page.ServeHTTP(w, r)
			if w.Code != test.want {
				t.Errorf("got %d: %s", w.Code, w.Body)
			}
			if w.Header().Get("Content-Security-Policy") != policy || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("got the headers %v", w.Header())
			}
			if len(w.Result().Cookies()) > 0 != (name == "token") {
				t.Errorf("got the cookies %v", w.Result().Cookies())
			}
		})
	}
}

// Browsers and other clients omit the default port of a scheme, or send it.
func TestPage_DefaultPort(t *testing.T) {
	t.Parallel()
	for origin, test := range map[string]struct {
		url   string
		hosts map[string]bool
	}{
		"http://127.0.0.1:80":     {"http://127.0.0.1/?token=", map[string]bool{"127.0.0.1": true, "127.0.0.1:80": true, "localhost": true, "localhost:80": true, "127.0.0.1:443": false, "127.0.0.1:8": false}},
		"http://[::1]:80":         {"http://[::1]/?token=", map[string]bool{"[::1]": true, "[::1]:80": true, "localhost": true, "[::1]:81": false}},
		"https://a.example:443":   {"https://a.example/?token=", map[string]bool{"a.example": true, "A.example:443": true, "a.example:80": false, "localhost": false}},
		"https://a.example:8443":  {"https://a.example:8443/?token=", map[string]bool{"a.example:8443": true, "a.example": false}},
		"http://127.0.0.1:443":    {"http://127.0.0.1:443/?token=", map[string]bool{"127.0.0.1:443": true, "localhost:443": true, "127.0.0.1": false}},
		"https://127.0.0.1:18080": {"https://127.0.0.1:18080/?token=", map[string]bool{"127.0.0.1:18080": true, "127.0.0.1": false}},
	} {
		s := open(t, func(c *Config) { c.Origin = origin })
		if got := s.page.URL(); !strings.HasPrefix(got, test.url) {
			t.Errorf("%s: got %s", origin, got)
		}
		for host, want := range test.hosts {
			r := httptest.NewRequest(http.MethodPost, s.page.origin.Scheme+"://"+host+"/approve", nil)
			r.Header.Set("Origin", s.page.origin.Scheme+"://"+withoutDefaultPort(s.page.origin.Scheme, host)) // as a browser writes it
			_, text := read(t, s.do(r))
			if got := strings.Contains(text, "The form is not one of this program"); got != want {
				t.Errorf("%s: %s: got %s", origin, host, text)
			}
		}
	}
}

// The page that answers the token starts a request without it, which sends the cookie. The token is
// in no Referer.
func TestPage_EnterContinues(t *testing.T) {
	t.Parallel()
	s := open(t)
	answer := s.do(httptest.NewRequest(http.MethodGet, s.page.URL(), nil))
	status, text := read(t, answer)
	if status != http.StatusOK || answer.Header.Get("Referrer-Policy") != "no-referrer" || strings.Contains(text, s.page.token) ||
		!strings.Contains(text, `<meta http-equiv="refresh" content="0; url=/">`) || !strings.Contains(text, `<a href="/">`) {
		t.Errorf("got %d, %v: %s", status, answer.Header, text)
	}
}

// Behind a proxy with TLS, the cookie is not sent without it, and the loopback address is refused.
func TestPage_Public(t *testing.T) {
	t.Parallel()
	const public = "https://approvals.example.com"
	p, err := New(Config{Engine: new(enginefake.Engine), Store: new(enginefake.Store), Origin: public, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, p.URL(), nil))
	if cookies := w.Result().Cookies(); w.Code != http.StatusOK || len(cookies) != 1 || !cookies[0].Secure {
		t.Errorf("got %d and the cookies %v", w.Code, cookies)
	}
	w = httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/", nil))
	if w.Code != http.StatusMisdirectedRequest {
		t.Errorf("got %d", w.Code)
	}
}

func TestPage_Approve(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.wait(planOf("org_1", "Acme & Söhne", 2), 2)
	form := s.form("approve", id)
	answer := s.do(request("approve", with(form, "name", "Acme & Söhne", "by", "jane", "reason", "contract ended")))
	next := answer.Header.Get("Location")
	if answer.StatusCode != http.StatusSeeOther || !strings.HasPrefix(next, link(id)+"&done=") {
		_, text := read(t, answer)
		t.Fatalf("got %d, %s: %s", answer.StatusCode, next, text)
	}
	want := []fleet.Approval{{By: "jane", Digest: s.engine.States[id].Digest, Reason: "contract ended"}}
	if diff := cmp.Diff(want, s.engine.States[id].Approvals); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	status, text := s.get(next)
	if status != http.StatusOK || !strings.Contains(text, "The approval is recorded. Approvals that are missing: 1.") || !strings.Contains(text, "1 of 2<br>jane") {
		t.Errorf("got %d: %s", status, text)
	}

	// The same person again: the workflow refuses it, and the page shows its reason.
	status, text = read(t, s.do(request("approve", with(form, "name", "Acme & Söhne", "by", "Jane"))))
	if status != http.StatusConflict || !strings.Contains(text, "Nothing was decided: this person has approved the plan already: another person must approve.") {
		t.Errorf("got %d: %s", status, text)
	}
	if !strings.Contains(text, `name="by" value="Jane"`) {
		t.Error("the form lost its values")
	}

	answer = s.do(request("approve", with(form, "name", "Acme & Söhne", "by", "joe")))
	if answer.StatusCode != http.StatusSeeOther || len(s.engine.States[id].Approvals) != 2 {
		t.Errorf("got %d and %v", answer.StatusCode, s.engine.States[id].Approvals)
	}
	if _, text = s.get(link(id)); strings.Contains(text, "<form") {
		t.Error("a form is shown without a plan that waits")
	}
}

func TestPage_Deny(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.wait(planOf("org_1", "Acme", 1), 1)
	answer := s.do(request("deny", with(s.form("deny", id), "name", "Acme", "by", "jane", "reason", "still used")))
	if answer.StatusCode != http.StatusSeeOther || s.engine.States[id].Denied == nil {
		t.Fatalf("got %d and %v", answer.StatusCode, s.engine.States[id].Denied)
	}
	if _, text := s.get(answer.Header.Get("Location")); !strings.Contains(text, "<dt>Denied by</dt><dd>jane") || !strings.Contains(text, "The denial is recorded.") {
		t.Errorf("got %s", text)
	}
}

// The notice of a decision is that of the state: an address does not show it for another plan, or
// without the decision.
func TestPage_NoticeWithoutDecision(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.wait(planOf("org_1", "Acme", 1), 2)
	digest := s.engine.States[id].Digest
	for _, approvals := range [][]fleet.Approval{nil, {{By: "joe", Digest: digest}}} {
		state := s.engine.States[id]
		state.Approvals = approvals
		s.engine.States[id] = state
		for done, want := range map[string]bool{
			"approved": false, "denied": false, s.page.formToken(approved, id, digest): len(approvals) > 0, s.page.formToken(denied, id, digest): false,
			s.page.formToken(approved, id, "0000"): false, s.page.formToken("approve", id, digest): false,
		} {
			_, text := s.get(link(id) + "&done=" + done)
			if got := strings.Contains(text, "is recorded."); got != want {
				t.Errorf("%d approvals, %s: got %s", len(approvals), done, text)
			}
		}
	}
}

// A name that people cannot see is shown, and confirmed by the ID.
func TestPage_InvisibleName(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.wait(planOf("org_1", "\u3164\u115f\u0301", 1), 1)
	if _, text := s.get("/"); !strings.Contains(text, ">\uFFFD\uFFFD\uFFFD (org_1)</a>") {
		t.Errorf("got %s", text)
	}
	if _, text := s.get(link(id)); !strings.Contains(text, `<label>ID of the organization, to confirm: <b class="exact">org_1</b>`) || !strings.Contains(text, "<h1>\uFFFD\uFFFD\uFFFD (org_1)</h1>") {
		t.Errorf("got %s", text)
	}
	if answer := s.do(request("approve", with(s.form("approve", id), "name", "org_1", "by", "jane"))); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("got %d", answer.StatusCode)
	}
}

// A form that is shown again has no character that does not print, and no credential.
func TestPage_FormAgain(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.wait(planOf("org_1", "Acme", 1), 1)
	status, text := read(t, s.do(request("approve", with(s.form("approve", id), "name", "acme", "by", "jane\x1b[2J", "reason", "a\u202eb"))))
	if status != http.StatusConflict || strings.ContainsAny(text, "\x1b\u202e") {
		t.Errorf("got %d: %s", status, text)
	}
	const token = "k4tQm7Zt2Wn9Lx5Rb1Vd"
	for _, field := range []string{"by", "reason"} {
		status, text = read(t, s.do(request("approve", with(s.form("approve", id), "name", "Acme", "by", "jane", "reason", "done", field, token))))
		if status != http.StatusConflict || strings.Contains(text, token) || !strings.Contains(text, "looks like a credential") || strings.Contains(text, `value="done"`) != (field == "by") {
			t.Errorf("%s: got %d: %s", field, status, text)
		}
	}
	if got := s.engine.States[id].Approvals; got != nil {
		t.Errorf("got %v", got)
	}
}

func TestPage_DecisionRefused(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.wait(planOf("org_1", "Acme", 1), 1)
	other := s.wait(planOf("org_2", "Acme", 1), 1)
	form := with(s.form("approve", id), "name", "Acme", "by", "jane")
	for name, test := range map[string]struct {
		values url.Values
		change func(*http.Request)
		want   int
		text   string
	}{
		"other origin":     {form, func(r *http.Request) { r.Header.Set("Origin", "https://attacker.example") }, http.StatusForbidden, "another page"},
		"other port":       {form, func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:80") }, http.StatusForbidden, "another page"},
		"other scheme":     {form, func(r *http.Request) { r.Header.Set("Origin", "https://"+host) }, http.StatusForbidden, "another page"},
		"opaque origin":    {form, func(r *http.Request) { r.Header.Set("Origin", "null") }, http.StatusForbidden, "another page"},
		"no origin":        {form, func(r *http.Request) { r.Header.Del("Origin") }, http.StatusForbidden, "another page"},
		"same site":        {form, func(r *http.Request) { r.Header.Del("Origin"); r.Header.Set("Sec-Fetch-Site", "same-site") }, http.StatusForbidden, "another page"},
		"no cookie":        {form, func(r *http.Request) { r.Header.Del("Cookie") }, http.StatusUnauthorized, "requires the address"},
		"other host":       {form, func(r *http.Request) { r.Host = "attacker.example" }, http.StatusMisdirectedRequest, "not served for this host"},
		"no form token":    {with(form, "form", ""), nil, http.StatusForbidden, "not one of this program"},
		"other decision":   {with(form, "form", s.form("deny", id).Get("form")), nil, http.StatusForbidden, "not one of this program"},
		"other workflow":   {with(form, "id", other), nil, http.StatusForbidden, "not one of this program"},
		"other digest":     {with(form, "digest", strings.Repeat("0", 64)), nil, http.StatusForbidden, "not one of this program"},
		"in the address":   {nil, func(r *http.Request) { r.URL.RawQuery = form.Encode() }, http.StatusForbidden, "not one of this program"},
		"too large":        {with(form, "reason", strings.Repeat("x", maxForm)), nil, http.StatusBadRequest, "cannot be read"},
		"mistyped name":    {with(form, "name", "acme"), nil, http.StatusConflict, "the name differs from the organization&#39;s name"},
		"no name":          {with(form, "name", ""), nil, http.StatusConflict, "the name differs"},
		"no person":        {with(form, "by", " "), nil, http.StatusConflict, "the name of the person who decides is missing"},
		"hostile person":   {with(form, "by", hostile, "name", hostile), nil, http.StatusConflict, "the name differs"},
		"unknown workflow": {with(form, "id", "offboard/a/b/c", "form", s.page.formToken("approve", "offboard/a/b/c", form.Get("digest"))), nil, http.StatusNotFound, "no workflow has this ID"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := request("approve", test.values)
			r.AddCookie(s.cookie)
			if test.change != nil {
				test.change(r)
			}
			w := httptest.NewRecorder()
			s.page.ServeHTTP(w, r)
			if w.Code != test.want || !strings.Contains(w.Body.String(), test.text) {
				t.Errorf("got %d: %s", w.Code, w.Body)
			}
			if strings.Contains(w.Body.String(), "<script") || strings.Contains(w.Body.String(), "<img") {
				t.Error("a text is not escaped")
			}
			if state, err := s.engine.Status(t.Context(), id); err != nil || len(state.Approvals) > 0 {
				t.Errorf("an approval was recorded: %v, %v", state.Approvals, err)
			}
		})
	}
}

// A plan that was replaced while a person reviewed it: the digest of the form is that of the former
// one.
func TestPage_PlanReplaced(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.wait(planOf("org_1", "Acme", 1), 1)
	form := s.form("approve", id)
	s.wait(planOf("org_1", "Acme", 2), 1)
	status, text := read(t, s.do(request("approve", with(form, "name", "Acme", "by", "jane"))))
	if status != http.StatusConflict || !strings.Contains(text, "the digest is not that of the plan that waits") || len(s.engine.States[id].Approvals) > 0 {
		t.Errorf("got %d: %s", status, text)
	}
	if again := s.form("approve", id); again.Get("digest") == form.Get("digest") {
		t.Error("the page shows the former plan")
	}
}

func TestPage_Operator(t *testing.T) {
	t.Parallel()
	s := open(t, func(c *Config) { c.By = "operator" })
	id := s.wait(planOf("org_1", "Acme", 1), 1)
	if _, text := s.get(link(id)); strings.Contains(text, `name="by"`) || !strings.Contains(text, "recorded as that of operator") {
		t.Error("the page asks for the person")
	}
	s.do(request("approve", with(s.form("approve", id), "name", "Acme", "by", "another")))
	if got := s.engine.States[id].Approvals; len(got) != 1 || got[0].By != "operator" {
		t.Errorf("got %v", got)
	}
}

// A decision has its time, if the workflow states it.
func TestPage_TimesOfDecisions(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.wait(planOf("org_1", "Acme", 1), 3, fleet.Approval{By: "jane", Reason: "contract ended", At: since.Add(time.Hour)}, fleet.Approval{By: "joe"})
	state := s.engine.States[id]
	state.Denied = &fleet.Approval{By: "jim", At: since.Add(2 * time.Hour)}
	s.engine.States[id] = state
	_, text := s.get(link(id))
	for _, want := range []string{
		`<dd>2 of 3<br>jane, ` + review.Stamp(since.Add(time.Hour)) + ` <span class="quiet">(contract ended)</span><br>joe</dd>`,
		`<dt>Denied by</dt><dd>jim, ` + review.Stamp(since.Add(2*time.Hour)) + `</dd>`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("got %s, want %s", text, want)
		}
	}
}

func TestPage_Escaping(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := planOf("org_1", hostile, 1)
	for i := range p.Steps {
		p.Steps[i].Kind, p.Steps[i].Why, p.Steps[i].Removal = p.Steps[i].Kind+hostile, hostile, hostile
	}
	p.Cascades[0].Kind, p.Cascades[0].Note = hostile, hostile+"\u202e"
	id := s.wait(p, 2, fleet.Approval{By: hostile, Reason: hostile})
	state := s.engine.States[id]
	state.Differences = enginefake.PutJSON(t, s.store, []teardown.Difference{{Name: hostile, Text: "is new"}})
	s.engine.States[id] = state
	for _, path := range []string{"/", link(id), "/plan?id=" + url.QueryEscape(hostile)} {
		_, text := s.get(path)
		for _, bad := range []string{"<script", "<img", "\u202e", ` style="`, "javascript:"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s contains %s", path, bad)
			}
		}
	}
}

func TestPage_List(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.wait(planOf("org_1", "Acme", 2), 2, fleet.Approval{By: "jane"})
	lost := s.wait(planOf("org_2", "Lost", 0), 1)
	s.wait(planOf("org_3", "Decided", 0), 1)
	over := fleet.WorkflowID("katapult", "https://api.example/core/v1", "org_3")
	state := s.engine.States[over]
	state.WaitingFor = fleet.WaitingForNothing // the list of Temporal is older
	s.engine.States[over] = state
	delete(s.engine.States, lost)
	provider := fleet.WorkflowID("volterra", "https://t.example", "tenant")
	s.engine.States[provider] = fleet.State{ID: provider, WaitingFor: fleet.WaitingForProvider, Since: since}
	s.engine.Listed = append(s.engine.Listed, fleet.Listed{ID: provider, Provider: "volterra", WaitingFor: fleet.WaitingForProvider, Status: "Running"})

	_, text := s.get("/")
	for _, want := range []string{
		"2 of the 3 organizations on this page wait for an approval.", ">Acme (org_1)</a>", "2000-01-03 12:00 UTC <span class=\"quiet\">(2 d)", "1 of 2<br><span class=\"quiet\">jane",
		">org_2</a>", "The state cannot be read: no workflow has this ID", ">tenant</a>", "the provider",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q: %s", want, text)
		}
	}
	if strings.Contains(text, "Decided") {
		t.Error("the page has an organization that does not wait")
	}
}

// The list and the page of a plan show that the manifest lacks an override.
func TestPage_MissingOverride(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.wait(planOf("org_1", "Acme", 1), 1)
	const badge, section, permitted = "missing override</span>", "<h2>Missing overrides</h2>", "<dt>Permitted overrides</dt><dd>own_organization, partial</dd>"
	for _, missing := range []bool{false, true} {
		state := s.engine.States[id]
		state.Overrides = []teardown.Override{teardown.OwnOrganization, teardown.Partial}
		if missing {
			state.Missing = []teardown.Override{teardown.ManagedOrganizations}
		}
		s.engine.States[id] = state
		_, list := s.get("/")
		_, plan := s.get(link(id))
		if strings.Contains(list, badge) != missing || strings.Contains(plan, section) != missing || !strings.Contains(plan, permitted) {
			t.Errorf("missing is %t: the list is %s, the plan is %s", missing, list, plan)
		}
		if strings.Contains(plan, `action="/approve"`) == missing || !strings.Contains(plan, `action="/deny"`) || strings.Contains(plan, "<details open>") != missing {
			t.Errorf("missing is %t: the plan is %s", missing, plan)
		}
	}
}

func TestPage_ListPages(t *testing.T) {
	t.Parallel()
	s := open(t)
	for i := range 2*pageSize + 1 {
		s.wait(planOf(fmt.Sprintf("org_%03d", i), "", 0), 1)
	}
	for page, want := range map[string]struct{ first, link string }{
		"/": {"org_000", "/?page=2"}, "/?page=2": {"org_050", "/?page=3"}, "/?page=3": {"org_100", "/?page=2"}, "/?page=x": {"org_000", "/?page=2"},
		"/?page=9223372036854775807": {"org_000", "/?page=2"}, "/?page=184467440737095518": {"org_000", "/?page=2"}, "/?page=-1": {"org_000", "/?page=2"},
	} {
		_, text := s.get(page)
		if !strings.Contains(text, ">"+want.first+"</a>") || !strings.Contains(text, `href="`+want.link+`"`) {
			t.Errorf("%s: got %s", page, text)
		}
	}
	if _, text := s.get("/?page=9"); !strings.Contains(text, "No organization on this page.") {
		t.Errorf("got %s", text)
	}
}

// slowEngine is an engine whose queries wait for a worker.
type slowEngine struct {
	*enginefake.Engine
	answers bool          // or the Temporal server ends the query
	wait    time.Duration // of one query
	queries atomic.Int64
}

func (e *slowEngine) Status(ctx context.Context, id string) (fleet.State, error) {
	e.queries.Add(1)
	select {
	case <-time.After(e.wait):
	case <-ctx.Done():
		return fleet.State{}, &errors.Error{Operation: "Status", Code: errors.Unavailable, Err: ctx.Err()}
	}
	if !e.answers {
		return fleet.State{}, &errors.Error{Operation: "Status", Code: errors.Unavailable, Err: errors.New("context deadline exceeded")}
	}
	return e.Engine.Status(ctx, id)
}

// Without a worker, the list does not wait for each organization, and states and logs the reason once.
func TestPage_ListWithoutWorker(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answers bool
		wait    time.Duration
		took    time.Duration
		queries int64
		want    string
	}{
		"no worker":      {false, 9 * time.Second, 9 * time.Second, readers, "The states could not be read: no worker answers: start one with offboard-fleet worker"},
		"a query hangs":  {true, time.Hour, readTimeout, readers, "The states could not be read: no worker answers"},
		"slow answers":   {true, 3 * time.Second, readTimeout, 4 * readers, "could not be read in time."},
		"prompt answers": {true, time.Millisecond, 7 * time.Millisecond, pageSize, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := &slowEngine{Engine: new(enginefake.Engine), answers: test.answers, wait: test.wait}
				var log bytes.Buffer
				s := open(t, func(c *Config) { c.Engine, c.Logger = e, slog.New(slog.NewTextHandler(&log, nil)) })
				s.engine = e.Engine
				for i := range pageSize {
					s.wait(planOf(fmt.Sprintf("org_%03d", i), "", 0), 1)
				}
				start := time.Now()
				status, text := s.get("/")
				if took := time.Since(start); status != http.StatusOK || took != test.took || e.queries.Load() != test.queries {
					t.Errorf("got %d after %v and %d queries", status, took, e.queries.Load())
				}
				if got := strings.Count(text, "could not be read"); got != min(len(test.want), 1) || !strings.Contains(text, test.want) || strings.Contains(text, "cannot be read") {
					t.Errorf("got %s", text)
				}
				if got := strings.Count(log.String(), "\n"); got != min(len(test.want), 1) {
					t.Errorf("got %s", &log)
				}
				if got := strings.Count(text, `class="row"`); got != pageSize {
					t.Errorf("got %d rows", got)
				}
			})
		})
	}
}

func TestPage_EngineFails(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.engine.Err = &errors.Error{Operation: "List", Code: errors.Unavailable, Err: errors.New("connection refused")}
	for _, path := range []string{"/", "/plan?id=offboard/a/b/c"} {
		if status, text := s.get(path); status != http.StatusBadGateway || !strings.Contains(text, "connection refused") {
			t.Errorf("got %d: %s", status, text)
		}
	}
}

// A blob that the storage lacks or that was changed is no fault of the address.
func TestPage_OtherStorage(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.wait(planOf("org_1", "Acme", 1), 1)
	ref := *s.engine.States[id].Plan
	for text, change := range map[string]func() error{
		"the plan in the storage is not the one that the workers have stored":                 func() error { return s.store.Put(t.Context(), ref.Key, []byte("{}")) },
		"the storage does not have the plan of this workflow: use the storage of the workers": func() error { return s.store.Delete(t.Context(), ref.Key) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if status, got := s.get(link(id)); status != http.StatusInternalServerError || !strings.Contains(got, text) {
			t.Errorf("got %d: %s", status, got)
		}
	}
}

// The page of a workflow that has ended has no form, and states how the workflow ended.
func TestPage_WorkflowEnded(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.wait(planOf("org_1", "Acme", 1), 1)
	form := with(s.form("approve", id), "name", "Acme", "by", "jane")
	for want, change := range map[string]func(*fleet.State){
		"<dd>2000-01-04 12:00 UTC: Failed (not_confirmed)</dd>": func(state *fleet.State) { state.Status, state.Code = "Failed", errors.NotConfirmed },
		"<dd>2000-01-04 12:00 UTC: Terminated</dd>":             func(state *fleet.State) { state.Status = "Terminated" },
		"<dt>Outcome</dt><dd>deleted</dd>": func(state *fleet.State) {
			state.Status, state.Result = "Completed", &fleet.Result{Outcome: teardown.Deleted}
		},
	} {
		state := s.engine.States[id]
		state.Closed, state.Code, state.Result = since.Add(24*time.Hour), "", nil
		change(&state)
		s.engine.States[id] = state
		status, text := s.get(link(id))
		if status != http.StatusOK || strings.Contains(text, "<form") || !strings.Contains(text, want) {
			t.Errorf("got %d: %s", status, text)
		}
		status, text = read(t, s.do(request("approve", form)))
		if status != http.StatusConflict || !strings.Contains(text, "the workflow has ended") || s.engine.States[id].Approvals != nil {
			t.Errorf("got %d: %s", status, text)
		}
	}
}

func TestPage_ManySteps(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.wait(planOf("org_1", "Acme", 300), 1)
	_, text := s.get(link(id))
	if got := strings.Count(text, "<td><code>"); got != maxSteps || !strings.Contains(text, "202 more steps.") {
		t.Errorf("got %d rows", got)
	}
}

// Edges that follow from others are not drawn. Edges that overlap have different lanes.
func TestDraw_Edges(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.wait(planOf("org_1", "Acme", 2), 1)
	_, text := s.get(link(id))
	// policy and machine to disk, disk to network, and network, child and invoice to the organization
	if got := strings.Count(text, `class="edge"`); got != 6 {
		t.Errorf("got %d edges", got)
	}
	lanes := lanesOf([]edge{{0, 2}, {1, 2}, {2, 3}, {0, 3}})
	if diff := cmp.Diff([]int{1, 0, 0, 2}, lanes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
