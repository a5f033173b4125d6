package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/approvalpage"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/engine"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/review"
)

const serveHelp = `Serve a page that shows what waits, and on which people approve or deny plans, until SIGINT or
SIGTERM. The address is printed once, with a random token that is valid until the program ends.

The token authenticates access, and not persons: everybody who has the address can decide under
any name. --by sets the name of the only operator; the page then does not ask for it.

The page is served on loopback only, without TLS. From another machine, forward the port by
SSH. Or publish it by a proxy with TLS that authenticates people, and set --public to its URL:
requests for another host are refused.

  offboard-fleet serve --listen 127.0.0.1:8420 --public https://approvals.example.com
`

func (p *program) serveCommand() *cobra.Command {
	var listen, by, public string
	c := &cobra.Command{
		Use: "serve", Short: "Serve a page for approvals on this machine", Long: serveHelp, Args: arguments(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("by") && strings.TrimSpace(by) == "" {
				return usage("--by is empty: give the name of the operator")
			}
			if fault := review.PersonFault(by); cmd.Flags().Changed("by") && fault != "" {
				return usage("--by is refused: %s", fault)
			}
			return p.serve(cmd.Context(), listen, strings.TrimSpace(by), public)
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "loopback address and port; port 0 is a free one")
	c.Flags().StringVar(&by, "by", "", "name of the only person who decides on this page")
	c.Flags().StringVar(&public, "public", "", "URL of a proxy that publishes the page, such as https://approvals.example.com")
	return c
}

// serve serves the page until the context ends.
func (p *program) serve(ctx context.Context, listen, by, public string) error {
	origin, err := publicOrigin(public)
	if err != nil {
		return err
	}
	if err := checkLoopback(listen); err != nil {
		return err
	}
	return p.reviewed(ctx, func(e engine.Engine, s *storage) error {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
		if err != nil {
			return fmt.Errorf("cannot listen: %w", err)
		}
		if origin == "" {
			origin = "http://" + l.Addr().String()
		}
		page, err := approvalpage.New(approvalpage.Config{Engine: e, Store: s, Origin: origin, By: by, Logger: p.logger()})
		if err != nil {
			_ = l.Close()
			return err
		}
		server := &http.Server{
			Handler: page, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
			WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		}
		fmt.Fprintln(p.out, page.URL())
		if err := p.written.Unread(); err != nil {
			_ = l.Close()
			return errors.New("the address of the page, with its token, could not be printed")
		}
		ended := make(chan error, 1)
		stop := context.AfterFunc(ctx, func() { ended <- end(server, 10*time.Second) })
		defer stop()
		if err := server.Serve(l); err != http.ErrServerClosed {
			return fmt.Errorf("cannot serve: %w", err)
		}
		return <-ended
	})
}

// end ends a server. A decision in flight finishes, unless its time has passed: a list without a
// worker must not keep the program.
func end(server *http.Server, within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return server.Close()
	}
	return err
}

// checkLoopback refuses addresses of other machines: the page has no TLS.
func checkLoopback(listen string) error {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return usage("--listen must be a loopback address and a port, such as 127.0.0.1:8420")
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return usage("--listen must have a port from 0 to 65535, such as 127.0.0.1:8420")
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return usage("--listen must be a loopback address, such as 127.0.0.1: for other machines, forward the port by SSH, or use a proxy with TLS and --public")
	}
	return nil
}

// publicOrigin returns the origin of --public, as browsers send it; "" for none. A browser changes
// other forms of a host, and the page would refuse its requests.
func publicOrigin(public string) (string, error) {
	if public == "" {
		return "", nil
	}
	u, err := url.Parse(public)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return "", usage("--public must be a URL with https and a host, and without a path")
	}
	host := strings.ToLower(u.Hostname())
	switch ip, err := netip.ParseAddr(host); {
	case err == nil && ip.Zone() == "" && !ip.Is4In6() && strings.HasPrefix(u.Host, "[") == ip.Is6():
		if host = ip.String(); ip.Is6() {
			host = "[" + host + "]"
		}
	case err == nil || strings.HasPrefix(u.Host, "[") || !isHostName(host):
		return "", usage("--public must have a host of letters, digits, dots and hyphens, or an IP address; write an internationalized name in its ASCII form, which starts with xn--")
	}
	if u.Port() == "" {
		return "https://" + host, nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || port == 0 {
		return "", usage("--public must have a port from 1 to 65535, or none")
	}
	return "https://" + strings.TrimSuffix(host+":"+strconv.FormatUint(port, 10), ":443"), nil
}

// isHostName reports whether a text in lower case is the name of a host in ASCII. Browsers read a name
// whose last label is a number as an IP address.
func isHostName(text string) bool {
	labels := strings.Split(text, ".")
	for _, label := range labels {
		if len(label) > 63 || !hostLabel.MatchString(label) {
			return false
		}
	}
	return len(text) <= 253 && !numberLabel.MatchString(labels[len(labels)-1])
}

var (
	hostLabel   = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	numberLabel = regexp.MustCompile(`^([0-9]+|0x[0-9a-f]*)$`)
)
