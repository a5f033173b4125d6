package conformance_test

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/conformance/drift"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/workspace"
)

// liveExchange is an answer of a live service. The request's query, headers and body were
// not recorded. The provider's own error fields are read here without the client, so that
// both can be compared.
type liveExchange struct {
	exchange
	provider string
	fault    fault
}

// fault is a provider's own description of an error.
type fault struct {
	code, message string
	parameters    []any  // Atlas
	field         string // Applivery
}

// liveExchanges reads a file with one exchange per line. A body is a JSON value, or a
// string that contains one. In the paths of atlas.jsonl a slash may replace an underscore
// of a name; no operation is found for these.
func liveExchanges(t *testing.T, file string) []*liveExchange {
	t.Helper()
	f, err := os.Open(recordings(t, file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var found []*liveExchange
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var line struct {
			Name, Provider, Method, Path string
			Status                       int
			Headers                      map[string]string
			Body                         json.RawMessage
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		x := &liveExchange{
			exchange: exchange{
				name: cmp.Or(line.Name, fmt.Sprintf("%s:%d", file, len(found)+1)), method: line.Method, path: line.Path,
				status: line.Status, header: http.Header{}, body: line.Body,
			},
			provider: cmp.Or(line.Provider, "atlas"),
		}
		var text string
		if json.Unmarshal(line.Body, &text) == nil {
			x.body = []byte(text)
		}
		for name, value := range line.Headers {
			x.header.Set(name, value)
		}
		if x.status >= 300 {
			x.fault = readFault(x.provider, x.body)
		}
		found = append(found, x)
	}
	if err := lines.Err(); err != nil || len(found) == 0 {
		t.Fatalf("%d exchanges, %v", len(found), err)
	}
	return found
}

// readFault reads the body of an error.
func readFault(provider string, body []byte) fault {
	var object struct {
		ErrorCode, Detail, Message string          // Atlas
		Parameters                 []any           // Atlas
		Code                       json.Number     // F5
		Error                      json.RawMessage // Applivery; a number at Atlas
	}
	_ = json.Unmarshal(body, &object)
	switch provider {
	case "atlas":
		return fault{code: object.ErrorCode, message: cmp.Or(object.Detail, object.Message), parameters: object.Parameters}
	case "volterra":
		if object.Code == "" {
			return fault{message: string(body)}
		}
		return fault{code: object.Code.String(), message: object.Message}
	case "workspace":
		var inner struct {
			Code                json.Number
			Message, Msg, Field string
		}
		_ = json.Unmarshal(object.Error, &inner)
		return fault{code: inner.Code.String(), message: cmp.Or(inner.Message, inner.Msg), field: inner.Field}
	}
	return fault{}
}

// rule is the code that an answer must map to. Zero fields match everything.
type rule struct {
	provider  string
	status    int
	code      string // the provider's own; "PREFIX*" matches longer ones; "none" matches an answer without a code
	text      string // part of the message
	operation string // prefix of the operation's ID
	want      errors.Code
}

// rules are based on the recorded facts about each provider, not on the client. The first
// rule that matches counts.
var rules = []rule{
	// Atlas answers a list with this while one cluster changes: the answer proves nothing
	// about the project, and another read may succeed.
	{provider: "atlas", status: 404, code: "CLUSTER_NOT_FOUND", operation: "list", want: errors.Unavailable},
	{provider: "atlas", status: 400, code: "CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API", operation: "list", want: errors.Unavailable},

	// UNEXPECTED_ERROR has no meaning of its own: the status decides.
	{provider: "atlas", status: 401, code: "UNEXPECTED_ERROR", want: errors.Unauthenticated},
	{provider: "atlas", status: 404, code: "UNEXPECTED_ERROR", want: errors.NotFound},
	{provider: "atlas", status: 500, code: "UNEXPECTED_ERROR", want: errors.Internal},

	// Only the text states the reason.
	{provider: "atlas", status: 400, code: "ATLAS_GENERAL_ERROR", text: "termination protection is enabled", want: errors.TerminationProtection},
	{provider: "atlas", status: 400, code: "ATLAS_GENERAL_ERROR", text: "already requested to be deleted", want: errors.AlreadyRequestedDeletion},

	{provider: "atlas", status: 400, code: "CANNOT_TERMINATE_CLUSTER_WHEN_TERMINATION_PROTECTION_ENABLED", want: errors.TerminationProtection},
	{provider: "atlas", status: 400, code: "CANNOT_TERMINATE_CLUSTER_WITH_UNDERGOING_REGIONAL_OUTAGE_SIMULATION", want: errors.DeletionStepsNotSatisfied},
	{provider: "atlas", status: 400, code: "CLUSTER_ALREADY_REQUESTED_DELETION", want: errors.AlreadyRequestedDeletion},
	{provider: "atlas", status: 400, code: "CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API", want: errors.WrongClusterType},
	{provider: "atlas", status: 400, code: "CANNOT_USE_NON_FLEX_CLUSTER_IN_FLEX_API", want: errors.WrongClusterType},
	{provider: "atlas", status: 400, code: "CANNOT_UPDATE_BACKUP_COMPLIANCE_POLICY_SETTINGS_WITH_PENDING_ACTION", want: errors.Conflict},
	{provider: "atlas", status: 400, code: "CANNOT_DELETE_IN_PROGRESS_SNAPSHOT", want: errors.Conflict},
	{provider: "atlas", status: 400, code: "ONLINE_ARCHIVE_CANNOT_MODIFY_FIELD", want: errors.InvalidArgument},
	{provider: "atlas", status: 400, code: "STREAM_PRIVATE_LINK_IN_USE", want: errors.DeletionStepsNotSatisfied},
	{provider: "atlas", status: 403, code: "STREAM_TENANT_HAS_STREAM_PROCESSORS", want: errors.DeletionStepsNotSatisfied},
	{provider: "atlas", status: 409, code: "CANNOT_CLOSE_GROUP_ACTIVE_*", want: errors.DeletionStepsNotSatisfied},

	{provider: "atlas", status: 401, code: "USER_UNAUTHORIZED", want: errors.PermissionDenied},
	{provider: "atlas", status: 401, code: "USER_CANNOT_ACCESS_GROUP", want: errors.PermissionDenied},
	{provider: "atlas", status: 401, code: "none", text: "You are not authorized for this resource.", want: errors.Unauthenticated},

	{provider: "atlas", status: 404, code: "CLUSTER_NOT_FOUND", want: errors.NotFound},
	{provider: "atlas", status: 404, code: "DATA_FEDERATION_TENANT_NOT_FOUND_FOR_NAME", want: errors.NotFound},
	{provider: "atlas", status: 404, code: "GROUP_NOT_FOUND", want: errors.NotFound},
	{provider: "atlas", status: 404, code: "RESOURCE_NOT_FOUND", want: errors.NotFound},
	{provider: "atlas", status: 404, code: "RESOURCE_POLICY_NOT_FOUND", want: errors.NotFound},
	{provider: "atlas", status: 404, code: "STREAM_TENANT_NOT_FOUND_FOR_NAME", want: errors.NotFound},
	{provider: "atlas", status: 429, code: "RATE_LIMITED_TOKEN_BUCKET", want: errors.RateLimitReached},
	{provider: "atlas", status: 503, code: "none", want: errors.Unavailable},

	{provider: "volterra", status: 400, code: "3", want: errors.InvalidArgument},
	{provider: "volterra", status: 404, code: "5", want: errors.NotFound},
	{provider: "volterra", status: 409, code: "6", want: errors.Conflict},

	{provider: "workspace", status: 400, code: "400", want: errors.InvalidArgument},

	// A body that is empty or not in the provider's form is not the provider's answer.
	{status: 400, code: "none", want: errors.UnexpectedResponse},
	{status: 401, code: "none", want: errors.UnexpectedResponse},
	{status: 403, code: "none", want: errors.UnexpectedResponse},
	{status: 404, code: "none", want: errors.UnexpectedResponse},
}

// want returns the code that the answer must map to; "" if no rule matches.
func (x *liveExchange) want(operation string) errors.Code {
	for _, r := range rules {
		prefix, open := strings.CutSuffix(r.code, "*")
		if (r.provider == "" || r.provider == x.provider) && r.status == x.status &&
			(r.code == x.fault.code || r.code == "none" && x.fault.code == "" || open && strings.HasPrefix(x.fault.code, prefix)) &&
			strings.Contains(x.fault.message, r.text) && strings.HasPrefix(operation, r.operation) {
			return r.want
		}
	}
	return ""
}

// expectedFailures are answers that the client does not handle, with the reason, by file
// and by operation, status and the provider's code. The test fails if an entry passes or
// matches no exchange.
var expectedFailures = map[string]map[string]string{}

// liveReplay returns the recorded answer to each request of the recorded operation, because
// a client may send it again, and an unusable answer to any other request.
type liveReplay struct {
	x    *liveExchange
	op   *drift.Operation // nil if every request is of the recorded operation
	sent int
}

func (r *liveReplay) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		_, _ = io.Copy(io.Discard, req.Body)
		req.Body.Close()
	}
	if r.op != nil && (req.Method != r.x.method || req.URL.EscapedPath() != r.x.path) {
		return &http.Response{
			StatusCode: 503, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("")), Request: req,
		}, nil
	}
	r.sent++
	return r.x.RoundTrip(req)
}

// liveClients make clients without retries.
var liveClients = map[string]func(*http.Client) (any, error){
	"atlas": func(c *http.Client) (any, error) {
		return atlas.New(atlas.WithAPIKey("public", "private"), atlas.WithHTTPClient(c), atlas.WithRetry(atlas.Retry{MaxAttempts: 1, MaxWait: time.Second}))
	},
	"volterra": func(c *http.Client) (any, error) {
		return volterra.New(volterra.WithBaseURL("https://acme.invalid"), volterra.WithAPIToken("token"), volterra.WithHTTPClient(c), volterra.WithRetry(volterra.Retry{MaxAttempts: 1, MaxWait: time.Second}))
	},
	"workspace": func(c *http.Client) (any, error) {
		return workspace.New(workspace.WithToken("token"), workspace.WithHTTPClient(c), workspace.WithRetry(workspace.Retry{MaxAttempts: 1, MaxWait: time.Second}))
	},
}

// readAnything sends a read. The error of an operation that the client does not cover must
// map to the same code as that of a read.
func readAnything(t *testing.T, client any) error {
	t.Helper()
	var err error
	switch c := client.(type) {
	case *atlas.Client:
		_, err = c.GetProject(t.Context(), strings.Repeat("6", 24))
	case *volterra.Client:
		_, err = c.GetNamespace(t.Context(), "shop", volterra.GetNamespaceOptions{})
	case *workspace.Client:
		_, err = c.GetOrganization(t.Context(), strings.Repeat("6", 24))
	}
	return err
}

// replay sends the recorded request with the client, and returns the difference between the
// result and the answer.
func (x *liveExchange) replay(t *testing.T, op *drift.Operation) []string {
	t.Helper()
	r := &liveReplay{x: x, op: op}
	client, err := liveClients[x.provider](&http.Client{Transport: r})
	if err != nil {
		t.Fatal(err)
	}
	if op == nil {
		return x.compareError(readAnything(t, client), "")
	}
	result, err, ok := (&replay{x: &x.exchange, op: op}).call(t.Context(), client, nil)
	if !ok {
		return []string{"the client has no method for it"}
	}
	if r.sent == 0 {
		return []string{fmt.Sprintf("the client sent another request: %v", err)}
	}
	if x.status >= 300 {
		return x.compareError(err, op.ID())
	}
	if err != nil {
		return []string{fmt.Sprintf("the client returned %v", err)}
	}
	return x.compareResult(result, op)
}

// compareResult compares the client's result with the described part of the answer.
func (x *liveExchange) compareResult(result any, op *drift.Operation) []string {
	if result == nil || len(x.body) == 0 {
		return nil
	}
	want, err := drift.Decode(x.body)
	if err != nil {
		return []string{err.Error()}
	}
	_, schema := op.Answer(x.status)
	want = prune(drift.Known(want, schema))
	if property := op.Extension("x-result"); property != "" {
		object, _ := want.(map[string]any)
		want = object[property]
	}
	text, err := json.Marshal(result)
	if err != nil {
		return []string{err.Error()}
	}
	got, err := drift.Decode(text)
	if err != nil {
		return []string{err.Error()}
	}
	if diff := gocmp.Diff(want, prune(got)); diff != "" {
		return []string{"the answer (-recorded +decoded):\n" + diff}
	}
	return nil
}

// compareError compares an error with the answer.
func (x *liveExchange) compareError(err error, operation string) (problems []string) {
	e, ok := errors.AsType[*errors.Error](err)
	if !ok {
		return []string{fmt.Sprintf("got %v (%T), want an *errors.Error", err, err)}
	}
	differ := func(what string, got, want any) {
		if !reflect.DeepEqual(got, want) {
			problems = append(problems, fmt.Sprintf("got the %s %#v, want %#v", what, got, want))
		}
	}
	want := x.want(operation)
	if want == "" {
		problems = append(problems, "no rule says what it must become")
	}
	got := e.Code
	if !slices.Contains(codesOfRules, got) { // more specific than any rule
		got = got.Category()
	}
	differ("code", got, want)
	differ("status", e.Status, x.status)
	differ("provider's code", e.ProviderCode, x.fault.code)
	if x.fault.code != "" {
		differ("message", e.Message, x.fault.message)
	}
	if len(x.fault.parameters) > 0 {
		d, _ := e.Detail.(atlas.ErrorDetail)
		differ("parameters", d.Parameters, x.fault.parameters)
	}
	if x.fault.field != "" {
		d, _ := e.Detail.(workspace.ErrorDetail)
		differ("field", d.Field, x.fault.field)
	}
	if x.status == http.StatusTooManyRequests && len(x.fault.parameters) > 1 {
		seconds, _ := x.fault.parameters[1].(float64)
		differ("time to wait", e.RetryAfter, time.Duration(seconds)*time.Second)
	}
	return problems
}

var codesOfRules = func() (all []errors.Code) {
	for _, r := range rules {
		all = append(all, r.want)
	}
	return all
}()

// replayLive replays all exchanges of a file whose operation is covered. Errors of other
// operations answer a read.
func replayLive(t *testing.T, file string) {
	t.Helper()
	specs := map[string][]*drift.Operation{}
	for provider := range liveClients {
		spec, err := drift.Load("../../openapi/" + provider + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		specs[provider] = drift.All(spec)
	}
	count, seen := newTally(), map[string]bool{}
	for _, x := range liveExchanges(t, file) {
		count.lines++
		op := find(specs[x.provider], "", &x.exchange)
		operation := x.provider + " another operation"
		switch {
		case op != nil:
			count.covered++
			operation = x.provider + " " + op.ID()
		case x.status < 300:
			count.leave("no operation for " + x.method + " " + liveIDs.ReplaceAllString(x.path, "{id}"))
			continue
		}
		key := strings.TrimSpace(fmt.Sprintf("%s %d %s", operation, x.status, x.fault.code))
		seen[key] = true
		problems := x.replay(t, op)
		if reason := expectedFailures[file][key]; reason != "" {
			if len(problems) == 0 {
				t.Errorf("%s: %s passes: remove it from expectedFailures", x.name, key)
			}
			count.leave(key + ": " + reason)
			continue
		}
		for _, problem := range problems {
			t.Errorf("%s: %s: %s", x.name, key, problem)
		}
		if op != nil {
			count.replayed++
			count.operations[op.ID()]++
		} else {
			count.leave("an error of another operation, given to a read: it became the right code")
		}
	}
	for key := range expectedFailures[file] {
		if !seen[key] {
			t.Errorf("no exchange matches %s: remove it from expectedFailures", key)
		}
	}
	count.log(t)
	if count.covered == 0 {
		t.Error("no exchange has a covered operation")
	}
}

var liveIDs = regexp.MustCompile(`[0-9a-f]{24}`)

func TestReplay_Atlas(t *testing.T) {
	t.Parallel()
	replayLive(t, "atlas.jsonl")
}

// The answers of several providers, from public logs.
func TestReplay_PublicLogs(t *testing.T) {
	t.Parallel()
	replayLive(t, "found.jsonl")
}
