package offboardtest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
	"github.com/offboard-dev/offboard-go/workspace/workspacetest"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// target is a fake with an organization, and how a program reaches it.
type target struct {
	server      *offboardtest.Server
	spec        offboard.Spec
	credentials map[string]string
	deletion    string   // the operation
	secrets     []string // that the recording must not contain
}

// targets returns a fake of each provider.
func targets() map[string]target {
	k := katapulttest.NewServer()
	k.AddOrganization(katapulttest.Organization{ID: "org_acme", Name: "Acme"})
	k.Add("org_acme", katapulttest.DNSZone{ID: "dnszone_acme", Name: "acme.example"}, katapulttest.VirtualMachine{ID: "vm_web", Name: "web"})
	z := zitadeltest.NewServer()
	z.AddOrganization(zitadeltest.Organization{ID: "312909075211944042", Name: "Acme"})
	z.AddUser(zitadeltest.User{Organization: "312909075211944042", UserName: "jane"})
	a := atlastest.NewServer()
	a.AddOrganization(atlastest.Organization{ID: "5e2f00000000000000000001", Name: "Acme"})
	a.AddProject("5e2f00000000000000000001", atlastest.Project{ID: "5e2f0000000000000000000a", Name: "shop", Clusters: 1})
	w := workspacetest.NewServer()
	w.AddOrganization(workspacetest.Organization{
		ID: "65f0000000000000000000ac", Slug: "acme", Name: "Acme", Apps: []workspacetest.App{{Name: "Shop"}},
	})
	v := volterratest.NewServer()
	v.SetTenant(volterratest.Tenant{Name: "acme", KeepsCredential: true})
	v.AddNamespace(volterratest.Namespace{Name: "web"})
	all := map[string]target{
		"katapult": {
			k.Server, offboard.Spec{Organization: "org_acme"}, map[string]string{"KATAPULT_API_KEY": katapulttest.Token},
			"DeleteOrganization", []string{katapulttest.Token},
		},
		"zitadel": {
			z.Server, offboard.Spec{Organization: "312909075211944042"}, map[string]string{"ZITADEL_SERVICE_USER_TOKEN": zitadeltest.Token},
			"DeleteOrganization", []string{zitadeltest.Token},
		},
		"atlas": {
			a.Server, offboard.Spec{Organization: "5e2f00000000000000000001"},
			map[string]string{"MONGODB_ATLAS_CLIENT_ID": atlastest.ClientID, "MONGODB_ATLAS_CLIENT_SECRET": atlastest.ClientSecret},
			"DeleteOrganization", []string{atlastest.ClientSecret, atlastest.Token},
		},
		"workspace": {
			w.Server, offboard.Spec{Organization: "acme"}, map[string]string{"APPLIVERY_API_TOKEN": workspacetest.Token},
			"DeleteOrganization", []string{workspacetest.Token},
		},
		"volterra": {
			v.Server, offboard.Spec{Organization: "acme", Email: "owner@acme.example"}, map[string]string{"F5XC_API_TOKEN": volterratest.Token},
			"RequestTenantDeletion", []string{volterratest.Token},
		},
	}
	for name, s := range all {
		s.spec.Provider = name
		s.spec.BaseURL, _ = s.server.Endpoint()
		all[name] = s
	}
	return all
}

// open opens the organization with a transport.
func (s target) open(t *testing.T, client *http.Client, credential func(string) string) offboard.Organization {
	t.Helper()
	o, err := offboard.Open(t.Context(), s.spec, offboard.WithHTTPClient(client), offboard.WithCredentials(func(name string) (string, error) {
		if s.credentials[name] == "" {
			return "", nil
		}
		return credential(name), nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// calls makes calls of all kinds that change little, and returns their results.
func calls(t *testing.T, o offboard.Organization) []string {
	t.Helper()
	ctx := t.Context()
	name, err := o.Name(ctx)
	results := []string{name, form(err), form(o.Check(ctx))}
	plan, err := o.Plan(ctx)
	results = append(results, plan.Digest(), form(err))
	results = append(results, form(o.Delete(ctx)), form(o.Delete(ctx)))
	if plan != nil {
		for _, step := range plan.Steps {
			results = append(results, step.ID)
		}
	}
	return results
}

// form returns all that an error contains, except the text of a lost connection.
func form(err error) string {
	data, failed := json.Marshal(err)
	if failed != nil {
		return failed.Error()
	}
	return string(data)
}

// lose adds faults: a rate limit, and a lost response of the deletion.
func (s target) lose() {
	limited := offboardtest.Respond(s.deletion, http.StatusTooManyRequests, "{}")
	limited.Header.Set("Retry-After", "1")
	s.server.Fail(limited, offboardtest.LoseResponse(s.deletion))
}

// A run against each fake is recorded and replayed, with other credentials. The results are the
// same, and the recording contains no secret.
func TestRecorder_Replay(t *testing.T) {
	t.Parallel()
	for name := range targets() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := targets()[name]
				s.lose()
				var file bytes.Buffer
				recorder := offboardtest.NewRecorder(&file, s.server)
				want := calls(t, s.open(t, recorder.Client(), func(name string) string { return s.credentials[name] }))
				if err := recorder.Err(); err != nil {
					t.Fatal(err)
				}
				for _, secret := range s.secrets {
					if strings.Contains(file.String(), secret) {
						t.Errorf("the recording contains %q:\n%s", secret, file.String())
					}
				}
				exchanges, err := offboardtest.ReadRecording(&file)
				if err != nil || len(exchanges) != len(s.server.Requests()) {
					t.Fatalf("got %d exchanges of %d, %v", len(exchanges), len(s.server.Requests()), err)
				}
				replay := offboardtest.NewReplay(exchanges)
				got := calls(t, s.open(t, replay.Client(), func(name string) string { return "another-credential-" + strings.ToLower(name) }))
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("(-recorded +replayed):\n%s", diff)
				}
				replay.AssertUsed(t)
			})
		})
	}
}

// A teardown polls at other times in a replay.
func TestRecorder_ReplayTeardown(t *testing.T) {
	t.Parallel()
	for name := range targets() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := targets()[name]
				apply := func(client *http.Client) []string {
					o := s.open(t, client, func(name string) string { return s.credentials[name] })
					plan, err := o.Plan(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					// One step at a time, so that the order is the same.
					report, err := o.Teardown(t.Context(), plan, teardown.WithConfirm(plan.Organization.Name), teardown.WithConcurrency(1), teardown.WithMaxStarted(1))
					if err != nil {
						t.Fatal(err)
					}
					results := []string{string(report.Outcome)}
					for _, step := range report.Steps {
						results = append(results, step.ID+" "+string(step.State))
					}
					return results
				}
				var file bytes.Buffer
				want := apply(offboardtest.NewRecorder(&file, s.server).Client())
				exchanges, err := offboardtest.ReadRecording(&file)
				if err != nil {
					t.Fatal(err)
				}
				replay := offboardtest.NewReplay(exchanges)
				replay.RepeatReads()
				if diff := cmp.Diff(want, apply(replay.Client())); diff != "" {
					t.Errorf("(-recorded +replayed):\n%s", diff)
				}
			})
		})
	}
}

const canary = "canary-7f3a"

// Every place of an exchange that can contain a secret.
func TestRecorder_Redaction(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]offboardtest.Exchange{
		"authorization":    {URL: "https://x.example/a", RequestHeader: http.Header{"Authorization": {"Bearer " + canary}}},
		"echoed bearer":    {URL: "https://x.example/a", RequestHeader: http.Header{"Authorization": {"Bearer " + canary}}, Body: []byte(`{"message":"bad ` + canary + `"}`)},
		"basic":            {URL: "https://x.example/a", RequestHeader: http.Header{"Authorization": {"Basic aWQ6Y2FuYXJ5LTdmM2E="}}, Body: []byte(canary)},
		"cookie":           {URL: "https://x.example/a", RequestHeader: http.Header{"Cookie": {"session=" + canary}}, Body: []byte(canary)},
		"set-cookie":       {URL: "https://x.example/a", Header: http.Header{"Set-Cookie": {"session=" + canary + "; Path=/"}}, Body: []byte(canary)},
		"other header":     {URL: "https://x.example/a", RequestHeader: http.Header{"X-Api-Key": {canary}}, Header: http.Header{"X-Echo": {canary}}},
		"user information": {URL: "https://id:" + canary + "@x.example/a"},
		"query":            {URL: "https://x.example/a?access_token=" + canary + "&api_key=" + canary + "&sig=" + canary + "&key=" + canary},
		"fragment":         {URL: "https://x.example/a#" + canary},
		"location":         {URL: "https://x.example/a", Header: http.Header{"Location": {"https://u:" + canary + "@x.example/b?token=" + canary}}},
		"token request":    {URL: "https://x.example/oauth/v2/token", RequestBody: []byte("grant_type=client_credentials&client_secret=" + canary), Body: []byte(`{"access_token":"` + canary + `","token_type":"Bearer"}`)},
		"token in HTML":    {URL: "https://x.example/oauth/token", Body: []byte("<p>" + canary)},
		"form":             {URL: "https://x.example/a", RequestBody: []byte("a=b&password=" + canary)},
		"JSON member":      {URL: "https://x.example/a", Body: []byte(`{"a":[{"secret_access_key":"` + canary + `"}],"tokens":["` + canary + `"],"privateKey": "\"` + canary + `"}`)},
		"nested object":    {URL: "https://x.example/a", Body: []byte(`{"password":{"value":"` + canary + `","more":[["` + canary + `",{"url":"` + canary + `"}]]}}`)},
		"nested array":     {URL: "https://x.example/a", Body: []byte(`{"clear_secret_info":[[{"url":"string:///` + canary + `"}]],"hashedPassword":{"hash":"` + canary + `"}}`)},
		"key":              {URL: "https://x.example/a", Body: []byte(`{"key":"` + canary + `-1234567","keyDetails":"` + canary + `","keyContent":{"a":"` + canary + `"}}`)},
		"number":           {URL: "https://x.example/a", Body: []byte(`{"password":[12` + `,"` + canary + `"]}`)},
		"JSON in a string": {URL: "https://x.example/a", Body: []byte(`{"text":"{\"a\":\"{\\\"token\\\":\\\"` + canary + `\\\"}\"}"}`)},
		"URL in a body":    {URL: "https://x.example/a", Body: []byte(`{"at":"https://u:` + canary + `@x.example/","b":"https:\/\/u:` + canary + `@x.example"}`)},
		"URL parameter":    {URL: "https://x.example/a", Body: []byte(`{"at":"https://x.example/a?token=` + canary + `","b":"/a;token=` + canary + `","c":"/?a=b\u0026api_key=` + canary + `"}`)},
		"private key":      {URL: "https://x.example/a", Body: []byte(`{"text":"-----BEGIN RSA PRIVATE KEY-----\n` + canary + `\n-----END RSA PRIVATE KEY-----\n"}`)},
		"multipart":        {URL: "https://x.example/a", RequestBody: []byte("--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n" + canary + "\r\n--b--\r\n")},
		"repeated member":  {URL: "https://x.example/a", Body: []byte(`{"password":"x","password":"` + canary + `"}`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x.Method, x.Status = "POST", 200
			line, err := json.Marshal(x)
			if err != nil {
				t.Fatal(err)
			}
			all, err := offboardtest.ReadRecording(bytes.NewReader(line))
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := offboardtest.WriteRecording(&out, all); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(out.String(), canary) || !strings.Contains(out.String(), "REDACTED") && name != "fragment" && name != "user information" {
				t.Errorf("got %s", out.String())
			}
		})
	}
}

// The values that a user gives are replaced in all their forms, and no other byte of a body.
func TestRecorder_Secrets(t *testing.T) {
	t.Parallel()
	const secret = `p/q "ä`
	quoted, _ := json.Marshal(secret)
	for _, form := range []string{secret, "p%2Fq+%22%C3%A4", "p%2Fq%20%22%C3%A4", string(quoted[1 : len(quoted)-1]), `p\/q \"\u00e4`, `p\u002Fq\u0020\u0022\u00E4`, "p%2fq+%22%c3%a4", "cC9xICLDpA=="} {
		x := offboardtest.Exchange{
			Method: "GET", URL: "https://x.example/", Status: 200, Header: http.Header{"Server": {form}}, Body: []byte(`{"a": 1.50, "n":"` + form), Error: "lost " + form,
		}
		line, _ := json.Marshal(x)
		all, err := offboardtest.ReadRecording(bytes.NewReader(line), secret)
		if err != nil {
			t.Fatal(err)
		}
		got := all[0]
		if string(got.Body) != `{"a": 1.50, "n":"REDACTED` || got.Header.Get("Server") != "REDACTED" || got.Error != "lost REDACTED" {
			t.Errorf("%q: got %+v, %s", form, got, got.Body)
		}
	}
}

// What a client needs stays.
func TestRecorder_Kept(t *testing.T) {
	t.Parallel()
	x := offboardtest.Exchange{
		Method: "GET", URL: "https://x.example/a?page_token=abc&organization%5Bid%5D=org_x", Status: 200,
		RequestHeader: http.Header{"X-Zitadel-Orgid": {"1"}, "Accept": {"application/json"}},
		Header:        http.Header{"X-Request-Id": {"r"}, "X-Ratelimit-Remaining": {"5"}, "Retry-After": {"1"}, "Age": {"0"}, "Content-Length": {"9"}},
		Body:          []byte("{\"token_type\":\"Bearer\",\"next_page_token\":\"abc\",\"secret\":true,\"token\":null,\"count\":7,\"key\":\"environment\",\"url\":\"https://x.example/a?b=c\",\"text\":\"{ \\\"a\\\": 1 }\",\"id\" : \"x\",\"id\":\"y\"}\n"),
	}
	line, _ := json.Marshal(x)
	all, err := offboardtest.ReadRecording(bytes.NewReader(line))
	if err != nil {
		t.Fatal(err)
	}
	x.Header.Del("Content-Length")
	if diff := cmp.Diff([]offboardtest.Exchange{x}, all); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReplay_Differences(t *testing.T) {
	t.Parallel()
	recording := strings.Join([]string{
		`{"method":"GET","url":"https://x.example/v1/orgs/a?page=1","status":200,"body":"one"}`,
		`{"method":"GET","url":"https://x.example/v1/orgs/a?page=1","status":200,"body":"two"}`,
		`{"method":"POST","url":"https://x.example/v1/orgs","request_body":"{\"name\":\"Acme\",\"n\":1}","status":201}`,
		`{"method":"GET","url":"https://x.example/me","request_header":{"X-Zitadel-Orgid":["7"]},"status":200}`,
		``,
	}, "\n")
	exchanges, err := offboardtest.ReadRecording(strings.NewReader(recording))
	if err != nil {
		t.Fatal(err)
	}
	replay := offboardtest.NewReplay(exchanges)
	send := func(method, path, body string, header ...string) (string, error) {
		req, err := http.NewRequest(method, "https://other.example"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range header {
			req.Header.Set("X-Zitadel-OrgId", value)
		}
		resp, err := replay.RoundTrip(req)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		return string(text), err
	}
	for _, want := range []string{"one", "two"} {
		if got, err := send("GET", "/v1/orgs/a?page=1", ""); got != want || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	for request, want := range map[[3]string]string{
		{"GET", "/v1/orgs/a?page=1", ""}:                 "all recorded responses to it are used",
		{"GET", "/v1/orgs/a?page=2&sort=x", ""}:          "query page: recorded \"1\", sent \"2\"\n  query sort: recorded nothing, sent \"x\"",
		{"DELETE", "/v1/orgs/a?page=1", ""}:              "method: recorded \"GET\", sent \"DELETE\"",
		{"POST", "/v1/orgs", `{"n":2,"name":"Acme"}`}:    `body: recorded "{\"name\":\"Acme\",\"n\":1}", sent "{\"n\":2,\"name\":\"Acme\"}"`,
		{"GET", "/v1/orgs/b?page=1", ""}:                 `path: recorded "/v1/orgs/a", sent "/v1/orgs/b"`,
		{"GET", "/me", ""}:                               `header X-Zitadel-Orgid: recorded "7", sent nothing`,
		{"POST", "/v1/orgs", `{"n":1,"name":"Acme"} , `}: "nearest is exchange 3: POST https://x.example/v1/orgs",
	} {
		if _, err := send(request[0], request[1], request[2]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want %s", request, err, want)
		}
	}
	if _, err := send("POST", "/v1/orgs", `{"n": 1, "name": "Acme"}`); err != nil {
		t.Errorf("another order of JSON members: %v", err)
	}
	if unused := replay.Unused(); len(unused) != 1 || unused[0].URL != "https://x.example/me" {
		t.Errorf("got %v", unused)
	}
	var failures recordedErrors
	if replay.AssertUsed(&failures); len(failures.texts) != 8 || !strings.Contains(failures.texts[7], "recorded exchange answered no request: GET https://x.example/me") {
		t.Errorf("got %d errors: %q", len(failures.texts), failures.texts)
	}
	replay.RepeatReads()
	if got, err := send("GET", "/v1/orgs/a?page=1", ""); got != "two" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := send("POST", "/v1/orgs", `{"n":1,"name":"Acme"}`); err == nil {
		t.Error("a write is repeated")
	}
}

// recordedErrors is a test whose errors are recorded.
type recordedErrors struct {
	testing.TB
	texts []string
}

func (r *recordedErrors) Helper() {}
func (r *recordedErrors) Errorf(format string, args ...any) {
	r.texts = append(r.texts, fmt.Sprintf(format, args...))
}

func TestReadRecording_HAR(t *testing.T) {
	t.Parallel()
	file, err := os.Open("testdata/atlas.har")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	exchanges, err := offboardtest.ReadRecording(file)
	if err != nil {
		t.Fatal(err)
	}
	var lines bytes.Buffer
	if err := offboardtest.WriteRecording(&lines, exchanges); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(lines.String(), canary) {
		t.Errorf("got %s", lines.String())
	}
	again, err := offboardtest.ReadRecording(&lines)
	if diff := cmp.Diff(exchanges, again); diff != "" || err != nil {
		t.Errorf("%v (-HAR +lines):\n%s", err, diff)
	}
	replay := offboardtest.NewReplay(exchanges)
	s := target{
		spec:        offboard.Spec{Provider: "atlas", Organization: "5e2f00000000000000000001", BaseURL: "https://cloud.mongodb.com"},
		credentials: map[string]string{"MONGODB_ATLAS_CLIENT_ID": "x", "MONGODB_ATLAS_CLIENT_SECRET": "x"},
	}
	o := s.open(t, replay.Client(), func(string) string { return "mdb_sa_xxxxxxxxxxxx" })
	if name, err := o.Name(t.Context()); name != "Acme" || err != nil {
		t.Errorf("got %q, %v", name, err)
	}
	replay.AssertUsed(t)
}

func TestReadRecording_Invalid(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{":               "line 1 of the recording",
		"\n\n{\"url\":1}": "line 3 of the recording",
		`{"url":"https://x.example","status":200}`:               "the method is missing",
		`{"method":"GET","url":"/a","status":200}`:               "the URL must be absolute",
		`{"method":"GET","url":"https://x.example"}`:             "the status or the error is missing",
		`{"method":"GET","url":"https://x.example","status":12}`: "between 100 and 999",
		`{"log":{"entries":[{"request":{"method":"GET"}}]}}`:     "entry 1 of the HAR file: the URL must be absolute",
		`{"log":{"entries":[{"request":{"method":"GET","url":"https://x.example"},"response":{"status":200,"content":{"text":"!","encoding":"x"}}}]}}`: `unknown encoding "x"`,
		`{"log":{"entries":[{"request":{"method":"GET","url":"https://x.example"},"response":{"content":{"text":"!","encoding":"base64"}}}]}}`:         "not base64",
		`{"log":{"entries":1}}`: "the HAR file: ",
	} {
		if all, err := offboardtest.ReadRecording(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, %v, want %q", text, all, err, want)
		}
	}
	if _, err := offboardtest.ReadRecording(iotest.ErrReader(io.ErrClosedPipe)); err != io.ErrClosedPipe {
		t.Errorf("got %v", err)
	}
	if all, err := offboardtest.ReadRecording(strings.NewReader("")); len(all) > 0 || err != nil {
		t.Errorf("got %v, %v", all, err)
	}
}

// A truncated body is truncated in the replay, and a body that is not UTF-8 keeps its bytes.
func TestRecorder_Bodies(t *testing.T) {
	t.Parallel()
	s := targets()["katapult"]
	s.server.Fail(
		offboardtest.TruncateResponse("GetOrganization"),
		offboardtest.EditBody("GetOrganization", func([]byte) []byte { return []byte("\xff\x00\xfe") }),
		offboardtest.RefuseConnection("GetOrganization"),
	)
	var file bytes.Buffer
	read := func(transport http.RoundTripper) (results []string) {
		for range 3 {
			req, err := http.NewRequest("GET", s.spec.BaseURL+"/organizations/organization?organization%5Bid%5D=org_acme", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+katapulttest.Token)
			resp, err := transport.RoundTrip(req)
			if err != nil {
				results = append(results, "error")
				continue
			}
			body, err := io.ReadAll(resp.Body)
			results = append(results, fmt.Sprintf("%q %v", body, err))
		}
		return results
	}
	want := read(offboardtest.NewRecorder(&file, s.server))
	exchanges, err := offboardtest.ReadRecording(&file)
	if err != nil || !exchanges[2].NotSent || exchanges[1].NotSent {
		t.Fatalf("got %+v, %v", exchanges, err)
	}
	if diff := cmp.Diff(want, read(offboardtest.NewReplay(exchanges))); diff != "" || !strings.Contains(want[0], "unexpected EOF") || want[1] != `"\xff\x00\xfe" <nil>` {
		t.Errorf("%q (-want +got):\n%s", want, diff)
	}
}

// An error of the writer does not change the requests.
func TestRecorder_WriteError(t *testing.T) {
	t.Parallel()
	s := targets()["zitadel"]
	recorder := offboardtest.NewRecorder(failedWriter{}, s.server)
	o := s.open(t, recorder.Client(), func(name string) string { return s.credentials[name] })
	if name, err := o.Name(t.Context()); name != "Acme" || err != nil {
		t.Errorf("got %q, %v", name, err)
	}
	if recorder.Err() != io.ErrShortWrite {
		t.Errorf("got %v", recorder.Err())
	}
}

type failedWriter struct{}

func (failedWriter) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func FuzzReadRecording(f *testing.F) {
	har, err := os.ReadFile("testdata/atlas.har")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(har, "")
	f.Add([]byte(`{"method":"GET","url":"https://u:p@x.example/a?token=b","request_header":{"Authorization":["Basic YTpi"],"Cookie":["a=bbbbbbbbb"]},"status":200,"header":{"Set-Cookie":["x=yyyyyyyyyyy"]},"body":"{\"a\":[{\"password\":\"\\\"x\"}]}","error":"lost"}`), "x.example")
	f.Add([]byte(`{"method":"POST","url":"https://x.example/token","request_body":"grant_type=a&client_secret=bbbbbbbbb","status":200,"body_base64":"/w=="}`), "b")
	f.Fuzz(func(t *testing.T, data []byte, secret string) {
		all, err := offboardtest.ReadRecording(bytes.NewReader(data), secret)
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := offboardtest.WriteRecording(&out, all); err != nil {
			t.Fatal(err)
		}
		again, err := offboardtest.ReadRecording(&out, secret)
		if err != nil || len(again) != len(all) {
			t.Fatalf("got %d exchanges of %d, %v", len(again), len(all), err)
		}
		replay := offboardtest.NewReplay(again)
		for _, x := range again {
			req, err := http.NewRequest(x.Method, x.URL, bytes.NewReader(x.RequestBody))
			if err != nil {
				continue
			}
			if resp, err := replay.RoundTrip(req); err == nil {
				_, _ = io.ReadAll(resp.Body)
			}
		}
	})
}

// A body that was cut, and the header Link, contain no secret in a recording.
func TestRecorder_CutBodyAndLink(t *testing.T) {
	t.Parallel()
	const cut, link = "secret-in-a-cut-body", "secret-in-a-link"
	transport := roundTripper(func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: 200, Request: r,
			Header: http.Header{"Content-Type": {"application/json"}, "Link": {`<https://x.example/next?token=` + link + `>; rel="next"`}},
			Body:   io.NopCloser(strings.NewReader(`{"key":{"id":"k","secret_access_key":"` + cut)),
		}, nil
	})
	var recording bytes.Buffer
	resp, err := offboardtest.NewRecorder(&recording, transport).Client().Get("https://x.example/keys/k")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if got := recording.String(); strings.Contains(got, cut) || strings.Contains(got, link) || !strings.Contains(got, "/next?") {
		t.Errorf("got %s", got)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
