package layout

import (
	"fmt"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/cmd/offboard/internal/screentest"
)

func TestWrap_Lines(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		width      int
		line, want string
	}{
		"pipe":           {0, strings.Repeat("a ", 99), strings.Repeat("a ", 99)},
		"fits":           {9, "  a b c d", "  a b c d"},
		"spaces":         {8, "one two three", "one two\n  three"},
		"indented":       {11, "  one two three", "  one two\n    three"},
		"long word":      {8, "a 0123456789abcdef", "a\n  012345\n  6789ab\n  cdef"},
		"number":         {10, "5. one two three", "5. one two\n   three"},
		"list of IDs":    {15, "  - disk/0123456789: failed", "  - disk/\n    0123456789:\n    failed"},
		"part of a word": {36, "│  └─ shop (project/5e2f0000000000000000000a): delete it", "│  └─ shop\n│       (project/\n│       5e2f0000000000000000000a):\n│       delete it"},
		"path":           {34, "│  ├─ lab (virtual_machine/org_labs/vm_lab): stop", "│  ├─ lab\n│  │    (virtual_machine/org_labs/\n│  │    vm_lab): stop"},
		"list":           {10, "  - one two", "  - one\n    two"},
		"tree":           {16, "│  ├─ web (vm_1): stop", "│  ├─ web\n│  │    (vm_1):\n│  │    stop"},
		"last leaf":      {14, "   └─ web (vm_1)", "   └─ web\n        (vm_1)"},
		"columns":        {24, "  0:01  atlas  Acme: one two", "  0:01  atlas  Acme: one\n        two"}, // column 15 is in the second half
		"columns left":   {32, "  0:01  atlas  Acme: one two three", "  0:01  atlas  Acme: one two\n               three"},
		"column right":   {20, "      --parallel int   maximum number", "      --parallel int\n          maximum\n          number"},
		"command":        {30, "To resume: offboard apply '/a b/plan.json' --json", "To resume:\n  offboard apply \\\n    '/a b/plan.json' --json"},
		"command alone":  {20, "  offboard apply p.json", "  offboard apply \\\n    p.json"},
		"command's word": {20, "offboard apply /0123456789/0123456789", "offboard apply \\\n  /0123456789/0123456789"},
		"comment":        {24, "  offboard plan m.yaml    show the plan", "  # show the plan\n  offboard plan m.yaml"},
		"quoted spaces":  {30, "To apply: offboard apply p.json --confirm 'A   B'", "To apply:\n  offboard apply p.json \\\n    --confirm 'A   B'"},
		"escaped quote":  {30, `To apply: offboard apply p.json --only 'It'\''s a b c d e f'`, "To apply:\n  offboard apply p.json \\\n    --only \\\n    'It'\\''s a b c d e f'"},
		"ANSI quotes":    {30, `To apply: offboard apply p.json --only $'It\'s a b c\011d e f'`, "To apply:\n  offboard apply p.json \\\n    --only \\\n    $'It\\'s a b c\\011d e f'"},
		"prose":          {20, "offboard plan, then offboard apply", "offboard plan, then\n  offboard apply"},
		"wide":           {10, "東京東京東京東京", "東京東京東\n  京東京"},
		"combining":      {4, "e\u0301e\u0301e\u0301e\u0301", "e\u0301e\u0301e\u0301e\u0301"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, strings.Join(Wrap(test.line, test.width), "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWriter_Parts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		parts []string
		want  string
	}{
		"parts of a line": {[]string{"\n2 organizations", ", 3 steps. Nothing", " was changed.\nend\n"}, "\n2 organizations, 3\n  steps. Nothing was\n  changed.\nend\n"},
		"prompt":          {[]string{"Type the name to confirm: ", "next\n"}, "Type the name to\n  confirm: next\n"},
		"word grows":      {[]string{"0123456789 012345678", "9abc def\n"}, "0123456789 012345678\n  9abc def\n"},
		"lines":           {[]string{"a\nb\n\n", "c\n"}, "a\nb\n\nc\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &screentest.Terminal{Columns: 20}
			w := NewWriter(s)
			for _, part := range test.parts {
				if n, err := w.Write([]byte(part)); n != len(part) || err != nil {
					t.Errorf("got %d, %v", n, err)
				}
			}
			if diff := cmp.Diff(test.want, s.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWriter_Pipe(t *testing.T) {
	t.Parallel()
	b := new(strings.Builder)
	if NewWriter(b) != b || Raw(b) != b {
		t.Error("a pipe is wrapped")
	}
	s := &screentest.Terminal{Columns: 40}
	if w := NewWriter(s); Raw(w) != s || NewWriter(w) != w || Width(w) != 40 {
		t.Error("a terminal is not wrapped once")
	}
}

// hostile are texts that are difficult to lay out.
var hostile = []string{
	"", "Acme", "Acme Hosting International Holding Limited and Partners", strings.Repeat("0123456789", 12),
	"株式会社アクメホスティング東京本社営業部", "👩\u200d💻👍🏽🇩🇪❤\ufe0f emoji", strings.Repeat("e\u0301\u0302\u0303", 30), "\ufffd[2Jx  y\ufffd", "│ ├─ └",
	"- a", "offboard apply x", "To x: offboard apply " + strings.Repeat("a ", 60),
}

func TestTable_Widths(t *testing.T) {
	t.Parallel()
	for _, width := range []int{20, 40, 60, 80, 100, 200, 0} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			t.Parallel()
			table := NewTable("provider", "organization", "steps", "result")
			for _, text := range hostile {
				table.Add("katapult", text, "1/3", "blocked: "+text)
			}
			s := &screentest.Terminal{Columns: width}
			table.Write(s)
			screentest.Check(t, s.String(), width)
			for _, text := range hostile {
				for word := range strings.FieldsSeq(text) {
					// A wrapped cell contains the word, if it is short.
					if ansi.StringWidth(word) <= 8 && !strings.Contains(s.String(), word) {
						t.Errorf("%q is cut off:\n%s", word, s)
					}
				}
			}
		})
	}
}

// A table has all its columns at each width, or becomes a list.
func TestTable_AllColumns(t *testing.T) {
	t.Parallel()
	for width, want := range map[int]string{
		0:  "│ ABCDE │ FGHIJ │ KLMNO │ PQRST │\n",
		33: "│ ABCDE │ FGHIJ │ KLMNO │ PQRST │\n",
		32: "ABCDE  0\nFGHIJ  1\nKLMNO  2\nPQRST  3\n",
		16: "ABCDE  0\nFGHIJ  1\nKLMNO  2\nPQRST  3\n",
	} {
		table := NewTable("abcde", "fghij", "klmno", "pqrst")
		table.Add(0, 1, 2, 3)
		s := &screentest.Terminal{Columns: width}
		table.Write(s)
		screentest.Check(t, s.String(), width)
		if !strings.Contains(s.String(), want) {
			t.Errorf("%d columns:\n%s", width, s)
		}
	}
}

func TestWrap_HostileTexts(t *testing.T) {
	t.Parallel()
	for _, width := range []int{20, 21, 40, 80} {
		for _, text := range hostile {
			for _, prefix := range []string{"", "  - ", "│  └─ ", "  0:01  katapult   "} {
				for _, line := range Wrap(prefix+text, width) {
					if n := ansi.StringWidth(line); n > width {
						t.Errorf("%d columns: %q has %d", width, line, n)
					}
				}
			}
		}
	}
}

func TestReflow_Help(t *testing.T) {
	t.Parallel()
	const text = "Delete organizations, tenants and\nworkspaces at five providers.\n\nCodes:\n  0  deleted, or accepted by the\n     provider\n  1  refused\nnext\n\nshort\nlines\n"
	const want = "Delete organizations,\ntenants and workspaces at\nfive providers.\n\nCodes:\n  0  deleted, or accepted\n     by the provider\n  1  refused\nnext\n\nshort\nlines\n"
	if diff := cmp.Diff(want, Reflow(text, 25)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if Reflow(text, 0) != text || Reflow(text, 80) != text {
		t.Error("a text that fits is filled again")
	}
}
