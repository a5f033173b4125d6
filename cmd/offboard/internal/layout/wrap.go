package layout

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// hang is the indentation of the second and further parts of a line.
const hang = "  "

// separators are the characters in an ID or a path after which a long word is broken.
const separators = "_/-.:"

// command matches a line that is a command of this program, with the text before it.
var command = regexp.MustCompile(`^( *)(To [^:]+: )?((?:\. \./\S+; )?offboard( .*)?)$`)

// prose matches a sentence that starts with a command: "offboard plan, then offboard apply".
var prose = regexp.MustCompile(`^offboard \w+,`)

// marker matches the start of an item of a list.
var marker = regexp.MustCompile(`^(-|\d+\.) `)

// Wrap returns a line as lines of at most width cells; 0 does not wrap. Further lines are
// indented: below the last column of text, after the guides of a tree, or by two spaces. A
// command is continued with a backslash, as a shell requires.
func Wrap(line string, width int) []string {
	if width <= 0 || ansi.StringWidth(line) <= width {
		return []string{line}
	}
	if m := command.FindStringSubmatch(line); m != nil && !prose.MatchString(m[3]) {
		return wrapCommand(m[1], m[2], m[3], width)
	}
	text := strings.TrimLeft(line, " │├└─")
	guides := line[:len(line)-len(text)]
	next := strings.NewReplacer("├", "│", "└", " ", "─", " ").Replace(guides)
	if strings.TrimSpace(guides) != "" {
		return fill(text, guides, next+hang, width)
	}
	if m := marker.FindString(text); m != "" {
		return fill(text[len(m):], guides+m, next+strings.Repeat(" ", len(m)), width)
	}
	switch at, in := column(line, len(guides), width/2); {
	case at > 0:
		return fill(line[at:], line[:at], strings.Repeat(" ", ansi.StringWidth(line[:at])), width)
	case in > 0: // the second column starts too far right
		left := Wrap(strings.TrimRight(line[:in], " "), width)
		return append(left, fill(line[in:], next+hang+hang, next+hang+hang, width)...)
	}
	return fill(text, guides, next+hang, width)
}

// column returns the position of the last column of text that starts in the first half of
// the screen, or else the position of the first column that starts after it. Two spaces
// separate columns.
func column(line string, from, half int) (last, after int) {
	for i := from; i < len(line); i++ {
		if line[i] == ' ' || i < from+2 || line[i-1] != ' ' || line[i-2] != ' ' {
			continue
		}
		if ansi.StringWidth(line[:i]) > half {
			return last, i
		}
		last = i
	}
	return last, 0
}

// fill returns a text as lines. The first line starts with first, the others with next.
func fill(text, first, next string, width int) []string {
	var lines []string
	line, used, empty := first, ansi.StringWidth(first), true
	flush := func() {
		lines = append(lines, strings.TrimRight(line, " "))
		line, used, empty = next, ansi.StringWidth(next), true
	}
	for text != "" {
		word := strings.TrimLeft(text, " ")
		spaces := text[:len(text)-len(word)]
		if end := strings.IndexByte(word, ' '); end >= 0 {
			word = word[:end]
		}
		text = text[len(spaces)+len(word):]
		if empty && len(lines) > 0 {
			spaces = ""
		}
		n := ansi.StringWidth(word)
		if word == "" { // at the end of a prompt
			line += spaces[:max(min(len(spaces), width-used), 0)]
			break
		}
		if used+len(spaces)+n > width && !empty {
			flush()
			spaces = ""
		}
		for used+len(spaces)+n > width {
			part := ansi.Truncate(word, max(width-used-len(spaces), 0), "")
			part = part[:breakAt(part, word, width-ansi.StringWidth(next))]
			if part == "" && used > ansi.StringWidth(next) {
				flush()
				spaces = ""
				continue
			}
			if part == "" { // a wide character at a minimal width
				_, size := utf8.DecodeRuneInString(word)
				part = word[:size]
			}
			line, word = line+spaces+part, word[len(part):]
			n = ansi.StringWidth(word)
			flush()
			spaces = ""
			if word == "" {
				break
			}
		}
		line, used, empty = line+spaces+word, used+len(spaces)+n, empty && word == ""
	}
	if !empty || len(lines) == 0 {
		lines = append(lines, line)
	}
	return lines
}

// breakAt returns the length of the part of a word that a line keeps: up to the last slash if what
// follows it up to the next one fits the next line of a width, otherwise up to the last separator,
// unless the line would be short without need.
func breakAt(part, word string, next int) int {
	for _, of := range []string{"/", separators} {
		end := strings.LastIndexAny(part, of) + 1
		rest := word[end:]
		if i := strings.IndexAny(rest, of); i >= 0 {
			rest = rest[:i+1]
		}
		if end > 2 && ansi.StringWidth(rest) <= next {
			return end
		}
	}
	if end := strings.LastIndexAny(part, separators) + 1; end > len(part)/3 {
		return end
	}
	return len(part)
}

// wrapCommand returns a command as lines. The label before it gets a line of its own, and so does
// the comment after it, in front of the command. The words of the command stay whole.
func wrapCommand(indent, label, text string, width int) []string {
	var lines []string
	if label != "" {
		lines, indent = []string{indent + strings.TrimRight(label, " ")}, indent+hang
	}
	words, comment := shellWords(text)
	if comment != "" {
		lines = append(lines, fill("# "+comment, indent, indent+"# ", width)...)
	}
	const more = ` \`
	line := indent
	for i, word := range words {
		switch {
		case i == 0:
			line += word
		case ansi.StringWidth(line+" "+word+more) > width:
			lines = append(lines, line+more)
			line = indent + hang + word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}

// shellWords returns the words of a command, and the comment in the second column of an example,
// which three spaces or more separate. Spaces in quotes, and after a backslash, do not separate words.
func shellWords(text string) (words []string, comment string) {
	text = strings.TrimLeft(text, " ")
	for text != "" {
		end := wordEnd(text)
		words, text = append(words, text[:end]), text[end:]
		next := strings.TrimLeft(text, " ")
		if len(text)-len(next) >= 3 && next != "" {
			return words, strings.TrimRight(next, " ")
		}
		text = next
	}
	return words, ""
}

// wordEnd returns the length of the first word of a command, as a shell reads it.
func wordEnd(text string) int {
	var quote byte
	escapes := true // in the current quotes
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && escapes:
			i++
		case quote != 0 && c == quote:
			quote, escapes = 0, true
		case quote == 0 && (c == '\'' || c == '"'):
			quote, escapes = c, c == '"' || i > 0 && text[i-1] == '$'
		case quote == 0 && c == ' ':
			return i
		}
	}
	return len(text)
}

// Reflow returns a text for a terminal: a paragraph with a line that is too long is filled
// again. The text of a pipe, which has the width 0, stays the same.
func Reflow(text string, width int) string {
	if width <= 0 {
		return text
	}
	var b strings.Builder
	lines := strings.Split(text, "\n")
	for len(lines) > 0 {
		n, joined, long := 1, lines[0], ansi.StringWidth(lines[0]) > width
		for n < len(lines) && continues(joined, lines[n-1], lines[n]) {
			joined += " " + strings.TrimLeft(lines[n], " ")
			long = long || ansi.StringWidth(lines[n]) > width
			n++
		}
		switch {
		case !long:
			for _, line := range lines[:n] {
				b.WriteString(line + "\n")
			}
		case !strings.HasPrefix(joined, " ") && !command.MatchString(joined) && !marker.MatchString(joined):
			b.WriteString(strings.Join(fill(joined, "", "", width), "\n") + "\n")
		default:
			b.WriteString(strings.Join(Wrap(joined, width), "\n") + "\n")
		}
		lines = lines[n:]
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// continues reports whether a line continues the paragraph or the column before it.
func continues(paragraph, before, line string) bool {
	indent := len(line) - len(strings.TrimLeft(line, " "))
	switch {
	case strings.TrimSpace(before) == "" || strings.TrimSpace(line) == "":
		return false
	case indent == 0:
		return !strings.HasPrefix(paragraph, " ") && !strings.HasSuffix(before, ":")
	}
	from := len(paragraph) - len(strings.TrimLeft(paragraph, " "))
	if m := marker.FindString(paragraph[from:]); m != "" {
		return indent == from+len(m)
	}
	last, _ := column(paragraph, from, indent)
	return last == indent && from < indent
}
