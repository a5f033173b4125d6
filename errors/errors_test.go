// SPDX-License-Identifier: Apache-2.0

package errors_test

import (
	"bytes"
	"context"
	"encoding/json"
	stderrors "errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
)

// codes are all constants of type Code, by their names in the source.
func codes(t *testing.T) map[string]errors.Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "code.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]errors.Code{}
	for _, declaration := range file.Decls {
		constants, ok := declaration.(*ast.GenDecl)
		if !ok || constants.Tok != token.CONST {
			continue
		}
		for _, spec := range constants.Specs {
			value := spec.(*ast.ValueSpec)
			text, err := strconv.Unquote(value.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			all[value.Names[0].Name] = errors.Code(text)
		}
	}
	if len(all) < 30 {
		t.Fatalf("only %d codes were found", len(all))
	}
	return all
}

func TestCodes_Values(t *testing.T) {
	t.Parallel()
	seen := map[errors.Code]string{}
	declared := codes(t)
	all := errors.Codes()
	if len(all) != len(declared) {
		t.Errorf("Codes has %d codes, and code.go declares %d", len(all), len(declared))
	}
	for name, code := range declared {
		if !slices.Contains(all, code) {
			t.Errorf("Codes lacks %s", name)
		}
		if slices.Contains(errors.Categories(), code) != (code.Category() == code) {
			t.Errorf("Categories has %s: %t", name, slices.Contains(errors.Categories(), code))
		}
		if got, want := fmt.Sprintf("%s %v %s", code, code, code.Error()), fmt.Sprintf("%[1]s %[1]s %[1]s", string(code)); got != want {
			t.Errorf("%s prints as %q, want %q", name, got, want)
		}
		if other, ok := seen[code]; ok {
			t.Errorf("%s and %s have the same value %q", name, other, code)
		}
		seen[code] = name
		// The value is the name in snake case, so that neither changes alone.
		if got := strings.ReplaceAll(string(code), "_", ""); got != strings.ToLower(name) {
			t.Errorf("%s has the value %q", name, code)
		}
	}
}

func TestCategory_OneLevel(t *testing.T) {
	t.Parallel()
	for name, code := range codes(t) {
		category := code.Category()
		if category.Category() != category {
			t.Errorf("%s has the category %q, which has another", name, category)
		}
		if !errors.Is(code, category) || !stderrors.Is(code, code) {
			t.Errorf("%s is not its category %q", name, category)
		}
		if category != code && errors.Is(category, code) {
			t.Errorf("the category %q is %s", category, name)
		}
	}
}

func TestIs_CodeAndCategory(t *testing.T) {
	t.Parallel()
	cause := &errors.Error{Code: errors.ServiceUnavailable}
	err := fmt.Errorf("job 7: %w", &errors.Error{Code: errors.ActiveSubscriptions, Err: cause})
	for target, want := range map[error]bool{
		errors.ActiveSubscriptions:       true,
		errors.DeletionStepsNotSatisfied: true,
		errors.ServiceUnavailable:        false, // the code of the cause is not the error's
		errors.Unavailable:               false,
		errors.NotFound:                  false,
		errors.OrganizationNotEmpty:      false,
		context.Canceled:                 false,
	} {
		if got := errors.Is(err, target); got != want {
			t.Errorf("Is %q: got %t, want %t", target, got, want)
		}
		if got := stderrors.Is(err, target); got != want {
			t.Errorf("the standard library's Is %q: got %t, want %t", target, got, want)
		}
	}
}

func TestUnwrap_SkipsErrorsOfThisPackage(t *testing.T) {
	t.Parallel()
	inner := &errors.Error{Code: errors.PermissionDenied, Err: context.Canceled}
	for name, cause := range map[string]error{
		"an error":       inner,
		"a code":         errors.PermissionDenied,
		"a nil error":    (*errors.Error)(nil),
		"two errors":     &errors.Error{Code: errors.Conflict, Err: inner},
		"joined":         errors.Join(context.Canceled, inner),
		"a wrapped":      fmt.Errorf("read: %w", inner),
		"a wrapped code": fmt.Errorf("read: %w", errors.PermissionDenied),
	} {
		err := error(&errors.Error{Code: errors.OutcomeUnknown, Err: cause})
		if !errors.Is(err, errors.OutcomeUnknown) {
			t.Errorf("%s: it is not OutcomeUnknown", name)
		}
		for _, code := range []errors.Code{errors.PermissionDenied, errors.Conflict} {
			if errors.Is(err, code) {
				t.Errorf("%s: it matches %q, the code of its cause", name, code)
			}
		}
		if e, _ := errors.AsType[*errors.Error](err); e == nil || e.Code != errors.OutcomeUnknown || e.Err != cause {
			t.Errorf("%s: got %v", name, e)
		}
		if code, ok := errors.AsType[errors.Code](err); ok {
			t.Errorf("%s: the code %q of the cause is found", name, code)
		}
	}
	for name, cause := range map[string]error{
		"direct":  context.Canceled,
		"nested":  inner,
		"joined":  errors.Join(inner, context.Canceled),
		"wrapped": fmt.Errorf("read: %w", inner),
	} {
		err := error(&errors.Error{Code: errors.OutcomeUnknown, Err: cause})
		if !errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: the cause of another package is not found", name)
		}
	}
	var path *fs.PathError
	err := &errors.Error{Err: errors.Join(inner, &fs.PathError{Op: "open", Err: fs.ErrNotExist})}
	if !errors.As(error(err), &path) || path.Op != "open" {
		t.Error("a type of another package is not found in joined errors")
	}
}

func TestError_Text(t *testing.T) {
	t.Parallel()
	lost := &errors.Error{
		Provider: "katapult", Operation: "DeleteOrganization", Target: "org_x",
		Code: errors.Unavailable, Status: 503, ProviderCode: "service_unavailable",
	}
	for want, e := range map[string]*errors.Error{
		`katapult: DeleteOrganization "org_x": deletion_steps_not_satisfied (409)`: {
			Provider: "katapult", Operation: "DeleteOrganization", Target: "org_x", Code: errors.DeletionStepsNotSatisfied,
			Status: 409, ProviderCode: "deletion_steps_not_satisfied", Message: "SECRET WORDS",
		},
		`atlas: ListOrganizations: unavailable (503)`: {
			Provider: "atlas", Operation: "ListOrganizations", Code: errors.Unavailable, Status: 503,
		},
		`zitadel: DeleteOrganization "a\nb": invalid_argument: orgID contains a control character`: {
			Provider: "zitadel", Operation: "DeleteOrganization", Target: "a\nb",
			Code: errors.InvalidArgument, Err: errors.New("orgID contains a control character"),
		},
		`katapult: DeleteOrganization "org_x": outcome_unknown (503): unavailable (503 service_unavailable)`: {
			Provider: "katapult", Operation: "DeleteOrganization", Target: "org_x",
			Code: errors.OutcomeUnknown, Status: 503, Err: lost,
		},
		`atlas: DeleteOrganization "x": unauthenticated: token request: unauthenticated (401 invalid_client)`: {
			Provider: "atlas", Operation: "DeleteOrganization", Target: "x", Code: errors.Unauthenticated,
			Err: &errors.Error{Provider: "atlas", Operation: "token request", Code: errors.Unauthenticated, Status: 401, ProviderCode: "invalid_client"},
		},
		`unavailable: a certificate for \x1b[2J"é", \u202e or \n\x00`: {
			Code: errors.Unavailable, Err: errors.New("a certificate for \x1b[2J\"é\", \u202e or \n\x00"),
		},
		`conflict (409 a\x1b[31m\nb)`: {Code: errors.Conflict, Status: 409, ProviderCode: "a\x1b[31m\nb"},
		`not_found (5111)`:            {Code: errors.NotFound, ProviderCode: "5111"},
		`unknown error`:               {},
	} {
		if got := e.Error(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestError_LogValue(t *testing.T) {
	t.Parallel()
	e := &errors.Error{
		Provider: "katapult", Operation: "DeleteOrganization", Target: "org_x",
		Code: errors.RateLimitReached, Status: 429, ProviderCode: "rate_limit_reached", Message: "Too many",
		RequestID: "r-1", RetryAfter: 17 * time.Second, Attempts: 3,
		Steps: []errors.Step{{Name: "disks", Description: "Delete them"}}, Err: context.Canceled,
		Detail: struct{ Total int }{1000},
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})).Info("x", "err", e)
	want := `level=INFO msg=x err.provider=katapult err.operation=DeleteOrganization err.target=org_x err.code=rate_limit_reached ` +
		`err.status=429 err.provider_code=rate_limit_reached err.message="Too many" err.request_id=r-1 err.retry_after_seconds=17 ` +
		`err.attempts=3 err.steps=[disks] err.cause="context canceled"` + "\n"
	if log.String() != want {
		t.Errorf("got  %swant %s", log.String(), want)
	}
}

func TestError_NilAndZero(t *testing.T) {
	t.Parallel()
	var none *errors.Error
	var path *fs.PathError
	for name, e := range map[string]*errors.Error{
		"nil":               none,
		"zero":              {},
		"nil cause":         {Code: errors.Internal, Err: none},
		"nil cause within":  {Code: errors.Internal, Err: &errors.Error{Err: path}},
		"nil cause of OS":   {Code: errors.Internal, Err: path},
		"nil detail":        {Code: errors.Internal, Detail: none},
		"joined nil causes": {Code: errors.Internal, Err: errors.Join(none, errors.New("x"))},
		"unknown code":      {Code: "no code"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			texts := []string{e.Error(), fmt.Sprintf("%v %+v %s %q", e, e, e, e), fmt.Sprint(e.Unwrap(), errors.Unwrap(e))}
			for _, text := range texts {
				if text == "" || strings.Contains(text, "PANIC") {
					t.Errorf("got %q", text)
				}
			}
			encoded, err := json.Marshal(e)
			if err != nil || len(encoded) == 0 {
				t.Errorf("got %s, %v", encoded, err)
			}
			if e == nil && string(encoded) != "null" {
				t.Errorf("got %s, want null", encoded)
			}
			var log bytes.Buffer
			logger := slog.New(slog.NewMultiHandler(slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)))
			logger.Error("x", "error", e, slog.Any("value", e.LogValue()))
			if strings.Contains(log.String(), "PANIC") || strings.Contains(log.String(), "panic") {
				t.Errorf("the log has %s", log.String())
			}
			if errors.Is(e, errors.NotFound) || errors.Is(e, nil) || errors.Is(nil, e) {
				t.Error("it matches what it is not")
			}
			if _, ok := errors.AsType[*fs.PathError](error(e)); ok {
				t.Error("it has a cause that is nil")
			}
			if retryable := errors.Retryable(e); retryable != (e != nil && e.Code == errors.Internal) {
				t.Errorf("is retryable: %t", retryable)
			}
		})
	}
	if errors.Retryable(path) || none.Error() != "<nil>" || none.LogValue().Any() != nil {
		t.Errorf("got %q and %v", none.Error(), none.LogValue())
	}
}

func TestRetryable(t *testing.T) {
	t.Parallel()
	of := func(c errors.Code) error { return &errors.Error{Code: c} }
	for _, code := range errors.Codes() {
		if got := errors.Retryable(of(code)); got != code.Retryable() || got != errors.Retryable(code) {
			t.Errorf("%s: got %t by the error, %t by the code", code, got, code.Retryable())
		}
	}
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"nothing":                      {nil, false},
		"a code":                       {errors.RateLimitReached, true},
		"a limit":                      {of(errors.RateLimitReached), true},
		"a quota":                      {of(errors.QuotaExhausted), false},
		"a block":                      {of(errors.InstanceBlocked), false},
		"a failed task":                {of(errors.TaskFailed), false},
		"a failed driver":              {of(errors.DriverFailed), false},
		"a service that is not up":     {of(errors.ServiceUnavailable), true},
		"a failure":                    {of(errors.DeletionFailed), true},
		"an unknown outcome":           {&errors.Error{Code: errors.OutcomeUnknown, Err: of(errors.Unavailable)}, false},
		"a canceled call":              {of(errors.Canceled), true},
		"steps":                        {of(errors.OrganizationNotEmpty), false},
		"a credential":                 {of(errors.InvalidAPIToken), false},
		"a strange answer":             {of(errors.UnexpectedResponse), false},
		"wrapped":                      {fmt.Errorf("x: %w", of(errors.Unavailable)), true},
		"all of several":               {errors.Join(of(errors.Unavailable), of(errors.Internal)), true},
		"not all of several":           {errors.Join(of(errors.Unavailable), of(errors.Conflict)), false},
		"the context":                  {context.DeadlineExceeded, true},
		"something else":               {fs.ErrNotExist, false},
		"a code that is not from here": {of("of_the_future"), false},
	} {
		if got := errors.Retryable(test.err); got != test.want {
			t.Errorf("%s: got %t, want %t", name, got, test.want)
		}
	}
}

func TestStandardLibrary_Reexported(t *testing.T) {
	t.Parallel()
	base := errors.New("base")
	wrapped := fmt.Errorf("x: %w", &fs.PathError{Op: "open", Err: base})
	if errors.ErrUnsupported != stderrors.ErrUnsupported {
		t.Error("ErrUnsupported is another value")
	}
	if !errors.Is(wrapped, base) || errors.Is(base, wrapped) {
		t.Error("Is differs")
	}
	var path *fs.PathError
	if !errors.As(wrapped, &path) || path.Op != "open" {
		t.Error("As differs")
	}
	if path, ok := errors.AsType[*fs.PathError](wrapped); !ok || path.Op != "open" {
		t.Error("AsType differs")
	}
	if errors.Unwrap(wrapped) == nil || errors.Unwrap(base) != nil {
		t.Error("Unwrap differs")
	}
	if err := errors.Join(nil, base, nil); err.Error() != "base" || errors.Join(nil) != nil {
		t.Error("Join differs")
	}
}

func TestIs_NoAllocation(t *testing.T) {
	// Not parallel: testing.AllocsPerRun counts for the whole program.
	var err error = &errors.Error{Code: errors.ActiveSubscriptions}
	if n := testing.AllocsPerRun(100, func() { errors.Is(err, errors.DeletionStepsNotSatisfied) }); n != 0 {
		t.Errorf("Is: %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { errors.AsType[*errors.Error](err) }); n != 0 {
		t.Errorf("AsType: %v allocations", n)
	}
}

// self is the import path of this package, which its tests import.
const self = "github.com/offboard-dev/offboard-go/errors"

// The tests, too, so that they can be vendored along.
func TestImports_StandardLibraryOnly(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range file.Imports {
			path := strings.Trim(i.Path.Value, `"`)
			if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") && (path != self || !strings.HasSuffix(name, "_test.go")) {
				t.Errorf("%s imports %s", name, i.Path.Value)
			}
		}
	}
}
