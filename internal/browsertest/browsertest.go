// Package browsertest shows pages in Chromium, for the tests of all modules. It uses the standard
// library and the program of Debian's package only.
package browsertest

import (
	"context"
	"encoding/json"
	"html"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Browser is the path of Chromium.
type Browser string

// Find returns the browser. If it is not installed, or cannot show an empty page, the test is skipped,
// or fails if OFFBOARD_COMPONENTS requires all programs.
func Find(t testing.TB) Browser {
	t.Helper()
	missing := t.Skipf
	if os.Getenv("OFFBOARD_COMPONENTS") == "required" {
		missing = t.Fatalf
	}
	path, err := exec.LookPath("chromium")
	if err != nil {
		missing("chromium is not installed: run internal/conformance/components/install.sh")
	}
	browser := Browser(path)
	if _, errOut, err := browser.dump(t, "about:blank"); err != nil {
		missing("chromium does not start: %v: %s", err, errOut)
	}
	return browser
}

// sizes is the element in which a page writes what its script has measured, as JSON.
var sizes = regexp.MustCompile(`(?s)<pre id="sizes">(.+?)</pre>`)

// dump shows a page, and returns its elements and the output of the browser.
func (b Browser) dump(t testing.TB, url string) (dom []byte, output string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, string(b),
		"--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--disable-popup-blocking", "--hide-scrollbars", "--enable-logging=stderr", "--user-data-dir="+t.TempDir(), "--dump-dom", url)
	command.WaitDelay = time.Second
	var errOut strings.Builder
	command.Stderr = &errOut
	dom, err = command.Output()
	return dom, errOut.String(), err
}

// Measure shows a page of this machine, and reads the JSON that the script of the page has written
// into its element with the ID "sizes". Output on the console is an error.
func (b Browser) Measure(t testing.TB, url string, v any) {
	t.Helper()
	dom, output, err := b.dump(t, url)
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	for line := range strings.Lines(output) {
		if strings.Contains(line, "CONSOLE") {
			t.Errorf("the console shows: %s", line)
		}
	}
	found := sizes.FindSubmatch(dom)
	if found == nil {
		t.Fatalf("nothing was measured: %s", output)
	}
	if err := json.Unmarshal([]byte(html.UnescapeString(string(found[1]))), v); err != nil {
		t.Fatal(err)
	}
}
