package teardown

import (
	"embed"
	"fmt"

	"github.com/offboard-dev/offboard-go/errors"
)

//go:generate env GOWORK=off go -C ../internal/tools run ./schema

//go:embed schema/*.schema.json
var schemas embed.FS

// Schema returns the JSON Schema (draft 2020-12) of a JSON form of this package: "plan" for
// [Plan], "report" for [Report], "event" for [Event] and "entry" for [Entry]. The schemas
// describe exactly what this version writes: a later version may add members and values. The
// error is [errors.InvalidArgument] for another name.
func Schema(name string) ([]byte, error) {
	switch name {
	case "plan", "report", "event", "entry":
		return schemas.ReadFile("schema/" + name + ".schema.json")
	}
	return nil, &errors.Error{
		Operation: "Schema", Target: name, Code: errors.InvalidArgument,
		Err: fmt.Errorf("the name must be plan, report, event or entry, not %q", name),
	}
}
