package rest

import (
	"hash/maphash"
	"iter"
	"slices"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
)

// The limits of a list.
const (
	maxPages = 10_000 // pages of a list
	maxEmpty = 1000   // consecutive pages without items of a filtered list
)

var (
	errPages    = errors.New("the list exceeds the limit of 10,000 pages")
	errRepeated = errors.New("a page repeats the items of an earlier page")
	errEmpty    = errors.New("a page is empty although more items follow")
)

// Page is one page of a list. Its statements about other pages may be wrong: they can add a
// page to the list, but cannot end the list after a full page.
type Page[T any] struct {
	Items []T // Items are the items of the page.

	// Size is the number of items of a full page; 0 if it is not known.
	Size int

	// More is true if the answer states that another page follows.
	More bool

	// Total is the number of items of all pages in this answer; 0 if it states none. The
	// largest total of all answers counts.
	Total int

	// Filtered is true if the provider removes items from the pages, so that a page may be
	// empty although others follow.
	Filtered bool
}

// FullAt returns the number of items of a full page: the requested number, or that of the
// answer if it is smaller; 0 if the number is not known.
func FullAt(requested, answered int) int {
	if requested <= 0 || answered > 0 && answered < requested {
		return max(answered, 0)
	}
	return requested
}

// Pages yields the items of all pages of a list, from page 1 on. The function identity returns
// the identity of an item. An error ends the list. The error is an UnexpectedResponse in these
// cases:
//
//   - A page has exactly the items of an earlier page, because the server ignores the page
//     number.
//   - A page is empty and states that more items follow.
//   - The list has fewer items than one of its totals.
//   - The list has more than 10,000 pages.
//
// An item that moves to another page during the reads is no error.
func Pages[T any](provider, operation string, identity func(*T) string, fetch func(page int) (Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		fail := func(err error) {
			yield(none, &errors.Error{
				Provider: provider, Operation: operation, Code: errors.UnexpectedResponse, Err: err,
			})
		}
		var prints []uint64 // of the earlier pages
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

// maxReads is the maximum number of times that Gather reads a list.
const maxReads = 3

// Gather returns all items of a list. It reads a list again that ends before one of its totals,
// because the list may have changed during the reads.
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

// fingerprint returns a number that is equal for pages with the same items in any order.
func fingerprint[T any](items []T, identity func(*T) string, seed maphash.Seed) uint64 {
	sum := uint64(len(items))
	for i := range items {
		sum += maphash.String(seed, identity(&items[i]))
	}
	return sum
}

// Identity returns the identity of an item with several parts; "" if the first part is "".
func Identity(parts ...string) string {
	if parts[0] == "" {
		return ""
	}
	return strings.Join(parts, "\x00")
}

// Lacks reports whether an item of a list has no identity, so that it is no item.
func Lacks[T any](items []T, identity func(*T) string) bool {
	for i := range items {
		if identity(&items[i]) == "" {
			return true
		}
	}
	return false
}
