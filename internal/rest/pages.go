package rest

import (
	"iter"

	"github.com/offboard-dev/offboard-go/errors"
)

// maxPages ends a list that a provider never says the end of.
const maxPages = 100_000

// Pages yields what is on all pages of a list, from page 1 on. fetch returns the
// items of a page and whether another page may follow. An error ends the list.
func Pages[T any](provider, operation string, fetch func(page int) (items []T, more bool, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		for page := 1; page <= maxPages; page++ {
			items, more, err := fetch(page)
			if err != nil {
				yield(none, err)
				return
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
		yield(none, &errors.Error{
			Provider: provider, Operation: operation,
			Code: errors.UnexpectedResponse, Err: errors.New("the list does not end"),
		})
	}
}
