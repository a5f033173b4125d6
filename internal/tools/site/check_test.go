package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestSite_Check(t *testing.T) {
	t.Parallel()
	folder, root := t.TempDir(), t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(root, "LICENSE"), "")
	write(filepath.Join(root, "docs", "a.md"), "")
	write(filepath.Join(root, "docs", "new.md"), "")
	write(filepath.Join(folder, "index.html"), `<title>Home</title><h1 id="top">Home</h1>
		<a href="docs/a.html#part">right</a> <a href="#top">right</a> <a href="docs/a.html">right</a>
		<a href="https://example.com/">right</a> <a href="`+repository+`blob/main/LICENSE">right</a>
		<a href="docs/b.html">x</a> <a href="docs/a.html#none">x</a> <a href="/docs/a.html">x</a>
		<a href="http://example.com/">x</a> <a href="`+repository+`blob/main/NONE">x</a><script></script>`)
	write(filepath.Join(folder, "docs", "a.html"), `<h1 id="part">A</h1><h1 id="part">B</h1><a href="../index.html">right</a>`)
	s, err := read(folder)
	if err != nil {
		t.Fatal(err)
	}
	got := append(s.check(root), unlisted(root, s)...)
	want := []string{
		"docs/a.html: 2 elements with the id part",
		"docs/a.html: no title",
		"index.html: element script",
		"index.html: link /docs/a.html: the path must be relative",
		"index.html: link docs/a.html#none: no heading none in docs/a.html",
		"index.html: link docs/b.html: no file docs/b.html",
		`index.html: link http://example.com/: scheme "http"`,
		"index.html: link " + repository + "blob/main/NONE: stat " + filepath.Join(root, "NONE") + ": no such file or directory",
		"docs/site/hugo.toml: the navigation lacks docs/new.md",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%q\nwant:\n%q", got, want)
	}
}
