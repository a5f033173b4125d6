// Package clientcert authenticates by a client certificate. It reads the certificate, and makes
// the transport that sends it.
package clientcert

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/auth"
	"github.com/offboard-dev/offboard-go/internal/nilness"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// Config is a [rest.Config] that may have a certificate. [Config.Build] returns the rest.Config
// after all options were applied, because any of them may set the HTTP client.
type Config struct {
	rest.Config

	certificate *tls.Certificate
	roots       *x509.CertPool
}

// UseCertificate sets the certificate as the credential.
func (c *Config) UseCertificate(certificate tls.Certificate) error {
	if err := check(&certificate); err != nil {
		return err
	}
	c.certificate = &certificate
	return c.Authorize(auth.None())
}

// UseRoots sets the CA certificates that verify the server, in PEM.
func (c *Config) UseRoots(text []byte) error {
	c.roots = x509.NewCertPool()
	if !c.roots.AppendCertsFromPEM(auth.PEM(text)) {
		return errors.New("the CA certificate is not in PEM")
	}
	return nil
}

// check returns an error for a certificate that no server accepts, so that New fails instead of
// the first request.
func check(certificate *tls.Certificate) error {
	if len(certificate.Certificate) == 0 {
		return errors.New("the certificate must not be empty")
	}
	leaf, err := x509.ParseCertificate(certificate.Certificate[0])
	if err != nil {
		return errors.New("cannot parse the certificate")
	}
	if !fits(certificate.PrivateKey, leaf) {
		return errors.New("the private key must be that of the certificate")
	}
	certificate.Leaf = leaf
	return nil
}

// fits reports whether a private key belongs to a certificate.
func fits(key any, certificate *x509.Certificate) bool {
	signer, ok := key.(crypto.Signer)
	if !ok || nilness.IsNil(signer) {
		return false
	}
	public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(certificate.PublicKey)
}

// FromPEM reads a certificate and its private key, each in PEM. Errors contain no part of them.
func FromPEM(certificate, key []byte) (tls.Certificate, error) {
	certificate, key = auth.PEM(certificate), auth.PEM(key)
	switch {
	case !has(certificate, isCertificate) && has(certificate, isKey):
		return tls.Certificate{}, errors.New("the certificate's file has a private key and no certificate")
	case !has(certificate, isCertificate):
		return tls.Certificate{}, errors.New("the certificate's file must have a certificate in PEM")
	case !has(key, isKey) && has(key, isCertificate):
		return tls.Certificate{}, errors.New("the private key's file has a certificate and no private key")
	case !has(key, isKey):
		return tls.Certificate{}, errors.New("the private key's file must have a private key in PEM")
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return tls.Certificate{}, errors.New("cannot parse the certificate and its private key, or they are not a pair")
	}
	return pair, nil
}

// has reports whether a text contains a PEM block of a kind.
func has(text []byte, kind func(string) bool) bool {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if kind(block.Type) {
			return true
		}
	}
	return false
}

func isCertificate(kind string) bool { return kind == "CERTIFICATE" }

func isKey(kind string) bool { return kind == "PRIVATE KEY" || strings.HasSuffix(kind, " PRIVATE KEY") }

// ErrPassword is the error of a p12 file with another password than the given one.
var ErrPassword = errors.New("the password is not that of the p12 file")

var errNoPassword = fmt.Errorf("%w: none was given", ErrPassword)

// FromP12 reads a PKCS#12 file, such as F5 issues, with the ciphers of OpenSSL 3 or with older
// ones. The error matches [ErrPassword] if the password is wrong or missing.
func FromP12(data []byte, password string) (tls.Certificate, error) {
	key, leaf, others, err := pkcs12.DecodeChain(data, password)
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword) && password == "":
		return tls.Certificate{}, errNoPassword
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return tls.Certificate{}, ErrPassword
	case err != nil:
		// The text of err describes ASN.1.
		return tls.Certificate{}, errors.New("cannot decode the p12 file")
	}
	// TLS requires the certificate of the key first. The file may have any order.
	chain := append([]*x509.Certificate{leaf}, others...)
	if i := slices.IndexFunc(chain, func(c *x509.Certificate) bool { return fits(key, c) }); i > 0 {
		chain[0], chain[i] = chain[i], chain[0]
	}
	certificate := tls.Certificate{PrivateKey: key}
	for _, c := range chain {
		certificate.Certificate = append(certificate.Certificate, c.Raw)
	}
	return certificate, nil
}
