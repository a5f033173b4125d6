package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The page answers at the printed address until the context ends.
func TestServe(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.wait(plan(1), 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	addresses := make(chan string, 1)
	p := f.program()
	p.out = writerFunc(func(text []byte) (int, error) { addresses <- strings.TrimSpace(string(text)); return len(text), nil })
	code := make(chan int, 1)
	go func() { code <- p.run(ctx, []string{"serve", "--by", "jane"}) }()
	select {
	case got := <-code:
		t.Fatalf("got %d: %s", got, &f.errOut)
	case address := <-addresses:
		client := new(http.Client)
		answer, err := client.Get(address)
		if err != nil || answer.StatusCode != http.StatusOK || len(answer.Cookies()) != 1 {
			t.Fatalf("got %v, %v", answer, err)
		}
		answer.Body.Close()
		client.CloseIdleConnections()
	}
	cancel()
	if got := <-code; got != exitDone {
		t.Errorf("got %d: %s", got, &f.errOut)
	}
}

// Without its address, the page is of no use.
func TestServe_AddressNotPrinted(t *testing.T) {
	t.Parallel()
	for _, fault := range []error{syscall.EPIPE, syscall.ENOSPC} {
		f := newFleet(t)
		p := f.program()
		p.out = failingAt("http://", fault)
		if code := p.run(t.Context(), []string{"serve"}); code != exitFailed || !strings.Contains(f.message(), "could not be printed") {
			t.Errorf("%v: got %d: %s", fault, code, f.message())
		}
	}
}

func TestServe_Flags(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--listen", "0.0.0.0:0"}, {"--listen", ":0"}, {"--listen", "example.com:80"}, {"--listen", "127.0.0.1"}, {"--by", " "}, {"--by", "k4tQm7Zt2Wn9Lx5Rb1Vd"}, {"--by", "\u3164"},
		{"--listen", "127.0.0.1:65536"}, {"--listen", "127.0.0.1:"}, {"--listen", "127.0.0.1:http"}, {"--listen", "127.0.0.1:-1"},
		{"--public", "http://example.com"}, {"--public", "https://example.com/x"}, {"--public", "https://user@example.com"}, {"--public", "example.com"},
	} {
		f := newFleet(t)
		if code := f.run(append([]string{"serve"}, args...)...); code != exitUsage {
			t.Errorf("%v: got %d: %s", args, code, &f.errOut)
		}
	}
}

// The origin is the one that browsers send. Other hosts are refused, because the page would refuse
// all their requests.
func TestServe_Public(t *testing.T) {
	t.Parallel()
	for public, want := range map[string]string{
		"https://Example.com:8443/": "https://example.com:8443", "https://a.example:443": "https://a.example", "https://a.example:": "https://a.example",
		"https://a.example:0443/": "https://a.example", "https://192.0.2.1:443": "https://192.0.2.1", "https://[2001:DB8:0::1]:443": "https://[2001:db8::1]",
		"https://[2001:db8::1]:8443": "https://[2001:db8::1]:8443", "https://xn--mller-kva.example": "https://xn--mller-kva.example", "https://internal": "https://internal",
	} {
		if got, err := publicOrigin(public); got != want || err != nil {
			t.Errorf("%s: got %s, %v", public, got, err)
		}
	}
	for _, public := range []string{
		"https://müller.example", "https://$(x)", "https://a_b.example", "https://-a.example", "https://a..example", "https://a.example.", "https://1.2.3", "https://0x7f.1",
		"https://256.1.1.1", "https://a.0x1", "https://[fe80::1%25lo]", "https://[::ffff:192.0.2.1]", "https://[a.example]", "https://:443", "https://a b.example", "https://" + strings.Repeat("a", 64) + ".example",
		"https://a.example:0", "https://a.example:65536", "https://a.example:x", "https://a.example:443?", "https://a.example/#x", "https://%61.example:99999", "https://a.example%00",
	} {
		f := newFleet(t)
		if code := f.run("serve", "--public", public); code != exitUsage || !strings.Contains(f.errOut.String(), "--public must") {
			t.Errorf("%s: got %d: %s", public, code, &f.errOut)
		}
	}
}

// A request that does not end in time is ended, and the program has no error.
func TestServe_EndWithRequestInFlight(t *testing.T) {
	t.Parallel()
	started, ended := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(started)
		<-r.Context().Done()
		close(ended)
	}))
	go func() {
		if answer, err := http.Get(server.URL); err == nil {
			answer.Body.Close()
		}
	}()
	<-started
	if err := end(server.Config, time.Millisecond); err != nil {
		t.Error(err)
	}
	<-ended
}
