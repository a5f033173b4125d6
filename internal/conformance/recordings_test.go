package conformance_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/zitadel"
)

// recordings finds a file or directory of recorded exchanges with real services. They are
// not part of the project; without them the test is skipped.
func recordings(t *testing.T, name string) string {
	t.Helper()
	if !recorded(name) {
		t.Skipf("no recordings: OFFBOARD_RECORDINGS must name the directory that contains %s", name)
	}
	return recordingsPath(name)
}

func recordingsPath(name string) string {
	folder := os.Getenv("OFFBOARD_RECORDINGS")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", "recordings")
	}
	return filepath.Join(folder, name)
}

func recorded(name string) bool {
	_, err := os.Stat(recordingsPath(name))
	return err == nil
}

// exchange is a recorded request and its answer.
type exchange struct {
	name         string
	method, path string
	status       int
	header       http.Header
	body         []byte

	// Fields of the request.
	query         string
	request       []byte
	requestHeader http.Header
}

// RoundTrip returns the recorded answer to any request.
func (x *exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: x.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: x.header.Clone(), Body: io.NopCloser(bytes.NewReader(x.body)),
		ContentLength: int64(len(x.body)), Request: req,
	}, nil
}

func (x *exchange) client() *http.Client { return &http.Client{Transport: x} }

// katapultExchanges reads a file with one exchange per line.
func katapultExchanges(t *testing.T) []*exchange {
	t.Helper()
	file, err := os.Open(recordings(t, "katapult.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var found []*exchange
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var line struct {
			Recording string
			Request   struct{ Method, Path, Query, Body string }
			Response  struct {
				Status  int
				Headers map[string]string
				Body    string
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		x := &exchange{
			name: line.Recording, method: line.Request.Method, path: line.Request.Path,
			status: line.Response.Status, header: http.Header{}, body: []byte(line.Response.Body),
			query: line.Request.Query, request: []byte(line.Request.Body), requestHeader: http.Header{},
		}
		for name, value := range line.Response.Headers {
			x.header.Set(name, value)
		}
		found = append(found, x)
	}
	if err := lines.Err(); err != nil || len(found) == 0 {
		t.Fatalf("%d exchanges, %v", len(found), err)
	}
	return found
}

var (
	requestLine  = regexp.MustCompile(`### REQUEST[^\n]*\n(\S+) (\S+) HTTP`)
	responseLine = regexp.MustCompile(`### RESPONSE[^\n]*\n`)
)

// zitadelExchanges reads a directory of files with one exchange each.
func zitadelExchanges(t *testing.T) []*exchange {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(recordings(t, "zitadel"), "*.http"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	var found []*exchange
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		request, response := requestLine.FindSubmatch(text), responseLine.FindIndex(text)
		if request == nil || response == nil {
			t.Fatalf("%s is not an exchange", name)
		}
		x := &exchange{name: filepath.Base(name), method: string(request[1]), path: string(request[2])}
		x.readRequest(string(text[:response[0]]))
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(text[response[1]:])), &http.Request{Method: x.method})
		if err != nil {
			// No answer was recorded.
			t.Logf("%s: %v", x.name, err)
			continue
		}
		x.status, x.header = resp.StatusCode, resp.Header
		// The recorded length may differ from that of the text.
		_, body, _ := strings.Cut(strings.ReplaceAll(string(text[response[1]:]), "\r\n", "\n"), "\n\n")
		x.body = []byte(body)
		found = append(found, x)
	}
	return found
}

// readRequest reads the rest of a recorded request.
func (x *exchange) readRequest(text string) {
	_, x.query, _ = strings.Cut(x.path, "?")
	_, text, _ = strings.Cut(strings.ReplaceAll(text, "\r\n", "\n"), "\n") // the heading
	_, text, _ = strings.Cut(text, "\n")                                   // the request line
	head, body, _ := strings.Cut(text, "\n\n")
	x.requestHeader, x.request = http.Header{}, []byte(strings.TrimSpace(body))
	for line := range strings.SplitSeq(head, "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			x.requestHeader.Add(name, strings.TrimSpace(value))
		}
	}
}

// check reports an error that differs from the expected one of an answer.
func (x *exchange) check(t *testing.T, err error, providerCode string, want errors.Code) {
	t.Helper()
	e, ok := errors.AsType[*errors.Error](err)
	if !ok {
		t.Errorf("%s: %s %s: got %v (%T), want an *errors.Error", x.name, x.method, x.path, err, err)
		return
	}
	if e.Status != x.status {
		t.Errorf("%s: got status %d, want %d", x.name, e.Status, x.status)
	}
	if e.ProviderCode != providerCode {
		t.Errorf("%s: got the provider's code %q, want %q", x.name, e.ProviderCode, providerCode)
	}
	if e.Code != want || want == "" {
		t.Errorf("%s: %s %s: got %q for %d %s, want %q", x.name, x.method, x.path, e.Code, x.status, providerCode, want)
	}
	if id := x.header.Get("X-Request-Id"); e.RequestID != id {
		t.Errorf("%s: got request id %q, want %q", x.name, e.RequestID, id)
	}
}

func TestRecordings_KatapultErrors(t *testing.T) {
	t.Parallel()
	want := map[string]errors.Code{
		"object_storage_provisioning_error": errors.Unavailable,
		"unassigned_disk":                   errors.UnassignedDisk,
		"validation_error":                  errors.ValidationError,

		// Codes of operations that the client does not cover.
		"address_list_entry_not_found":    errors.NotFound,
		"address_list_not_found":          errors.NotFound,
		"security_group_not_found":        errors.NotFound,
		"security_group_rule_not_found":   errors.NotFound,
		"virtual_machine_group_not_found": errors.NotFound,
	}
	seen := 0
	for _, x := range katapultExchanges(t) {
		if x.status < 300 {
			continue
		}
		seen++
		var body struct {
			Error struct {
				Code        string
				Description string
				Detail      struct{ Errors []string }
			}
		}
		if err := json.Unmarshal(x.body, &body); err != nil {
			t.Fatalf("%s: %v", x.name, err)
		}
		code := want[body.Error.Code]
		if code == "" && x.status == http.StatusNotFound && strings.HasSuffix(body.Error.Code, "_not_found") {
			code = errors.Code(body.Error.Code)
		}
		c, err := katapult.New(katapult.WithToken("token"), katapult.WithHTTPClient(x.client()), katapult.WithRetry(katapult.Retry{MaxAttempts: 1, MaxWait: time.Second}))
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.GetOrganization(t.Context(), katapult.ID("org_1"))
		x.check(t, err, body.Error.Code, code)
		e, _ := errors.AsType[*errors.Error](err)
		if e == nil || e.Message != body.Error.Description {
			t.Errorf("%s: got %v, want the text %q", x.name, err, body.Error.Description)
		}
		if d, ok := e.Detail.(katapult.ValidationErrorDetail); ok != (body.Error.Code == "validation_error") || len(d.Errors) != len(body.Error.Detail.Errors) {
			t.Errorf("%s: got the detail %+v", x.name, e.Detail)
		}
	}
	t.Logf("%d error answers", seen)
	if seen == 0 {
		t.Error("no exchange was found")
	}
}

// zitadelCodes maps the IDs of recorded answers to their expected codes.
var zitadelCodes = map[string]errors.Code{
	"AUTH-5mWD2":   errors.PermissionDenied,
	"AUTH-7fs1e":   errors.InvalidAPIToken,
	"AUTH-AWfge":   errors.PermissionDenied,
	"AUTH-Bs7Ds":   errors.PermissionDenied,
	"AUTH-toLo1":   errors.Unauthenticated,
	"AUTHZ-cdgFk":  errors.PermissionDenied,
	"COMMA-AF3JW":  errors.SystemOrganization,
	"COMMA-aps2n":  errors.OrganizationNotFound,
	"COMMA-wG9p1":  errors.DefaultOrganization,
	"EVENT-Dbs2g":  errors.OrganizationInactive,
	"EVENT-bfnrh":  errors.OrganizationActive,
	"LIMITS-molsj": errors.InstanceBlocked,
	"ORG-laho2n":   errors.OrganizationExists,
	"QUERY-1kIjX":  errors.InstanceNotFound,
	"QUERY-4M0fs":  errors.InvalidArgument,
	"QUERY-leq5Q":  errors.OrganizationNotFound,
	"QUERY-wIPkA":  errors.NotFound,
	"QUOTA-vjAy8":  errors.QuotaExhausted,
	"V3-DKcYh":     errors.OrganizationExists,
}

// zitadelTexts maps answers without an ID to their expected codes: the first text that the
// answer contains counts.
var zitadelTexts = []struct {
	text string
	code errors.Code
}{
	{"auth header missing", errors.MissingAPIToken},
	{"code = InvalidArgument", errors.InvalidArgument},
	{`"code":3,`, errors.InvalidArgument},
	{"context deadline exceeded", errors.Unavailable},
	{`"Not Found"`, errors.RouteNotFound},
	{"Method Not Allowed", errors.RouteNotFound},
}

// grantCodes maps errors of the token endpoint to their expected codes.
var grantCodes = map[string]errors.Code{
	"invalid_client":         errors.Unauthenticated,
	"invalid_request":        errors.Unauthenticated,
	"server_error":           errors.Unauthenticated,
	"unsupported_grant_type": errors.InvalidArgument,
	"":                       errors.InstanceBlocked,
}

var anID = regexp.MustCompile(`(?:AUTHZ?|COMMA|EVENT|LIMITS|ORG|QUERY|QUOTA|V3)-[0-9A-Za-z]+`)

func TestRecordings_ZitadelErrors(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, x := range zitadelExchanges(t) {
		if x.status < 300 {
			continue
		}
		seen++
		if x.path == "/oauth/v2/token" {
			x.checkToken(t)
			continue
		}
		id := string(anID.Find(x.body))
		want := zitadelCodes[id]
		for _, known := range zitadelTexts {
			if id == "" && want == "" && strings.Contains(string(x.body), known.text) {
				want = known.code
			}
		}
		if x.status < 400 {
			want = errors.UnexpectedResponse
		}
		c, err := zitadel.New(
			zitadel.WithBaseURL("https://zitadel.invalid"), zitadel.WithToken("token"),
			zitadel.WithHTTPClient(x.client()), zitadel.WithRetry(zitadel.Retry{MaxAttempts: 1, MaxWait: time.Second}),
		)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.SearchOrganizationsPage(t.Context(), zitadel.OrganizationSearch{})
		x.check(t, err, id, want)
	}
	t.Logf("%d error answers", seen)
	if seen == 0 {
		t.Error("no exchange was found")
	}
}

// checkToken lets the token endpoint return the answer. The operation itself is never sent,
// and its error wraps the token error.
func (x *exchange) checkToken(t *testing.T) {
	t.Helper()
	c, err := zitadel.New(
		zitadel.WithBaseURL("https://zitadel.invalid"), zitadel.WithClientCredentials("id", "secret"),
		zitadel.WithHTTPClient(x.client()), zitadel.WithRetry(zitadel.Retry{MaxAttempts: 1, MaxWait: time.Second}),
	)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.DeleteOrganization(t.Context(), "1")
	e, _ := errors.AsType[*errors.Error](err)
	var body struct{ Error string }
	_ = json.Unmarshal(x.body, &body)
	want := grantCodes[body.Error]
	if e == nil || e.Code != want || e.ProviderCode != body.Error || e.Status != 0 || e.Attempts != 0 {
		t.Fatalf("%s: got %v, want %q and nothing sent", x.name, err, want)
	}
	x.check(t, e.Err, body.Error, want)
}
