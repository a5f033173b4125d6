package main

import (
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// repository is the prefix of links to files that the site lacks.
const repository = "https://github.com/offboard-dev/offboard-go/"

// site is the output of the generator.
type site struct {
	files map[string]bool // by their paths in the output, with slashes
	pages map[string]*page
	links int
}

type page struct {
	title    string
	ids      map[string]int
	links    []string // of href and src
	unwanted []string // elements that need more than a reader of files
}

// read reads all files of a folder.
func read(folder string) (*site, error) {
	s := &site{files: map[string]bool{}, pages: map[string]*page{}}
	err := filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(folder, name)
		if err != nil {
			return err
		}
		relative = filepath.ToSlash(relative)
		s.files[relative] = true
		if path.Ext(relative) != ".html" {
			return nil
		}
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		node, err := html.Parse(file)
		if err != nil {
			return fmt.Errorf("%s: %w", relative, err)
		}
		p := &page{ids: map[string]int{}}
		p.add(node)
		s.pages[relative] = p
		s.links += len(p.links)
		return nil
	})
	return s, err
}

// add adds an element and those in it.
func (p *page) add(n *html.Node) {
	if n.Type == html.ElementNode {
		switch n.Data {
		case "script", "iframe", "link":
			p.unwanted = append(p.unwanted, n.Data)
		case "title":
			if n.FirstChild != nil {
				p.title = n.FirstChild.Data
			}
		}
		for _, a := range n.Attr {
			switch a.Key {
			case "id":
				p.ids[a.Val]++
			case "href", "src":
				p.links = append(p.links, a.Val)
			}
		}
	}
	for child := range n.ChildNodes() {
		p.add(child)
	}
}

// check returns the problems of all pages. root is the folder of the repository.
func (s *site) check(root string) []string {
	var problems []string
	for name, p := range s.pages {
		add := func(format string, a ...any) { problems = append(problems, name+": "+fmt.Sprintf(format, a...)) }
		if p.title == "" {
			add("no title")
		}
		for _, element := range p.unwanted {
			add("element %s", element)
		}
		for id, count := range p.ids {
			if count > 1 {
				add("%d elements with the id %s", count, id)
			}
		}
		for _, link := range p.links {
			if err := s.follow(root, name, link); err != nil {
				add("link %s: %v", link, err)
			}
		}
	}
	slices.Sort(problems)
	return slices.Compact(problems)
}

// follow reports why a link of a page leads nowhere. Other sites are not read.
func (s *site) follow(root, from, link string) error {
	u, err := url.Parse(link)
	switch {
	case err != nil:
		return err
	case strings.HasPrefix(link, repository+"blob/main/"), strings.HasPrefix(link, repository+"tree/main/"):
		_, file, _ := strings.Cut(u.Path, "/main/")
		_, err := os.Stat(filepath.Join(root, filepath.FromSlash(file)))
		return err
	case u.Scheme == "https" && u.Host != "":
		return nil
	case u.Scheme != "" || u.Host != "":
		return fmt.Errorf("scheme %q", u.Scheme)
	case strings.HasPrefix(u.Path, "/"):
		return fmt.Errorf("the path must be relative")
	}
	to := from
	if u.Path != "" {
		to = path.Join(path.Dir(from), u.Path)
	}
	if !s.files[to] {
		return fmt.Errorf("no file %s", to)
	}
	if p := s.pages[to]; u.Fragment != "" && (p == nil || p.ids[u.Fragment] == 0) {
		return fmt.Errorf("no heading %s in %s", u.Fragment, to)
	}
	return nil
}

// unlisted returns the pages in docs that the navigation lacks, except the parts of a page
// README.md in a folder of docs.
func unlisted(root string, s *site) []string {
	home := s.pages["index.html"]
	if home == nil {
		return []string{"index.html: no such page"}
	}
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(files) == 0 {
		return []string{"docs: no pages"}
	}
	var problems []string
	for _, file := range files {
		name := "docs/" + strings.TrimSuffix(filepath.Base(file), ".md") + ".html"
		if !slices.Contains(home.links, name) {
			problems = append(problems, "docs/site/hugo.toml: the navigation lacks "+strings.TrimSuffix(name, ".html")+".md")
		}
	}
	return problems
}
