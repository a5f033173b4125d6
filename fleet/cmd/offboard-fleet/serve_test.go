package main

import (
	"context"
	"net/http"
	"strings"
	"testing"
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

func TestServe_Flags(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--listen", "0.0.0.0:0"}, {"--listen", ":0"}, {"--listen", "example.com:80"}, {"--listen", "127.0.0.1"}, {"--by", " "},
		{"--public", "http://example.com"}, {"--public", "https://example.com/x"}, {"--public", "https://user@example.com"}, {"--public", "example.com"},
	} {
		f := newFleet(t)
		if code := f.run(append([]string{"serve"}, args...)...); code != exitUsage {
			t.Errorf("%v: got %d: %s", args, code, &f.errOut)
		}
	}
	if got, err := publicOrigin("https://Example.com:8443/"); got != "https://example.com:8443" || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
}
