package katapult

// pageSize is how many items the iterators ask for. The API documents no limit;
// 100 and 200 were accepted.
const pageSize = 100

// more reports whether another page may follow one with the given number of items.
// Of a large set the API does not count the pages: it ends with a page that is
// not full.
func more(items int, p Pagination) bool {
	if p.LargeSet || p.TotalPages == nil {
		size := p.PerPage
		if size <= 0 {
			size = pageSize
		}
		return items >= size
	}
	return items > 0 && p.CurrentPage < *p.TotalPages
}
