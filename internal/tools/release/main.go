// Command release makes a version of the published modules, and proves that users can install
// it:
//
//	go run ./release -version v1.2.3          prove it in a clone, and change nothing
//	go run ./release -version v1.2.3 -tag     prove it, then commit and tag in this repository
//
// The published modules are those of go.work whose go.mod has no replace directive. The root
// module is tagged at HEAD. Then each nested module gets the requirements of the version, a
// commit and a tag of its own. The proof downloads the modules from the tags, as the module
// proxy does, into a proxy on disk; and installs and runs the program, and builds a user's
// module, from that proxy with an empty module cache.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"golang.org/x/mod/semver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	version := flag.String("version", "", "the `version`, such as v1.2.3")
	tag := flag.Bool("tag", false, "commit and tag in this repository")
	sign := flag.Bool("sign", false, "sign the tags")
	flag.Parse()
	if semver.Canonical(*version) != *version || *version == "" || flag.NArg() > 0 {
		return fmt.Errorf("-version must be a version such as v1.2.3, and no argument may follow")
	}
	root, err := output(ctx, ".", nil, "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer removeAll(work)
	clone := filepath.Join(work, "clone")
	if _, err := output(ctx, work, nil, "git", "clone", "-q", "--no-hardlinks", root, clone); err != nil {
		return err
	}
	made, err := newRelease(ctx, clone, work, *version)
	if err != nil {
		return err
	}
	if err := made.make(ctx); err != nil {
		return err
	}
	if err := made.prove(ctx); err != nil || !*tag {
		return err
	}
	if changes, err := output(ctx, root, nil, "git", "status", "--porcelain"); err != nil || changes != "" {
		return fmt.Errorf("the repository has changes that are not committed: %v\n%s", err, changes)
	}
	// The proved commits, without the tags, which may have to be signed.
	if _, err := output(ctx, root, nil, "git", "pull", "-q", "--ff-only", "--no-tags", clone, "HEAD"); err != nil {
		return err
	}
	for _, m := range made.modules {
		kind := "-a"
		if *sign {
			kind = "-s"
		}
		if _, err := output(ctx, root, nil, "git", "tag", kind, "-m", m.tag(*version), m.tag(*version), m.commit); err != nil {
			return err
		}
		fmt.Println("tagged", m.tag(*version))
	}
	fmt.Println("push: git push --atomic origin HEAD --tags")
	return nil
}

// removeAll removes a directory with module caches, whose directories are read-only.
func removeAll(directory string) {
	_ = filepath.WalkDir(directory, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(path, 0o700) //nolint:gosec // a temporary directory of this process
		}
		return nil
	})
	_ = os.RemoveAll(directory)
}
