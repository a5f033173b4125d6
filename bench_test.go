package offboard_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"

	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/katapult"
)

// canned answers every request with the same answer, in memory.
type canned struct {
	status int
	body   string
}

func (c canned) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		_, _ = io.Copy(io.Discard, req.Body)
		_ = req.Body.Close()
	}
	if strings.HasSuffix(req.URL.Path, "/oauth/token") {
		c = canned{200, `{"access_token":"token","token_type":"Bearer","expires_in":3600}`}
	}
	return &http.Response{
		StatusCode: c.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}},
		Body:          io.NopCloser(strings.NewReader(c.body)),
		ContentLength: int64(len(c.body)),
		Request:       req,
	}, nil
}

// baseline is the least that a program does without a client library: net/http and
// encoding/json, without any checks.
func baseline(b testing.TB, client *http.Client, method, url string, in, out any) {
	b.Helper()
	var body io.Reader
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			b.Fatal(err)
		}
		body = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(b.Context(), method, url, body)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer token")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "baseline")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := client.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	decoded, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(decoded, out); err != nil {
		b.Fatal(err)
	}
}

type lookupBody struct {
	Organization struct {
		ID string `json:"id"`
	} `json:"organization"`
}

// compare runs the baseline and the SDK against the same answer, in turn within one
// benchmark, so that a machine with a varying speed favors neither: only the ratio counts.
func compare(b *testing.B, answer canned, baseline, ours func(*http.Client) func()) {
	b.Helper()
	client := &http.Client{Transport: answer}
	runs := []struct {
		name string
		run  func()
	}{{"baseline", baseline(client)}, {"offboard", ours(client)}}
	for _, r := range runs {
		b.Run(r.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.run()
			}
		})
	}
	b.Run("ratio", func(b *testing.B) {
		const batch = 50
		var spent [2]time.Duration
		for b.Loop() {
			for i, r := range runs {
				start := time.Now()
				for range batch {
					r.run()
				}
				spent[i] += time.Since(start)
			}
		}
		b.ReportMetric(float64(spent[1])/float64(spent[0]), "offboard/baseline")
		b.ReportMetric(0, "ns/op")
	})
}

func newAtlas(b testing.TB, client *http.Client) *atlas.Client {
	b.Helper()
	c, err := atlas.New(atlas.WithServiceAccount("id", "secret"), atlas.WithHTTPClient(client))
	if err != nil {
		b.Fatal(err)
	}
	return c
}

const orgID = "5e2f00000000000000000001"

func BenchmarkAtlasDelete(b *testing.B) {
	compare(b, canned{204, ""},
		func(client *http.Client) func() {
			return func() {
				baseline(b, client, "DELETE", atlas.DefaultBaseURL+"/api/atlas/v2/orgs/"+orgID, nil, nil)
			}
		},
		func(client *http.Client) func() {
			c := newAtlas(b, client)
			return func() {
				if err := c.DeleteOrganization(b.Context(), orgID); err != nil {
					b.Fatal(err)
				}
			}
		})
}

// BenchmarkAtlasDigest reads an organization with an API key over loopback. The baseline
// requests a challenge for every call, as clients do that do not keep it.
func BenchmarkAtlasDigest(b *testing.B) {
	run := func(name string, call func(*testing.B, string) error) {
		b.Run(name, func(b *testing.B) {
			srv := atlastest.NewServer()
			srv.AddOrganization(atlastest.Organization{ID: orgID, Name: "Acme"})
			url := srv.Start()
			b.Cleanup(srv.Close)
			for b.Loop() {
				if err := call(b, url); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(srv.Requests()))/float64(b.N), "requests/op")
		})
	}
	bare := &http.Client{Transport: &digest.Transport{
		Username: atlastest.PublicKey, Password: atlastest.PrivateKey, NoReuse: true,
	}}
	run("baseline", func(_ *testing.B, url string) error {
		req, err := http.NewRequest(http.MethodGet, url+"/api/atlas/v2/orgs/"+orgID, nil)
		if err != nil {
			return err
		}
		req.Header.Set("Accept", "application/vnd.atlas.2023-01-01+json")
		resp, err := bare.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		var out atlas.Organization
		return json.NewDecoder(resp.Body).Decode(&out)
	})
	var ours *atlas.Client
	run("offboard", func(b *testing.B, url string) error {
		if ours == nil {
			c, err := atlas.New(atlas.WithBaseURL(url), atlas.WithAPIKey(atlastest.PublicKey, atlastest.PrivateKey))
			if err != nil {
				return err
			}
			ours = c
		}
		_, err := ours.GetOrganization(b.Context(), orgID)
		return err
	})
}

// atlasRefuses is the answer of Atlas to a deletion that projects block.
func atlasRefuses(b *testing.B) func(*http.Client) func() {
	return func(client *http.Client) func() {
		c := newAtlas(b, client)
		return func() {
			if err := c.DeleteOrganization(b.Context(), orgID); !errors.Is(err, errors.OrganizationNotEmpty) {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkAtlasRefusal(b *testing.B) {
	const body = `{"detail":"The organization still has projects.","error":409,"errorCode":"ORG_NOT_EMPTY","parameters":["` + orgID + `"],"reason":"Conflict"}`
	compare(b, canned{409, body},
		func(client *http.Client) func() {
			return func() {
				var out struct {
					Error      int    `json:"error"`
					ErrorCode  string `json:"errorCode"`
					Detail     string `json:"detail"`
					Reason     string `json:"reason"`
					Parameters []any  `json:"parameters"`
				}
				baseline(b, client, "DELETE", atlas.DefaultBaseURL+"/api/atlas/v2/orgs/"+orgID, nil, &out)
				if out.ErrorCode != "ORG_NOT_EMPTY" {
					b.Fatal("got an unexpected answer")
				}
			}
		},
		atlasRefuses(b))
}

// BenchmarkAtlasOtherForm is a refusal in the form {errorCode, message, status}.
func BenchmarkAtlasOtherForm(b *testing.B) {
	const body = `{"errorCode":"ORG_NOT_EMPTY","message":"The organization still has projects.","status":"ERROR"}`
	compare(b, canned{409, body},
		func(client *http.Client) func() {
			return func() {
				var out struct {
					ErrorCode string `json:"errorCode"`
					Message   string `json:"message"`
					Status    string `json:"status"`
				}
				baseline(b, client, "DELETE", atlas.DefaultBaseURL+"/api/atlas/v2/orgs/"+orgID, nil, &out)
				if out.ErrorCode != "ORG_NOT_EMPTY" {
					b.Fatal("got an unexpected answer")
				}
			}
		},
		atlasRefuses(b))
}

func newKatapult(b testing.TB, client *http.Client) *katapult.Client {
	b.Helper()
	c, err := katapult.New(katapult.WithToken("token"), katapult.WithHTTPClient(client))
	if err != nil {
		b.Fatal(err)
	}
	return c
}

func BenchmarkKatapultDelete(b *testing.B) {
	compare(b, canned{200, `{"success":true}`},
		func(client *http.Client) func() {
			return func() {
				var in lookupBody
				in.Organization.ID = "org_x"
				var out struct {
					Success bool `json:"success"`
				}
				baseline(b, client, "DELETE", katapult.DefaultBaseURL+"/managed_organizations/organization", in, &out)
				if !out.Success {
					b.Fatal("the deletion failed")
				}
			}
		},
		func(client *http.Client) func() {
			c := newKatapult(b, client)
			return func() {
				if err := c.DeleteOrganization(b.Context(), katapult.ID("org_x")); err != nil {
					b.Fatal(err)
				}
			}
		})
}

// A deletion must not allocate more than the baseline, as BENCHMARKS.md states.
//
// The test is not parallel: testing.AllocsPerRun counts for the whole program.
func TestDelete_Allocations(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates, too")
	}
	atlasClient := newAtlas(t, &http.Client{Transport: canned{204, ""}})
	katapultClient := newKatapult(t, &http.Client{Transport: canned{200, `{"success":true}`}})
	for name, c := range map[string]struct {
		baseline float64
		call     func() error
	}{
		"Atlas":    {20, func() error { return atlasClient.DeleteOrganization(t.Context(), orgID) }},
		"Katapult": {31, func() error { return katapultClient.DeleteOrganization(t.Context(), katapult.ID("org_x")) }},
	} {
		var err error
		if n := testing.AllocsPerRun(100, func() { err = errors.Join(err, c.call()) }); n > c.baseline {
			t.Errorf("%s: %v allocations, want at most %v, as without the SDK", name, n, c.baseline)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkKatapultRefusal(b *testing.B) {
	const body = `{"error":{"code":"deletion_steps_not_satisfied","description":"Not all steps are satisfied","detail":{"steps":{` +
		`"managed_organizations":{"satisfied":true,"description":"Delete all managed organizations"},` +
		`"virtual_machines":{"satisfied":false,"description":"Delete all virtual machines"},` +
		`"disks":{"satisfied":false,"description":"Delete all disks"},` +
		`"empty_trash":{"satisfied":true,"description":"Empty the trash"},` +
		`"ensure_zero_balance":{"satisfied":true,"description":"Settle the balance"}}}}}`
	type step struct {
		Satisfied   bool   `json:"satisfied"`
		Description string `json:"description"`
	}
	compare(b, canned{409, body},
		func(client *http.Client) func() {
			return func() {
				var in lookupBody
				in.Organization.ID = "org_x"
				var out struct {
					Error struct {
						Code        string `json:"code"`
						Description string `json:"description"`
						Detail      struct {
							Steps map[string]step `json:"steps"`
						} `json:"detail"`
					} `json:"error"`
				}
				baseline(b, client, "DELETE", katapult.DefaultBaseURL+"/managed_organizations/organization", in, &out)
				if out.Error.Code != "deletion_steps_not_satisfied" {
					b.Fatal("got an unexpected answer")
				}
			}
		},
		func(client *http.Client) func() {
			c := newKatapult(b, client)
			return func() {
				err := c.DeleteOrganization(b.Context(), katapult.ID("org_x"))
				if !errors.Is(err, errors.DeletionStepsNotSatisfied) {
					b.Fatal(err)
				}
			}
		})
}

// BenchmarkKatapultOtherDetail is a refusal with an undocumented detail.
func BenchmarkKatapultOtherDetail(b *testing.B) {
	const body = `{"error":{"code":"deletion_restricted","description":"The organization cannot be deleted","detail":` +
		`{"errors":"a text in place of a list","reason":{"kind":"hold","since":1786810364,"by":["billing","support"]},"retry":false}}}`
	compare(b, canned{409, body},
		func(client *http.Client) func() {
			return func() {
				var in lookupBody
				in.Organization.ID = "org_x"
				var out struct {
					Error struct {
						Code        string `json:"code"`
						Description string `json:"description"`
						Detail      struct {
							Errors any `json:"errors"`
						} `json:"detail"`
					} `json:"error"`
				}
				baseline(b, client, "DELETE", katapult.DefaultBaseURL+"/managed_organizations/organization", in, &out)
				if out.Error.Code != "deletion_restricted" {
					b.Fatal("got an unexpected answer")
				}
			}
		},
		func(client *http.Client) func() {
			c := newKatapult(b, client)
			return func() {
				if err := c.DeleteOrganization(b.Context(), katapult.ID("org_x")); !errors.Is(err, errors.DeletionRestricted) {
					b.Fatal(err)
				}
			}
		})
}

func BenchmarkPageOf100(b *testing.B) { comparePages(b, 100) }

func BenchmarkPageOf1000(b *testing.B) { comparePages(b, 1000) }

// comparePages reads a page of n organizations.
func comparePages(b *testing.B, n int) {
	b.Helper()
	var body strings.Builder
	body.WriteString(`{"organizations":[`)
	for i := range n {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"id":"org_%d","name":"Organization %d","sub_domain":"organization-%d","infrastructure_domain":"organization-%d.example.com","created_at":1786810364,"activated_at":null,"suspended":false,"managed":true}`, i, i, i, i)
	}
	body.WriteString(`]}`)
	compare(b, canned{200, body.String()},
		func(client *http.Client) func() {
			return func() {
				var out struct {
					Organizations []katapult.Organization `json:"organizations"`
				}
				baseline(b, client, "GET", katapult.DefaultBaseURL+"/organizations", nil, &out)
				if len(out.Organizations) != n {
					b.Fatal(len(out.Organizations))
				}
			}
		},
		func(client *http.Client) func() {
			c := newKatapult(b, client)
			return func() {
				all, err := c.ListOrganizations(b.Context())
				if err != nil || len(all) != n {
					b.Fatal(len(all), err)
				}
			}
		})
}

func BenchmarkIs(b *testing.B) {
	err := fmt.Errorf("job 7: %w", &errors.Error{Code: errors.ActiveSubscriptions})
	b.ReportAllocs()
	for b.Loop() {
		if !errors.Is(err, errors.DeletionStepsNotSatisfied) {
			b.Fatal(err)
		}
	}
}

func BenchmarkAsType(b *testing.B) {
	err := fmt.Errorf("job 7: %w", &errors.Error{Code: errors.ActiveSubscriptions})
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := errors.AsType[*errors.Error](err); !ok {
			b.Fatal(err)
		}
	}
}
