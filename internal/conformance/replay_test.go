package conformance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/conformance/drift"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/zitadel"
)

// replay sends a recorded request with the client and returns the recorded answer to it.
type replay struct {
	x    *exchange
	op   *drift.Operation
	sent *http.Request // the client's request of the operation
	body []byte

	// others answers the client's other requests, by method and path.
	others func(req *http.Request) (status int, body string)

	// repeated reports whether a request after the recorded one is the same read again,
	// which has the same answer; nil if no request is.
	repeated func(req *http.Request) bool
}

func (r *replay) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
		req.Body.Close()
	}
	if r.sent != nil && r.repeated != nil && r.isRecorded(req) && r.repeated(req) {
		return r.x.RoundTrip(req)
	}
	if r.sent != nil || !r.isRecorded(req) {
		status, text := r.others(req)
		return &http.Response{
			StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
			Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text)), Request: req,
		}, nil
	}
	r.sent, r.body = req, body
	return r.x.RoundTrip(req)
}

// isRecorded reports whether a request is of the recorded operation.
func (r *replay) isRecorded(req *http.Request) bool {
	return req.Method == r.x.method && samePath(req.URL.EscapedPath(), path(r.x))
}

func path(x *exchange) string {
	p, _, _ := strings.Cut(x.path, "?")
	return p
}

// samePath compares paths. A noun in a path of Katapult also matches an ID or any other
// segment.
func samePath(sent, recorded string) bool {
	return slices.EqualFunc(strings.Split(sent, "/"), strings.Split(recorded, "/"), func(a, b string) bool {
		return a == b || b == "_" || katapultID.MatchString(b) && nouns[a]
	})
}

var katapultID = regexp.MustCompile(`^[a-z]+_[A-Za-z0-9]{10,}$`)

// nouns are the segments of Katapult's paths that replace an ID.
var nouns = map[string]bool{
	"disk": true, "file_storage_volume": true, "load_balancer": true, "organization": true, "task": true,
	"trash_object": true, "virtual_machine": true, "virtual_network": true, "ip_address": true,
}

// find returns our operation of a recorded request: of several, the one with the most
// literal match.
func find(ops []*drift.Operation, base string, x *exchange) *drift.Operation {
	var found *drift.Operation
	least := 0
	for _, op := range ops {
		ours := strings.Split(base+op.Path, "/")
		theirs := strings.Split(path(x), "/")
		fits := op.Method == x.method && slices.EqualFunc(ours, theirs, func(a, b string) bool {
			return samePath(a, b) || strings.HasPrefix(a, "{") && b != ""
		})
		if n := strings.Count(op.Path, "{"); fits && (found == nil || n < least) {
			found, least = op, n
		}
	}
	return found
}

// call calls the client's method of the operation with the recorded arguments, and returns
// the results.
func (r *replay) call(ctx context.Context, client any, lookups map[string]func(string) any) (any, error, bool) {
	name := strings.ToUpper(r.op.ID()[:1]) + r.op.ID()[1:]
	method := reflect.ValueOf(client).MethodByName(name)
	if !method.IsValid() {
		return nil, nil, false
	}
	given, ok := r.arguments(method.Type(), lookups)
	if !ok {
		return nil, nil, false
	}
	results := method.Call(append([]reflect.Value{reflect.ValueOf(ctx)}, given...))
	err, _ := results[len(results)-1].Interface().(error)
	if len(results) == 1 {
		return nil, err, true
	}
	return results[0].Interface(), err, true
}

// arguments converts the recorded request to the arguments of a method, in the order of the
// description: path, query, headers, body.
func (r *replay) arguments(method reflect.Type, lookups map[string]func(string) any) ([]reflect.Value, bool) {
	query, _ := url.ParseQuery(r.x.query)
	var body map[string]any
	_ = json.Unmarshal(r.x.request, &body)
	var values []any // in order; untyped values are strings or numbers
	for _, p := range r.op.Inputs() {
		switch {
		case p.In == "path":
			values = append(values, r.pathValue(p.Name))
		case p.Lookup:
			value, ok := r.lookup(p.Name, query, body, lookups)
			if !ok {
				return nil, false
			}
			values = append(values, value)
		case p.In == "header":
			values = append(values, r.x.requestHeader.Get(p.Name))
		case p.In == "query":
			values = append(values, query.Get(p.Name))
		case p.In == "options":
			values = append(values, query)
		case p.In == "body": // the whole body
			values = append(values, r.x.request)
		default:
			values = append(values, body[p.Name])
		}
	}
	variadic := method.IsVariadic()
	if method.NumIn()-1 != len(values) || variadic {
		return nil, false
	}
	var given []reflect.Value
	for i, value := range values {
		v, ok := as(value, method.In(i+1))
		if !ok {
			return nil, false
		}
		given = append(given, v)
	}
	return given, true
}

// as converts a value to a type.
func as(value any, to reflect.Type) (reflect.Value, bool) {
	switch value := value.(type) {
	case nil:
		return reflect.Zero(to), true
	case url.Values:
		options := reflect.New(to).Elem()
		for name := range value {
			field := options.FieldByNameFunc(func(f string) bool { return strings.EqualFold(f, strings.ReplaceAll(name, "_", "")) })
			if !field.IsValid() {
				continue
			}
			if err := set(field, value.Get(name)); err != nil {
				return options, false
			}
		}
		return options, true
	case []byte:
		body := reflect.New(to)
		if len(value) > 0 {
			if err := json.Unmarshal(value, body.Interface()); err != nil {
				return body, false
			}
		}
		return body.Elem(), true
	}
	v := reflect.ValueOf(value)
	if v.Type().AssignableTo(to) {
		return v, true
	}
	if v.Kind() == to.Kind() && v.CanConvert(to) {
		return v.Convert(to), true
	}
	made := reflect.New(to)
	text, err := json.Marshal(value)
	return made.Elem(), err == nil && json.Unmarshal(text, made.Interface()) == nil
}

func set(field reflect.Value, text string) error {
	switch field.Kind() {
	case reflect.String:
		field.SetString(text)
	case reflect.Int:
		n, err := strconv.Atoi(text)
		field.SetInt(int64(n))
		return err
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		field.SetBool(b)
		return err
	}
	return nil
}

// pathValue returns the value of a parameter in the recorded path.
func (r *replay) pathValue(name string) string {
	ours, theirs := strings.Split(r.op.Path, "/"), strings.Split(path(r.x), "/")
	offset := len(theirs) - len(ours)
	for i, segment := range ours {
		if segment == "{"+name+"}" {
			value, _ := url.PathUnescape(theirs[i+offset])
			return value
		}
	}
	return ""
}

// lookup returns the key that a request looks up a resource by: in the query, the body or
// the path.
func (r *replay) lookup(name string, query url.Values, body map[string]any, lookups map[string]func(string) any) (any, bool) {
	for key, values := range query {
		if inner, ok := strings.CutPrefix(key, name+"["); ok {
			if make := lookups[name+"."+strings.TrimSuffix(inner, "]")]; make != nil {
				return make(values[0]), true
			}
		}
	}
	if object, ok := body[name].(map[string]any); ok {
		for key, value := range object {
			if make := lookups[name+"."+key]; make != nil {
				return make(fmt.Sprint(value)), true
			}
		}
	}
	for segment := range strings.SplitSeq(path(r.x), "/") {
		if katapultID.MatchString(segment) {
			return lookups[name+".id"](segment), true
		}
	}
	return nil, false
}

// compare compares the sent request and the result with the recorded ones.
func (r *replay) compare(t *testing.T, result any, err error) {
	t.Helper()
	name := r.x.name + ": " + r.op.ID()
	if r.sent == nil {
		t.Errorf("%s: was not sent: %v", name, err)
		return
	}
	recorded, sent := inputs(r.x.query, r.x.request), inputs(r.sent.URL.RawQuery, r.body)
	r.lookupInPath(recorded)
	if diff := cmp.Diff(recorded, sent); diff != "" {
		t.Errorf("%s: the request (-recorded +sent):\n%s", name, diff)
	}
	if r.x.status >= 300 {
		if e, ok := errors.AsType[*errors.Error](err); !ok || e.Code == "" {
			t.Errorf("%s: got %v for %d", name, err, r.x.status)
		}
		return
	}
	if nothingDeleted.Match(r.x.body) {
		if !errors.Is(err, errors.OrganizationNotFound) {
			t.Errorf("%s: got %v for a deletion of nothing", name, err)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: got %v for %d", name, err, r.x.status)
		return
	}
	want, _ := drift.Decode(r.x.body)
	_, schema := r.op.Answer(r.x.status)
	want = prune(drift.Known(want, schema))
	if property := r.op.Extension("x-result"); property != "" {
		object, _ := want.(map[string]any)
		want = object[property]
	}
	if result == nil {
		return
	}
	text, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	got, err := drift.Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, prune(got)); diff != "" {
		t.Errorf("%s: the answer (-recorded +decoded):\n%s", name, diff)
	}
}

// lookupInPath adds an ID of the recorded path if our path has a noun there.
func (r *replay) lookupInPath(recorded map[string]any) {
	theirs := strings.Split(path(r.x), "/")
	for i, ours := range strings.Split(r.sent.URL.EscapedPath(), "/") {
		if nouns[ours] && katapultID.MatchString(theirs[i]) {
			recorded[ours+".id"] = theirs[i]
		}
	}
}

// nothingDeleted is Zitadel's 200 for a deletion that found nothing to delete.
var nothingDeleted = regexp.MustCompile(`"deletionDate": *"0001-01-01`)

// inputs returns the parts of a request in one form: a lookup in the query equals one in
// the body.
func inputs(query string, body []byte) map[string]any {
	all := map[string]any{}
	values, _ := url.ParseQuery(query)
	for name := range values {
		all[strings.TrimSuffix(strings.ReplaceAll(name, "[", "."), "]")] = values.Get(name)
	}
	decoded, _ := drift.Decode(body)
	if object, ok := prune(decoded).(map[string]any); ok {
		for name, value := range object {
			inner, ok := value.(map[string]any)
			if !ok {
				all[name] = value
				continue
			}
			for key, value := range inner {
				all[name+"."+key] = value
			}
		}
	}
	return all
}

// prune removes zero values, because an absent optional field is zero in Go, and normalizes
// times.
func prune(value any) any {
	switch v := value.(type) {
	case map[string]any:
		kept := map[string]any{}
		for name, inner := range v {
			if inner = prune(inner); inner != nil {
				kept[name] = inner
			}
		}
		if len(kept) == 0 {
			return nil
		}
		return kept
	case []any:
		kept := make([]any, 0, len(v))
		for _, inner := range v {
			kept = append(kept, prune(inner))
		}
		if len(kept) == 0 {
			return nil
		}
		return kept
	case string:
		if at, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return at.UTC().Format(time.RFC3339Nano)
		}
		if v == "" || v == "0" {
			return nil
		}
	case bool:
		if !v {
			return nil
		}
	case json.Number:
		text := v.String() // Zitadel sends and accepts some numbers as strings
		if n, ok := new(big.Rat).SetString(text); ok {
			text = n.RatString() // Atlas writes 5.0 for 5
		}
		if text == "0" {
			return nil
		}
		return text
	}
	return value
}

// replayCounts counts the replayed requests, and the reasons of the others.
type replayCounts struct {
	lines, covered, replayed int
	operations               map[string]int
	left                     map[string]int
}

func newTally() *replayCounts {
	return &replayCounts{operations: map[string]int{}, left: map[string]int{}}
}

func (c *replayCounts) leave(reason string) { c.left[reason]++ }

func (c *replayCounts) log(t *testing.T) {
	t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d exchanges, %d of operations that are covered, %d replayed\n", c.lines, c.covered, c.replayed)
	for _, name := range slices.Sorted(maps.Keys(c.operations)) {
		fmt.Fprintf(&b, "%6d %s\n", c.operations[name], name)
	}
	for _, reason := range slices.Sorted(maps.Keys(c.left)) {
		fmt.Fprintf(&b, "%6d not: %s\n", c.left[reason], reason)
	}
	t.Log(b.String())
}

// katapultLookups convert a recorded key to a lookup.
var katapultLookups = func() map[string]func(string) any {
	id := func(s string) any { return katapult.ID(s) }
	all := map[string]func(string) any{
		"organization.sub_domain":       func(s string) any { return katapult.Subdomain(s) },
		"virtual_machine.fqdn":          func(s string) any { return katapult.FQDN(s) },
		"load_balancer.api_reference":   func(s string) any { return katapult.APIReference(s) },
		"dns_zone.name":                 func(s string) any { return katapult.ZoneName(s) },
		"trash_object.object_id":        func(s string) any { return katapult.ObjectID(s) },
		"ip_address.address":            func(s string) any { return katapult.Address(s) },
		"object_storage_cluster.region": func(s string) any { return katapult.Region(s) },
		"bucket.name":                   func(s string) any { return katapult.BucketName(s) },
	}
	for _, name := range []string{
		"organization", "virtual_machine", "disk", "file_storage_volume", "disk_backup_policy", "load_balancer",
		"dns_zone", "trash_object", "virtual_network", "ip_address", "access_key", "task",
	} {
		all[name+".id"] = id
	}
	return all
}()

func TestReplay_Katapult(t *testing.T) {
	t.Parallel()
	spec, err := drift.Load("../../openapi/katapult.yaml")
	if err != nil {
		t.Fatal(err)
	}
	count := newTally()
	for _, x := range katapultExchanges(t) {
		count.lines++
		op := find(drift.All(spec), "/core/v1", x)
		if op == nil {
			count.leave("no operation for " + x.method + " " + katapultIDs.ReplaceAllString(path(x), "_"))
			continue
		}
		count.covered++
		if reason := notReplayed[x.name]; reason != "" {
			count.leave(x.name + ": " + reason)
			continue
		}
		r := &replay{x: x, op: op, others: func(*http.Request) (int, string) { return 503, "" }}
		c, err := katapult.New(katapult.WithToken("token"), katapult.WithHTTPClient(&http.Client{Transport: r}), katapult.WithRetry(katapult.Retry{MaxAttempts: 1, MaxWait: time.Second}))
		if err != nil {
			t.Fatal(err)
		}
		result, err, ok := r.call(t.Context(), c, katapultLookups)
		if !ok {
			t.Errorf("%s: %s cannot be called with %s %s", x.name, op.ID(), x.query, x.request)
			continue
		}
		r.compare(t, result, err)
		count.replayed++
		count.operations[op.ID()]++
	}
	count.log(t)
	if count.replayed*10 < count.covered*9 {
		t.Errorf("%d of %d were replayed", count.replayed, count.covered)
	}
}

var katapultIDs = regexp.MustCompile(`[a-z]+_[A-Za-z0-9]{10,}`)

// notReplayed are recorded requests that the client cannot send, with the reason. Their
// answers are tested with all others in TestRecordings_ZitadelErrors.
var notReplayed = map[string]string{
	"41i-delete-space-id":                             "an ID of white space is refused before it is sent",
	"11g-admin-list-orgs-bad-json":                    "the body is no JSON",
	"14c-list-unknown-field":                          "a field that the API does not have",
	"14e-list-limit-string-negative":                  "a limit without a sign is negative",
	"15-delete-with-query-string":                     "a parameter that the API does not have",
	"15c-delete-with-body":                            "a body that the API does not have",
	"15h-dot-id":                                      "the id is refused before it is sent",
	"41d-delete-overlong-id":                          "the id is refused before it is sent",
	"41e-v2-delete-overlong-id":                       "the id is refused before it is sent",
	"19-v2-list-typo-filter":                          "a filter that the API does not have",
	"32c-mgmt-delete-no-token":                        "without the header that names the organization, which the client always sends",
	"41g-delete-encoded-slash-id":                     "the id is refused before it is sent",
	"DataSourceVirtualNetwork_empty_id.cassette.yaml": "the empty id is refused before it is sent",
}

func TestReplay_Zitadel(t *testing.T) {
	t.Parallel()
	spec, err := drift.Load("../../openapi/zitadel.yaml")
	if err != nil {
		t.Fatal(err)
	}
	count := newTally()
	all := zitadelExchanges(t)
	reads := zitadelReadsOf(t, all)
	for _, x := range all {
		count.lines++
		op := find(drift.All(spec), "", x)
		if op == nil {
			count.leave("no operation for " + x.method + " " + zitadelIDs.ReplaceAllString(path(x), "{id}"))
			continue
		}
		count.covered++
		if reason := notReplayed[strings.TrimSuffix(x.name, ".http")]; reason != "" {
			count.leave(x.name + ": " + reason)
			continue
		}
		r := &replay{x: x, op: op}
		r.others = func(req *http.Request) (int, string) { return reads.answer(req, r) }
		r.repeated = func(req *http.Request) bool {
			of := x.requestHeader.Get(orgHeader)
			return of != "" && of == req.Header.Get(orgHeader) && req.Method != http.MethodDelete
		}
		c, err := zitadel.New(
			zitadel.WithBaseURL("https://zitadel.invalid"), zitadel.WithToken("token"),
			zitadel.WithHTTPClient(&http.Client{Transport: r}), zitadel.WithRetry(zitadel.Retry{MaxAttempts: 1, MaxWait: time.Second}),
		)
		if err != nil {
			t.Fatal(err)
		}
		result, err, ok := r.call(t.Context(), c, nil)
		if !ok {
			t.Errorf("%s: %s cannot be called with %s %s", x.name, op.ID(), x.query, x.request)
			continue
		}
		r.compare(t, result, err)
		count.replayed++
		count.operations[op.ID()]++
	}
	count.log(t)
}

var zitadelIDs = regexp.MustCompile(`\d{12,}`)

// orgHeader is the header that alone names the organization of a request.
const orgHeader = "x-zitadel-orgid"

// zitadelReads are recorded answers to the client's further reads, which confirm the
// organization that only a header names.
type zitadelReads struct {
	organization *exchange // that exists
	deleted      *exchange // that was deleted
	unknown      *exchange // a request that names an organization that does not exist
	caller       *exchange // the user that the credential belongs to
}

func zitadelReadsOf(t *testing.T, all []*exchange) *zitadelReads {
	t.Helper()
	named := func(name string) *exchange {
		i := slices.IndexFunc(all, func(x *exchange) bool { return x.name == name+".http" })
		if i < 0 {
			t.Fatalf("the exchange %s was not recorded", name)
		}
		return all[i]
	}
	return &zitadelReads{
		organization: named("22l-mgmt-get-my-org"), deleted: named("65-mgmt-me-deleted-org-0ms"),
		unknown: named("44-orgid-header-unknown"), caller: named("85-userinfo-via-auth-me"),
	}
}

// answer returns the recorded answer about the organization that a request names. The
// organization exists until the recorded request was answered that it is deleted.
func (z *zitadelReads) answer(req *http.Request, r *replay) (int, string) {
	id := req.Header.Get(orgHeader)
	recorded := r.x.requestHeader.Get(orgHeader)
	switch {
	case req.URL.Path == path(z.caller):
		return z.caller.status, string(z.caller.body)
	case id != "" && id != recorded:
		return z.unknown.status, string(z.unknown.body)
	case id == "":
		id = req.URL.Path[strings.LastIndexByte(req.URL.Path, '/')+1:]
	}
	x := z.organization
	if r.sent != nil && r.x.method == http.MethodDelete && r.x.status == http.StatusOK {
		x = z.deleted
	}
	return x.status, organizationID.ReplaceAllString(string(x.body), `"`+id+`"`)
}

// organizationID is the ID of the recorded organization and of its resource owner.
var organizationID = regexp.MustCompile(`"400686672590670886"`)
