package traffic_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go/internal/conformance/drift"
	"github.com/offboard-dev/offboard-go/internal/conformance/traffic"
)

func right() *traffic.Exchange {
	return &traffic.Exchange{
		Operation: "DeleteOrganization", Method: "DELETE", Path: "/core/v1/managed_organizations/organization",
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   []byte(`{"organization":{"id":"org_x"}}`), Status: 200, Answer: []byte(`{"success":true}`),
	}
}

func list() *traffic.Exchange {
	return &traffic.Exchange{
		Operation: "ListDisksPage", Method: "GET", Path: "/core/v1/organizations/organization/disks",
		Query: "organization[id]=org_x&page=2", Status: 200,
		Answer: []byte(`{"pagination":{"current_page":2,"per_page":30,"large_set":false},"disk":[{"id":"disk_1","name":"d","size_in_gb":5,"created_at":null}]}`),
	}
}

func TestFaults_UndescribedExchanges(t *testing.T) {
	t.Parallel()
	spec, err := drift.Load("../../../openapi/katapult.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		x      *traffic.Exchange
		change func(*traffic.Exchange)
		want   string
	}{
		"nothing":                     {right(), func(*traffic.Exchange) {}, ""},
		"nothing of a list":           {list(), func(*traffic.Exchange) {}, ""},
		"another path":                {right(), func(x *traffic.Exchange) { x.Path += "s" }, "no operation"},
		"another method":              {right(), func(x *traffic.Exchange) { x.Method = "PUT" }, "no operation"},
		"no body":                     {right(), func(x *traffic.Exchange) { x.Body = nil }, "request body"},
		"a body of another type":      {right(), func(x *traffic.Exchange) { x.Header.Set("Content-Type", "text/plain") }, "Content-Type"},
		"what is required is missing": {right(), func(x *traffic.Exchange) { x.Body = []byte(`{}`) }, `"organization" is missing`},
		"something else is sent":      {right(), func(x *traffic.Exchange) { x.Body = []byte(`{"organization":{"id":"org_x"},"force":true}`) }, "/force is in no description"},
		"another status":              {right(), func(x *traffic.Exchange) { x.Status = 202 }, "status 202"},
		"another value":               {right(), func(x *traffic.Exchange) { x.Answer = []byte(`{"success":false}`) }, "/success"},
		"no JSON":                     {right(), func(x *traffic.Exchange) { x.Answer = []byte(`<html>`) }, "answer"},
		"a parameter that is none":    {list(), func(x *traffic.Exchange) { x.Query += "&sort=name" }, "sort is not in ours"},
		"a parameter of another type": {list(), func(x *traffic.Exchange) { x.Query = "organization[id]=org_x&page=two" }, "page=two"},
		"another type in an answer":   {list(), func(x *traffic.Exchange) { x.Answer = []byte(strings.Replace(string(x.Answer), "5", `"5"`, 1)) }, "size_in_gb"},
		"a request that was refused": {right(), func(x *traffic.Exchange) {
			x.Body, x.Status, x.Answer = []byte(`{}`), 400, []byte(`{"error":{"code":"x"}}`)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := &traffic.API{Ours: spec}
			test.change(test.x)
			faults := strings.Join(api.Faults(test.x, true), "\n")
			if test.want == "" && faults != "" || !strings.Contains(faults, test.want) {
				t.Errorf("got %q, want %q", faults, test.want)
			}
		})
	}
}
