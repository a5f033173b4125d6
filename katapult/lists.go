package katapult

import (
	"iter"

	"github.com/offboard-dev/offboard-go/internal/rest"
)

// pageSize is the number of items per page that iterators request. The API documents no
// limit; it accepted 100 and 200.
const pageSize = 100

// paged returns a page, and whether more pages follow. The API does not count the items of
// a large set.
func paged[T any](items []T, p Pagination) rest.Page[T] {
	page := rest.Page[T]{Items: items, Size: rest.FullAt(pageSize, p.PerPage)}
	page.More = p.TotalPages != nil && p.CurrentPage < *p.TotalPages
	if p.Total != nil {
		page.Total = *p.Total
	}
	return page
}

// isOther reports whether a page is not the requested one. 0 requests the first page.
func isOther(p Pagination, requested int) bool { return p.CurrentPage != max(requested, 1) }

// forEach calls f with each item of a list. It calls f with the items before an error, too.
func forEach[T any](list iter.Seq2[T, error], f func(T)) error {
	all, err := rest.Gather(list)
	for _, item := range all {
		f(item)
	}
	return err
}
