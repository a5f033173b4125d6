package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
)

func TestRun_Tree(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile("testdata/tree.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRun_CanceledContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	err := run(ctx, &out)
	if !errors.Is(err, errors.Canceled) {
		t.Errorf("got %v", err)
	}
	for _, provider := range []string{"katapult", "zitadel", "atlas", "workspace", "volterra"} {
		if !strings.Contains(out.String(), provider) || !strings.Contains(err.Error(), provider+": ") {
			t.Errorf("%s is missing in\n%s%v", provider, out.String(), err)
		}
	}
}

func TestPrintable_ControlCharacters(t *testing.T) {
	t.Parallel()
	if got := printable("a\x1b[2Jb\nc\u202e"); got != "a?[2Jb?c?" {
		t.Errorf("got %q", got)
	}
}
