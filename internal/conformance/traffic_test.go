package conformance_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/offboard-dev/offboard-go/internal/conformance/drift"
	"github.com/offboard-dev/offboard-go/internal/conformance/traffic"
)

// apis returns all APIs with our description, and the vendors' if they are available.
func apis(t *testing.T) map[string]*traffic.API {
	t.Helper()
	folder := os.Getenv("OFFBOARD_VENDOR_SPECS")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", "vendor")
	}
	all := map[string]*traffic.API{}
	for _, provider := range []string{"katapult", "zitadel", "atlas", "workspace", "volterra"} {
		ours, err := drift.Load(filepath.Join("..", "..", "openapi", provider+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(folder, provider, "*"))
		if err != nil {
			t.Fatal(err)
		}
		vendors, err := drift.LoadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		if len(vendors) == 0 {
			t.Logf("%s: compared with our description only; OFFBOARD_VENDOR_SPECS names the folder of others", provider)
		}
		all[provider] = &traffic.API{Ours: ours, Vendors: vendors}
	}
	return all
}

// expected are intended differences, by a part of their text, with the reason.
var expected = map[string]string{
	"apiKey/publicKey: maximum string length is 8":     "a service account's id is shown as the key's",
	"publicKey: maximum string length is 8":            "keys of tests have names",
	"/interfaceEndpoints/0: string doesn't match":      "the pattern is wrong: the vendor's own parameter of the path is called vpce-…",
	"/object_storage_bucket/cors_origins":              "live answers have it",
	"/object_storage_bucket/custom_domains":            "live answers have it",
	"/state: value is not one of the allowed values":   "a test of the client keeps a state that is not known yet",
	"/f5xc_of_the_future is in no description":         "a test of the client sends a service that is not known yet",
	"AddOrganizationV2 POST /v2/organizations: answer": "the vendor describes the error only, as default, and answers 201",
	"IsOrganizationUnique GET":                         "the vendor marks both parameters as required and takes either",
	"/user: property \"user\" is missing":              "the vendor marks the name of a choice as a property",
}

// Runs all tests of the providers again with fakes that record their requests and answers.
func TestTraffic_MatchesDescriptions(t *testing.T) {
	if testing.Short() {
		t.Skip("runs all tests of the providers")
	}
	t.Parallel()
	folder := t.TempDir()
	all := apis(t)
	// These tests of the whole API pass strings that are not IDs.
	args := []string{"test", "-count=1", "-tags", "offboard_traffic", "-skip", "^TestAPI_(NoPanic|MisplacedSecrets)$"}
	for provider := range all {
		args = append(args, "./"+provider)
	}
	run := exec.CommandContext(t.Context(), "go", args...)
	run.Dir = filepath.Join("..", "..")
	run.Env = append(os.Environ(), "OFFBOARD_TRAFFIC="+folder)
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files of traffic, %v", len(files), err)
	}
	if recorded("katapult.jsonl") {
		all["katapult"].Seen = properties(katapultExchanges(t))
	}
	seen, same := traffic.Summary{}, map[[sha256.Size]byte]bool{}
	faults := map[string]string{}
	for _, file := range files {
		for x := range exchanges(t, file) {
			// The descriptions do not contain OAuth forms. Tests of the fakes send requests
			// without an operation.
			if strings.Contains(x.Path, "/oauth/") || x.Operation == "" {
				continue
			}
			provider, api := apiOf(all, x)
			if api == nil {
				faults[x.Method+" "+x.Path+" is in no description"] = file
				continue
			}
			seen[provider+"."+api.Find(x).ID()]++
			sum := x.Sum()
			if same[sum] {
				continue
			}
			same[sum] = true
			ours := strings.Contains(x.Header.Get("User-Agent"), "offboard-go/")
			for _, fault := range api.Faults(x, ours) {
				faults[provider+": "+x.Operation+" "+x.Method+" "+x.Path+": "+fault] = string(x.Answer)
			}
		}
	}
	used := map[string]bool{}
	for _, fault := range slices.Sorted(maps.Keys(faults)) {
		known := false
		for text := range expected {
			if strings.Contains(fault, text) {
				known, used[text] = true, true
			}
		}
		if !known {
			t.Errorf("%s\n\t%.200s", fault, faults[fault])
		}
	}
	for text, reason := range expected {
		if !used[text] && len(all["atlas"].Vendors) > 0 {
			t.Errorf("no difference matches %q, which is expected because %s", text, reason)
		}
	}
	t.Logf("exchanges by operation:\n%v", seen)
	for provider, api := range all {
		for path, item := range api.Ours.Paths.Map() {
			for method, op := range item.Operations() {
				if seen[provider+"."+op.OperationID] == 0 {
					t.Errorf("%s: no test requests %s %s", provider, method, path)
				}
			}
		}
	}
}

// properties are the names of all properties in recorded answers.
func properties(recorded []*exchange) map[string]bool {
	names := map[string]bool{}
	var gather func(any)
	gather = func(value any) {
		switch v := value.(type) {
		case map[string]any:
			for name, inner := range v {
				names[name] = true
				gather(inner)
			}
		case []any:
			for _, inner := range v {
				gather(inner)
			}
		}
	}
	for _, x := range recorded {
		var value any
		if json.Unmarshal(x.body, &value) == nil {
			gather(value)
		}
	}
	return names
}

// apiOf returns the API of an exchange.
func apiOf(all map[string]*traffic.API, x *traffic.Exchange) (string, *traffic.API) {
	for provider, api := range all {
		if api.Find(x) != nil {
			return provider, api
		}
	}
	return "", nil
}

func exchanges(t *testing.T, file string) func(func(*traffic.Exchange) bool) {
	return func(yield func(*traffic.Exchange) bool) {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 64<<20)
		for lines.Scan() {
			var x traffic.Exchange
			if err := json.Unmarshal(lines.Bytes(), &x); err != nil {
				t.Fatal(err)
			}
			if !yield(&x) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
	}
}
