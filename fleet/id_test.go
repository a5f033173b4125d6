package fleet

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/errors"
)

func TestWorkflowID_Escapes(t *testing.T) {
	t.Parallel()
	for want, parts := range map[string][3]string{
		"offboard/katapult/https:%2F%2Fapi.katapult.io%2Fcore%2Fv1/org_1": {"katapult", "https://api.katapult.io/core/v1", "org_1"},
		"offboard/zitadel//a%2Fb%20c%25":                                  {"zitadel", "", "a/b c%"},
		"offboard/volterra/%2F/%C3%A4%E6%97%A5%F0%9F%99%82":               {"volterra", "/", "ä日🙂"},
		"offboard/atlas/-_.~$&+=:@/..":                                    {"atlas", "-_.~$&+=:@", ".."},
		"offboard/a/%00/%FF":                                              {"a", "\x00", "\xff"},
	} {
		if got := WorkflowID(parts[0], parts[1], parts[2]); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestParseWorkflowID_Invalid(t *testing.T) {
	t.Parallel()
	for _, id := range []string{
		"", "offboard", "offboard/", "offboard-batch/1", "offboard/a/b", "offboard/a/b/", "offboard//b/c", "offboard/a/b/c/d", "a/b/c",
		"offboard/a/b/%zz", "offboard/a/%/c", "offboard/a/b/%2f", "offboard/a/b/%41", "offboard/a/b/ä", "Offboard/a/b/c", "offboard/offboard/a/b/c",
	} {
		if _, _, _, err := ParseWorkflowID(id); !errors.Is(err, errors.InvalidArgument) {
			t.Errorf("%q: got %v", id, err)
		}
	}
}

// The parts of an ID are those that it was made of, and a text that is accepted is the ID of its
// parts.
func FuzzParseWorkflowID(f *testing.F) {
	f.Add("katapult", "https://api.katapult.io/core/v1", "org_1")
	f.Add("zitadel", "", "a/b c%2F")
	f.Add("volterra", "%zz", "ä日🙂\xff\x00")
	f.Add("offboard/a", "b", "c")
	f.Fuzz(func(t *testing.T, provider, instance, organization string) {
		want := [3]string{provider, instance, organization}
		var got [3]string
		var err error
		got[0], got[1], got[2], err = ParseWorkflowID(WorkflowID(provider, instance, organization))
		if provider == "" || organization == "" {
			want = [3]string{}
		}
		if diff := cmp.Diff(want, got); diff != "" || (err != nil) != (want[0] == "") {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		id := "offboard/" + instance
		if p, i, o, err := ParseWorkflowID(id); err == nil && WorkflowID(p, i, o) != id {
			t.Errorf("%q is accepted", id)
		}
	})
}
