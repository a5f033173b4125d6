package atlas

import "slices"

// pageSize is the largest page that the API gives.
const pageSize = 500

// more reports whether another page may follow. The total that a page shows is
// an estimate and says nothing about that.
func more(results int, links []Link) bool {
	return results >= pageSize || slices.ContainsFunc(links, func(l Link) bool { return l.Rel == "next" })
}
