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

// Find returns the browser. Without it the test is skipped, or fails if OFFBOARD_COMPONENTS requires
// all programs.
func Find(t testing.TB) Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil && os.Getenv("OFFBOARD_COMPONENTS") == "required" {
		t.Fatal("chromium is not installed, but OFFBOARD_COMPONENTS requires it: run internal/conformance/components/install.sh")
	} else if err != nil {
		t.Skip("chromium is not installed")
	}
	return Browser(path)
}

// sizes is the element in which a page writes what its script has measured, as JSON.
var sizes = regexp.MustCompile(`(?s)<pre id="sizes">(.+?)</pre>`)

// Measure shows a page of this machine, and reads the JSON that the script of the page has written
// into its element with the ID "sizes". Output on the console is an error.
func (b Browser) Measure(t testing.TB, url string, v any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, string(b),
		"--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--hide-scrollbars", "--enable-logging=stderr", "--user-data-dir="+t.TempDir(), "--dump-dom", url)
	command.WaitDelay = time.Second
	var errOut strings.Builder
	command.Stderr = &errOut
	dom, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, errOut.String())
	}
	for line := range strings.Lines(errOut.String()) {
		if strings.Contains(line, "CONSOLE") {
			t.Errorf("the console shows: %s", line)
		}
	}
	found := sizes.FindSubmatch(dom)
	if found == nil {
		t.Fatalf("nothing was measured: %s", errOut.String())
	}
	if err := json.Unmarshal([]byte(html.UnescapeString(string(found[1]))), v); err != nil {
		t.Fatal(err)
	}
}
