package offboard_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/observe"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/teardown"
	"github.com/offboard-dev/offboard-go/volterra"
	"github.com/offboard-dev/offboard-go/workspace"
	"github.com/offboard-dev/offboard-go/zitadel"
)

// budget is a limiter that several clients share. It counts its calls, and permits one request at a
// time for each of its places, each after a pause.
type budget struct {
	pause  time.Duration
	places chan struct{}

	mu       sync.Mutex
	waits    map[string]int // by operation
	updates  map[string]int // by operation
	statuses map[int]int
}

func newBudget(places int, pause time.Duration) *budget {
	return &budget{
		pause: pause, places: make(chan struct{}, places),
		waits: map[string]int{}, updates: map[string]int{}, statuses: map[int]int{},
	}
}

func (b *budget) Wait(ctx context.Context, operation string) error {
	select {
	case b.places <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	time.Sleep(b.pause)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waits[operation]++
	return nil
}

func (b *budget) Update(operation string, status int, _ http.Header) {
	<-b.places
	b.mu.Lock()
	defer b.mu.Unlock()
	b.updates[operation]++
	b.statuses[status]++
}

// requestCounter counts the requests by operation, except those for a token.
type requestCounter struct {
	next http.RoundTripper

	mu       sync.Mutex
	requests map[string]int
}

func counting(next http.RoundTripper) *requestCounter {
	return &requestCounter{next: next, requests: map[string]int{}}
}

func (r *requestCounter) RoundTrip(req *http.Request) (*http.Response, error) {
	if request, _ := observe.FromContext(req.Context()); request.Call.Operation != "token request" {
		r.mu.Lock()
		r.requests[request.Call.Operation]++
		r.mu.Unlock()
	}
	return r.next.RoundTrip(req)
}

// The limiter permits each request of a plan and a teardown with retries, and receives each answer.
// The requests are those of a client with its own limiter.
func TestWithLimiter_Teardown(t *testing.T) {
	t.Parallel()
	const id = "5e2f00000000000000000001"
	run := func(t *testing.T, options ...atlas.Option) map[string]int {
		srv := atlastest.NewServer()
		srv.AddOrganization(atlastest.Organization{ID: id, Name: "Acme"})
		for _, project := range []string{"5e2f0000000000000000000a", "5e2f0000000000000000000b"} {
			srv.AddProject(id, atlastest.Project{ID: project, Name: project})
			srv.AddResource(project, atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main"})
			srv.AddResource(project, atlastest.Resource{Kind: atlas.BlockerNetworkPeering})
		}
		refused := offboardtest.Respond("DeleteCluster", 429, `{"errorCode":"RATE_LIMITED","error":429}`)
		refused.Header.Set("Retry-After", "2")
		srv.Fail(refused, offboardtest.LoseResponse("DeleteOrganization"))
		transport := counting(srv)
		c, err := atlas.New(append([]atlas.Option{srv.Option(), atlas.WithHTTPClient(&http.Client{Transport: transport})}, options...)...)
		if err != nil {
			t.Fatal(err)
		}
		p, err := c.Plan(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Teardown(t.Context(), p, teardown.WithConfirm("Acme"), teardown.WithOverrides(p.Overrides()...))
		if err != nil || r.Outcome != teardown.Deleted {
			t.Fatalf("got %+v, %v", r, err)
		}
		srv.AssertFaultsUsed(t)
		return transport.requests
	}
	synctest.Test(t, func(t *testing.T) {
		own := run(t)
		b := newBudget(1, 0)
		got := run(t, atlas.WithLimiter(b))
		if diff := cmp.Diff(got, b.waits); diff != "" {
			t.Errorf("waits (-requests +waits):\n%s", diff)
		}
		if diff := cmp.Diff(got, b.updates); diff != "" {
			t.Errorf("updates (-requests +updates):\n%s", diff)
		}
		if b.statuses[429] != 1 || b.statuses[0] != 1 {
			t.Errorf("statuses: %v, want one refusal and one lost answer", b.statuses)
		}
		if diff := cmp.Diff(own, got); diff != "" {
			t.Errorf("requests (-own limiter +limiter):\n%s", diff)
		}
	})
}

// A limiter that permits each write too late stops a teardown before the deletion, and the teardown
// ends.
func TestWithLimiter_SlowTeardown(t *testing.T) {
	t.Parallel()
	for name := range serve() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, b := serve()[name], newBudget(8, 20*time.Second)
				o := s.open(t, offboard.WithLimiter(func(offboard.Spec) offboard.Limiter { return b }))
				p, err := o.Plan(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				r, err := o.Teardown(t.Context(), p, teardown.WithConfirm(p.Organization.Name), teardown.WithOverrides(p.Overrides()...))
				if !errors.Is(err, errors.RateLimitReached) && !errors.Is(err, errors.Unavailable) || !s.exists() {
					t.Errorf("got %+v, %v; it exists: %t", r, err, s.exists())
				}
			})
		})
	}
}

// queue permits one deletion of a cluster each second, first the one that has waited longest, and
// other requests at once.
type queue struct {
	mu      sync.Mutex
	waiting []*place
	granted int
	last    time.Time // of the grants
	unused  int
}

type place struct {
	since   time.Time
	granted chan struct{}
}

func (q *queue) Wait(ctx context.Context, operation string) error {
	if operation != "DeleteCluster" {
		return nil
	}
	request, _ := observe.FromContext(ctx)
	p := &place{request.Since, make(chan struct{})}
	if p.since.IsZero() {
		p.since = time.Now()
	}
	q.mu.Lock()
	q.waiting = append(q.waiting, p)
	q.mu.Unlock()
	select {
	case <-p.granted:
		return nil
	case <-ctx.Done():
		q.mu.Lock()
		defer q.mu.Unlock()
		q.waiting = slices.DeleteFunc(q.waiting, func(other *place) bool { return other == p })
		return ctx.Err()
	}
}

// run permits the deletions until the context ends.
func (q *queue) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
		q.mu.Lock()
		if len(q.waiting) > 0 {
			first := slices.MinFunc(q.waiting, func(a, b *place) int { return a.since.Compare(b.since) })
			close(first.granted)
			q.waiting = slices.DeleteFunc(q.waiting, func(p *place) bool { return p == first })
			q.granted++
			q.last = time.Now()
		}
		q.mu.Unlock()
	}
}

func (q *queue) Update(_ string, status int, _ http.Header) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if status == 0 {
		q.unused++
	}
}

// Deletions that wait in a queue for longer than their reads are valid use the whole rate of the
// limiter: none loses its place, and none uses two permits, unless a permit is granted at the moment at
// which the reads become too old.
func TestWithLimiter_LongQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const organizations = 60
		srv, q := atlastest.NewServer(), new(queue)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go q.run(ctx)
		var jobs []teardown.Job
		for i := range organizations {
			id, project := fmt.Sprintf("5e2f%020d", i), fmt.Sprintf("5e2e%020d", i)
			srv.AddOrganization(atlastest.Organization{ID: id, Name: "Acme"})
			srv.AddProject(id, atlastest.Project{ID: project, Name: project})
			srv.AddResource(project, atlastest.Resource{Kind: atlas.BlockerCluster, ID: "main"})
			c, err := atlas.New(srv.Option(), atlas.WithLimiter(q))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			jobs = append(jobs, teardown.Job{
				Plan: func(ctx context.Context) (*teardown.Plan, error) { return c.Plan(ctx, id) },
				Teardown: func(ctx context.Context, p *teardown.Plan, options ...teardown.Option) (*teardown.Report, error) {
					return c.Teardown(ctx, p, append(options, teardown.WithConfirm("Acme"), teardown.WithOverrides(p.Overrides()...))...)
				},
			})
		}
		begin := time.Now()
		for result := range teardown.RunJobs(ctx, jobs, organizations) {
			if result.Err != nil {
				t.Error(result.Err)
			}
		}
		const few = organizations / 10
		if took := q.last.Sub(begin); q.granted > organizations+few || q.unused > few || took > (organizations+few)*time.Second {
			t.Errorf("%d permits, %d of them unused, in %v, for %d deletions at 1 a second", q.granted, q.unused, took, organizations)
		}
	})
}

// The clients of all providers use the limiter of their function, which receives how the client
// reaches its provider. Clients at the same time share one limiter.
func TestWithLimiter_AllProviders(t *testing.T) {
	t.Parallel()
	for name := range serve() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, b := serve()[name], newBudget(3, 0)
			transport := counting(s.server)
			var specs []offboard.Spec
			clients := offboard.NewClients(credentials(s.values), offboard.WithHTTPClient(&http.Client{Transport: transport}),
				offboard.WithLimiter(func(client offboard.Spec) offboard.Limiter {
					specs = append(specs, client)
					return b
				}))
			var group sync.WaitGroup
			for range 4 {
				o, err := clients.Open(t.Context(), s.spec)
				if err != nil {
					t.Fatal(err)
				}
				for range 5 {
					group.Go(func() {
						if err := o.Check(t.Context()); err != nil {
							t.Error(err)
						}
					})
				}
			}
			group.Wait()
			if diff := cmp.Diff(transport.requests, b.waits); diff != "" || len(b.waits) == 0 {
				t.Errorf("waits (-requests +waits):\n%s", diff)
			}
			provider := map[string]string{"applivery": "workspace", "f5": "volterra"}[name]
			if provider == "" {
				provider = name
			}
			want := []offboard.Spec{{Provider: provider, BaseURL: s.spec.BaseURL}}
			if diff := cmp.Diff(want, specs); diff != "" {
				t.Errorf("specs (-want +got):\n%s", diff)
			}
		})
	}
}

type pointerLimiter struct{ budget }

// A nil limiter, and a limiter together with a rate limit, are refused at all providers.
func TestWithLimiter_Refused(t *testing.T) {
	t.Parallel()
	for _, limiter := range []offboard.Limiter{nil, (*pointerLimiter)(nil)} {
		refuse(t, "the limiter must not be nil", katapult.WithLimiter(limiter), zitadel.WithLimiter(limiter), atlas.WithLimiter(limiter),
			workspace.WithLimiter(limiter), volterra.WithLimiter(limiter),
			offboard.WithLimiter(func(offboard.Spec) offboard.Limiter { return limiter }))
	}
	b, rate := newBudget(1, 0), offboard.WithRateLimit(offboard.RateLimit{PerSecond: 1, Burst: 1})
	for name, open := range map[string]func() error{
		"katapult": func() error {
			_, err := katapult.New(katapult.WithToken("token"), katapult.WithLimiter(b), katapult.WithRateLimit(katapult.RateLimit{PerSecond: 1, Burst: 1}))
			return err
		},
		"zitadel": func() error {
			_, err := zitadel.New(zitadel.WithBaseURL("https://acme.invalid"), zitadel.WithToken("token"), zitadel.WithLimiter(b), zitadel.WithRateLimit(zitadel.RateLimit{PerSecond: 1, Burst: 1}))
			return err
		},
		"atlas": func() error {
			_, err := atlas.New(atlas.WithServiceAccount("id", "secret"), atlas.WithRateLimit(atlas.RateLimit{PerSecond: 1, Burst: 1}), atlas.WithLimiter(b))
			return err
		},
		"workspace": func() error {
			_, err := workspace.New(workspace.WithToken("token"), workspace.WithLimiter(b), workspace.WithRateLimit(workspace.RateLimit{PerSecond: 1, Burst: 1}))
			return err
		},
		"volterra": func() error {
			_, err := volterra.New(volterra.WithBaseURL("https://acme.invalid"), volterra.WithAPIToken("token"), volterra.WithLimiter(b), volterra.WithRateLimit(volterra.RateLimit{PerSecond: 1, Burst: 1}))
			return err
		},
		"offboard": func() error {
			return openKatapult(t, rate, offboard.WithLimiter(func(offboard.Spec) offboard.Limiter { return b }))
		},
		"offboard, no function": func() error { return openKatapult(t, offboard.WithLimiter(nil)) },
	} {
		if err := open(); !errors.Is(err, errors.InvalidArgument) {
			t.Errorf("%s: got %v, want %q", name, err, errors.InvalidArgument)
		}
	}
}

// openKatapult returns the error of opening an organization with options.
func openKatapult(t *testing.T, options ...offboard.Option) error {
	t.Helper()
	options = append(options, credentials(map[string]string{"KATAPULT_API_KEY": "token"}))
	_, err := offboard.Open(t.Context(), offboard.Spec{Provider: "katapult", Organization: "org_a"}, options...)
	return err
}

// perMinute permits a number of requests in each minute to all clients that share it. A limiter for
// several processes counts in a database that they share.
type perMinute struct {
	mu     sync.Mutex
	limit  int
	minute time.Time
	used   int
}

func (l *perMinute) Wait(ctx context.Context, operation string) error {
	for {
		l.mu.Lock()
		if now := time.Now().Truncate(time.Minute); now.After(l.minute) {
			l.minute, l.used = now, 0
		}
		permitted, next := l.used < l.limit, l.minute.Add(time.Minute)
		if permitted {
			l.used++
		}
		l.mu.Unlock()
		if permitted {
			return nil
		}
		timer := time.NewTimer(time.Until(next))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// Update ends the minute after a refusal: others use the same limit of the provider.
func (l *perMinute) Update(operation string, status int, header http.Header) {
	fmt.Println(operation, status)
	if status == http.StatusTooManyRequests {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.used = l.limit
	}
}

// All clients of a provider share one budget of requests.
func ExampleWithLimiter() {
	srv := atlastest.NewServer() // instead of the real service
	srv.AddOrganization(atlastest.Organization{ID: "5e2f00000000000000000001", Name: "Acme"})
	url, client := srv.Endpoint()

	budgets := map[string]offboard.Limiter{"atlas": &perMinute{limit: 100}}
	o, err := offboard.Open(context.Background(),
		offboard.Spec{Provider: "atlas", Organization: "5e2f00000000000000000001", BaseURL: url},
		offboard.WithCredentials(func(name string) (string, error) {
			return map[string]string{"MONGODB_ATLAS_CLIENT_ID": atlastest.ClientID, "MONGODB_ATLAS_CLIENT_SECRET": atlastest.ClientSecret}[name], nil
		}),
		offboard.WithHTTPClient(client),
		offboard.WithLimiter(func(client offboard.Spec) offboard.Limiter { return budgets[client.Provider] }))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer o.Close()
	fmt.Println(o.Delete(context.Background()))
	// Output:
	// DeleteOrganization 204
	// <nil>
}
