package workspacetest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go/internal/fake"
)

// defaultLimit is how many items a page has when the request does not say.
const defaultLimit = 100

// page answers with a page of items. They can be sorted by any text that they have.
func page(w http.ResponseWriter, r *http.Request, items []fake.Object) {
	query := r.URL.Query()
	field, order, _ := strings.Cut(query.Get("sort"), ":")
	slices.SortStableFunc(items, func(a, b fake.Object) int {
		x, _ := a[field].(string)
		y, _ := b[field].(string)
		if order == "desc" {
			x, y = y, x
		}
		return strings.Compare(x, y)
	})
	number, limit := atLeastOne(query.Get("page"), 1), atLeastOne(query.Get("limit"), defaultLimit)
	total := len(items)
	pages := max(1, (total+limit-1)/limit)
	data := fake.Object{
		"items":     orEmpty(items[min((number-1)*limit, total):min(number*limit, total)]),
		"totalDocs": total, "limit": limit, "page": number, "totalPages": pages,
		"hasPrevPage": number > 1, "hasNextPage": number < pages, "prevPage": nil, "nextPage": nil,
	}
	if number > 1 {
		data["prevPage"] = number - 1
	}
	if number < pages {
		data["nextPage"] = number + 1
	}
	success(w, data)
}

// is reports whether a value is the one that a parameter asks for, if it does.
func is(r *http.Request, parameter, value string) bool {
	asked := r.URL.Query().Get(parameter)
	return asked == "" || asked == value
}

// tagged reports whether something has all tags that are asked for.
func tagged(r *http.Request, tags []string) bool {
	return !slices.ContainsFunc(r.URL.Query()["tags"], func(asked string) bool { return !slices.Contains(tags, asked) })
}

// atLeastOne reads a number of 1 to 10,000.
func atLeastOne(text string, otherwise int) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return otherwise
	}
	return min(max(n, 1), 10_000)
}

// orEmpty makes a list of none, which is [] in JSON.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func date(t time.Time) string {
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
