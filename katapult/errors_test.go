package katapult

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/internal/rest"
)

// readSteps decodes steps as package json does, also if their types differ.
func TestReadSteps_SameAsPackageJSON(t *testing.T) {
	t.Parallel()
	for _, detail := range []string{
		``, `null`, `{}`, `[]`, `"x"`, `{"steps":null}`, `{"steps":[]}`, `{"steps":{}}`, `{"x":{"steps":{"a":{}}}}`,
		`{"steps":{"disks":{"satisfied":true,"description":"Delete all disks"},"trash":{"description":"Empty it","satisfied":false}}}`,
		` { "STEPS" : { "Disks" : { "Satisfied" : true , "x" : [1] } } , "other" : 1 } `,
		`{"steps":{"a":null,"b":1,"c":{"satisfied":"true","description":5},"d":{"satisfied":null},"e":[{}]}}`,
		`{"steps":{"a\u0062\"":{"description":"x\ny\ud800"}}}`,
	} {
		want := decode[DeletionStepsNotSatisfiedDetail](rest.JSON(detail))
		if detail != "" && !json.Valid([]byte(detail)) {
			t.Fatalf("%s is not JSON", detail)
		}
		if diff := cmp.Diff(want, readSteps(rest.JSON(detail))); diff != "" {
			t.Errorf("%s: package json differs (-want +got):\n%s", detail, diff)
		}
	}
}
