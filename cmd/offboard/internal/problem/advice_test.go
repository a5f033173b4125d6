package problem

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

func TestAdvice_EveryCodeOfADeletion(t *testing.T) {
	t.Parallel()
	for _, code := range []errors.Code{
		errors.DeletionStepsNotSatisfied, errors.ActiveSubscriptions, errors.OrganizationNotEmpty, errors.ActiveLiveMigration,
		errors.PaymentRequired, errors.DefaultOrganization, errors.SystemOrganization, errors.OrganizationNotFound,
		errors.Unauthenticated, errors.InvalidAPIToken, errors.ExpiredAPIToken, errors.PermissionDenied, errors.ScopeNotGranted,
		errors.UnauthorizedNetworkForAPIToken, errors.UnexpectedResponse, errors.RouteNotFound, errors.Unavailable,
		errors.OutcomeUnknown, errors.NotConfirmed,
	} {
		if Of(&errors.Error{Code: code}).Advice == "" {
			t.Errorf("no advice for %q", code)
		}
	}
	if got := Of(&errors.Error{Code: errors.RateLimitReached, RetryAfter: time.Minute}).Advice; got != "Retry in 1m0s." {
		t.Errorf("got %q", got)
	}
}

func TestPrint_ControlCharacters(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	Print(&out, &errors.Error{
		Provider: "atlas", Operation: "DeleteOrganization", Target: "1", Code: errors.OrganizationNotEmpty,
		Message: "a\x1b[2Jb\nc", RequestID: "r\r1",
		Steps: []errors.Step{{Name: "projects\a", Description: "\u202Eshop"}},
	})
	for _, r := range []string{"\x1b", "\r", "\a", "\u202E", "b\nc"} {
		if strings.Contains(out.String(), r) {
			t.Errorf("%q is in %q", r, out.String())
		}
	}
}
