package rest

import (
	"hash/maphash"
	"iter"
	"slices"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
)

const (
	maxPages = 10_000 // of a list
	maxEmpty = 1000   // pages without an item, one after the other, of a filtered list
)

var (
	errPages    = errors.New("the list exceeds the page limit")
	errRepeated = errors.New("a page has the items of a page before it")
	errEmpty    = errors.New("a page is empty although more items follow")
)

// Page is one page of a list. What the answer says of further pages may be wrong in both
// directions: it can add a page to the list, but not end the list after a full page.
type Page[T any] struct {
	Items []T

	// Size is the number of items of a full page; 0 if it is not known.
	Size int

	// More: the answer says that another page follows.
	More bool

	// Total is the number of items of all pages by this answer; 0 if it says none. The
	// largest total of all answers counts.
	Total int

	// Filtered: the provider removes items from a page after it cut the list into pages,
	// so a page in the middle may be empty.
	Filtered bool
}

// FullAt returns the number of items of a full page: what was requested, or what the
// answer says if that is less. Zero is not known.
func FullAt(requested, answered int) int {
	if requested <= 0 || answered > 0 && answered < requested {
		return max(answered, 0)
	}
	return requested
}

// Pages yields the items of all pages of a list, from page 1 on. identity tells items
// apart. An error ends the list. It is an UnexpectedResponse if a page has exactly the
// items of a page before it, as with a server that ignores the page number, if a page is
// empty and says that more items follow, if the list has fewer items than one of its
// totals, or if it has too many pages. An item that moves from one page to the next while
// the list is read is no error.
func Pages[T any](provider, operation string, identity func(*T) string, fetch func(page int) (Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		fail := func(err error) {
			yield(none, &errors.Error{
				Provider: provider, Operation: operation, Code: errors.UnexpectedResponse, Err: err,
			})
		}
		var prints []uint64 // of the pages before
		seed := maphash.MakeSeed()
		seen, empty, total := 0, 0, 0
		for number := 1; number <= maxPages; number++ {
			page, err := fetch(number)
			if err != nil {
				yield(none, err)
				return
			}
			items := page.Items
			seen += len(items)
			total = max(total, page.Total)
			missing := total > seen
			switch {
			case len(items) > 0:
				empty = 0
			case !page.Filtered && (page.More || missing):
				fail(errEmpty)
				return
			default:
				if empty++; empty > maxEmpty {
					fail(errEmpty)
					return
				}
			}
			more := page.More || len(items) > 0 && (missing || page.Size > 0 && len(items) >= page.Size)
			if len(items) > 0 && (more || number > 1) {
				fingerprint := fingerprint(items, identity, seed)
				if slices.Contains(prints, fingerprint) {
					fail(errRepeated)
					return
				}
				prints = append(prints, fingerprint)
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if !more {
				return
			}
		}
		fail(errPages)
	}
}

// maxReads is how often Gather reads a list, at most.
const maxReads = 3

// Gather returns all items of a list. A list that ends before one of its totals is read
// again, because it may have changed while it was read.
func Gather[T any](list iter.Seq2[T, error]) ([]T, error) {
	for read := 1; ; read++ {
		all, err := gather(list)
		if err == nil || read == maxReads || !errors.Is(err, errEmpty) {
			return all, err
		}
	}
}

func gather[T any](list iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for item, err := range list {
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, nil
}

// fingerprint returns a number that is the same for pages with the same items, in
// whatever order.
func fingerprint[T any](items []T, identity func(*T) string, seed maphash.Seed) uint64 {
	sum := uint64(len(items))
	for i := range items {
		sum += maphash.String(seed, identity(&items[i]))
	}
	return sum
}

// Identity returns the identity of an item that has several parts; "" without the first.
func Identity(parts ...string) string {
	if parts[0] == "" {
		return ""
	}
	return strings.Join(parts, "\x00")
}

// Lacks reports whether an item of a list has no identity: it is none.
func Lacks[T any](items []T, identity func(*T) string) bool {
	for i := range items {
		if identity(&items[i]) == "" {
			return true
		}
	}
	return false
}
