package errors_test

import (
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
	fmt.Println(errors.Is(err, errors.DeletionStepsNotSatisfied)) // the category
	fmt.Println(errors.Is(err, errors.NotFound))
	// Output:
	// true
	// true
	// false
}

func ExampleAsType() {
	err := fmt.Errorf("customer 7: %w", &errors.Error{
		Code: errors.RateLimitReached, Status: 429, RetryAfter: 17 * time.Second,
	})
	if e, ok := errors.AsType[*errors.Error](err); ok {
		fmt.Println(e.Code, "- again in", e.RetryAfter)
	}
	// Output: rate limit reached - again in 17s
}

func ExampleCode() {
	var stored errors.Code = "organization_not_empty" // from a database
	switch stored {
	case errors.OrganizationNotEmpty:
		fmt.Println("delete its projects first")
	}
	// Output: delete its projects first
}

func ExampleRetryable() {
	fmt.Println(errors.Retryable(&errors.Error{Code: errors.ServiceUnavailable}))
	fmt.Println(errors.Retryable(&errors.Error{Code: errors.OutcomeUnknown}))
	// Output:
	// true
	// false
}
