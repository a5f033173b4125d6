package rest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/offboard-dev/offboard-go/internal/rest"
)

func FuzzOpaque(f *testing.F) {
	for _, seed := range []string{"", ".", "..", "...", "org_x", "a/b", `a\b`, "a b", "\x00", "é", "\u0085", "\xff", strings.Repeat("é", 200), strings.Repeat("é", 201)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if rest.Opaque(id) != nil {
			return
		}
		call := rest.Call{Path: "/resources/{id}"}
		call.PathParam("id", "id", id, rest.Opaque)
		switch {
		case id == "" || id == "." || id == ".." || len([]rune(id)) > 200:
			t.Errorf("%q was accepted", id)
		case strings.ContainsAny(id, "/\\") || strings.ContainsFunc(id, unicode.IsControl):
			t.Errorf("%q was accepted", id)
		}
	})
}

func TestHex24(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"5f1b0c2e9d3a4b5c6d7e8f90":  true,
		"000000000000000000000000":  true,
		"5F1B0C2E9D3A4B5C6D7E8F90":  false,
		"5f1b0c2e9d3a4b5c6d7e8f9":   false,
		"5f1b0c2e9d3a4b5c6d7e8f900": false,
		"5f1b0c2e9d3a4b5c6d7e8f9g":  false,
		"5f1b0c2e9d3a4b5c6d7e8f9/":  false,
		"":                          false,
	} {
		if got := rest.Hex24(id) == nil; got != want {
			t.Errorf("%q: got %t, want %t", id, got, want)
		}
	}
}

func TestSlug(t *testing.T) {
	t.Parallel()
	for slug, want := range map[string]bool{
		"acme": true, "A-1": true, "5f1b0c2e9d3a4b5c6d7e8f90": true, "-a-": true, strings.Repeat("a", 128): true,
		"": false, "ab": false, strings.Repeat("a", 129): false, "a b": false, "a/b": false, `a\b`: false, "a.b": false, "aé1": false, "a\nb": false,
	} {
		if got := rest.Slug(slug) == nil; got != want {
			t.Errorf("%q: got %t, want %t", slug, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"", "0", "7", " 7 ", "-1", "1.5", "99999999999999999999", "Sat, 15 Aug 2026 16:12:43 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT", "soon"} {
		f.Add(seed, "Sat, 15 Aug 2026 16:12:13 GMT")
	}
	f.Fuzz(func(t *testing.T, after, date string) {
		h := http.Header{"Retry-After": {after}, "Date": {date}}
		if got := rest.RetryAfter(h, time.Now()); got < 0 || got > 7*24*time.Hour {
			t.Errorf("got %v", got)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 8, 15, 16, 12, 0, 0, time.UTC)
	for _, test := range []struct {
		after, date string
		want        time.Duration
	}{
		{"", "", 0},
		{"7", "", 7 * time.Second},
		{" 7 ", "", 7 * time.Second},
		{"0", "", 0},
		{"-1", "", 0},
		{"1.5", "", 0},
		{"soon", "", 0},
		{"99999999999999999999", "", 7 * 24 * time.Hour},
		{"Sat, 15 Aug 2026 16:12:43 GMT", "", 43 * time.Second},
		{"Sat, 15 Aug 2026 16:12:43 GMT", "Sat, 15 Aug 2026 16:12:13 GMT", 30 * time.Second}, // the server's clock
		{"Sat, 15 Aug 2026 16:11:00 GMT", "", 0},
	} {
		h := http.Header{}
		h.Set("Retry-After", test.after)
		if test.date != "" {
			h.Set("Date", test.date)
		}
		if got := rest.RetryAfter(h, now); got != test.want {
			t.Errorf("%q at %q: got %v, want %v", test.after, test.date, got, test.want)
		}
	}
}

func TestName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"shop": true, "Cluster0": true, "0-a-": true,
		"": false, "-a": false, "a.b": false, "a/b": false, "..": false, "a b": false, "é": false, "a\n": false,
	} {
		if got := rest.Name(name) == nil; got != want {
			t.Errorf("%q: got %t, want %t", name, got, want)
		}
	}
}

func TestResourceID_OneSegment(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"vpce-0123456789abcdef0":        "/resources/vpce-0123456789abcdef0",
		"/subscriptions/a/b.c(d)":       "/resources/%2Fsubscriptions%2Fa%2Fb.c%28d%29",
		"a/b":                           "/resources/a%2Fb",
		"":                              "",
		"/":                             "",
		"//a":                           "",
		"a/":                            "",
		"a//b":                          "",
		"a/../b":                        "",
		"/..":                           "",
		"./a":                           "",
		`a\b`:                           "",
		"a/\x00":                        "",
		"a/" + strings.Repeat("b", 201): "",
	} {
		server := playing(answer(204, ""))
		call := remove()
		call.Path = "/resources/{id}"
		call.PathParam("id", "id", id, rest.ResourceID)
		got := ""
		if err := newClient(t, server).Do(t.Context(), call); err == nil {
			got = strings.TrimPrefix(server.requests[0].URL.EscapedPath(), "/v1")
		}
		if got != want {
			t.Errorf("%q: sent to %q, want %q", id, got, want)
		}
	}
}
