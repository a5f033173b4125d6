// Package webpage contains what the HTML pages of the program have in common: the style, the
// drawing of a graph, and how the program recognizes its own pages. A page is one file without
// scripts, and loads nothing.
package webpage

import (
	"bytes"
	_ "embed"
	"html/template"
	"runtime/debug"
	"time"
)

//go:embed base.html.tmpl
var base string

// Parse parses the template of a page, which can use those of base.html.tmpl. Templates escape
// all texts of a provider, such as the names of resources.
func Parse(name, text string) *template.Template {
	return template.Must(template.Must(template.New("base").Parse(base)).New(name).Parse(text))
}

// Stamp formats a time.
func Stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// Program returns the name of the program, with its version if the build has one.
func Program() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "offboard"
	}
	return "offboard " + info.Main.Version
}

// HasTitle reports whether a text is a page of this program whose title starts with a text.
func HasTitle(text []byte, title string) bool {
	head := text[:min(len(text), 4096)]
	return bytes.HasPrefix(head, []byte("<!DOCTYPE html>")) && bytes.Contains(head, []byte("<title>"+title+", "))
}
