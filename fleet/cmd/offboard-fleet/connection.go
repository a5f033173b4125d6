package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/fleet/cmd/offboard-fleet/internal/engine"
	"github.com/offboard-dev/offboard-go/internal/printable"
	"github.com/offboard-dev/offboard-go/internal/safefile"
	"github.com/offboard-dev/offboard-go/internal/secrets"
)

// client connects to the Temporal server.
func (p *program) client(ctx context.Context, logger *slog.Logger) (client.Client, error) {
	if err := checkAddress(p.address); err != nil {
		return nil, err
	}
	options := client.Options{HostPort: p.address, Namespace: p.namespace, Logger: temporalLogger{log.NewStructuredLogger(logger)}}
	if key := p.getenv(apiKeyVariable); key != "" {
		options.Credentials = client.NewAPIKeyStaticCredentials(key)
	}
	var err error
	if options.ConnectionOptions.TLS, err = p.tlsConfig(); err != nil {
		return nil, usageError{err}
	}
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, p.unreachableServer(err)
	}
	return c, nil
}

// unreachableServer returns the error of a Temporal server that does not answer. It hides an address that
// looks like a credential.
func (p *program) unreachableServer(err error) error {
	host := p.address
	if name, _, err := net.SplitHostPort(p.address); err == nil {
		host = name
	}
	if !secrets.IsInFileName(host) {
		return fmt.Errorf("cannot reach the Temporal server at %s: %w", p.address, err)
	}
	text := secrets.Hide(err.Error(), []string{p.address, host})
	return hiddenError{"cannot reach the Temporal server of --address or TEMPORAL_ADDRESS: " + text, err}
}

// hiddenError is an error with a text that does not show a value.
type hiddenError struct {
	text  string
	cause error
}

func (h hiddenError) Error() string { return h.text }

func (h hiddenError) Unwrap() error { return h.cause }

// shown returns a text that a person has given, unless it looks like a credential.
func shown(text string) string {
	if secrets.IsInFileName(text) {
		return secrets.NotShown
	}
	return printable.Text(text)
}

// noNamespace returns the error of a namespace that the Temporal server does not have.
func (p *program) noNamespace() error {
	return fmt.Errorf("the Temporal server at %s does not have the namespace %s", shown(p.address), shown(p.namespace))
}

func isNamespaceNotFound(err error) bool {
	_, ok := errors.AsType[*serviceerror.NamespaceNotFound](err)
	return ok
}

// checkAddress refuses an address of the Temporal server without a port. An address with a scheme is
// one of gRPC, such as dns:///temporal:7233.
func checkAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	switch {
	case strings.Contains(address, ":///"), err == nil && host != "" && port != "":
		return nil
	case !strings.Contains(address, ":"), err == nil && port == "":
		return usage("--address must be HOST:PORT, such as 127.0.0.1:7233: the port is missing")
	}
	return usage("--address must be HOST:PORT, such as 127.0.0.1:7233")
}

// Variables of the connection. Temporal's own programs read the same ones.
const (
	tlsVariable         = "TEMPORAL_TLS"
	certificateVariable = "TEMPORAL_TLS_CLIENT_CERT_PATH"
	keyVariable         = "TEMPORAL_TLS_CLIENT_KEY_PATH"
	authorityVariable   = "TEMPORAL_TLS_SERVER_CA_CERT_PATH"
	serverNameVariable  = "TEMPORAL_TLS_SERVER_NAME"
	apiKeyVariable      = "TEMPORAL_API_KEY"

	unverifiedVariable = "TEMPORAL_TLS_DISABLE_HOST_VERIFICATION"
)

// unsupportedVariables are variables of Temporal's own programs that this program does not read. Without
// their values, it would use another configuration than these programs.
var unsupportedVariables = []string{"TEMPORAL_TLS_CLIENT_CERT_DATA", "TEMPORAL_TLS_CLIENT_KEY_DATA", "TEMPORAL_TLS_SERVER_CA_CERT_DATA"}

// variableTLS returns the value of TEMPORAL_TLS, and whether it is set. It accepts the values that
// Temporal's own programs accept.
func (p *program) variableTLS() (on, set bool, err error) {
	switch strings.ToLower(p.getenv(tlsVariable)) {
	case "":
		return false, false, nil
	case "1", "true":
		return true, true, nil
	case "0", "false":
		return false, true, nil
	}
	return false, true, usage("%s must be true, false, 1 or 0", tlsVariable)
}

// tlsConfig returns the configuration of --tls; nil without it. Each variable of TLS turns it on, and so
// does an API key, which is never sent without TLS.
func (p *program) tlsConfig() (*tls.Config, error) {
	_, set, err := p.variableTLS()
	if err != nil {
		return nil, err
	}
	for _, name := range unsupportedVariables {
		if p.getenv(name) != "" {
			return nil, usage("%s is not supported: set the variable with _PATH to the name of a file", name)
		}
	}
	if strings.EqualFold(p.getenv(unverifiedVariable), "true") || p.getenv(unverifiedVariable) == "1" {
		return nil, usage("%s is not supported: the program always verifies the server", unverifiedVariable)
	}
	given := slices.DeleteFunc([]string{certificateVariable, keyVariable, authorityVariable, serverNameVariable, apiKeyVariable}, func(name string) bool { return p.getenv(name) == "" })
	switch {
	case !p.tls && len(given) == 0:
		return nil, nil
	case !p.tls && set: // --tls=false, or the variable
		return nil, usage("TLS is turned off by %s or --tls, and %s requires it: unset one of them", tlsVariable, given[0])
	}
	certificate, key, authority := p.getenv(certificateVariable), p.getenv(keyVariable), p.getenv(authorityVariable)
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: p.getenv(serverNameVariable)}
	if (certificate == "") != (key == "") {
		return nil, usage("%s and %s must be set together", certificateVariable, keyVariable)
	}
	if certificate != "" {
		public, err := readVariable(certificateVariable, certificate)
		if err != nil {
			return nil, err
		}
		private, err := readVariable(keyVariable, key)
		if err != nil {
			return nil, err
		}
		pair, err := tls.X509KeyPair(public, private)
		if err != nil {
			return nil, fmt.Errorf("%s and %s: %w", certificateVariable, keyVariable, err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if authority != "" {
		text, err := readVariable(authorityVariable, authority)
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s: the file has no certificate in PEM", authorityVariable)
		}
	}
	return c, nil
}

// readVariable reads the file that a variable names.
func readVariable(variable, name string) ([]byte, error) {
	text, err := os.ReadFile(name)
	if err = safefile.Error(safefile.Reading, "the file", name, err); err != nil {
		return nil, fmt.Errorf("%s: %w", variable, err)
	}
	return text, nil
}

// dial returns the engine of the Temporal server.
func (p *program) dial(ctx context.Context) (engine.Engine, func(), error) {
	// Commands report their errors themselves.
	c, err := p.client(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, nil, err
	}
	return engine.Temporal{Client: c}, c.Close, nil
}
