package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/log"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/errors"
)

func TestParseLimits(t *testing.T) {
	t.Parallel()
	got, err := parseLimits([]string{"atlas=1000", "katapult=0.5e3", "applivery=5", "f5=6"})
	if diff := cmp.Diff(map[string]float64{"atlas": 1000, "katapult": 500, "workspace": 5, "volterra": 6}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, text := range []string{"", "atlas", "atlas=", "atlas=0", "atlas=-1", "atlas=NaN", "atlas=1e9", "acme=5"} {
		if _, err := parseLimits([]string{text}); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
	if _, err := parseLimits([]string{"atlas"}); err == nil || !strings.Contains(err.Error(), "PROVIDER=PER_MINUTE") {
		t.Errorf("got %v", err)
	}
	if _, err := parseLimits([]string{"atlas=1", "atlas=2"}); err == nil {
		t.Error("two limits of one provider are accepted")
	}
}

func TestWorker_Flags(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"x"}, {"--limit", "acme=1"}, {"--activities", "0"}, {"--limit", "atlas=1"}} { // the last one without a database
		f := newFleet(t)
		if code := f.run(append([]string{"worker"}, args...)...); code != exitUsage {
			t.Errorf("%v: got %d: %s", args, code, &f.errOut)
		}
	}
}

// Every rate that the flag accepts is one that package postgres accepts.
func TestLimiterConfig_Burst(t *testing.T) {
	t.Parallel()
	for rate, want := range map[float64]int{1: 1, 60: 1, 61: 2, 1000: 17, maxPerMinute: 10_000} {
		c := limiterConfig("k", rate, slog.New(slog.DiscardHandler))
		if c.Burst != want || c.PerSecond != rate/60 {
			t.Errorf("%v: got %+v", rate, c)
		}
	}
}

// fakeLimiter is a limiter that counts.
type fakeLimiter struct {
	mu                     sync.Mutex
	waits, updates, closed int
}

func (f *fakeLimiter) Wait(context.Context, string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waits++
	return nil
}

func (f *fakeLimiter) Update(string, int, http.Header) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.updates++
}

func (f *fakeLimiter) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed++
}

// Clients of a provider with a limit get a limiter for each credential, and the others get none.
func TestConnector_Limiters(t *testing.T) {
	t.Parallel()
	c := newConnector(map[string]float64{"katapult": 60}, nil, offboard.WithCredentials(func(string) (string, error) { return "value", nil }))
	defer c.close()
	for _, spec := range []offboard.Spec{
		{Provider: "katapult", Organization: "org_1"},
		{Provider: "katapult", Organization: "org_2"},
		{Provider: "katapult", Organization: "org_3", Credentials: map[string]string{"KATAPULT_API_KEY": "KATAPULT_OTHER_KEY"}},
		{Provider: "workspace", Organization: "5f1b"},
	} {
		if _, err := c.open(t.Context(), spec); err != nil {
			t.Errorf("%v: %v", spec, err)
		}
	}
	if len(c.limiters) != 2 {
		t.Errorf("got %d limiters", len(c.limiters))
	}
	_, err := c.open(t.Context(), offboard.Spec{Provider: "katapult", Organization: "org_1", Credentials: map[string]string{"KATAPULT_API_KEY": "HOME"}})
	if !errors.Is(err, errors.InvalidArgument) {
		t.Errorf("got %v", err)
	}
}

func TestLimiterKey(t *testing.T) {
	t.Parallel()
	for want, spec := range map[string]offboard.Spec{
		"atlas":                   {Provider: "atlas", Organization: "ignored"},
		"atlas https://x A=1 B=2": {Provider: "atlas", BaseURL: "https://x", Credentials: map[string]string{"B": "2", "A": "1"}},
	} {
		if got := limiterKey(spec); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// A database that cannot be reached is an error that is retried, and the next Wait tries again.
func TestLazyLimiter_Opens(t *testing.T) {
	t.Parallel()
	limiter, opened := new(fakeLimiter), 0
	l := &lazyLimiter{open: func(context.Context) (sharedLimiter, error) {
		if opened++; opened == 1 {
			return nil, errors.New("connection refused")
		}
		return limiter, nil
	}}
	l.Update("x", 200, nil)
	l.close()
	if err := l.Wait(t.Context(), "GetOrganization"); !errors.Is(err, errors.Unavailable) {
		t.Errorf("got %v", err)
	}
	for range 2 {
		if err := l.Wait(t.Context(), "GetOrganization"); err != nil {
			t.Error(err)
		}
		l.Update("GetOrganization", 200, nil)
	}
	l.close()
	if opened != 2 || limiter.waits != 2 || limiter.updates != 2 || limiter.closed != 1 {
		t.Errorf("opened %d times, got %+v", opened, limiter)
	}
}

// An activity that fails is logged by package fleet, and not by the SDK of Temporal again.
func TestEngineLogger_ActivityError(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := log.With(temporalLogger{log.NewStructuredLogger(slog.New(slog.NewTextHandler(&out, nil)))}, "WorkerID", "1")
	l.Error("Activity error.", "Error", ": Get: not_found")
	if out.Len() > 0 {
		t.Errorf("got %s", &out)
	}
	l.Error("Activity panic.", "PanicError", "index out of range")
	l.Warn("Failed to poll for task.")
	if got := strings.Count(out.String(), "WorkerID=1"); got != 2 {
		t.Errorf("got %s", &out)
	}
}

func TestWarnCredentials(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		variables map[string]string
		want      bool
	}{
		"none":        {nil, true},
		"only a URL":  {map[string]string{"ZITADEL_API_URL": "https://login.example", "MONGODB_ATLAS_BASE_URL": "https://x.example"}, true},
		"one":         {map[string]string{"APPLIVERY_API_TOKEN": "secret-value"}, false},
		"certificate": {map[string]string{"VOLT_API_CERT": "/etc/cert.pem"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			f.variables = test.variables
			p := f.program()
			p.warnCredentials(p.logger())
			text := f.errOut.String()
			if strings.Contains(text, "no credential of any provider") != test.want || strings.Contains(text, "secret-value") {
				t.Errorf("got %s", text)
			}
			for _, provider := range offboard.Providers() {
				if strings.Contains(text, provider+"=") != test.want {
					t.Errorf("%s: got %s", provider, text)
				}
			}
		})
	}
}

// A worker ends if the namespace lacks search attributes, with the command that adds them.
func TestWorker_Namespace(t *testing.T) {
	t.Parallel()
	lacks := &errors.Error{Operation: "CheckNamespace", Code: errors.InvalidArgument, Err: errors.New("the namespace lacks search attributes of type Keyword: Outcome")}
	for name, test := range map[string]struct {
		checked        error
		text, command  string
		logged, failed bool
	}{
		"complete":      {},
		"missing":       {lacks, "lacks search attributes of type Keyword: Outcome", "--name Provider --type Keyword \\\n    --name Outcome --type Keyword --name WaitingFor --type Keyword \\\n    --address engine:7233 --namespace acme", false, true},
		"no namespace":  {&errors.Error{Code: errors.Unavailable, Err: serviceerror.NewNamespaceNotFound("acme")}, "the Temporal server at engine:7233 does not have the namespace acme", "", false, true},
		"not available": {&errors.Error{Code: errors.Unavailable}, "", "", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			p := f.program()
			p.address, p.namespace = "engine:7233", "acme"
			err := p.checkNamespace(test.checked, p.logger())
			advised, _ := errors.AsType[advisedError](err)
			if (err != nil) != test.failed || (f.errOut.Len() > 0) != test.logged || errors.Is(err, errors.InvalidArgument) || !strings.Contains(advised.command, test.command) {
				t.Errorf("got %v, %s: %s", err, advised.command, &f.errOut)
			}
			if err != nil && !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %v", err)
			}
		})
	}
}
