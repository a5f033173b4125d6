package confirmation_test

import (
	"testing"

	"github.com/offboard-dev/offboard-go/internal/confirmation"
)

// A name that a person cannot see or type is confirmed by the ID.
func TestTyped(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Acme": "Acme", "Acme  Two   Spaces": "Acme  Two   Spaces", "Zürich": "Zürich", "Zu\u0308rich": "Zu\u0308rich", "❤\uFE0F": "❤\uFE0F",
		"": "org_1", " ": "org_1", "Acme\u200b": "org_1", "\u3164": "org_1", "\u115f\u1160": "org_1", "Acme\u034f": "org_1", "\u0301": "org_1", "\u0301\u0302": "org_1",
		"\ufe0f": "org_1", "\u2800": "org_1", "a\nb": "org_1", "\xff": "org_1", "Bearer eyJhbGciOiJub25lIn0.e30.": "org_1",
	} {
		if got := confirmation.Typed(name, "org_1"); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"Acme\u200b": "Acme\u200b", " ": "org_1"} {
		if got := confirmation.Value(name, "org_1"); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
