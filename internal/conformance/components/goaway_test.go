package components_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/katapult"
	"github.com/offboard-dev/offboard-go/katapult/katapulttest"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// end is the way in which an HTTP/2 server ends a request.
type end int

const (
	answers             end = iota
	beyond                  // GOAWAY with a lower last stream: not processed
	refuses                 // RST_STREAM with REFUSED_STREAM: not processed
	processesThenGoAway     // processed; GOAWAY that includes the stream, no answer
	goAwayOnly              // the same GOAWAY, not processed
	processesThenDrops      // processed; the connection ends without a GOAWAY
	processesThenFails      // processed; RST_STREAM with INTERNAL_ERROR
)

// scripted is a fake behind an HTTP/2 server that ends deletions as scripted, one after the
// other, and answers all other requests.
type scripted struct {
	fake     http.RoundTripper
	listener net.Listener
	config   *tls.Config

	mu       sync.Mutex
	script   []end    // the ends of deletions; the fake answers later ones
	mute     bool     // it closes the connection on reads
	received []string // methods
}

// newScripted starts the server.
func newScripted(t *testing.T, fake http.RoundTripper, script ...end) *scripted {
	t.Helper()
	s := &scripted{fake: fake, script: script}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	certificate := httptest.NewUnstartedServer(nil)
	certificate.StartTLS()
	certificate.Close()
	s.listener = l
	s.config = &tls.Config{Certificates: certificate.TLS.Certificates, NextProtos: []string{"h2"}}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer conn.Close()
				s.serve(tls.Server(conn, s.config))
				// Read the rest of the client's data. Otherwise the close sends a reset,
				// which can overtake the last frame.
				_ = conn.(*net.TCPConn).CloseWrite()
				_ = conn.SetReadDeadline(time.Now().Add(time.Second))
				_, _ = io.Copy(io.Discard, conn)
			})
		}
	})
	t.Cleanup(group.Wait)
	t.Cleanup(func() { l.Close() })
	return s
}

// endpoint returns the URL of the server and an HTTP/2 client of it.
func (s *scripted) endpoint(t *testing.T) (url string, client *http.Client) {
	t.Helper()
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // the test is about HTTP/2, not TLS
		ForceAttemptHTTP2: true,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return "https://" + s.listener.Addr().String(), &http.Client{Transport: transport}
}

// serve serves HTTP/2 on a connection until the script or the client ends it. The tests
// compare the requests that arrived, so errors are ignored.
func (s *scripted) serve(conn *tls.Conn) {
	if _, err := io.CopyN(io.Discard, conn, int64(len(http2.ClientPreface))); err != nil {
		return
	}
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for err := framer.WriteSettings(); err == nil; {
		var frame http2.Frame
		if frame, err = framer.ReadFrame(); err != nil {
			return
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				err = framer.WriteSettingsAck()
			}
		case *http2.MetaHeadersFrame:
			err = s.request(framer, f)
		}
	}
}

// errLast ends a connection after a request.
var errLast = errors.New("the connection ends here")

// request answers or ends a request as scripted.
func (s *scripted) request(framer *http2.Framer, f *http2.MetaHeadersFrame) error {
	method, id := f.PseudoValue("method"), f.StreamID
	s.mu.Lock()
	s.received = append(s.received, method)
	how := answers
	if method == http.MethodDelete && len(s.script) > 0 {
		how, s.script = s.script[0], s.script[1:]
	}
	mute := s.mute && method == http.MethodGet
	s.mu.Unlock()
	if mute {
		return errLast
	}
	switch how {
	case beyond:
		return goAway(framer, max(id, 2)-2, http2.ErrCodeNo) // the previous stream, or none
	case refuses:
		return framer.WriteRSTStream(id, http2.ErrCodeRefusedStream)
	case goAwayOnly:
		return goAway(framer, id, http2.ErrCodeInternal)
	}
	resp, err := s.process(framer, f)
	if err != nil {
		return err
	}
	switch how {
	case processesThenGoAway:
		return goAway(framer, id, http2.ErrCodeNo)
	case processesThenDrops:
		return errLast
	case processesThenFails:
		return framer.WriteRSTStream(id, http2.ErrCodeInternal)
	}
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, field := range []hpack.HeaderField{
		{Name: ":status", Value: resp.Status[:3]}, {Name: "content-type", Value: resp.Header.Get("Content-Type")},
	} {
		if err := encoder.WriteField(field); err != nil {
			return err
		}
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if err := framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: id, BlockFragment: block.Bytes(), EndHeaders: true,
	}); err != nil {
		return err
	}
	return framer.WriteData(id, true, body)
}

// goAway ends a connection with a GOAWAY.
func goAway(framer *http2.Framer, last uint32, code http2.ErrCode) error {
	return errors.Join(framer.WriteGoAway(last, code, nil), errLast)
}

// process sends a request to the fake.
func (s *scripted) process(framer *http2.Framer, f *http2.MetaHeadersFrame) (*http.Response, error) {
	body, err := readBody(framer, f)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(context.Background(),
		f.PseudoValue("method"), offboardtest.InMemory+f.PseudoValue("path"), body)
	if err != nil {
		return nil, err
	}
	for _, field := range f.RegularFields() {
		req.Header.Add(field.Name, field.Value)
	}
	return s.fake.RoundTrip(req)
}

// readBody reads the body of a request. The client sends no other frames meanwhile.
func readBody(framer *http2.Framer, f *http2.MetaHeadersFrame) (*bytes.Buffer, error) {
	var body bytes.Buffer
	for ended := f.StreamEnded(); !ended; {
		frame, err := framer.ReadFrame()
		if err != nil {
			return nil, err
		}
		if data, ok := frame.(*http2.DataFrame); ok {
			body.Write(data.Data())
			ended = data.StreamEnded()
		}
	}
	return &body, nil
}

// arrived returns the methods of the requests that arrived.
func (s *scripted) arrived() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.received)
}

func TestGoAway_DeletionSentAgain(t *testing.T) {
	t.Parallel()
	const get, del = http.MethodGet, http.MethodDelete
	for name, test := range map[string]struct {
		script []end
		mute   bool
		want   []string // methods that arrive after a first read
		code   errors.Code
	}{
		"answered":                            {nil, false, []string{del}, ""},
		"beyond the last stream of a GOAWAY":  {[]end{beyond}, false, []string{del, del}, ""},
		"beyond it twice":                     {[]end{beyond, beyond}, false, []string{del, del, del}, ""},
		"a refused stream":                    {[]end{refuses}, false, []string{del, del}, ""},
		"processed, then a GOAWAY":            {[]end{processesThenGoAway}, false, []string{del, get}, ""},
		"processed, then the connection ends": {[]end{processesThenDrops}, false, []string{del, get}, ""},
		"processed, then the stream fails":    {[]end{processesThenFails}, false, []string{del, get}, ""},
		"not processed, included in GOAWAY":   {[]end{goAwayOnly}, false, []string{del, get, del}, ""},
		"beyond, then processed":              {[]end{beyond, processesThenGoAway}, false, []string{del, del, get}, ""},
		"processed, and no read is answered":  {[]end{processesThenGoAway}, true, []string{del, get, get}, errors.OutcomeUnknown},
		"not processed, and no read":          {[]end{goAwayOnly}, true, []string{del, get, get}, errors.OutcomeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := zitadeltest.NewServer()
			srv.AddOrganization(zitadeltest.Organization{ID: victim})
			s := newScripted(t, srv, test.script...)
			url, client := s.endpoint(t)
			c, err := zitadel.New(
				zitadel.WithBaseURL(url), zitadel.WithHTTPClient(client),
				zitadel.WithToken(zitadeltest.Token), zitadel.WithRetry(zitadel.Retry{MaxAttempts: 2, MaxWait: 2 * time.Second}),
			)
			if err != nil {
				t.Fatal(err)
			}
			// So that the deletion is not the first stream of its connection.
			if _, err := c.GetOrganization(in(t), victim); err != nil {
				t.Fatal(err)
			}
			s.mu.Lock()
			s.mute = test.mute
			s.mu.Unlock()
			_, err = c.DeleteOrganization(in(t), victim)
			if got, _ := code(t, err); got != test.code {
				t.Errorf("got %v, want %q", err, test.code)
			}
			if err == nil {
				if diff := cmp.Diff([]string{victim}, srv.Deleted()); diff != "" {
					t.Errorf("deleted (-want +got):\n%s", diff)
				}
			}
			if diff := cmp.Diff(append([]string{get}, test.want...), s.arrived()); diff != "" {
				t.Errorf("arrived (-want +got):\n%s", diff)
			}
		})
	}
}

// The body names the organization. The transport sends it again.
func TestGoAway_BodySentAgain(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]end{"beyond": beyond, "refused": refuses} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := katapulttest.NewServer()
			srv.AddOrganization(katapulttest.Organization{ID: "org_victim", Subdomain: "victim"})
			srv.AddOrganization(katapulttest.Organization{ID: "org_other", Subdomain: "other"})
			s := newScripted(t, srv, how)
			url, client := s.endpoint(t)
			c, err := katapult.New(katapult.WithBaseURL(url+"/core/v1"), katapult.WithHTTPClient(client), katapult.WithToken(katapulttest.Token))
			if err != nil {
				t.Fatal(err)
			}
			if err := c.DeleteOrganization(in(t), katapult.ID("org_victim")); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"org_victim"}, srv.Deleted()); diff != "" {
				t.Errorf("deleted (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{http.MethodDelete, http.MethodDelete}, s.arrived()); diff != "" {
				t.Errorf("arrived (-want +got):\n%s", diff)
			}
		})
	}
}

// A net/http server that shuts down sends a GOAWAY and finishes the requests in progress.
func TestGoAway_GracefulShutdown(t *testing.T) {
	t.Parallel()
	srv := zitadeltest.NewServer()
	srv.AddOrganization(zitadeltest.Organization{ID: victim})
	started, proceed := make(chan struct{}), make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("got protocol %s", r.Proto)
		}
		r.Host = "fake.invalid"
		close(started)
		<-proceed
		serveFake(srv).ServeHTTP(w, r)
	}))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // errors of the probing connections
	server.StartTLS()
	t.Cleanup(server.Close)
	c, err := zitadel.New(
		zitadel.WithBaseURL(server.URL), zitadel.WithToken(zitadeltest.Token),
		zitadel.WithHTTPClient(server.Client()), zitadel.WithRetry(zitadel.Retry{MaxAttempts: 2, MaxWait: time.Second}),
	)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := c.DeleteOrganization(in(t), victim)
		done <- err
	}()
	<-started
	ended := make(chan error)
	go func() { ended <- server.Config.Shutdown(in(t)) }()
	for { // until the listener is closed and the GOAWAY is sent
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			break
		}
		conn.Close()
		time.Sleep(time.Millisecond)
	}
	close(proceed)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if diff := cmp.Diff([]string{victim}, srv.Deleted()); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
	if n := srv.Count("DeleteOrganization"); n != 1 {
		t.Errorf("the deletion was sent %d times", n)
	}
	// No server remains for another request.
	_, err = c.DeleteOrganization(in(t), victim)
	if got, status := code(t, err); got != errors.Unavailable || status != 0 {
		t.Errorf("got %v, want %q", err, errors.Unavailable)
	}
}
