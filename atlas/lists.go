package atlas

import (
	"slices"
	"strconv"
	"strings"

	"github.com/offboard-dev/offboard-go/internal/rest"
)

// pageSize is the largest page that the API gives.
const pageSize = 500

// paged returns a page with what its answer says of further pages. Atlas documents that
// the total is an estimate; it is the number of items in all recorded answers, so that a
// list with fewer items is no list.
func paged[T any](results []T, links []Link, total int) rest.Page[T] {
	return rest.Page[T]{
		Items: results, Size: rest.FullAt(pageSize, parameter(links, "itemsPerPage")),
		More:  slices.ContainsFunc(links, func(l Link) bool { return l.Rel == "next" }),
		Total: total,
	}
}

// isOther reports whether a page links to itself as another than was requested. Without a
// number the first was.
func isOther(links []Link, requested int) bool {
	number := parameter(links, "pageNum")
	return number != 0 && number != max(requested, 1)
}

// parameter returns a number in the query of a page's link to itself; 0 if there is none.
func parameter(links []Link, name string) int {
	i := slices.IndexFunc(links, func(l Link) bool { return l.Rel == "self" })
	if i < 0 {
		return 0
	}
	_, query, _ := strings.Cut(links[i].Href, "?")
	for pair := range strings.SplitSeq(query, "&") {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 {
				return -1
			}
			return n
		}
	}
	return 0
}
