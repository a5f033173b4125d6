package main

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hinshun/vt10x"
)

func TestSnapshot_Runs(t *testing.T) {
	t.Parallel()
	terminal := vt10x.New(vt10x.WithSize(20, 3))
	if _, err := io.WriteString(terminal, "a \x1b[1;31mred\x1b[0m  b\r\n\x1b[32m<&>"); err != nil {
		t.Fatal(err)
	}
	want := []line{
		{{0, "a", "", false}, {2, "red", palette[9], true}, {7, "b", "", false}},
		{{0, "<&>", palette[2], false}},
		nil,
	}
	if diff := cmp.Diff(want, snapshot(terminal), cmp.AllowUnexported(run{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDraw_EachLineOnce(t *testing.T) {
	t.Parallel()
	first := line{{0, "one <b>", "", false}}
	frames := []frame{
		{[]line{first, nil, nil}, time.Second},
		{[]line{first, {{3, "two", "#ff0000", true}}, nil}, time.Second},
	}
	svg := string(draw(frames, 20, 3, "a <title>"))
	decoder := xml.NewDecoder(strings.NewReader(svg))
	for {
		if _, err := decoder.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
	}
	if n := strings.Count(svg, "one &lt;b&gt;"); n != 1 {
		t.Errorf("the SVG contains the line %d times", n)
	}
	if strings.Contains(svg, "<script") {
		t.Error("the SVG contains a script")
	}
}

func TestDraw_LinesReachTheNextCell(t *testing.T) {
	t.Parallel()
	terminal := vt10x.New(vt10x.WithSize(20, 3))
	if _, err := io.WriteString(terminal, "┌──┬\r\n│ab│\r\n━━──"); err != nil {
		t.Fatal(err)
	}
	lines := snapshot(terminal)
	for i, want := range []string{
		`<path d="M4.2 9.5V19M29.4 9.5V19M4.2 9.5H33.6"/>`,
		`<path d="M4.2 0V19"/><text x="8.4" y="14" textLength="16.8">ab</text><path d="M29.4 0V19"/>`,
		`<path class="h" d="M0 9.5H16.8"/><path d="M16.8 9.5H33.6"/>`,
	} {
		if diff := cmp.Diff(want, lines[i].svg(nil)); diff != "" {
			t.Errorf("line %d (-want +got):\n%s", i, diff)
		}
	}
}

func TestWholeRunes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"": 0, "ab": 2, "a─": 4, "a─"[:3]: 1, "a─"[:2]: 1, "\xff": 1, "👍"[:3]: 0, "👍": 4} {
		if got := wholeRunes([]byte(text)); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}
