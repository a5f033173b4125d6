package offboard_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

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
	return &http.Response{
		StatusCode: c.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}},
		Body:          io.NopCloser(strings.NewReader(c.body)),
		ContentLength: int64(len(c.body)),
		Request:       req,
	}, nil
}

// floor is the least that a program does without a client library: net/http and
// encoding/json, nothing checked.
func floor(b *testing.B, client *http.Client, method, url string, in, out any) {
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
	req.Header.Set("User-Agent", "floor")
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
	if err := json.Unmarshal(decoded, out); err != nil {
		b.Fatal(err)
	}
}

type lookupBody struct {
	Organization struct {
		ID string `json:"id"`
	} `json:"organization"`
}

func compare(b *testing.B, answer canned, floor, ours func(*http.Client) func()) {
	b.Helper()
	client := &http.Client{Transport: answer}
	for name, make := range map[string]func(*http.Client) func(){"floor": floor, "offboard": ours} {
		run := make(client)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				run()
			}
		})
	}
}

func newKatapult(b *testing.B, client *http.Client) *katapult.Client {
	b.Helper()
	c, err := katapult.New(katapult.WithToken("token"), katapult.WithHTTPClient(client))
	if err != nil {
		b.Fatal(err)
	}
	return c
}

func BenchmarkDelete(b *testing.B) {
	compare(b, canned{200, `{"success":true}`},
		func(client *http.Client) func() {
			return func() {
				var in lookupBody
				in.Organization.ID = "org_x"
				var out struct {
					Success bool `json:"success"`
				}
				floor(b, client, "DELETE", katapult.DefaultBaseURL+"/managed_organizations/organization", in, &out)
				if !out.Success {
					b.Fatal("not deleted")
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

func BenchmarkRefusal(b *testing.B) {
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
				floor(b, client, "DELETE", katapult.DefaultBaseURL+"/managed_organizations/organization", in, &out)
				if out.Error.Code != "deletion_steps_not_satisfied" {
					b.Fatal("not refused")
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

func BenchmarkPageOf100(b *testing.B) {
	var body strings.Builder
	body.WriteString(`{"organizations":[`)
	for i := range 100 {
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
				floor(b, client, "GET", katapult.DefaultBaseURL+"/organizations", nil, &out)
				if len(out.Organizations) != 100 {
					b.Fatal(len(out.Organizations))
				}
			}
		},
		func(client *http.Client) func() {
			c := newKatapult(b, client)
			return func() {
				all, err := c.ListOrganizations(b.Context())
				if err != nil || len(all) != 100 {
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
