package approvalpage

import (
	"encoding/json"
	"flag"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/fleet"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/enginefake"
	"github.com/offboard-dev/offboard-go/internal/browsertest"
	"github.com/offboard-dev/offboard-go/teardown"
)

var keep = flag.String("pages", "", "write the pages of the browser test to this folder")

// measure opens all details of the pages in its frames, and writes their sizes as its text.
const measure = `<!DOCTYPE html><title>sizes</title><pre id="sizes"></pre><script>
addEventListener("load", () => {
  const sizes = [];
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument, root = page.documentElement;
    page.querySelectorAll("details").forEach(d => d.open = true);
    const wide = [...page.querySelectorAll("body *:not(thead *)")].filter(e => e.getBoundingClientRect().right > root.clientWidth + 1);
    const buttons = [...page.querySelectorAll("button")].filter(b => {
      const r = b.getBoundingClientRect();
      return r.width >= 60 && r.height >= 36 && r.left >= 0 && r.right <= root.clientWidth;
    });
    const drawing = page.querySelector("svg");
    sizes.push({
      page: frame.title, width: root.clientWidth, scroll: root.scrollWidth, wide: wide.slice(0, 3).map(e => e.outerHTML.slice(0, 100)),
      buttons: buttons.length, drawing: drawing ? drawing.getBoundingClientRect().width : 0,
      collapsed: [...page.querySelectorAll("h1, .row, .exact, section li")].filter(e => e.innerText && e.innerText != e.textContent).map(e => e.innerText),
      styled: getComputedStyle(page.querySelector("main")).maxWidth != "none",
    });
  }
  document.getElementById("sizes").textContent = JSON.stringify(sizes);
});
</script>`

// A browser shows the pages at the width of a phone and of a desktop without scrolling sideways,
// with all buttons, and without an error on its console.
func TestPage_InBrowser(t *testing.T) {
	t.Parallel()
	browser := browsertest.Find(t)
	long := strings.Repeat("unbreakable", 20)
	s := open(t)
	id := s.wait(planOf("org_1", "Acme Hosting", 3), 2, fleet.Approval{By: "jane", Reason: "contract ended"})
	state := s.engine.States[id]
	state.Differences = enginefake.PutJSON(t, s.store, []teardown.Difference{{Name: "disk/" + long, Text: "is new"}})
	s.engine.States[id] = state
	hard := s.wait(planOf("org_2", hostile+long, 1), 1, fleet.Approval{By: long, Reason: long})

	spaced := s.wait(planOf("org_3", "Acme  Two   Spaces", 1), 1)

	// The pages forbid frames, so that the test permits them to the page that measures.
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.AddCookie(s.cookie)
		recorded := httptest.NewRecorder()
		r.Host = host
		s.page.ServeHTTP(recorded, r)
		for name, values := range recorded.Header() {
			w.Header()[name] = values
		}
		w.Header().Set("Content-Security-Policy", strings.Replace(policy, "frame-ancestors 'none'", "frame-ancestors 'self'", 1))
		w.WriteHeader(recorded.Code)
		_, _ = w.Write(recorded.Body.Bytes())
	})
	text := measure
	pages := map[string]int{"/": 0, link(id): 2, link(hard): 2, link(spaced): 2} // the number of buttons
	for page := range pages {
		for _, width := range []int{320, 390, 1280} {
			text += fmt.Sprintf(`<iframe title="%s" src="%s" style="width:%dpx;height:844px;border:0"></iframe>`, page, html.EscapeString(page), width)
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/", handler)
	mux.HandleFunc("/sizes", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) })
	server := httptest.NewServer(mux)
	defer server.Close()
	if *keep != "" {
		keepPages(t, s, id, *keep)
	}

	var sizes []struct {
		Page                   string
		Width, Scroll, Buttons int
		Drawing                float64
		Wide                   []string
		Collapsed              []string // texts that are not shown as they are
		Styled                 bool
	}
	browser.Measure(t, server.URL+"/sizes", &sizes)
	if len(sizes) != 3*len(pages) {
		t.Errorf("got %d frames", len(sizes))
	}
	for _, f := range sizes {
		want := pages[f.Page]
		if f.Scroll > f.Width || len(f.Wide) > 0 || len(f.Collapsed) > 0 || !f.Styled || f.Buttons != want || (f.Drawing >= 200) != (want > 0) {
			t.Errorf("%s: got %+v", f.Page, f)
		}
	}
}

// A click on another site opens the page with its token, although the cookie is strict.
func TestPage_EnteredFromOtherSite(t *testing.T) {
	t.Parallel()
	browser := browsertest.Find(t)
	logger := slog.New(slog.DiscardHandler)
	var page *Page
	opened := make(chan string, 1) // the status and the text of the page without the token
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorded := httptest.NewRecorder()
		page.ServeHTTP(recorded, r)
		for name, values := range recorded.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(recorded.Code)
		_, _ = w.Write(recorded.Body.Bytes())
		if r.URL.Path == "/" && !r.URL.Query().Has("token") {
			select {
			case opened <- fmt.Sprintf("%d from %s: %s", recorded.Code, r.Header.Get("Sec-Fetch-Site"), recorded.Body):
			default:
			}
		}
	}))
	defer server.Close()
	var err error
	if page, err = New(Config{Engine: new(enginefake.Engine), Store: new(enginefake.Store), Origin: server.URL, Logger: logger}); err != nil {
		t.Fatal(err)
	}

	// The address is that of another site, because the name of the host differs.
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `<!DOCTYPE html><link rel="icon" href="data:,"><a target="_blank" href="%s">approvals</a>`+
			`<pre id="sizes"></pre><script>document.querySelector("a").click()</script><script src="/opened"></script>`, html.EscapeString(page.URL()))
	})
	mux.HandleFunc("/opened", func(w http.ResponseWriter, r *http.Request) {
		got := "nothing"
		select {
		case got = <-opened:
		case <-time.After(30 * time.Second):
		case <-r.Context().Done():
		}
		text, _ := json.Marshal(got)
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprintf(w, `document.getElementById("sizes").textContent = JSON.stringify(%s)`, text)
	})
	other := httptest.NewServer(mux)
	defer other.Close()

	var got string
	browser.Measure(t, strings.Replace(other.URL, "127.0.0.1", "localhost", 1), &got)
	if !strings.HasPrefix(got, "200 from ") || !strings.Contains(got, "<h1>Approvals</h1>") {
		t.Errorf("got %s", got)
	}
}

// keepPages writes pages with their style, for people.
func keepPages(t *testing.T, s *site, id, folder string) {
	t.Helper()
	for name, path := range map[string]string{"list.html": "/", "plan.html": link(id)} {
		_, text := s.get(path)
		text = strings.Replace(text, `<link rel="stylesheet" href="/style.css">`, "<style>"+string(style)+"</style>", 1)
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
