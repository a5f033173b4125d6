// Command http-handler is the offboarding endpoint of a small service: it accepts a request,
// deletes the organization in the background, and survives a restart.
//
// The program demonstrates it at a fake of MongoDB Atlas, and ends by itself: it starts the
// service on loopback, requests offboardings, restarts the service in the middle of one, and
// prints the requests and responses. service.go and handler.go are the code to start from.
// docs/service-guide.md explains the decisions.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/offboard-dev/offboard-go"
	"github.com/offboard-dev/offboard-go/atlas"
	"github.com/offboard-dev/offboard-go/atlas/atlastest"
	"github.com/offboard-dev/offboard-go/examples/internal/offboarding"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/telemetry"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "http-handler:", err)
		os.Exit(1)
	}
}

// Organizations of the demonstration, and their IDs at Atlas.
var organizations = map[string]string{
	"acme": "5e2f00000000000000000001", "globex": "5e2f00000000000000000002", "initech": "5e2f00000000000000000003",
}

// newFake returns a fake of Atlas with these organizations.
func newFake() *atlastest.Server {
	const project = "5e2f0000000000000000000a"
	srv := atlastest.NewServer()
	srv.SetDeletionTime(time.Second)
	srv.AddOrganization(atlastest.Organization{ID: organizations["acme"], Name: "Acme"})
	srv.AddProject(organizations["acme"], atlastest.Project{ID: project, Name: "shop"})
	srv.AddResource(project, atlastest.Resource{Kind: atlas.BlockerStreamWorkspace, ID: "events"})
	srv.AddOrganization(atlastest.Organization{ID: organizations["globex"], Name: "Globex", FailedPayments: true})
	srv.AddOrganization(atlastest.Organization{ID: organizations["initech"], Name: "Initech"})
	return srv
}

// newClients returns the clients of the service for a fake. A real service passes [offboard.FromEnv],
// or the function of its secret manager.
func newClients(srv *offboardtest.Server, t *telemetry.Telemetry) *offboard.Clients {
	url, client := srv.Endpoint()
	credentials := map[string]string{
		"MONGODB_ATLAS_BASE_URL":  url,
		"MONGODB_ATLAS_CLIENT_ID": atlastest.ClientID, "MONGODB_ATLAS_CLIENT_SECRET": atlastest.ClientSecret,
	}
	return offboard.NewClients(
		offboard.WithHTTPClient(client),
		offboard.WithObserver(t.Observer()),
		offboard.WithCredentials(func(name string) (string, error) { return credentials[name], nil }),
	)
}

// lookUp is the directory of the demonstration. A real service reads its database.
func lookUp(_ context.Context, id string) (offboard.Spec, error) {
	at, ok := organizations[id]
	if !ok {
		return offboard.Spec{}, errUnknownOrganization
	}
	return offboard.Spec{Provider: "atlas", Organization: at}, nil
}

// demoAuthorization permits every request with the token of the demonstration. A real service
// checks that the user owns r.PathValue("id").
func demoAuthorization(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer demo" {
			respond(w, http.StatusUnauthorized, status{Text: "Log in first."})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// instance is a running service on loopback.
type instance struct {
	service *service
	server  *http.Server
	clients *offboard.Clients
	store   *offboarding.Store
	url     string
	failed  chan error
}

// serve starts the service with the jobs in a directory.
func serve(directory string, srv *offboardtest.Server) (*instance, error) {
	store, err := offboarding.OpenStore(directory)
	if err != nil {
		return nil, err
	}
	t, err := telemetry.New() // the providers of package otel, which a real service sets
	if err != nil {
		return nil, err
	}
	clients := newClients(srv, t)
	s, err := newService(store, lookUp, clients, time.Hour, slog.New(slog.DiscardHandler), t)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	i := &instance{
		service: s, clients: clients, store: store, url: "http://" + listener.Addr().String(), failed: make(chan error, 1),
		server: &http.Server{Handler: newHandler(s, demoAuthorization), ReadHeaderTimeout: 10 * time.Second},
	}
	go func() { i.failed <- i.server.Serve(listener) }()
	return i, nil
}

// close ends the service: first the requests, then the attempts.
func (i *instance) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err := i.server.Shutdown(ctx)
	i.service.shutdown(ctx)
	i.clients.Close()
	if failed := <-i.failed; failed != http.ErrServerClosed {
		return failed
	}
	if closed := i.store.Close(); err == nil {
		err = closed
	}
	return err
}

// run is the demonstration.
func run(ctx context.Context, out io.Writer) error {
	directory, err := os.MkdirTemp("", "offboarding-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	srv := newFake()
	srv.Fail(offboardtest.LoseResponse("DeleteOrganization"))
	i, err := serve(directory, srv.Server)
	if err != nil {
		return err
	}
	d := &demo{ctx: ctx, out: out, url: i.url}
	fmt.Fprintln(out, "# The service restarts while it deletes an organization, and resumes.")
	d.request("POST", "acme", `{"confirm":"Acme"}`)
	d.request("POST", "acme", `{"confirm":"Acme"}`)
	d.until("acme", func(st status) bool { return st.Total > 0 })
	if err := i.close(); err != nil {
		return err
	}
	fmt.Fprintln(out, "# restart")
	if i, err = serve(directory, srv.Server); err != nil {
		return err
	}
	d.url = i.url
	d.until("acme", ended)
	fmt.Fprintln(out, "# A payment blocks the deletion. The user pays, and requests it again.")
	d.request("POST", "globex", `{"confirm":"Globex"}`)
	d.until("globex", ended)
	srv.Resolve(organizations["globex"])
	d.request("POST", "globex", `{"confirm":"Globex"}`)
	d.until("globex", ended)
	fmt.Fprintln(out, "# Another team deletes the organization first: not found is not a success.")
	srv.RemoveOrganization(organizations["initech"])
	d.request("POST", "initech", `{"confirm":"Initech"}`)
	d.until("initech", ended)
	d.request("POST", "initech", `{"confirm":"Initech"}`)
	d.request("POST", "hooli", `{"confirm":"Hooli"}`)
	if err := i.close(); err != nil {
		return err
	}
	return d.err
}

// ended reports whether no attempt runs or waits.
func ended(st status) bool { return st.State != "in_progress" }

// demo sends the requests of the demonstration. After an error it does nothing.
type demo struct {
	ctx context.Context
	out io.Writer
	url string
	err error
}

// request sends a request and prints it with its response.
func (d *demo) request(method, id, body string) {
	code, _, text := d.send(method, id, body)
	if d.err == nil {
		fmt.Fprintf(d.out, "%s %s %s\n  %d %s\n", method, id, body, code, text)
	}
}

// until reads the status until it is as expected, and prints the last one.
func (d *demo) until(id string, expected func(status) bool) {
	for d.err == nil {
		code, st, text := d.send("GET", id, "")
		if d.err == nil && expected(st) {
			fmt.Fprintf(d.out, "GET %s\n  %d %s\n", id, code, text)
			return
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-d.ctx.Done():
			d.err = d.ctx.Err()
		}
	}
}

// send sends a request and returns the status, and its text without the time.
func (d *demo) send(method, id, body string) (code int, st status, text string) {
	if d.err != nil {
		return 0, st, ""
	}
	var req *http.Request
	if req, d.err = http.NewRequestWithContext(d.ctx, method, d.url+"/organizations/"+id+"/offboarding", strings.NewReader(body)); d.err != nil {
		return 0, st, ""
	}
	req.Header.Set("Authorization", "Bearer demo")
	var resp *http.Response
	if resp, d.err = http.DefaultClient.Do(req); d.err != nil {
		return 0, st, ""
	}
	defer resp.Body.Close()
	if d.err = json.NewDecoder(resp.Body).Decode(&st); d.err != nil {
		return 0, st, ""
	}
	st.UpdatedAt = nil
	var printed bytes.Buffer
	d.err = json.NewEncoder(&printed).Encode(st)
	return resp.StatusCode, st, strings.TrimSpace(printed.String())
}
