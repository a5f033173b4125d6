package main

import (
	"bytes"
	"fmt"
	"html"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hinshun/vt10x"
)

// line is a line of a terminal: runs of text with the same style.
type line []run

// run is a text with one style.
type run struct {
	column int
	text   string
	color  string
	bold   bool
}

// lineArt are the characters that are drawn as lines. In a font, they do not reach the next
// line of the terminal. A value has the directions of a character.
var lineArt = map[rune]string{
	'─': "lr", '━': "lr", '│': "ud", '┌': "rd", '┐': "ld", '└': "ru", '┘': "lu",
	'├': "rud", '┤': "lud", '┬': "lrd", '┴': "lru", '┼': "lrud",
}

// The strokes of a text.
const (
	written = iota
	light
	heavy
)

// stroke returns how a text is drawn, by its first character.
func stroke(text string) int {
	switch r, _ := utf8.DecodeRuneInString(text); {
	case r == '━':
		return heavy
	case lineArt[r] != "":
		return light
	}
	return written
}

// attrBold is the mode of a bold glyph. Package vt10x does not export it. For a reversed
// glyph, vt10x swaps the colors itself.
const attrBold = 1 << 2

// snapshot returns the screen of a terminal.
func snapshot(t vt10x.View) []line {
	t.Lock()
	defer t.Unlock()
	width, height := t.Size()
	lines := make([]line, height)
	for y := range height {
		for x := range width {
			g := t.Cell(x, y)
			if g.Char == 0 || g.Char == ' ' {
				continue
			}
			cell := run{column: x, text: string(g.Char), color: color(g), bold: g.Mode&attrBold != 0}
			if n := len(lines[y]); n > 0 {
				before := &lines[y][n-1]
				end := before.column + len([]rune(before.text))
				kind := stroke(cell.text)
				if before.color == cell.color && before.bold == cell.bold && stroke(before.text) == kind && (x == end || kind == written && x-end <= 2) {
					before.text += strings.Repeat(" ", x-end) + cell.text
					continue
				}
			}
			lines[y] = append(lines[y], cell)
		}
	}
	return lines
}

// The colors of the image.
const (
	background = "#16181d"
	foreground = "#d6d8dc"
)

var palette = [16]string{
	"#16181d", "#f07a6e", "#7ecb8f", "#e5c07b", "#7aa8f0", "#c08be0", "#62c3cf", "#d6d8dc",
	"#737a87", "#f07a6e", "#7ecb8f", "#e5c07b", "#7aa8f0", "#c08be0", "#62c3cf", "#ffffff",
}

// color returns the color of a glyph; "" for the default.
func color(g vt10x.Glyph) string {
	switch c := g.FG; {
	case c < 16:
		return palette[c]
	case c < 1<<24:
		return fmt.Sprintf("#%06x", uint32(c))
	}
	return ""
}

func same(a, b []line) bool {
	return slices.EqualFunc(a, b, func(a, b line) bool { return slices.Equal(a, b) })
}

func blank(lines []line) bool {
	return !slices.ContainsFunc(lines, func(l line) bool { return len(l) > 0 })
}

// The size of a cell and of the margin, in pixels.
const (
	cellWidth  = 8.4
	cellHeight = 19
	margin     = 18
)

// draw returns frames as an SVG. The frames are next to each other, and CSS moves a window
// over them, because a README cannot run scripts. Equal lines are defined once.
func draw(frames []frame, width, height int, title string) []byte {
	used := crop(frames, height)
	w, h := float64(width)*cellWidth+2*margin, float64(used*cellHeight+2*margin)
	var whole time.Duration
	for _, f := range frames {
		whole += f.duration
	}

	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 %g %g" width="%g" height="%g" role="img">`, w, h, w, h)
	if title != "" {
		fmt.Fprintf(&b, "<title>%s</title>", html.EscapeString(title))
	}
	b.WriteString("\n<style>\n")
	fmt.Fprintf(&b, "text{font:14px ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:currentColor;white-space:pre}.b{font-weight:bold}path{stroke:currentColor;fill:none}.h{stroke-width:3}svg{color:%s}\n", foreground)
	classes := colors(frames)
	for i, c := range classes {
		fmt.Fprintf(&b, ".c%d{color:%s}", i, c)
	}
	fmt.Fprintf(&b, "\n#film{animation:film %gs step-end infinite}\n@keyframes film{", whole.Seconds())
	var at time.Duration
	for i, f := range frames {
		fmt.Fprintf(&b, "%.3f%%{transform:translateX(%gpx)}", 100*at.Seconds()/whole.Seconds(), -float64(i)*w)
		at += f.duration
	}
	// Without motion, the last frame is shown.
	fmt.Fprintf(&b, "}\n@media(prefers-reduced-motion:reduce){#film{animation:none;transform:translateX(%gpx)}}\n</style>\n", -float64(len(frames)-1)*w)

	ids := map[string]int{}
	var pictures bytes.Buffer
	b.WriteString("<defs>")
	for i, f := range frames {
		fmt.Fprintf(&pictures, `<g transform="translate(%g %d)">`, float64(i)*w+margin, margin)
		for y, l := range f.lines[:used] {
			if len(l) == 0 {
				continue
			}
			text := l.svg(classes)
			id, there := ids[text]
			if !there {
				id = len(ids)
				ids[text] = id
				fmt.Fprintf(&b, `<g id="l%d">%s</g>`, id, text)
			}
			fmt.Fprintf(&pictures, `<use xlink:href="#l%d" y="%d"/>`, id, y*cellHeight)
		}
		pictures.WriteString("</g>\n")
	}
	b.WriteString("</defs>\n")
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="10" fill="%s"/>`+"\n<g id=\"film\">\n", background)
	b.Write(pictures.Bytes())
	b.WriteString("</g>\n</svg>\n")
	return b.Bytes()
}

// crop returns the number of lines that the frames use.
func crop(frames []frame, height int) int {
	for used := height; used > 1; used-- {
		if slices.ContainsFunc(frames, func(f frame) bool { return len(f.lines[used-1]) > 0 }) {
			return used
		}
	}
	return 1
}

// colors returns all colors except the default.
func colors(frames []frame) []string {
	var found []string
	for _, f := range frames {
		for _, l := range f.lines {
			for _, r := range l {
				if r.color != "" && !slices.Contains(found, r.color) {
					found = append(found, r.color)
				}
			}
		}
	}
	return found
}

// svg returns a line as SVG. Each run has the width of its cells in every font.
func (l line) svg(classes []string) string {
	var b strings.Builder
	for _, r := range l {
		var class []string
		if i := slices.Index(classes, r.color); i >= 0 {
			class = append(class, fmt.Sprintf("c%d", i))
		}
		if stroke(r.text) != written {
			r.draw(&b, class)
			continue
		}
		if r.bold {
			class = append(class, "b")
		}
		fmt.Fprintf(&b, `<text x="%.5g" y="14" textLength="%.5g"`, float64(r.column)*cellWidth, float64(len([]rune(r.text)))*cellWidth)
		if len(class) > 0 {
			fmt.Fprintf(&b, ` class="%s"`, strings.Join(class, " "))
		}
		fmt.Fprintf(&b, ">%s</text>", html.EscapeString(r.text))
	}
	return b.String()
}

// draw draws a run of characters as lines from the middles of the cells to their edges.
func (r run) draw(b *strings.Builder, class []string) {
	if stroke(r.text) == heavy {
		class = append(class, "h")
	}
	b.WriteString("<path")
	if len(class) > 0 {
		fmt.Fprintf(b, ` class="%s"`, strings.Join(class, " "))
	}
	b.WriteString(` d="`)
	const middle = float64(cellHeight) / 2
	x := float64(r.column) * cellWidth
	from := -1.0 // of a horizontal line
	flush := func(to float64) {
		if from >= 0 {
			fmt.Fprintf(b, "M%.5g %gH%.5g", from, middle, to)
		}
		from = -1
	}
	for _, c := range r.text {
		to := lineArt[c]
		center, end := x+cellWidth/2, x+cellWidth
		if !strings.Contains(to, "l") {
			flush(x)
		} else if from < 0 {
			from = x
		}
		if !strings.Contains(to, "r") {
			flush(center)
		} else if from < 0 {
			from = center
		}
		top, bottom := middle, middle
		if strings.Contains(to, "u") {
			top = 0
		}
		if strings.Contains(to, "d") {
			bottom = cellHeight
		}
		if top < bottom {
			fmt.Fprintf(b, "M%.5g %gV%g", center, top, bottom)
		}
		x = end
	}
	flush(x)
	b.WriteString(`"/>`)
}
