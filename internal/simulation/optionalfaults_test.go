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

// optionalFaults are the optional kinds of faults of one request. Those of a whole run are in
// [conditions.addRunFaults].
var optionalFaults = []faultKind{
	{accepted, acceptUndocumented}, {accepted, acceptUndocumented},
	{contradicted, contradict},
	{duplicated, duplicate},
	{unreadable, func(r *rand.Rand, o *target) fault {
		return fault{
			name: "no JSON", processed: chance(r, 0.5), status: one(r, 200, 200, 201, 202, 203, 206),
			body: one(r, `{"organization":`, `{"details":{"sequence":"1"`, "OK", "[1,2", "\xef\xbb\xbf{", "{\x00}", `{"a":1}{"b":2}`),
		}
	}},
	{ignored, ignore}, {ignored, ignore},
	{otherPage, func(r *rand.Rand, o *target) fault { return requestPage(o, one(r, "2", "7"), "another page") }},
	{repeatedPage, func(r *rand.Rand, o *target) fault {
		if name, number := pageOf(o.req); name == "" || number < 2 {
			return noFault
		}
		return requestPage(o, "1", "the first page again")
	}},
	{shiftedPage, func(r *rand.Rand, o *target) fault {
		if _, number := pageOf(o.req); number < 2 {
			return noFault
		}
		return fault{name: "the first item moved to the previous page", processed: true, rewrite: withoutFirstItem}
	}},
	{wrongHints, func(r *rand.Rand, o *target) fault {
		how := r.IntN(hintChanges)
		if o.kind != read || o.n.conditions.maxPage > 0 && o.n.streams.provider != "katapult" { // without both, no client can detect a missing page
			return noFault
		}
		return fault{name: "hints " + strconv.Itoa(how), processed: true, rewrite: func(body []byte) []byte { return changeHints(body, how) }}
	}},
	{droppedHeader, func(_ *rand.Rand, o *target) fault {
		// Without the header, a list of another organization that is read twice in a row
		// looks like a list of the organization.
		if o.n.lastOf(o.req).losesHeader() {
			return noFault
		}
		return dropHeader(o)
	}},
	{cached, func(r *rand.Rand, o *target) fault {
		age := map[string]string{"Age": one(r, "1", "60", "86400")}
		if o.kind != read {
			return noFault
		}
		if chance(r, 0.5) {
			return fault{name: "cached answer", processed: true, stale: true, unproven: true, header: age}
		}
		return fault{name: "cached not found", processed: true, unproven: true, header: age, edit: o.n.swapIDs, rewrite: o.n.restoreIDs}
	}},
	{otherNotFound, func(r *rand.Rand, o *target) fault {
		if o.kind == token {
			return noFault
		}
		return fault{name: "404", status: 404, body: one(r, notFoundOthers[o.n.streams.provider]...), header: jsonType}
	}},
	{listNotFound, func(r *rand.Rand, o *target) fault {
		bodies := notFoundLists[o.n.streams.provider]
		if o.kind != read || !ofList.MatchString(o.req.URL.Path) || bodies == nil {
			return noFault
		}
		return fault{name: "404", status: 404, body: one(r, bodies...), header: jsonType}
	}},
	{emptyRefusal, func(r *rand.Rand, o *target) fault {
		f := fault{name: "4xx", status: one(r, 403, 403, 403, 404, 400, 409, 422), body: one(r, "", "", htmlPage)}
		if o.kind != read {
			return noFault
		}
		return f
	}},
	{brokenAfterHandshake, func(r *rand.Rand, o *target) fault {
		return fault{name: "after the handshake", processed: chance(r, 0.7), connErr: one(r, looksUnsent...)}
	}},
	{redialedInVain, func(r *rand.Rand, o *target) fault {
		return fault{name: "second connection refused", processed: chance(r, 0.7), redials: redialsInVain, connErr: one(r, dialErrors...)}
	}},
	{redialed, func(r *rand.Rand, o *target) fault {
		if o.n.conditions.silent { // a client could not detect the second request
			return noFault
		}
		if o.req.Method == http.MethodPost || o.req.Header.Get("Authorization") == "" { // the second request would change nothing
			return noFault
		}
		return fault{name: "sent again", processed: true, redials: redialsAndResends}
	}},
	{stuckTask, func(_ *rand.Rand, o *target) fault { return stickTask(o) }},
	{longWait, func(r *rand.Rand, o *target) fault {
		return withBody(r, fault{
			name: "Retry-After", status: one(r, 429, 503), header: map[string]string{"Retry-After": one(r, "999999999", "604800", "99999999999999999999")},
		})
	}},
}

var jsonType = map[string]string{"Content-Type": "application/json"}

// acceptUndocumented lets the provider process the request and answer with an undocumented
// success. Recorded: Atlas answers 202 and {} where its OpenAPI documents 204.
func acceptUndocumented(r *rand.Rand, o *target) fault {
	f := fault{name: "another status", processed: true, status: one(r, 200, 202, 204), body: one(r, "", "{}"), header: jsonType}
	if o.kind != deletion && o.kind != write {
		return noFault
	}
	if f.status == 204 {
		f.body = ""
	}
	f.harmless, f.accepts = o.req.Method == http.MethodDelete, true
	if o.kind == deletion && o.n.streams.provider == "volterra" {
		f.harmless = false // its reads cannot decide
	}
	f.documented = o.kind == deletion && !isUndocumented[o.n.streams.provider](f.status, f.body)
	return f
}

// ignore answers with a success and never starts the request: one or two times, or always.
func ignore(r *rand.Rand, o *target) fault {
	f := fault{name: "never started", status: one(r, 200, 202, 204), body: one(r, "", "{}"), header: jsonType}
	if o.kind != write && (o.kind != deletion || !isUndocumented[o.n.streams.provider](f.status, f.body)) {
		return noFault
	}
	if f.status == 204 {
		f.body = ""
	}
	name := key(o.req, o.body)
	most := 1 + int(o.n.streams.named("ignored "+name).IntN(4))
	if most > 3 {
		return f // always
	}
	if o.n.ignored[name]++; o.n.ignored[name] > min(most, 2) {
		return noFault
	}
	f.harmless = o.req.Method == http.MethodDelete
	return f
}

// isUndocumented reports whether an answer to the deletion of an organization differs from
// the documented success that proves the deletion.
var isUndocumented = map[string]func(status int, body string) bool{
	"katapult":  func(int, string) bool { return true },
	"zitadel":   func(int, string) bool { return true },
	"atlas":     func(status int, _ string) bool { return status != 204 },
	"workspace": func(int, string) bool { return true },
	"volterra":  func(status int, body string) bool { return status != 200 || body != "{}" },
}

// contradict answers with a success that has an error member. The provider has changed
// nothing.
func contradict(r *rand.Rand, o *target) fault {
	body, add := one(r, contradictions[o.n.streams.provider]...), one(r, `"error"`, `"code"`)
	if o.kind == token {
		return noFault
	}
	if o.kind == read {
		value := map[string]string{`"error"`: `{"code":"internal","message":"x"}`, `"code"`: `13`}[add]
		return fault{name: "a read with an error", processed: true, unproven: true, accepts: true, rewrite: offboardtest.AddMember(strings.Trim(add, `"`), value)}
	}
	return fault{name: "a success with an error", status: one(r, 200, 200, 202), body: body, header: jsonType}
}

// contradictions are successes with an error member, in the form of each provider.
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

// duplicate adds a second, empty value for a member of a read, with the key in another
// case. Decoders differ in which of the two values they use.
func duplicate(r *rand.Rand, o *target) fault {
	pick, upper := r.Uint64(), chance(r, 0.5)
	if o.kind != read {
		return noFault
	}
	return fault{name: "a member twice", processed: true, unproven: true, rewrite: func(body []byte) []byte {
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

// dropHeader drops the header that names the organization.
func dropHeader(o *target) fault {
	const name = "x-zitadel-orgid"
	if o.req.Header.Get(name) == "" {
		return noFault
	}
	return fault{name: name, processed: true, edit: func(req *http.Request, body []byte) []byte {
		req.Header.Del(name)
		return body
	}}
}

// lastOf returns the last exchange with the same method and URL; nil if none was sent.
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

// stickTask keeps the state of a task at "running". The task itself finishes.
func stickTask(o *target) fault {
	if !strings.HasSuffix(o.req.URL.Path, "/tasks/task") {
		return noFault
	}
	return fault{name: "running", processed: true, harmless: true, rewrite: func(body []byte) []byte {
		return taskStatus.ReplaceAll(body, []byte(`"status":"running"`))
	}}
}

// looksUnsent are errors of an established connection that a transport also returns for a
// connection that failed.
var looksUnsent = []error{
	tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"},
	&tls.RecordHeaderError{Msg: "unsupported SSLv2 handshake received"},
	&net.OpError{Op: "remote error", Err: errors.New("tls: handshake failure")},
	&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED},
	&net.DNSError{Err: "no such host", Name: "provider.invalid", IsNotFound: true},
	x509.UnknownAuthorityError{}, &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}},
	http.ErrSchemeMismatch,
}

// notFoundOthers are 404s of a provider about a resource that no request names.
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

// notFoundLists are 404s of a provider to the read of an existing list.
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

// pageOf returns the parameter with the page number of a request, and the number; "" if the
// request has none.
func pageOf(req *http.Request) (name string, number int) {
	for _, name := range []string{"page", "pageNum"} {
		if text := req.URL.Query().Get(name); text != "" {
			number, _ = strconv.Atoi(text)
			return name, number
		}
	}
	return "", 0
}

// requestPage lets the provider answer with another page than the requested one.
func requestPage(o *target, number, action string) fault {
	name, requested := pageOf(o.req)
	if name == "" || strconv.Itoa(requested) == number {
		return noFault
	}
	return fault{name: action, processed: true, edit: func(req *http.Request, body []byte) []byte {
		query := req.URL.Query()
		query.Set(name, number)
		req.URL.RawQuery = query.Encode()
		return body
	}}
}

// capPages reduces the page size of a request, as a provider with smaller pages does.
func (n *network) capPages(req *http.Request, body []byte) []byte {
	if n.conditions.maxPage == 0 {
		return body
	}
	query := req.URL.Query()
	for _, name := range []string{"per_page", "itemsPerPage", "limit"} {
		if query.Has(name) {
			query.Set(name, strconv.Itoa(n.conditions.maxPage))
			req.URL.RawQuery = query.Encode()
		}
	}
	if strings.HasPrefix(req.URL.Path, "/v2/organizations/") { // its pages may be short for another reason
		return body
	}
	return searchLimit.ReplaceAll(body, fmt.Appendf(nil, `"limit":%d`, n.conditions.maxPage))
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

// hintChanges is the number of changes that changeHints knows.
const hintChanges = 6

// changeHints changes the fields of a page that describe the other pages.
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

// absent returns an ID of the same form that does not exist.
func absent(id string) string {
	last := "f"
	if strings.HasSuffix(id, last) {
		last = "e"
	}
	return id[:len(id)-1] + last
}

// swapIDs replaces the IDs of a request by IDs that do not exist, so that the provider
// answers as to a credential without access.
func (n *network) swapIDs(req *http.Request, body []byte) []byte {
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

func (n *network) restoreIDs(body []byte) []byte {
	var pairs []string
	for _, id := range n.scenario.ids {
		pairs = append(pairs, absent(id), id)
	}
	return []byte(strings.NewReplacer(pairs...).Replace(string(body)))
}

// addRunFaults adds the faults that apply to the whole run.
func (c *conditions) addRunFaults(r *rand.Rand, n *network) {
	teardown := n.scenario.counts != nil
	// Draw all values, whether or not the kinds are on.
	caps, blind, from, out, start, lasts, how := chance(r, 0.2), chance(r, 0.1), r.IntN(40), chance(r, 0.1),
		time.Duration(r.Int64N(int64(time.Minute))), time.Minute+time.Duration(r.Int64N(int64(4*time.Minute))), r.Uint64()
	if clock := one(r, 0, -time.Minute, time.Minute, -30*time.Second); n.kinds[clockOff] {
		c.clock = clock
	}
	drops, sticks, pages := chance(r, 0.1), chance(r, 0.2), chance(r, 0.15)
	reading, slot, large := chance(r, 0.5), one(r, readingSlots...), chance(r, 0.4)
	if n.scenario.readOnly && reading || teardown && pages { // mostly lists
		c.faultRate, c.appliesTo, c.gateway, c.slots, caps = one(r, 0.2, 0.5, 0.8), everywhere, nil, []int{slot}, !large
	}
	c.silent = c.silent && n.kinds[silentTransport]
	pagesMatter := n.kinds[repeatedPage] || n.kinds[shiftedPage] || n.kinds[wrongHints]
	if caps && (n.kinds[cappedPages] || pagesMatter && n.streams.provider != "zitadel") {
		c.maxPage = 2
	}
	c.dropsHeader, c.stuckTasks = drops && n.kinds[droppedHeader], sticks && n.kinds[stuckTask]
	if blind && n.kinds[noAccess] && n.scenario.ids != nil {
		if c.blindFrom = from; !teardown {
			c.blindFrom = from % 4
		}
	}
	if out && n.kinds[outage] && teardown {
		c.faultRate, c.cancelAt, c.blindFrom = 0, never, never
		c.outage = outageOf(how, start, lasts)
	}
}

// readingSlots are the slots of faults that apply to reads, mostly to lists.
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

// outageOf returns an outage that starts with the first write after a duration and lasts
// for minutes.
func outageOf(how uint64, after, lasts time.Duration) func(*network) (fault, bool) {
	var start time.Duration
	return func(n *network) (fault, bool) {
		now := time.Since(n.started)
		if start == 0 && now >= after && n.hasSent(write) {
			start = now
		}
		if start == 0 || now >= start+lasts {
			return fault{}, false
		}
		f := fault{name: "outage", harmless: true}
		switch how % 5 {
		case 0:
			f.dialErr = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		case 1:
			f.status, f.body, f.header = 503, htmlPage, html
		case 2:
			f.status = 429
		case 3:
			f.status, f.body, f.header = 503, "", map[string]string{"Retry-After": "30"}
		case 4:
			f.status, f.body, f.header = 502, htmlPage, html
		}
		return f, true
	}
}
