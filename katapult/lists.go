package katapult

import (
	"iter"

	"github.com/offboard-dev/offboard-go/internal/rest"
)

// pageSize is how many items the iterators ask for. The API documents no limit;
// 100 and 200 were accepted.
const pageSize = 100

// paged returns a page with what its answer says of further pages. Of a large set the
// API does not count the items.
func paged[T any](items []T, p Pagination) rest.Page[T] {
	page := rest.Page[T]{Items: items, Size: rest.FullAt(pageSize, p.PerPage)}
	page.More = p.TotalPages != nil && p.CurrentPage < *p.TotalPages
	if p.Total != nil {
		page.Total = *p.Total
	}
	return page
}

// isOther reports whether a page is another than was requested. Without a number the
// first was.
func isOther(p Pagination, requested int) bool { return p.CurrentPage != max(requested, 1) }

// each calls a function with all that a list yields.
func each[T any](list iter.Seq2[T, error], f func(T)) error {
	all, err := rest.Gather(list)
	for _, item := range all {
		f(item)
	}
	return err
}
