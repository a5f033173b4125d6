package rest_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

func TestPages(t *testing.T) {
	t.Parallel()
	pages := map[int][]int{1: {1, 2}, 2: {}, 3: {3}}
	fetched := 0
	list := rest.Pages("test", "ListThings", func(page int) ([]int, bool, error) {
		fetched++
		return pages[page], page < 3, nil
	})
	var got []int
	for item, err := range list {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, item)
	}
	if diff := cmp.Diff([]int{1, 2, 3}, got); diff != "" || fetched != 3 {
		t.Errorf("%d pages (-want +got):\n%s", fetched, diff)
	}
	fetched = 0
	for range list {
		break
	}
	if fetched != 1 {
		t.Errorf("%d pages were fetched for one item", fetched)
	}
}

func TestAnErrorEndsAList(t *testing.T) {
	t.Parallel()
	fails := errors.New("fails")
	var got []error
	for _, err := range rest.Pages("test", "ListThings", func(page int) ([]int, bool, error) {
		if page == 2 {
			return nil, true, fails
		}
		return []int{1}, true, nil
	}) {
		got = append(got, err)
	}
	if !slices.Equal(got, []error{nil, fails}) {
		t.Errorf("got %v", got)
	}
}

func TestAListWithoutEndIsAnError(t *testing.T) {
	t.Parallel()
	var last error
	for _, err := range rest.Pages("test", "ListThings", func(int) ([]int, bool, error) { return nil, true, nil }) {
		last = err
	}
	if !errors.Is(last, errors.UnexpectedResponse) {
		t.Errorf("got %v, want %q", last, errors.UnexpectedResponse)
	}
}
