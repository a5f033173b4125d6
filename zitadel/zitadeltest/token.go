package zitadeltest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/fake"
)

// TokenRequest is the operation of a request for a token.
const TokenRequest = "token request"

// ClientID and ClientSecret are client credentials that the double accepts.
const (
	ClientID     = "zitadeltest-client"
	ClientSecret = "zitadeltest-secret"
)

// userID and keyID are what [Server.Key] is of.
const (
	userID = "100000000000000002"
	keyID  = "100000000000000003"
)

// lifetime is that of tokens, as the default of an instance is.
const lifetime = 43199 * time.Second

// token is a token that was issued.
type token struct {
	until    time.Time
	audience bool // it is made out to the API
}

func (t token) valid() bool { return t.audience && time.Now().Before(t.until) }

// key is the key of a service account.
type key struct {
	file    []byte
	private *rsa.PrivateKey
}

// Key returns the key file of a service account whose assertions the double
// accepts.
func (s *Server) Key() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key.private == nil {
		s.key = newKey()
	}
	return slices.Clone(s.key.file)
}

func newKey() key {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(fmt.Sprintf("zitadeltest: there is no key: %v", err))
	}
	file, err := json.Marshal(fake.Object{
		"type": "serviceaccount", "keyId": keyID, "userId": userID, "expirationDate": "9999-12-31T23:59:59Z",
		"key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)})),
	})
	if err != nil {
		panic(fmt.Sprintf("zitadeltest: there is no key: %v", err))
	}
	return key{file, private}
}

// token issues a token. Without the scope that makes it out to the API it is of no
// use there.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	switch grant := r.PostFormValue("grant_type"); grant {
	case "client_credentials":
		id, secret, ok := r.BasicAuth()
		if !ok {
			id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
		}
		if id != ClientID {
			noToken(w, http.StatusBadRequest, "invalid_client", "the client is not known")
			return
		}
		if secret != ClientSecret {
			noToken(w, http.StatusBadRequest, "invalid_request", "Errors.User.Machine.Secret.Invalid")
			return
		}
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		if s.verify(r.PostFormValue("assertion")) != nil {
			noToken(w, http.StatusInternalServerError, "server_error", "Errors.Internal")
			return
		}
	default:
		noToken(w, http.StatusBadRequest, "unsupported_grant_type", grant+" is not supported")
		return
	}
	access := fmt.Sprintf("zitadeltest-token-%d", len(s.tokens)+1)
	s.tokens[access] = token{
		until:    time.Now().Add(lifetime),
		audience: slices.Contains(strings.Fields(r.PostFormValue("scope")), "urn:zitadel:iam:org:project:id:zitadel:aud"),
	}
	fake.JSON(w, http.StatusOK, fake.Object{
		"access_token": access, "token_type": "Bearer", "expires_in": int(lifetime.Seconds()),
	})
}

func noToken(w http.ResponseWriter, status int, code, description string) {
	fake.JSON(w, status, fake.Object{"error": code, "error_description": description})
}

// verify checks an assertion: who signed it, for whom, and when.
func (s *Server) verify(assertion string) error {
	var claims jwt.RegisteredClaims
	_, err := jwt.ParseWithClaims(assertion, &claims, func(t *jwt.Token) (any, error) {
		if s.key.private == nil || t.Header["kid"] != keyID {
			return nil, errors.New("the key is not known")
		}
		return &s.key.private.PublicKey, nil
	}, jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(userID), jwt.WithSubject(userID),
		jwt.WithAudience(s.issuer()), jwt.WithExpirationRequired())
	switch {
	case err != nil:
	case claims.IssuedAt == nil || time.Since(claims.IssuedAt.Time) > time.Hour:
		err = errors.New("the assertion is too old")
	case time.Until(claims.IssuedAt.Time) > time.Second: // zitadel/oidc, op.NewJWTProfileVerifier
		err = errors.New("the assertion is of the future")
	}
	return err
}
