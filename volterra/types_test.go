package volterra_test

import (
	"encoding/json"
	"testing"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/volterra/volterratest"
)

func TestCents_JSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]volterra.Cents{
		`"100"`: 100, `100`: 100, `"-5"`: -5, `null`: 0, `"9223372036854775807"`: 9223372036854775807,
	} {
		var got volterra.Cents
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s: got %d and %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{`""`, `"1.5"`, `1.5`, `"x"`, `"9223372036854775808"`, `{}`, `1e3`, `true`} {
		srv := volterratest.NewServer()
		srv.Fail(offboardtest.Respond("", 200, `{"invoices":[{"amount":`+text+`}]}`))
		_, err := newClient(t, srv).ListInvoices(t.Context(), volterra.ListInvoicesOptions{})
		if code(err) != errors.UnexpectedResponse {
			t.Errorf("%s: got %v, want %q", text, err, errors.UnexpectedResponse)
		}
	}
	if got, err := json.Marshal(volterra.Invoice{Amount: 100}); err != nil || string(got) != `{"amount":"100"}` {
		t.Errorf("got %s and %v", got, err)
	}
}
