package simulation

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/offboard-dev/offboard-go/offboardtest"
)

// newFaults are those that a request picks from beside the faults that are always on.
// Those of a whole run are in [weather.others].
var newFaults = []faultKind{
	{accepted, acceptOtherwise}, {accepted, acceptOtherwise},
	{contradicted, contradict},
	{duplicated, duplicate},
	{unreadable, func(r *rand.Rand, o *occasion) fault {
		return fault{
			name: "no JSON", works: chance(r, 0.5), status: one(r, 200, 200, 201, 202, 203, 206),
			body: one(r, `{"organization":`, `{"details":{"sequence":"1"`, "OK", "[1,2", "\xef\xbb\xbf{", "{\x00}", `{"a":1}{"b":2}`),
		}
	}},
	{ignored, ignore}, {ignored, ignore},
	{otherPage, func(r *rand.Rand, o *occasion) fault { return requestPage(o, one(r, "2", "7"), "another page") }},
	{repeatedPage, func(r *rand.Rand, o *occasion) fault {
		if name, number := pageOf(o.req); name == "" || number < 2 {
			return unharmed
		}
		return requestPage(o, "1", "the first page again")
	}},
	{shiftedPage, func(r *rand.Rand, o *occasion) fault {
		if _, number := pageOf(o.req); number < 2 {
			return unharmed
		}
		return fault{name: "the first item is on the page before", works: true, rewrite: withoutFirstItem}
	}},
	{wrongHints, func(r *rand.Rand, o *occasion) fault {
		how := r.IntN(hintChanges)
		if o.kind != read || o.n.weather.pages > 0 && o.n.streams.provider != "katapult" { // without both, nothing tells
			return unharmed
		}
		return fault{name: "hints " + strconv.Itoa(how), works: true, rewrite: func(body []byte) []byte { return changeHints(body, how) }}
	}},
	{droppedHeader, func(_ *rand.Rand, o *occasion) fault {
		// A list without items of another organization, read twice in a row, cannot be told
		// from one of the organization.
		if o.n.lastOf(o.req).losesHeader() {
			return unharmed
		}
		return drop(o)
	}},
	{cached, func(r *rand.Rand, o *occasion) fault {
		age := map[string]string{"Age": one(r, "1", "60", "86400")}
		if o.kind != read {
			return unharmed
		}
		if chance(r, 0.5) {
			return fault{name: "an earlier answer", works: true, stale: true, unproven: true, header: age}
		}
		return fault{name: "not found, from before it was there", works: true, unproven: true, header: age, edit: o.n.swap, rewrite: o.n.swapBack}
	}},
	{otherNotFound, func(r *rand.Rand, o *occasion) fault {
		if o.kind == token {
			return unharmed
		}
		return fault{name: "404", status: 404, body: one(r, notFoundOthers[o.n.streams.provider]...), header: jsonType}
	}},
	{listNotFound, func(r *rand.Rand, o *occasion) fault {
		bodies := notFoundLists[o.n.streams.provider]
		if o.kind != read || !ofList.MatchString(o.req.URL.Path) || bodies == nil {
			return unharmed
		}
		return fault{name: "404", status: 404, body: one(r, bodies...), header: jsonType}
	}},
	{emptyRefusal, func(r *rand.Rand, o *occasion) fault {
		f := fault{name: "4xx", status: one(r, 403, 403, 403, 404, 400, 409, 422), body: one(r, "", "", page)}
		if o.kind != read {
			return unharmed
		}
		return f
	}},
	{brokenAfterHandshake, func(r *rand.Rand, o *occasion) fault {
		return fault{name: "after the handshake", works: chance(r, 0.7), lost: one(r, looksUnsent...)}
	}},
	{redialedInVain, func(r *rand.Rand, o *occasion) fault {
		return fault{name: "connected again", works: chance(r, 0.7), redials: redialsInVain, lost: one(r, refusals...)}
	}},
	{redialed, func(r *rand.Rand, o *occasion) fault {
		if o.n.weather.silent { // nothing would tell
			return unharmed
		}
		if o.req.Method == http.MethodPost || o.req.Header.Get("Authorization") == "" { // which could not do anything
			return unharmed
		}
		return fault{name: "sent again", works: true, redials: redialsAndAsks}
	}},
	{stuckTask, func(_ *rand.Rand, o *occasion) fault { return stick(o) }},
	{longWait, func(r *rand.Rand, o *occasion) fault {
		return withBody(r, fault{
			name: "Retry-After", status: one(r, 429, 503), header: map[string]string{"Retry-After": one(r, "999999999", "604800", "99999999999999999999")},
		})
	}},
}

var jsonType = map[string]string{"Content-Type": "application/json"}

// acceptOtherwise has the provider do its work, and say so in another way than it
// documents. Recorded: Atlas, which answers 202 and {} where its OpenAPI says 204.
func acceptOtherwise(r *rand.Rand, o *occasion) fault {
	f := fault{name: "another status", works: true, status: one(r, 200, 202, 204), body: one(r, "", "{}"), header: jsonType}
	if o.kind != deletion && o.kind != write {
		return unharmed
	}
	if f.status == 204 {
		f.body = ""
	}
	f.harmless, f.accepts = o.req.Method == http.MethodDelete, true
	if o.kind == deletion && o.n.streams.provider == "volterra" {
		f.harmless = false // its reads do not tell
	}
	f.documented = o.kind == deletion && !undocumented[o.n.streams.provider](f.status, f.body)
	return f
}

// ignore has the provider accept a request and never start it: the first time or two,
// or always.
func ignore(r *rand.Rand, o *occasion) fault {
	f := fault{name: "never started", status: one(r, 200, 202, 204), body: one(r, "", "{}"), header: jsonType}
	if o.kind != write && (o.kind != deletion || !undocumented[o.n.streams.provider](f.status, f.body)) {
		return unharmed
	}
	if f.status == 204 {
		f.body = ""
	}
	name := key(o.req, o.body)
	most := 1 + int(o.n.streams.of("ignored "+name).IntN(4))
	if most > 3 {
		return f // always
	}
	if o.n.ignored[name]++; o.n.ignored[name] > min(most, 2) {
		return unharmed
	}
	f.harmless = o.req.Method == http.MethodDelete
	return f
}

// undocumented reports whether an answer to the deletion of an organization is not
// the documented success of a provider, by which the provider says that it is deleted.
var undocumented = map[string]func(status int, body string) bool{
	"katapult":  func(int, string) bool { return true },
	"zitadel":   func(int, string) bool { return true },
	"atlas":     func(status int, _ string) bool { return status != 204 },
	"workspace": func(int, string) bool { return true },
	"volterra":  func(status int, body string) bool { return status != 200 || body != "{}" },
}

// contradict answers with a success that has an error next to it. The provider has
// done nothing.
func contradict(r *rand.Rand, o *occasion) fault {
	body, add := one(r, contradictions[o.n.streams.provider]...), one(r, `"error"`, `"code"`)
	if o.kind == token {
		return unharmed
	}
	if o.kind == read {
		value := map[string]string{`"error"`: `{"code":"internal","message":"x"}`, `"code"`: `13`}[add]
		return fault{name: "a read with an error", works: true, unproven: true, accepts: true, rewrite: offboardtest.AddMember(strings.Trim(add, `"`), value)}
	}
	return fault{name: "a success with an error", status: one(r, 200, 200, 202), body: body, header: jsonType}
}

// contradictions are successes with an error next to it, each in the provider's form.
var contradictions = map[string][]string{
	"katapult": {
		`{"success":true,"error":{"code":"deletion_failed","description":"x","detail":{}}}`,
		`{"task":{"id":"task_x","name":"x","status":"pending","progress":0},"error":{"code":"deletion_failed","description":"x","detail":{}}}`,
		`{"error":{"code":"deletion_failed","description":"x","detail":{}}}`,
	},
	"zitadel": {
		`{"details":{"sequence":"1","changeDate":"2026-01-01T00:00:00Z","resourceOwner":"200000000000000001"},"code":9,"message":"x (ORG-x)"}`,
		`{"code":13,"message":"x"}`,
	},
	"atlas": {
		`{"error":500,"errorCode":"UNEXPECTED_ERROR","reason":"Internal Server Error","detail":"x"}`,
		`{"errorCode":"UNEXPECTED_ERROR"}`,
	},
	"workspace": {
		`{"status":true,"data":{"error":{"code":5000,"message":"x"}}}`,
		`{"status":true,"data":{},"error":{"code":5000,"message":"x"}}`,
		`{"status":false,"error":{"code":5000,"message":"x"}}`,
	},
	"volterra": {
		`{"code":9,"details":[],"message":"x"}`,
		`{"error":{"code":9,"message":"x"}}`,
		`{"err":"EINVAL","reason":"x"}`,
	},
}

// duplicate adds a member to a read that it already has, in another case and with
// nothing in it. Decoders differ in which of the two they take.
func duplicate(r *rand.Rand, o *occasion) fault {
	pick, upper := r.Uint64(), chance(r, 0.5)
	if o.kind != read {
		return unharmed
	}
	return fault{name: "a member twice", works: true, unproven: true, rewrite: func(body []byte) []byte {
		var object map[string]json.RawMessage
		if json.Unmarshal(body, &object) != nil || len(object) == 0 {
			return body
		}
		names := slices.Sorted(maps.Keys(object))
		name := names[pick%uint64(len(names))]
		value := "null"
		switch first := bytes.TrimSpace(object[name]); {
		case bytes.HasPrefix(first, []byte("[")):
			value = "[]"
		case bytes.HasPrefix(first, []byte(`"`)):
			value = `""`
		case bytes.HasPrefix(first, []byte("{")):
			value = "{}"
		case bytes.Equal(first, []byte("true")):
			value = "false"
		case bytes.Equal(first, []byte("false")):
			value = "true"
		}
		if upper {
			name = strings.ToUpper(name)
		}
		return offboardtest.AddMember(name, value)(body)
	}}
}

// drop drops the header that names the organization.
func drop(o *occasion) fault {
	const name = "x-zitadel-orgid"
	if o.req.Header.Get(name) == "" {
		return unharmed
	}
	return fault{name: name, works: true, edit: func(req *http.Request, body []byte) []byte {
		req.Header.Del(name)
		return body
	}}
}

// lastOf returns the exchange before of the same method and URL; nil if there is none.
func (n *network) lastOf(req *http.Request) *exchange {
	for _, x := range slices.Backward(n.exchanges) {
		if x.path == req.Method+" "+req.URL.RequestURI() {
			return x
		}
	}
	return nil
}

// losesHeader reports whether a request lost the header that names its organization.
func (x *exchange) losesHeader() bool { return x != nil && strings.HasPrefix(x.fault, droppedHeader) }

// stick has a task never leave the state "running". The resource does what it does.
func stick(o *occasion) fault {
	if !strings.HasSuffix(o.req.URL.Path, "/tasks/task") {
		return unharmed
	}
	return fault{name: "running", works: true, harmless: true, rewrite: func(body []byte) []byte {
		return taskStatus.ReplaceAll(body, []byte(`"status":"running"`))
	}}
}

// looksUnsent are errors of a connection that was made, which a transport also returns
// for one that was not.
var looksUnsent = []error{
	tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"},
	&tls.RecordHeaderError{Msg: "unsupported SSLv2 handshake received"},
	&net.OpError{Op: "remote error", Err: errors.New("tls: handshake failure")},
	&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED},
	&net.DNSError{Err: "no such host", Name: "provider.invalid", IsNotFound: true},
	x509.UnknownAuthorityError{}, &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}},
	http.ErrSchemeMismatch,
}

// notFoundOthers are 404s of a provider about a resource that no request is about.
var notFoundOthers = map[string][]string{
	"katapult": {
		`{"error":{"code":"data_center_not_found","description":"x","detail":{}}}`,
		`{"error":{"code":"route_not_found","description":"x","detail":{}}}`,
	},
	"zitadel": {
		`{"code":5,"message":"x (QUERY-Dsgee)","details":[{"@type":"type.googleapis.com/zitadel.v1.ErrorDetail","id":"QUERY-Dsgee","message":"x"}]}`,
		`{"code":5,"message":"Not Found"}`,
	},
	"atlas": {
		`{"error":404,"errorCode":"USER_NOT_FOUND","reason":"Not Found","detail":"x","parameters":["5e2f000000000000000000ff"]}`,
		`{"error":404,"errorCode":"ALERT_NOT_FOUND","reason":"Not Found","detail":"x","parameters":["5e2f000000000000000000ff"]}`,
	},
	"workspace": {`{"status":false,"error":{"code":1002,"message":"x"}}`},
	"volterra":  {`{"message":"no Route matched with those values"}`, `{"status":404}`},
}

// notFoundLists are 404s of a provider to the read of a list of what exists.
var notFoundLists = map[string][]string{
	"katapult": {`{"error":{"code":"organization_not_found","description":"x","detail":{}}}`},
	"atlas": {
		`{"error":404,"errorCode":"CLUSTER_NOT_FOUND","reason":"Not Found","detail":"x","parameters":["other","5e2f0000000000000000000a"]}`,
		`{"error":404,"errorCode":"GROUP_NOT_FOUND","reason":"Not Found","detail":"x","parameters":["5e2f0000000000000000000a"]}`,
		`{"error":404,"errorCode":"RESOURCE_NOT_FOUND","reason":"Not Found","detail":"x"}`,
	},
	"volterra": {`{"code":5,"details":[],"message":"x"}`},
}

// ofList matches the paths of lists at Katapult, Atlas and F5.
var ofList = regexp.MustCompile(`/organizations/organization/[a-z_]+$|/(groups|orgs)/[^/]+/[A-Za-z]+|/(namespaces|child_tenants|child_tenant_managers|managed_tenants|addon_subscriptions)$`)

var taskStatus = regexp.MustCompile(`"status":"[a-z]+"`)

// pageOf returns the parameter of a request that has the number of a page, and the
// number; "" for none.
func pageOf(req *http.Request) (name string, number int) {
	for _, name := range []string{"page", "pageNum"} {
		if text := req.URL.Query().Get(name); text != "" {
			number, _ = strconv.Atoi(text)
			return name, number
		}
	}
	return "", 0
}

// requestPage has the provider answer with another page than the one requested.
func requestPage(o *occasion, number, what string) fault {
	name, requested := pageOf(o.req)
	if name == "" || strconv.Itoa(requested) == number {
		return unharmed
	}
	return fault{name: what, works: true, edit: func(req *http.Request, body []byte) []byte {
		query := req.URL.Query()
		query.Set(name, number)
		req.URL.RawQuery = query.Encode()
		return body
	}}
}

// cap limits how large a page the provider gives: all that a request asks for is more.
func (n *network) cap(req *http.Request, body []byte) []byte {
	if n.weather.pages == 0 {
		return body
	}
	query := req.URL.Query()
	for _, name := range []string{"per_page", "itemsPerPage", "limit"} {
		if query.Has(name) {
			query.Set(name, strconv.Itoa(n.weather.pages))
			req.URL.RawQuery = query.Encode()
		}
	}
	if strings.HasPrefix(req.URL.Path, "/v2/organizations/") { // its pages may be short for another reason
		return body
	}
	return searchLimit.ReplaceAll(body, fmt.Appendf(nil, `"limit":%d`, n.weather.pages))
}

var searchLimit = regexp.MustCompile(`"limit":"?[0-9]+"?`)

// items finds the list in an answer: the first array of objects.
func items(value any) (list []any, set func([]any)) {
	object, ok := value.(map[string]any)
	if !ok {
		return nil, nil
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if found, ok := object[name].([]any); ok && name != "links" && len(found) > 0 {
			return found, func(changed []any) { object[name] = changed }
		}
		if list, set = items(object[name]); list != nil {
			return list, set
		}
	}
	return nil, nil
}

func decoded(body []byte) any {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var value any
	if d.Decode(&value) != nil {
		return nil
	}
	return value
}

func encoded(value any, otherwise []byte) []byte {
	body, err := json.Marshal(value)
	if value == nil || err != nil {
		return otherwise
	}
	return body
}

func withoutFirstItem(body []byte) []byte {
	value := decoded(body)
	if list, set := items(value); list != nil {
		set(list[1:])
	}
	return encoded(value, body)
}

// hintChanges is how many ways there are in which hints are wrong.
const hintChanges = 6

// changeHints changes what a page says of the other pages.
func changeHints(body []byte, how int) []byte {
	value := decoded(body)
	var walk func(any)
	walk = func(value any) {
		switch value := value.(type) {
		case []any:
			for _, item := range value {
				walk(item)
			}
		case map[string]any:
			for name, was := range value {
				switch name {
				case "total", "total_pages", "totalCount", "totalDocs", "totalPages", "totalResult":
					value[name] = changedCount(was, how)
				case "hasNextPage":
					value[name] = how%2 == 0
				case "links":
					links, _ := was.([]any)
					value[name] = slices.DeleteFunc(links, func(link any) bool {
						object, _ := link.(map[string]any)
						return object["rel"] == "next"
					})
				default:
					walk(was)
					continue
				}
				if how == hintChanges-1 {
					delete(value, name)
				}
			}
		}
	}
	walk(value)
	return encoded(value, body)
}

func changedCount(was any, how int) any {
	text := strings.Trim(fmt.Sprint(was), `"`)
	count, err := strconv.Atoi(text)
	if err != nil {
		return was
	}
	count = []int{0, 1, max(count-1, 0), count + 1, count + 100, count}[how]
	if _, ok := was.(string); ok {
		return strconv.Itoa(count)
	}
	return count
}

// absent is an id of the same form that names nothing.
func absent(id string) string {
	last := "f"
	if strings.HasSuffix(id, last) {
		last = "e"
	}
	return id[:len(id)-1] + last
}

// swap has a request ask for what does not exist, so that the provider answers as
// to a credential that sees nothing.
func (n *network) swap(req *http.Request, body []byte) []byte {
	var pairs []string
	for _, id := range n.scenario.ids {
		pairs = append(pairs, id, absent(id))
	}
	r := strings.NewReplacer(pairs...)
	req.URL.Path, req.URL.RawPath, req.URL.RawQuery = r.Replace(req.URL.Path), "", r.Replace(req.URL.RawQuery)
	if header := req.Header.Get("x-zitadel-orgid"); header != "" {
		req.Header.Set("x-zitadel-orgid", r.Replace(header))
	}
	return []byte(r.Replace(string(body)))
}

func (n *network) swapBack(body []byte) []byte {
	var pairs []string
	for _, id := range n.scenario.ids {
		pairs = append(pairs, absent(id), id)
	}
	return []byte(strings.NewReplacer(pairs...).Replace(string(body)))
}

// others makes the weather what no single request meets.
func (w *weather) others(r *rand.Rand, n *network) {
	teardown := n.scenario.counts != nil
	// Each draws whether it is on or not.
	caps, blind, from, out, start, lasts, how := chance(r, 0.2), chance(r, 0.1), r.IntN(40), chance(r, 0.1),
		time.Duration(r.Int64N(int64(time.Minute))), time.Minute+time.Duration(r.Int64N(int64(4*time.Minute))), r.Uint64()
	if clock := one(r, 0, -time.Minute, time.Minute, -30*time.Second); n.on[clockOff] {
		w.clock = clock
	}
	drops, sticks, pages := chance(r, 0.1), chance(r, 0.2), chance(r, 0.15)
	reading, slot, large := chance(r, 0.5), one(r, readingSlots...), chance(r, 0.4)
	if n.scenario.reads && reading || teardown && pages { // lists, and little else
		w.often, w.befall, w.wall, w.slots, caps = one(r, 0.2, 0.5, 0.8), everywhere, nil, []int{slot}, !large
	}
	w.silent = w.silent && n.on[silentTransport]
	pagesMatter := n.on[repeatedPage] || n.on[shiftedPage] || n.on[wrongHints]
	if caps && (n.on[cappedPages] || pagesMatter && n.streams.provider != "zitadel") {
		w.pages = 2
	}
	w.dropsHeader, w.stuck = drops && n.on[droppedHeader], sticks && n.on[stuckTask]
	if blind && n.on[noAccess] && n.scenario.ids != nil {
		if w.blind = from; !teardown {
			w.blind = from % 4
		}
	}
	if out && n.on[outage] && teardown {
		w.often, w.cancelAt, w.blind = 0, notAtAll, notAtAll
		w.out = outageOf(how, start, lasts)
	}
}

// readingSlots are those of faults that befall reads, above all lists.
var readingSlots = slotsOf(otherPage, repeatedPage, shiftedPage, wrongHints, duplicated, contradicted, listNotFound, emptyRefusal, cached)

func slotsOf(names ...string) []int {
	var found []int
	for i, k := range faultKinds {
		if slices.Contains(names, k.name) {
			found = append(found, i)
		}
	}
	return found
}

// outageOf is an outage that begins with the first write after a time, and lasts for
// some minutes.
func outageOf(how uint64, after, lasts time.Duration) func(*network) (fault, bool) {
	var began time.Duration
	return func(n *network) (fault, bool) {
		now := time.Since(n.began)
		if began == 0 && now >= after && n.asked(write) {
			began = now
		}
		if began == 0 || now >= began+lasts {
			return fault{}, false
		}
		f := fault{name: "outage", harmless: true}
		switch how % 5 {
		case 0:
			f.refused = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		case 1:
			f.status, f.body, f.header = 503, page, html
		case 2:
			f.status = 429
		case 3:
			f.status, f.body, f.header = 503, "", map[string]string{"Retry-After": "30"}
		case 4:
			f.status, f.body, f.header = 502, page, html
		}
		return f, true
	}
}
