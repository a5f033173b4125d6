package offboard_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/zitadel"
)

// served is a page of a list as a server answers it.
type served struct {
	number int      // the page's own number
	size   int      // the page's own size
	ids    []string // of its items
	more   bool     // the page reports another page
	total  int      // the total of all pages that the page reports
	list   bool     // the page has a list
}

// provider makes a client and the answers of its provider.
type provider struct {
	client   func(http.RoundTripper) (any, error)
	size     int // of the pages that the iterators request
	body     func(served) string
	filtered func(method string) bool // pages before the last may be empty
	omitted  bool                     // the provider omits an empty list
}

// members are the names of all lists of all operations of a provider.
func members(items string, names ...string) string {
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, `,%q:[%s]`, name, items)
	}
	return b.String()
}

// items are the items of a page, with an identity that fits every list.
func items(ids []string, owner string) string {
	var all []string
	for _, id := range ids {
		if id == "" {
			all = append(all, `{"other":1}`)
			continue
		}
		all = append(all, strings.ReplaceAll(`{"id":"%","_id":"%","name":"%","clientId":"%","groupId":"%","endpointId":"%",`+
			`"endpointSetId":"%","userId":"%","grantId":"%","domainName":"%","key":"%","address":"%","disk":{"id":"%"},`+
			`"user":{"id":"%","organizationId":"`+orgID+`"},"organizationId":"`+orgID+`","owner":"IDP_OWNER_TYPE_ORG","orgId":"`+owner+`",`+
			`"details":{"resourceOwner":"`+orgID+`"}}`, "%", id))
	}
	return strings.Join(all, ",")
}

var providers = map[string]provider{
	"katapult": {
		client: func(rt http.RoundTripper) (any, error) {
			return katapult.New(katapult.WithToken("token"), katapult.WithHTTPClient(&http.Client{Transport: rt}))
		},
		size: 100,
		body: func(p served) string {
			pages := p.number
			if p.more {
				pages++
			}
			body := fmt.Sprintf(`{"pagination":{"current_page":%d,"per_page":%d,"total_pages":%d,"total":%d,"large_set":false}`, p.number, p.size, pages, p.total)
			if p.list {
				body += members(items(p.ids, "%"), "organizations", "virtual_machines", "disks", "virtual_machine_network_interfaces", "disk",
					"file_storage_volumes", "disk_backup_policies", "disk_templates", "load_balancers", "load_balancer_rules", "dns_zones",
					"trash_objects", "virtual_networks", "ip_addresses", "object_storage_access_keys")
			}
			return body + "}"
		},
	},
	"atlas": {
		client: func(rt http.RoundTripper) (any, error) {
			return atlas.New(atlas.WithServiceAccount("id", "secret"), atlas.WithHTTPClient(&http.Client{Transport: rt}))
		},
		size: 500,
		body: func(p served) string {
			next := ""
			if p.more {
				next = `,{"rel":"next","href":"https://cloud.mongodb.com/api/atlas/v2/orgs"}`
			}
			body := fmt.Sprintf(`{"totalCount":%d,"links":[{"rel":"self","href":"https://cloud.mongodb.com/api/atlas/v2/orgs?pageNum=%d&itemsPerPage=%d"}%s]`,
				p.total, p.number, p.size, next)
			if p.list {
				body += members(items(p.ids, "%"), "results")
			}
			return body + "}"
		},
	},
	"zitadel": {
		client: func(rt http.RoundTripper) (any, error) {
			return zitadel.New(zitadel.WithBaseURL("https://zitadel.invalid"), zitadel.WithToken("token"), zitadel.WithHTTPClient(&http.Client{Transport: rt}))
		},
		size: 100,
		body: func(p served) string {
			if p.more { // at the offset of its number
				p.total = (p.number-1)*100 + len(p.ids) + 1
			}
			return fmt.Sprintf(`{"details":{"totalResult":"%d","viewTimestamp":"2026-11-22T05:10:49Z","timestamp":"2026-11-22T05:10:49Z"},`+
				`"pagination":{"totalResult":"%[1]d","appliedLimit":"100"}`, p.total) +
				members(items(p.ids, orgID), "result", "groups", "administrators", "authorizations") + "}"
		},
		filtered: func(method string) bool {
			return strings.HasSuffix(method, "V2") || method == "ListGroups" || method == "ListAdministrators" || method == "ListAuthorizations"
		},
		omitted: true,
	},
	"workspace": {
		client: func(rt http.RoundTripper) (any, error) {
			return workspace.New(workspace.WithToken("token"), workspace.WithHTTPClient(&http.Client{Transport: rt}))
		},
		size: 100,
		body: func(p served) string {
			body := fmt.Sprintf(`{"status":true,"data":{"page":%d,"limit":%d,"hasNextPage":%t,"totalDocs":%d`, p.number, p.size, p.more, p.total)
			if p.list {
				body += members(items(p.ids, "%"), "items")
			}
			return body + "}}"
		},
	},
	"volterra": {
		client: func(rt http.RoundTripper) (any, error) {
			return volterra.New(volterra.WithBaseURL("https://acme.console.ves.volterra.io"), volterra.WithAPIToken("token"), volterra.WithHTTPClient(&http.Client{Transport: rt}))
		},
		size: 100,
		body: func(p served) string {
			next := ""
			if p.more {
				next = fmt.Sprint("item-", p.number)
			}
			body := fmt.Sprintf(`{"next_page":%q,"total_count":%d,"total_filtered_count":%[2]d`, next, p.total)
			if p.list {
				body += members(items(p.ids, "%"), "access_config")
			}
			return body + "}"
		},
	},
}

// script answers the n-th request for a page with the n-th page, and counts the requests.
type script struct {
	p     provider
	pages []served
	sent  int

	bodies map[int]string // of the pages that were sent
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.HasSuffix(req.URL.Path, "/oauth/token") {
		return canned{}.RoundTrip(req)
	}
	if strings.HasSuffix(req.URL.Path, "/orgs/me") { // Zitadel: confirms the organization of an empty page
		return canned{http.StatusOK, `{"org":{"id":"` + orgID + `","details":{"resourceOwner":"` + orgID + `"}}}`}.RoundTrip(req)
	}
	n := min(s.sent, len(s.pages)-1)
	s.sent++
	if s.bodies[n] == "" {
		s.bodies[n] = s.p.body(s.pages[n])
	}
	return canned{http.StatusOK, s.bodies[n]}.RoundTrip(req)
}

// composed are methods that yield the items of several lists.
var composed = map[string]bool{"ListBlockers": true, "ListPolicies": true}

// iterators are the names of the methods of a client that yield the items of a list.
func iterators(client reflect.Type) []string {
	var names []string
	for i := range client.NumMethod() {
		m := client.Method(i)
		if t := m.Type; t.NumOut() == 1 && t.Out(0).CanSeq2() && !composed[m.Name] {
			names = append(names, m.Name)
		}
	}
	return names
}

// argument returns an argument that a method accepts.
func argument(t reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	switch {
	case t == reflect.TypeFor[context.Context]():
		v.Set(reflect.ValueOf(context.Background()))
	case t.Kind() == reflect.String:
		v.SetString(orgID)
	case t.Kind() == reflect.Interface && reflect.TypeFor[katapult.ID]().Implements(t):
		v.Set(reflect.ValueOf(katapult.ID(orgID)))
	}
	return v
}

// call calls a method with accepted arguments.
func call(client reflect.Value, method string) []reflect.Value {
	f := client.MethodByName(method)
	var arguments []reflect.Value
	for i := range f.Type().NumIn() {
		if f.Type().IsVariadic() && i == f.Type().NumIn()-1 {
			break
		}
		arguments = append(arguments, argument(f.Type().In(i)))
	}
	return f.Call(arguments)
}

// list calls a method that yields a list, and returns the number of items and the error
// that ends it.
func list(client reflect.Value, method string) (n int, err error) {
	for _, e := range call(client, method)[0].Seq2() {
		if err, _ = e.Interface().(error); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func ids(from, to int) []string {
	var all []string
	for i := from; i < to; i++ {
		all = append(all, "item-"+strconv.Itoa(i))
	}
	return all
}

// TestLists_Rules applies the same rules to every list of every provider. The paging fields of a
// page are those of the provider's pages, and may be wrong.
func TestLists_Rules(t *testing.T) {
	t.Parallel()
	for name, p := range providers {
		last := served{number: 2, size: p.size, ids: ids(p.size, p.size+5), total: p.size + 5, list: true}
		full := served{number: 1, size: p.size, ids: ids(0, p.size), list: true}
		with := func(page served, set func(*served)) served {
			set(&page)
			return page
		}
		more := func(page *served) { page.more = true }
		none := func(page *served) { page.ids = nil }
		rules := map[string]struct {
			pages    []served
			items    int
			sent     int
			fails    bool
			cursors  bool // applies to lists by cursor, too
			filtered bool // applies to filtered lists, too
			omitted  bool // applies to lists that the provider omits when empty, too
		}{
			"a full page that says that it is the last":   {[]served{full, last}, p.size + 5, 2, false, false, true, true},
			"a total of the page alone":                   {[]served{with(full, func(s *served) { s.total = p.size }), last}, p.size + 5, 2, false, false, true, true},
			"a full page that says that another follows":  {[]served{with(full, more), last}, p.size + 5, 2, false, true, true, true},
			"a server that ignores the page number":       {[]served{with(full, more)}, p.size, 2, true, true, true, true},
			"a server that turns in a circle":             {[]served{with(full, more), with(with(last, more), func(s *served) { s.ids = ids(500, 1000)[:p.size] }), with(full, func(s *served) { s.number, s.more = 3, true })}, 2 * p.size, 3, true, true, true, true},
			"an empty page before others":                 {[]served{with(with(full, more), none)}, 0, 1, true, true, false, true},
			"an item without an identity":                 {[]served{with(full, func(s *served) { s.ids = append(ids(0, 3), "") })}, 0, 1, true, true, true, true},
			"a page without a list":                       {[]served{{number: 1, size: p.size}}, 0, 1, true, true, true, false},
			"more items than were requested":              {[]served{with(full, func(s *served) { s.ids = ids(0, 2*p.size) })}, 0, 1, true, true, true, true},
			"an item that moves while the list is read":   {[]served{with(full, more), with(last, func(s *served) { s.ids, s.total = ids(p.size-1, p.size+5), p.size+5 })}, p.size + 6, 2, false, true, true, true},
			"a page that says that it is another":         {[]served{with(full, more), with(last, func(s *served) { s.number = 3 })}, p.size, 2, true, false, false, false},
			"a short page that says that another follows": {[]served{{number: 1, size: p.size, ids: ids(0, 7), more: true, list: true}, with(last, func(s *served) { s.ids, s.total = ids(7, 9), 9 })}, 9, 2, false, true, false, true},
		}
		for number, rule := range slices.Sorted(maps.Keys(rules)) {
			test := rules[rule]
			t.Run(name+"/"+rule, func(t *testing.T) {
				t.Parallel()
				s := &script{p: p, pages: test.pages, bodies: map[int]string{}}
				c, err := p.client(s)
				if err != nil {
					t.Fatal(err)
				}
				client := reflect.ValueOf(c)
				methods := iterators(client.Type())
				if len(methods) == 0 {
					t.Fatal("the provider has no list")
				}
				for i, method := range methods {
					// All lists of a provider share their code. Under the race detector
					// each rule applies to a third of them, and each list has a third of
					// the rules.
					if raceDetector && (i+number)%3 != 0 {
						continue
					}
					filtered := p.filtered != nil && p.filtered(method)
					if name == "volterra" && !test.cursors || filtered && !test.filtered || p.omitted && !test.omitted || name == "workspace" && rule == "more items than were requested" {
						continue
					}
					s.sent = 0
					n, err := list(client, method)
					if n != test.items || s.sent != test.sent || (err != nil) != test.fails || err != nil && !errors.Is(err, errors.UnexpectedResponse) {
						t.Errorf("%s: got %d items by %d requests and %v, want %d by %d and an error: %t", method, n, s.sent, err, test.items, test.sent, test.fails)
					}
				}
			})
		}
	}
}

// TestLists_WithoutPages applies the same rules to lists without pages.
func TestLists_WithoutPages(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 10_001 {
		fmt.Fprintf(&b, `{"id":"%d","_id":"%[1]d","name":"%[1]d"},`, i)
	}
	many := strings.TrimSuffix(b.String(), ",")
	for name, p := range providers {
		if p.omitted {
			continue // its only such list has strings, and is omitted when empty
		}
		for what, body := range map[string]string{
			"no list":                    `{"status":true}`,
			"null":                       `{"status":true,"results":null,"items":null,"organizations":null,"invoices":null,"subscriptions":null,"data":null}`,
			"an item without identity":   `[{"other":1}]`,
			"a member without identity":  `{"status":true` + members(`{"other":1}`, "results", "items", "organizations", "invoices", "subscriptions", "data") + `}`,
			"a member that is null":      `{"status":true` + members(`null`, "results", "items", "organizations", "invoices", "subscriptions", "data") + `}`,
			"too many items":             `[` + many + `]`,
			"too many items of a member": `{"status":true` + members(many, "results", "items", "organizations", "invoices") + `}`,
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				c, err := p.client(canned{http.StatusOK, body})
				if err != nil {
					t.Fatal(err)
				}
				client := reflect.ValueOf(c)
				for i := range client.NumMethod() {
					m := client.Type().Method(i)
					if t := m.Type; !strings.HasPrefix(m.Name, "List") || t.NumOut() != 2 || t.Out(0).Kind() != reflect.Slice || composed[m.Name] {
						continue
					}
					out := call(client, m.Name)
					if err, _ := out[1].Interface().(error); !errors.Is(err, errors.UnexpectedResponse) || out[0].Len() != 0 {
						t.Errorf("%s: got %d items and %v", m.Name, out[0].Len(), err)
					}
				}
			})
		}
	}
}
