// Command blockers prints what blocks the deletion of an organization, and what the provider
// deletes along with the organization, at each of five providers: a tree of providers,
// organizations, kinds and resources.
//
// It reads fakes in memory, and needs no account and no network. The walk functions, in the
// file of each provider, also work with a client of the provider itself.
package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"os/signal"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/list"

	"github.com/offboard-dev/offboard-go/errors"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "blockers:", err)
		os.Exit(1)
	}
}

// run walks one organization of each provider and prints the tree. It returns the errors of
// failed reads; their resources are missing in the tree.
func run(ctx context.Context, out io.Writer) error {
	tree := list.NewWriter()
	tree.SetStyle(list.StyleConnectedRounded)
	var failed []error
	for _, provider := range []struct {
		name string
		walk func(context.Context) (*node, error)
	}{
		{"katapult", katapultAtFake},
		{"zitadel", zitadelAtFake},
		{"atlas", atlasAtFake},
		{"workspace", workspaceAtFake},
		{"volterra", volterraAtFake},
	} {
		organization, err := provider.walk(ctx)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", provider.name, err))
		}
		root := &node{text: provider.name}
		if organization != nil {
			root.children = []*node{organization}
		}
		root.appendTo(tree)
	}
	fmt.Fprintln(out, tree.Render())
	return errors.Join(failed...)
}

// node is a line of the tree, with its children.
type node struct {
	text     string
	children []*node
}

// add adds a child.
func (n *node) add(format string, args ...any) *node {
	child := &node{text: fmt.Sprintf(format, args...)}
	n.children = append(n.children, child)
	return child
}

func (n *node) appendTo(tree list.Writer) {
	tree.AppendItem(printable(n.text))
	tree.Indent()
	for _, child := range n.children {
		child.appendTo(tree)
	}
	tree.UnIndent()
}

// printable keeps a provider's text from controlling the terminal. Programs outside of this
// repository cannot import its internal/printable.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}

// addItems adds a child for a kind, with a line for each item; nothing for no items. text
// returns the line of an item; an item with the text "" is omitted.
func addItems[T any](n *node, kind string, items iter.Seq2[T, error], text func(T) string) error {
	branch := &node{text: kind}
	for item, err := range items {
		if err != nil {
			return err
		}
		if line := text(item); line != "" {
			branch.add("%s", line)
		}
	}
	if len(branch.children) > 0 {
		n.children = append(n.children, branch)
	}
	return nil
}

// all returns the result of a method without pages as a sequence.
func all[T any](items []T, err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if err != nil {
			var none T
			yield(none, err)
			return
		}
		for _, item := range items {
			if !yield(item, nil) {
				return
			}
		}
	}
}

// addCheckResult adds the error of a deletion check and its blockers. It returns errors that
// are not in category [errors.DeletionStepsNotSatisfied].
func addCheckResult(n *node, err error, text func(errors.Step) string) error {
	e, ok := errors.AsType[*errors.Error](err)
	if !ok || !errors.Is(err, errors.DeletionStepsNotSatisfied) {
		return err
	}
	blocked := n.add("blocked: %v", e.Code)
	for _, step := range e.Steps {
		blocked.add("%s", text(step))
	}
	return nil
}

// description returns the description of a step.
func description(s errors.Step) string { return s.Description }
