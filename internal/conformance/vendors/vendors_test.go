package vendors

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/krystal/go-katapult/next/core"
	"go.mongodb.org/atlas-sdk/v20250312005/admin"
	"go.mongodb.org/atlas-sdk/v20250312005/auth"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/katapult"
)

const (
	atlasID    = "5e2f00000000000000000001"
	katapultID = "org_x"
)

// canned answers every request with the same answer, in memory.
type canned struct {
	status int
	body   string
	// sent, if set, is called with every request except those for a token.
	sent func(sent)
}

// sent is the part of a request that all clients must have in common.
type sent struct{ Method, URL, Body string }

func (c canned) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		_ = req.Body.Close()
	}
	if strings.HasSuffix(req.URL.Path, "/oauth/token") {
		c = canned{status: 200, body: `{"access_token":"token","token_type":"Bearer","expires_in":3600}`}
	}
	if c.sent != nil {
		c.sent(sent{req.Method, req.URL.String(), strings.TrimSpace(string(body))})
	}
	return &http.Response{
		StatusCode: c.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}},
		Body:          io.NopCloser(strings.NewReader(c.body)),
		ContentLength: int64(len(c.body)),
		Request:       req,
	}, nil
}

// A call deletes an organization and returns an error unless the answer is the expected
// one.
type call func(context.Context) error

// A comparison is one deletion and its answer, by the three clients.
type comparison struct {
	answer canned
	// Each takes the HTTP client that must send all of its requests.
	baseline, offboard, vendor func(testing.TB, *http.Client) call
}

// comparisons are the calls that BENCHMARKS.md lists.
var comparisons = map[string]comparison{
	"AtlasDelete": {
		answer: canned{status: 204},
		baseline: func(_ testing.TB, client *http.Client) call {
			return func(ctx context.Context) error {
				return baseline(ctx, client, atlas.DefaultBaseURL+"/api/atlas/v2/orgs/"+atlasID, nil, nil)
			}
		},
		offboard: func(tb testing.TB, client *http.Client) call {
			c := newAtlas(tb, client)
			return func(ctx context.Context) error { return c.DeleteOrganization(ctx, atlasID) }
		},
		vendor: func(tb testing.TB, client *http.Client) call {
			c := newAtlasVendor(tb, client)
			return func(ctx context.Context) error {
				_, err := c.OrganizationsApi.DeleteOrganization(ctx, atlasID).Execute()
				return err
			}
		},
	},
	"AtlasRefusal": {
		answer: canned{status: 409, body: `{"detail":"The organization still has projects.","error":409,"errorCode":"ORG_NOT_EMPTY","parameters":["` + atlasID + `"],"reason":"Conflict"}`},
		baseline: func(_ testing.TB, client *http.Client) call {
			return func(ctx context.Context) error {
				var out struct {
					Error      int    `json:"error"`
					ErrorCode  string `json:"errorCode"`
					Detail     string `json:"detail"`
					Reason     string `json:"reason"`
					Parameters []any  `json:"parameters"`
				}
				err := baseline(ctx, client, atlas.DefaultBaseURL+"/api/atlas/v2/orgs/"+atlasID, nil, &out)
				if err == nil && out.ErrorCode != "ORG_NOT_EMPTY" {
					return errors.New("not refused")
				}
				return err
			}
		},
		offboard: func(tb testing.TB, client *http.Client) call {
			c := newAtlas(tb, client)
			return func(ctx context.Context) error {
				err := c.DeleteOrganization(ctx, atlasID)
				if errors.Is(err, errors.OrganizationNotEmpty) {
					return nil
				}
				return errors.Join(errors.New("not refused"), err)
			}
		},
		vendor: func(tb testing.TB, client *http.Client) call {
			c := newAtlasVendor(tb, client)
			return func(ctx context.Context) error {
				_, err := c.OrganizationsApi.DeleteOrganization(ctx, atlasID).Execute()
				if admin.IsErrorCode(err, "ORG_NOT_EMPTY") {
					return nil
				}
				return errors.Join(errors.New("not refused"), err)
			}
		},
	},
	"KatapultDelete": {
		answer: canned{status: 200, body: `{"success":true}`},
		baseline: func(_ testing.TB, client *http.Client) call {
			return func(ctx context.Context) error {
				var in struct {
					Organization struct {
						ID string `json:"id"`
					} `json:"organization"`
				}
				in.Organization.ID = katapultID
				var out struct {
					Success bool `json:"success"`
				}
				err := baseline(ctx, client, katapult.DefaultBaseURL+"/managed_organizations/organization", in, &out)
				if err == nil && !out.Success {
					return errors.New("not deleted")
				}
				return err
			}
		},
		offboard: func(tb testing.TB, client *http.Client) call {
			c, err := katapult.New(katapult.WithToken("token"), katapult.WithHTTPClient(client))
			if err != nil {
				tb.Fatal(err)
			}
			return func(ctx context.Context) error {
				return c.DeleteOrganization(ctx, katapult.ID(katapultID))
			}
		},
		vendor: func(tb testing.TB, client *http.Client) call {
			c, err := core.NewClientWithResponses(katapult.DefaultBaseURL, "token", core.WithHTTPClient(client))
			if err != nil {
				tb.Fatal(err)
			}
			return func(ctx context.Context) error {
				id := katapultID
				answer, err := c.DeleteOrganizationWithResponse(ctx, core.DeleteOrganizationJSONRequestBody{
					Organization: core.OrganizationLookup{Id: &id},
				})
				if err != nil {
					return err
				}
				if answer.JSON200 == nil || !answer.JSON200.Success {
					return errors.New("not deleted")
				}
				return nil
			}
		},
	},
}

func newAtlas(tb testing.TB, client *http.Client) *atlas.Client {
	tb.Helper()
	c, err := atlas.New(atlas.WithServiceAccount("id", "secret"), atlas.WithHTTPClient(client))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func newAtlasVendor(tb testing.TB, client *http.Client) *admin.APIClient {
	tb.Helper()
	ctx := context.WithValue(context.Background(), auth.HTTPClient, client)
	c, err := admin.NewClient(admin.UseOAuthAuth(ctx, "id", "secret"))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// baseline is the least that a program does without a client library: net/http and
// encoding/json, without any checks.
func baseline(ctx context.Context, client *http.Client, url string, in, out any) error {
	var body io.Reader
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, url, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer token")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "baseline")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(answer, out)
}

// A comparison is fair only if all clients send the same request.
func TestClients_SameRequest(t *testing.T) {
	t.Parallel()
	for name, c := range comparisons {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []sent
			c.answer.sent = func(s sent) { got = append(got, s) }
			client := &http.Client{Transport: c.answer}
			for _, prepare := range []func(testing.TB, *http.Client) call{c.baseline, c.offboard, c.vendor} {
				if err := prepare(t, client)(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff([]sent{got[0], got[0], got[0]}, got); diff != "" {
				t.Errorf("requests (-baseline +others):\n%s", diff)
			}
		})
	}
}

func BenchmarkAtlasDelete(b *testing.B)    { compare(b, comparisons["AtlasDelete"]) }
func BenchmarkAtlasRefusal(b *testing.B)   { compare(b, comparisons["AtlasRefusal"]) }
func BenchmarkKatapultDelete(b *testing.B) { compare(b, comparisons["KatapultDelete"]) }

// compare runs the three clients in turn and compares the medians of many short batches, so
// that other load of the machine does not favor one of them: only the ratios count.
func compare(b *testing.B, c comparison) {
	b.Helper()
	const batch = 50
	client := &http.Client{Transport: c.answer}
	calls := [...]call{c.baseline(b, client), c.offboard(b, client), c.vendor(b, client)}
	var allocations [len(calls)]float64
	for i, call := range calls {
		allocations[i] = testing.AllocsPerRun(100, func() {
			if err := call(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
	var batches [len(calls)][]time.Duration
	for b.Loop() {
		for i, call := range calls {
			start := time.Now()
			for range batch {
				if err := call(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			batches[i] = append(batches[i], time.Since(start))
		}
	}
	var medians [len(calls)]float64
	for i, spent := range batches {
		slices.Sort(spent)
		medians[i] = float64(spent[len(spent)/2])
	}
	b.ReportMetric(medians[1]/medians[0], "offboard/baseline")
	b.ReportMetric(medians[2]/medians[0], "vendor/baseline")
	for i, unit := range [...]string{"baseline-allocs", "offboard-allocs", "vendor-allocs"} {
		b.ReportMetric(allocations[i], unit)
	}
	b.ReportMetric(0, "ns/op")
}
