package atlastest

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/icholy/digest"

	"github.com/offboard-dev/offboard-go/internal/fake"
)

// Credentials that the double accepts from the start. They reach all
// organizations and own them.
const (
	ClientID     = "mdb_sa_id_atlastest"
	ClientSecret = "mdb_sa_sk_atlastest"
	PublicKey    = "atlastest"
	PrivateKey   = "atlastest-private-key"

	// Token is an access token of the service account that does not end.
	Token = "atlastest-token"
)

// Credential is a service account or an API key at the double.
type Credential struct {
	ID     string // the client id or the public key
	Secret string // the client secret or the private key

	// Organization is the only one that the credential reaches, and with which it
	// ends; "" for all.
	Organization string

	// Member: it may read an organization and not delete it.
	Member bool
}

func (c *Credential) reaches(orgID string) bool {
	return c.Organization == "" || c.Organization == orgID
}

// AddServiceAccount adds a service account.
func (s *Server) AddServiceAccount(c Credential) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.credentials.serviceAccounts[c.ID] = &c
}

// AddAPIKey adds an API key.
func (s *Server) AddAPIKey(c Credential) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.credentials.apiKeys[c.ID] = &c
}

// LimitTokens sets how many tokens a service account is issued in a minute; 10
// without it.
func (s *Server) LimitTokens(perMinute int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.credentials.perMinute = perMinute
}

// EndTokens ends all tokens that were issued, but for [Token].
func (s *Server) EndTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.credentials.tokens, func(token string, _ issued) bool { return token != Token })
}

// EndNonces ends all digest challenges that were sent.
func (s *Server) EndNonces() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.credentials.nonces)
}

// tokenPath is where service accounts get tokens.
const tokenPath = "/api/oauth/token"

// lifetime is how long a token lasts.
const lifetime = time.Hour

// credentials are what the double accepts.
type credentials struct {
	serviceAccounts map[string]*Credential
	apiKeys         map[string]*Credential
	tokens          map[string]issued
	nonces          map[string]map[int]bool // and the counts that were used with each
	made            int                     // tokens and nonces, to number them
	perMinute       int
	requests        map[string][]time.Time // for tokens in the last minute, by client id
}

// issued is an access token.
type issued struct {
	credential *Credential
	until      time.Time // zero: it does not end
}

func newCredentials() credentials {
	account := &Credential{ID: ClientID, Secret: ClientSecret}
	return credentials{
		serviceAccounts: map[string]*Credential{ClientID: account},
		apiKeys:         map[string]*Credential{PublicKey: {ID: PublicKey, Secret: PrivateKey}},
		tokens:          map[string]issued{Token: {credential: account}},
		nonces:          map[string]map[int]bool{},
		perMinute:       10,
		requests:        map[string][]time.Time{},
	}
}

// end ends the credentials of an organization.
func (c *credentials) end(orgID string) {
	of := func(_ string, credential *Credential) bool { return credential.Organization == orgID }
	maps.DeleteFunc(c.serviceAccounts, of)
	maps.DeleteFunc(c.apiKeys, of)
	maps.DeleteFunc(c.tokens, func(_ string, t issued) bool { return t.credential.Organization == orgID })
}

// authenticate returns the credential of a request; nil when there is none that
// is accepted. Whoever has no token is sent a challenge.
func (c *credentials) authenticate(answer http.Header, r *http.Request) *Credential {
	authorization := r.Header.Get("Authorization")
	if token, ok := strings.CutPrefix(authorization, "Bearer "); ok {
		t := c.tokens[token]
		if !t.until.IsZero() && !time.Now().Before(t.until) {
			return nil
		}
		return t.credential
	}
	credential, stale := c.digested(r, authorization)
	if credential == nil {
		nonce := c.next("nonce")
		c.nonces[nonce] = map[int]bool{}
		answer.Set("WWW-Authenticate", fmt.Sprintf(
			`Digest realm=%q, domain="", nonce=%q, algorithm=MD5, qop="auth", stale=%t`, realm, nonce, stale))
	}
	return credential
}

const realm = "MMS Public API"

// digested checks digest credentials as RFC 7616 says: the response has to be
// right, the nonce one of ours, and its count new. stale: only the nonce is not.
func (c *credentials) digested(r *http.Request, authorization string) (credential *Credential, stale bool) {
	sent, err := digest.ParseCredentials(authorization)
	if err != nil {
		return nil, false
	}
	key := c.apiKeys[sent.Username]
	if key == nil || sent.URI != r.RequestURI {
		return nil, false
	}
	want, err := digest.Digest(
		&digest.Challenge{Realm: realm, Nonce: sent.Nonce, Algorithm: "MD5", QOP: []string{"auth"}},
		digest.Options{
			Method: r.Method, URI: sent.URI, Count: sent.Nc, Cnonce: sent.Cnonce,
			Username: key.ID, Password: key.Secret,
		})
	if err != nil || want.Response != sent.Response {
		return nil, false
	}
	used, ok := c.nonces[sent.Nonce]
	switch {
	case !ok:
		return nil, true
	case used[sent.Nc]:
		return nil, false
	}
	used[sent.Nc] = true
	return key, false
}

// next numbers what is made.
func (c *credentials) next(what string) string {
	c.made++
	return fmt.Sprintf("atlastest-%s-%d", what, c.made)
}

// issue answers to a request for a token: as RFC 6749 says, but for the limit.
func (s *Server) issue(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.credentials
	id, secret, _ := r.BasicAuth()
	id, _ = url.QueryUnescape(id)
	secret, _ = url.QueryUnescape(secret)
	account := c.serviceAccounts[id]
	switch {
	case !c.permitted(id):
		failure(w, http.StatusTooManyRequests, "RATE_LIMITED", tokenPath, c.perMinute, 1)
	case account == nil || account.Secret != secret:
		fake.JSON(w, http.StatusUnauthorized, fake.Object{
			"error": "invalid_client", "error_description": "There is no such client.",
		})
	case r.PostFormValue("grant_type") != "client_credentials":
		fake.JSON(w, http.StatusBadRequest, fake.Object{"error": "unsupported_grant_type"})
	default:
		token := c.next("token")
		c.tokens[token] = issued{account, time.Now().Add(lifetime)}
		fake.JSON(w, http.StatusOK, fake.Object{
			"access_token": token, "token_type": "Bearer", "expires_in": int(lifetime / time.Second),
		})
	}
}

// permitted counts a request for a token, unless there were too many in the last
// minute.
func (c *credentials) permitted(id string) bool {
	now := time.Now()
	last := slices.DeleteFunc(c.requests[id], func(at time.Time) bool { return now.Sub(at) >= time.Minute })
	ok := len(last) < c.perMinute
	if ok {
		last = append(last, now)
	}
	c.requests[id] = last
	return ok
}
