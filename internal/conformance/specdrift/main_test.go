package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const ours = `
openapi: 3.0.3
info: {title: Ours, version: "1"}
servers: [{url: https://x.example/v1}]
paths:
  /disks/{id}:
    get:
      operationId: getDisk
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses:
        "200": {description: ok, content: {application/json: {schema: {$ref: "#/components/schemas/Disk"}}}}
  /old:
    delete: {operationId: deleteOld, responses: {"204": {description: ok}}}
components:
  schemas:
    Disk:
      type: object
      properties:
        id: {type: string}
        size: {type: integer}
        state: {type: string, enum: [built]}
`

const theirs = `
openapi: 3.0.3
info: {title: Theirs, version: "2"}
servers: [{url: https://x.example/v1}]
paths:
  /disks/{disk}:
    get:
      parameters:
        - {name: disk, in: path, required: true, schema: {type: string}}
        - {name: "a|b", in: query, schema: {type: string}}
      responses:
        "200":
          description: ok
          content:
            application/json:
              schema:
                type: object
                properties: {id: {type: string}, size: {type: string}, state: {type: string, enum: [built, purging]}, wwn: {type: string}}
        "410": {description: removed}
`

const deviations = `
- where: Disk.wwn
  only: vendor
  reason: the client does not need it
  source: decision
- where: Disk.flags
  only: vendor
  reason: the client does not need it
  source: decision
`

// files writes the descriptions and returns their names.
func files(t *testing.T, deviations string) (mine, vendor string) {
	t.Helper()
	folder := t.TempDir()
	mine, vendor = filepath.Join(folder, "disks.yaml"), filepath.Join(folder, "saved.yaml")
	for name, text := range map[string]string{mine: ours, vendor: theirs, filepath.Join(folder, "disks.deviations.yaml"): deviations} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return mine, vendor
}

func TestRun_Table(t *testing.T) {
	t.Parallel()
	mine, vendor := files(t, deviations)
	var out strings.Builder
	drifted, err := run([]string{"-ours", mine, "-all", vendor}, &out)
	if err != nil || !drifted {
		t.Fatalf("got %t, %v", drifted, err)
	}
	for _, want := range []string{
		"## disks\n\n2 operations: 5 differences without a deviation, 1 with one, 1 deviations without a difference.\n",
		"\n| operation | what changed | our deviation | what to do |\n|---|---|---|---|\n",
		"\n| `DELETE /old` | operation `DELETE /old`: the vendor no longer describes it, or never did | none | look for its successor",
		"\n| `GET /disks/{id}` | status `GET /disks/{id} 410`: only the vendor describes it | none | map it in `disks/errors.go`",
		"\n| `GET /disks/{id}` | parameter `GET /disks/{id}?a\\|b`: only",
		"\n| `GET /disks/{id}` | enum value `Disk.state \"purging\"`: only the vendor describes it | none | add it, and check each switch",
		"\n| `GET /disks/{id}` | `Disk.size` is integer in ours, string in the vendor's | none | compare with a recorded response",
		"\n| `GET /disks/{id}` | property `Disk.wwn`: only the vendor describes it | the client does not need it (decision) | nothing |",
		"\n| `GET /disks/{id}` | `Disk.flags` is no longer a difference | the client does not need it (decision) | remove the deviation from `disks.deviations.yaml` |",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "|") && strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") != 5 {
			t.Errorf("the row has not 4 cells: %s", line)
		}
	}
}

func TestRun_NoDrift(t *testing.T) {
	t.Parallel()
	mine, _ := files(t, "[]")
	var out strings.Builder
	if drifted, err := run([]string{"-ours", mine, mine}, &out); err != nil || drifted || strings.Contains(out.String(), "|") {
		t.Errorf("got %t, %v, %s", drifted, err, out.String())
	}
}

func TestRun_Invalid(t *testing.T) {
	t.Parallel()
	mine, vendor := files(t, deviations)
	page := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(page, []byte("<html>not found</html>"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{}, {"-ours", mine}, {vendor}, {"-ours", mine, page}, {"-ours", mine, vendor + "x"}} {
		if _, err := run(args, &strings.Builder{}); err == nil {
			t.Errorf("%v: got no error", args)
		}
	}
}
