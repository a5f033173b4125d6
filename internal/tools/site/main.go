// Command site builds the documentation as web pages from docs/site, and checks them: every link
// leads to a page, a heading or a file of the repository, and the pages open from disk, without
// scripts.
//
//	go run ./site -o public
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
)

// hugo is the generator, in the last version for the Go version of this repository.
const hugo = "github.com/gohugoio/hugo@v0.165.0"

func main() {
	log.SetFlags(0)
	log.SetPrefix("site: ")
	root := flag.String("root", "../..", "the `folder` of the repository")
	out := flag.String("o", "../../public", "the `folder` to write; its content is replaced")
	flag.Parse()
	if err := run(*root, *out); err != nil {
		log.Fatal(err)
	}
}

func run(root, out string) error {
	out, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	if err := build(root, out); err != nil {
		return err
	}
	s, err := read(out)
	if err != nil {
		return err
	}
	problems := append(s.check(root), unlisted(root, s)...)
	for _, problem := range problems {
		fmt.Fprintln(os.Stderr, problem)
	}
	if len(problems) > 0 {
		return fmt.Errorf("%d problems", len(problems))
	}
	fmt.Printf("%d pages, %d links. Open %s\n", len(s.pages), s.links, filepath.Join(out, "index.html"))
	return nil
}

// build runs the generator.
func build(root, out string) error {
	temp, err := os.MkdirTemp("", "site")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	command := exec.Command("go", "run", hugo, "build", "--quiet", "--noBuildLock", "--cleanDestinationDir", "--panicOnWarning",
		"--cacheDir", filepath.Join(temp, "cache"), "--destination", out)
	command.Dir = filepath.Join(root, "docs", "site")
	command.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("hugo: %w", err)
	}
	return nil
}
