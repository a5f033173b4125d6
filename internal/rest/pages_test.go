package rest_test

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

func self(s *string) string { return *s }

// page returns a page with the letters of a text.
func page(items string) rest.Page[string] {
	if items == "" {
		return rest.Page[string]{}
	}
	return rest.Page[string]{Items: strings.Split(items, ""), Size: 2}
}

// gather returns the letters that a list yields, and the error that ends it.
func gather(list iter.Seq2[string, error]) (got string, err error) {
	for item, e := range list {
		if e != nil {
			return got, e
		}
		got += item
	}
	return got, nil
}

func TestPages(t *testing.T) {
	t.Parallel()
	with := func(p rest.Page[string], set func(*rest.Page[string])) rest.Page[string] {
		set(&p)
		return p
	}
	more := func(items string) rest.Page[string] {
		return with(page(items), func(p *rest.Page[string]) { p.More = true })
	}
	total := func(items string, n int) rest.Page[string] {
		return with(page(items), func(p *rest.Page[string]) { p.Total = n })
	}
	filtered := func(items string, more bool) rest.Page[string] {
		return with(page(items), func(p *rest.Page[string]) { p.More, p.Filtered = more, true })
	}
	for name, test := range map[string]struct {
		pages   []rest.Page[string]
		want    string
		fetched int
		fails   bool
	}{
		"a short page":                         {[]rest.Page[string]{page("a")}, "a", 1, false},
		"an empty list":                        {[]rest.Page[string]{page("")}, "", 1, false},
		"a full page and an empty one":         {[]rest.Page[string]{page("ab"), page("")}, "ab", 2, false},
		"a full page whose total says no more": {[]rest.Page[string]{total("ab", 2), total("c", 2)}, "abc", 2, false},
		"a full page whose total is too small": {[]rest.Page[string]{total("ab", 1), total("cd", 1), total("e", 1)}, "abcde", 3, false},
		"a short page before another one":      {[]rest.Page[string]{more("a"), page("b")}, "ab", 2, false},
		"a short page whose total says more":   {[]rest.Page[string]{total("a", 2), total("b", 2)}, "ab", 2, false},
		"an empty first page with a total":     {[]rest.Page[string]{total("", 9)}, "", 1, true},
		"a smaller total later":                {[]rest.Page[string]{total("ab", 5), total("c", 3), total("de", 5), total("", 5)}, "abcde", 4, false},
		"no total later":                       {[]rest.Page[string]{total("ab", 4), page("c"), page("d")}, "abcd", 3, false},
		"a smaller total and an empty page":    {[]rest.Page[string]{total("ab", 5), total("c", 3), total("", 3)}, "abc", 3, true},
		"a page of an unknown size":            {[]rest.Page[string]{with(page("ab"), func(p *rest.Page[string]) { p.Size = 0 })}, "ab", 1, false},
		"an empty page before another one":     {[]rest.Page[string]{more("a"), more("")}, "a", 2, true},
		"an empty first page with more":        {[]rest.Page[string]{more("")}, "", 1, true},
		"an empty page with a total":           {[]rest.Page[string]{total("a", 2), total("", 2)}, "a", 2, true},
		"empty pages of a filtered list":       {[]rest.Page[string]{filtered("", true), filtered("a", true), filtered("", true), filtered("", false)}, "a", 4, false},
		"the same page again":                  {[]rest.Page[string]{page("ab"), page("ab")}, "ab", 2, true},
		"the same page in another order":       {[]rest.Page[string]{page("ab"), page("ba")}, "ab", 2, true},
		"the same page, which is the last":     {[]rest.Page[string]{more("a"), page("a")}, "a", 2, true},
		"a cycle":                              {[]rest.Page[string]{page("ab"), page("cd"), page("ab")}, "abcd", 3, true},
		"an item that moved to the next page":  {[]rest.Page[string]{page("ab"), page("bc"), page("c")}, "abbcc", 3, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fetched := 0
			got, err := gather(rest.Pages("test", "ListResources", self, func(n int) (rest.Page[string], error) {
				if fetched++; n != fetched || n > len(test.pages) {
					t.Fatalf("page %d was fetched after %d", n, fetched-1)
				}
				return test.pages[n-1], nil
			}))
			if got != test.want || fetched != test.fetched || (err != nil) != test.fails || err != nil && !errors.Is(err, errors.UnexpectedResponse) {
				t.Errorf("got %q by %d pages and %v, want %q by %d and an error: %t", got, fetched, err, test.want, test.fetched, test.fails)
			}
		})
	}
}

// A list that changes during the reads is read again. A list that keeps contradicting itself is an
// error.
func TestGather(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		shorter int // how many of the reads end before the total
		total   int // of the last page of such a read
		want    string
		reads   int
	}{
		"a list":                     {0, 3, "abc", 1},
		"a list that changes once":   {1, 2, "abc", 2},
		"a page that is empty twice": {2, 3, "abc", 3},
		"a list that stays short":    {3, 2, "", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reads := 0
			got, err := rest.Gather(rest.Pages("test", "ListResources", self, func(n int) (rest.Page[string], error) {
				if n == 1 {
					reads++
					return rest.Page[string]{Items: []string{"a", "b"}, Size: 2, Total: 3}, nil
				}
				if reads <= test.shorter {
					return rest.Page[string]{Size: 2, Total: test.total}, nil
				}
				return rest.Page[string]{Items: []string{"c"}, Size: 2, Total: 3}, nil
			}))
			fails := test.want == ""
			if strings.Join(got, "") != test.want || reads != test.reads || fails != errors.Is(err, errors.UnexpectedResponse) {
				t.Errorf("got %q by %d reads and %v, want %q by %d", got, reads, err, test.want, test.reads)
			}
		})
	}
	t.Run("another error", func(t *testing.T) {
		t.Parallel()
		reads, fails := 0, errors.New("fails")
		if _, err := rest.Gather(rest.Pages("test", "ListResources", self, func(int) (rest.Page[string], error) {
			reads++
			return rest.Page[string]{}, fails
		})); err != fails || reads != 1 {
			t.Errorf("got %v by %d reads", err, reads)
		}
	})
}

func TestPages_Break(t *testing.T) {
	t.Parallel()
	fetched := 0
	for range rest.Pages("test", "ListResources", self, func(int) (rest.Page[string], error) {
		fetched++
		return page("ab"), nil
	}) {
		break
	}
	if fetched != 1 {
		t.Errorf("%d pages were fetched for one item", fetched)
	}
}

func TestPages_Error(t *testing.T) {
	t.Parallel()
	fails := errors.New("fails")
	var got []error
	for _, err := range rest.Pages("test", "ListResources", self, func(n int) (rest.Page[string], error) {
		if n == 2 {
			return rest.Page[string]{}, fails
		}
		return page("ab"), nil
	}) {
		got = append(got, err)
	}
	if !slices.Equal(got, []error{nil, nil, fails}) {
		t.Errorf("got %v", got)
	}
}

// No answer of a server makes a list endless.
func TestPages_Limit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fetch func(n int) rest.Page[string]
		pages int
	}{
		"other items on every page": {func(n int) rest.Page[string] { return rest.Page[string]{Items: []string{fmt.Sprint(n)}, Size: 1} }, 10_000},
		"empty pages for ever":      {func(int) rest.Page[string] { return rest.Page[string]{More: true, Filtered: true} }, 1001},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fetched := 0
			_, err := gather(rest.Pages("test", "ListResources", self, func(n int) (rest.Page[string], error) {
				fetched++
				return test.fetch(n), nil
			}))
			if !errors.Is(err, errors.UnexpectedResponse) || fetched != test.pages {
				t.Errorf("got %v after %d pages, want %q after %d", err, fetched, errors.UnexpectedResponse, test.pages)
			}
		})
	}
}

func TestFullAt(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ requested, answered, want int }{
		{100, 0, 100}, {100, 30, 30}, {100, 200, 100}, {0, 30, 30}, {0, 0, 0}, {-1, -1, 0}, {100, -1, 100},
	} {
		if got := rest.FullAt(test.requested, test.answered); got != test.want {
			t.Errorf("FullAt(%d, %d) = %d, want %d", test.requested, test.answered, got, test.want)
		}
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	got := []string{rest.Identity("", "a"), rest.Identity("a", ""), rest.Identity("a", "b")}
	if diff := cmp.Diff([]string{"", "a\x00", "a\x00b"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	items := []string{"a", ""}
	if !rest.Lacks(items, self) || rest.Lacks(items[:1], self) {
		t.Error("an item without an identity is one, or the other way round")
	}
}
