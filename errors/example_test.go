// SPDX-License-Identifier: Apache-2.0

package errors_test

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

func ExampleIs() {
	err := fmt.Errorf("customer 7: %w", &errors.Error{
		Provider: "workspace", Operation: "DeleteOrganization", Target: "5f1b0c2e9d3a4b5c6d7e8f90",
		Code: errors.ActiveSubscriptions, Status: 400, ProviderCode: "5111",
	})
	fmt.Println(errors.Is(err, errors.ActiveSubscriptions))
	fmt.Println(errors.Is(err, errors.NotFound))
	// Output:
	// true
	// false
}

func ExampleIs_category() {
	for _, code := range []errors.Code{errors.ActiveSubscriptions, errors.OrganizationNotEmpty, errors.RateLimitReached} {
		err := error(&errors.Error{Code: code})
		fmt.Println(code, errors.Is(err, errors.DeletionStepsNotSatisfied))
	}
	// Output:
	// active_subscriptions true
	// organization_not_empty true
	// rate_limit_reached false
}

func ExampleAsType() {
	err := fmt.Errorf("customer 7: %w", &errors.Error{
		Code: errors.RateLimitReached, Status: 429, RetryAfter: 17 * time.Second,
	})
	if e, ok := errors.AsType[*errors.Error](err); ok {
		fmt.Println(e.Code, "- again in", e.RetryAfter)
	}
	// Output: rate_limit_reached - again in 17s
}

func ExampleCodeOf() {
	err := fmt.Errorf("customer 7: %w", &errors.Error{Code: errors.OrganizationNotEmpty, Status: 409})
	switch errors.CodeOf(err) {
	case errors.OrganizationNotEmpty:
		fmt.Println("delete its projects first")
	case errors.OutcomeUnknown:
		fmt.Println("look at the provider first")
	case "":
		fmt.Println("not an error of a provider")
	}
	// Output: delete its projects first
}

// A teardown joins the errors of the steps that failed.
func ExampleAll() {
	err := errors.Join(
		&errors.Error{Operation: "DeleteDisk", Target: "disk_1", Code: errors.PermissionDenied, Status: 403},
		fmt.Errorf("network: %w", &errors.Error{Operation: "DeleteNetwork", Target: "net_1", Code: errors.Unavailable, Status: 503}),
		context.DeadlineExceeded,
	)
	for e := range errors.All(err) {
		fmt.Println(e.Operation, e.Target, e.Code, e.Code.Retryable())
	}
	// Output:
	// DeleteDisk disk_1 permission_denied false
	// DeleteNetwork net_1 unavailable true
}

func ExampleError_MarshalJSON() {
	encoded, err := json.Marshal(&errors.Error{
		Provider: "atlas", Operation: "DeleteOrganization", Target: "5f1b", Code: errors.RateLimitReached,
		Status: 429, ProviderCode: "RATE_LIMITED", RetryAfter: 90 * time.Second, Attempts: 3,
	})
	fmt.Println(string(encoded), err)

	var decoded errors.Error
	err = json.Unmarshal(encoded, &decoded)
	fmt.Println(decoded.RetryAfter, errors.Is(&decoded, errors.RateLimitReached), err)
	// Output:
	// {"provider":"atlas","operation":"DeleteOrganization","target":"5f1b","code":"rate_limit_reached","status":429,"provider_code":"RATE_LIMITED","retry_after_seconds":90,"attempts":3} <nil>
	// 1m30s true <nil>
}

func ExampleDetailAs() {
	type scopes struct {
		Scopes []string `json:"scopes"`
	}
	var stored errors.Error
	err := json.Unmarshal([]byte(`{"code":"scope_not_granted","attempts":1,"detail":{"scopes":["organizations:delete"]}}`), &stored)
	detail, ok := errors.DetailAs[scopes](&stored)
	fmt.Println(detail.Scopes, ok, err)
	// Output: [organizations:delete] true <nil>
}

func ExampleCode() {
	var stored errors.Code = "organization_not_empty" // from a database
	fmt.Println(stored.Category(), stored.Retryable())
	// Output: deletion_steps_not_satisfied false
}

func ExampleRetryable() {
	fmt.Println(errors.Retryable(&errors.Error{Code: errors.ServiceUnavailable}))
	fmt.Println(errors.Retryable(&errors.Error{Code: errors.OutcomeUnknown}))
	// Output:
	// true
	// false
}

func ExampleCodesJSON() {
	var file struct {
		Codes []struct {
			Code, Category errors.Code
			Retryable      bool
			Origins        []string
		}
	}
	if err := json.Unmarshal(errors.CodesJSON(), &file); err != nil {
		panic(err)
	}
	for _, c := range file.Codes {
		if c.Code == errors.OrganizationNotEmpty {
			fmt.Println(c.Category, c.Retryable, c.Origins)
		}
	}
	// Output: deletion_steps_not_satisfied false [atlas]
}
