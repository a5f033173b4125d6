package components_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/offboardtest"
	"github.com/offboard-dev/offboard-go/zitadel"
	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

const (
	userID       = "100000000000000002" // of the service account
	clientID     = "offboarding"
	clientSecret = "canary-s3cret/+ä5ebe2294"
	audience     = "urn:zitadel:iam:org:project:id:zitadel:aud"
)

// issuer is an OpenID provider built with the module that Zitadel uses, and a Zitadel that
// accepts its tokens after it checked their signature, expiry and scope. The module
// implements everything except the storage.
type issuer struct {
	op.Storage // without the methods for user logins
	url        string
	api        *zitadeltest.Server

	// Set before the first request.
	lifetime    time.Duration // of tokens
	apiAhead    time.Duration // the API's clock minus the client's
	issuerAhead time.Duration // the issuer's clock minus the client's, for assertions

	mu       sync.Mutex
	signing  *signingKey
	accounts map[string]*rsa.PublicKey // the service account's keys, by ID
	tokens   int                       // number of issued tokens
	refused  int                       // number of requests that the API refused
}

// newIssuer starts a provider with Zitadel's token lifetime.
func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{
		lifetime: 12 * time.Hour, accounts: map[string]*rsa.PublicKey{}, api: zitadeltest.NewServer(),
		signing: newSigningKey(t, "signing-1"),
	}
	i.api.AddOrganization(zitadeltest.Organization{ID: victim})
	server := httptest.NewUnstartedServer(nil)
	i.url = "http://" + server.Listener.Addr().String()
	module, err := op.NewProvider(
		&op.Config{CryptoKey: [32]byte{1}, AuthMethodPost: true, AuthMethodPrivateKeyJWT: true}, i, op.StaticIssuer(i.url),
		op.WithAllowInsecure(), op.WithLogger(slog.New(slog.DiscardHandler)),
	)
	if err != nil {
		t.Fatal(err)
	}
	router := op.CreateRouter(provider{module, i})
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/oauth/") || strings.HasPrefix(r.URL.Path, "/.well-known/") {
			router.ServeHTTP(w, r)
			return
		}
		i.serveAPI(w, r)
	})
	server.Start()
	t.Cleanup(server.Close)
	return i
}

// serveAPI forwards requests with a token of the issuer to the fake.
func (i *issuer) serveAPI(w http.ResponseWriter, r *http.Request) {
	verifier := op.NewAccessTokenVerifier(i.url, &op.OpenIDKeySet{Storage: i})
	verifier.Offset = i.apiAhead
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	claims, err := op.VerifyAccessToken[*oidc.AccessTokenClaims](r.Context(), token, verifier)
	r.Header.Set("Authorization", "Bearer "+zitadeltest.Token)
	if err != nil || claims.Claims["scope"] != audience {
		r.Header.Set("Authorization", "Bearer none")
		i.mu.Lock()
		i.refused++
		i.mu.Unlock()
	}
	r.Host = strings.TrimPrefix(offboardtest.InMemory, "https://") // the only host that the fake accepts
	serveFake(i.api).ServeHTTP(w, r)
}

// provider returns the module's provider with the paths of Zitadel. The module's options
// for these would change its defaults for all providers of the program.
type provider struct {
	*op.Provider
	issuer *issuer
}

func (provider) TokenEndpoint() *op.Endpoint { return op.NewEndpoint("oauth/v2/token") }
func (provider) KeysEndpoint() *op.Endpoint  { return op.NewEndpoint("oauth/v2/keys") }

// JWTProfileVerifier checks assertions with a clock that differs from the client's.
func (p provider) JWTProfileVerifier(ctx context.Context) *op.JWTProfileVerifier {
	v := p.Provider.JWTProfileVerifier(ctx)
	v.Offset += p.issuer.issuerAhead
	return v
}

// counts returns the number of issued tokens and of requests that the API refused.
func (i *issuer) counts() (tokens, refused int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.tokens, i.refused
}

// addKey adds a key to the service account and returns its file in Zitadel's format.
func (i *issuer) addKey(t *testing.T, id string) []byte {
	t.Helper()
	private := privateKeyOf(t, id)
	file, err := json.Marshal(map[string]string{
		"type": "serviceaccount", "keyId": id, "userId": userID,
		"key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)})),
	})
	if err != nil {
		t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.accounts[id] = &private.PublicKey
	return file
}

// removeKey removes a key of the service account.
func (i *issuer) removeKey(id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.accounts, id)
}

// rotate replaces the key that signs tokens. Earlier tokens are invalid from then on.
func (i *issuer) rotate(t *testing.T, id string) {
	t.Helper()
	key := newSigningKey(t, id)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.signing = key
}

// client returns a client of the API and the recorder of its requests.
func (i *issuer) client(t *testing.T, credential zitadel.Option, options ...zitadel.Option) (*zitadel.Client, *recorder) {
	t.Helper()
	watch := &recorder{next: new(http.Transport)}
	c, err := zitadel.New(append([]zitadel.Option{
		zitadel.WithBaseURL(i.url), credential, zitadel.WithHTTPClient(&http.Client{Transport: watch}),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c, watch
}

// signingKey is a published key that signs tokens.
type signingKey struct {
	id      string
	private *rsa.PrivateKey
}

func newSigningKey(t *testing.T, id string) *signingKey {
	t.Helper()
	return &signingKey{id, privateKeyOf(t, id)}
}

// privateKeys are generated one time, because that is slow.
var privateKeys struct {
	sync.Mutex
	byID map[string]*rsa.PrivateKey
}

// privateKeyOf returns the private key of an ID.
func privateKeyOf(t *testing.T, id string) *rsa.PrivateKey {
	t.Helper()
	privateKeys.Lock()
	defer privateKeys.Unlock()
	if privateKeys.byID[id] == nil {
		private, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		if privateKeys.byID == nil {
			privateKeys.byID = map[string]*rsa.PrivateKey{}
		}
		privateKeys.byID[id] = private
	}
	return privateKeys.byID[id]
}

func (k *signingKey) ID() string                                  { return k.id }
func (k *signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k *signingKey) Key() any                                    { return k.private }

// publicKeyOf is the public half of a signing key.
type publicKeyOf struct{ *signingKey }

func (k publicKeyOf) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k publicKeyOf) Use() string                        { return "sig" }
func (k publicKeyOf) Key() any                           { return &k.private.PublicKey }

// The provider's storage.

func (i *issuer) Health(context.Context) error { return nil }

func (i *issuer) SigningKey(context.Context) (op.SigningKey, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.signing, nil
}

func (i *issuer) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256}, nil
}

func (i *issuer) KeySet(context.Context) ([]op.Key, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return []op.Key{publicKeyOf{i.signing}}, nil
}

func (i *issuer) GetKeyByIDAndClientID(_ context.Context, keyID, user string) (*jose.JSONWebKey, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	key, ok := i.accounts[keyID]
	if !ok || user != userID {
		return nil, errors.New("the key is not known")
	}
	return &jose.JSONWebKey{KeyID: keyID, Use: "sig", Key: key}, nil
}

func (i *issuer) ValidateJWTProfileScopes(_ context.Context, _ string, scopes []string) ([]string, error) {
	return scopes, nil
}

func (i *issuer) JWTProfileTokenType(context.Context, op.TokenRequest) (op.AccessTokenType, error) {
	return op.AccessTokenTypeJWT, nil
}

func (i *issuer) CreateAccessToken(context.Context, op.TokenRequest) (string, time.Time, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.tokens++
	return fmt.Sprintf("token-%d", i.tokens), time.Now().Add(i.lifetime), nil
}

func (i *issuer) GetPrivateClaimsFromScopes(_ context.Context, _, _ string, scopes []string) (map[string]any, error) {
	return map[string]any{"scope": strings.Join(scopes, " ")}, nil
}

func (i *issuer) ClientCredentials(_ context.Context, id, secret string) (op.Client, error) {
	if id != clientID || secret != clientSecret {
		return nil, errors.New("the secret is not right: " + secret)
	}
	return machine{}, nil
}

func (i *issuer) ClientCredentialsTokenRequest(_ context.Context, id string, scopes []string) (op.TokenRequest, error) {
	return &oidc.JWTTokenRequest{Issuer: id, Subject: id, Scopes: scopes}, nil
}

// machine is a client without user logins.
type machine struct{ op.Client }

func (machine) GetID() string { return clientID }
func (machine) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeClientCredentials}
}
func (machine) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }
func (machine) ClockSkew() time.Duration            { return 0 }
func (machine) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

// credentials are the two kinds of credentials that fetch tokens.
func (i *issuer) credentials(t *testing.T) map[string]zitadel.Option {
	t.Helper()
	return map[string]zitadel.Option{
		"a private key":      zitadel.WithKey(i.addKey(t, "key-1")),
		"client credentials": zitadel.WithClientCredentials(clientID, clientSecret),
	}
}

// discover returns the token endpoint that a provider publishes.
func discover(t *testing.T, issuer string) string {
	t.Helper()
	resp, err := http.Get(issuer + oidc.DiscoveryEndpoint)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var found oidc.DiscoveryConfiguration
	if err := json.NewDecoder(resp.Body).Decode(&found); err != nil {
		t.Fatal(err)
	}
	if found.Issuer != issuer {
		t.Fatalf("got issuer %q, want %q", found.Issuer, issuer)
	}
	return found.TokenEndpoint
}

func TestOpenID_OneTokenForAllCalls(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a private key", "client credentials"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t)
			c, watch := i.client(t, i.credentials(t)[name])
			for range 5 {
				if _, err := c.GetOrganization(in(t), victim); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := c.DeleteOrganization(in(t), victim); err != nil || i.api.Exists(victim) {
				t.Fatalf("got %v, organization exists: %t", err, i.api.Exists(victim))
			}
			if tokens, refused := i.counts(); tokens != 1 || refused != 0 {
				t.Errorf("%d tokens, %d requests refused", tokens, refused)
			}
			// The package uses the endpoint of Zitadel's documentation without discovery.
			// The provider publishes the same one.
			all := watch.take()
			if got, want := all[0].url, discover(t, i.url); got != want {
				t.Errorf("got the token from %q, want %q", got, want)
			}
			if len(all) != 7 {
				t.Errorf("%d requests, want 7", len(all))
			}
		})
	}
}

func TestOpenID_TokenExpiry(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a private key", "client credentials"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t)
			i.lifetime = 3 * time.Second
			c, _ := i.client(t, i.credentials(t)[name])
			for started := time.Now(); time.Since(started) < 5*time.Second; time.Sleep(50 * time.Millisecond) { // the provider has its own clock
				if _, err := c.GetOrganization(in(t), victim); err != nil {
					t.Fatal(err)
				}
			}
			if tokens, refused := i.counts(); tokens < 2 || tokens > 4 || refused != 0 {
				t.Errorf("%d tokens, %d requests refused; want 2 to 4, and none", tokens, refused)
			}
		})
	}
}

func TestOpenID_TokenRefusedEarly(t *testing.T) {
	t.Parallel()
	t.Run("the API's clock is ahead", func(t *testing.T) {
		t.Parallel()
		i := newIssuer(t)
		i.lifetime, i.apiAhead = time.Minute, 57*time.Second // 2 to 3 seconds remain
		c, watch := i.client(t, zitadel.WithClientCredentials(clientID, clientSecret))
		get := func() []int {
			t.Helper()
			if _, err := c.GetOrganization(in(t), victim); err != nil {
				t.Fatal(err)
			}
			return statuses(watch.take())
		}
		get()
		time.Sleep(3100 * time.Millisecond) // the provider has its own clock
		if diff := cmp.Diff([]int{401, 200, 200}, get()); diff != "" {
			t.Errorf("statuses (-want +got):\n%s", diff)
		}
	})
	t.Run("the API's clock is always ahead", func(t *testing.T) {
		t.Parallel()
		i := newIssuer(t)
		i.lifetime, i.apiAhead = time.Minute, 2*time.Minute
		c, watch := i.client(t, zitadel.WithClientCredentials(clientID, clientSecret))
		_, err := c.DeleteOrganization(in(t), victim)
		if got, status := code(t, err); got != errors.InvalidAPIToken || !errors.Is(err, errors.Unauthenticated) || status != 401 {
			t.Errorf("got %v", err)
		}
		if diff := cmp.Diff([]int{200, 401, 200, 401}, statuses(watch.take())); diff != "" {
			t.Errorf("statuses (-want +got):\n%s", diff)
		}
		if !i.api.Exists(victim) {
			t.Error("the organization is deleted")
		}
	})
	t.Run("the issuer signs with another key", func(t *testing.T) {
		t.Parallel()
		i := newIssuer(t)
		c, watch := i.client(t, zitadel.WithKey(i.addKey(t, "key-1")))
		if _, err := c.GetOrganization(in(t), victim); err != nil {
			t.Fatal(err)
		}
		watch.take()
		i.rotate(t, "signing-2")
		if _, err := c.DeleteOrganization(in(t), victim); err != nil || i.api.Exists(victim) {
			t.Fatalf("got %v, organization exists: %t", err, i.api.Exists(victim))
		}
		if diff := cmp.Diff([]int{401, 200, 200}, statuses(watch.take())); diff != "" {
			t.Errorf("statuses (-want +got):\n%s", diff)
		}
		// To the fake, the first request had no credential, so it was not processed.
		if diff := cmp.Diff([]string{victim}, i.api.Deleted()); diff != "" {
			t.Errorf("deleted (-want +got):\n%s", diff)
		}
	})
}

func TestOpenID_KeyRotation(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	first := i.addKey(t, "key-1")
	c, _ := i.client(t, zitadel.WithKey(first))
	if _, err := c.GetOrganization(in(t), victim); err != nil {
		t.Fatal(err)
	}
	second := i.addKey(t, "key-2")
	i.removeKey("key-1")
	// The token outlives the key that fetched it.
	if _, err := c.GetOrganization(in(t), victim); err != nil {
		t.Errorf("with the token of the first key: %v", err)
	}
	i.rotate(t, "signing-2") // invalidates it
	_, err := c.DeleteOrganization(in(t), victim)
	if got, status := code(t, err); got != errors.Unauthenticated || status != 0 {
		t.Errorf("got %v and status %d, want %q and no deletion", err, status, errors.Unauthenticated)
	}
	if !i.api.Exists(victim) {
		t.Error("the organization is deleted")
	}
	c, _ = i.client(t, zitadel.WithKey(second))
	if _, err := c.DeleteOrganization(in(t), victim); err != nil || i.api.Exists(victim) {
		t.Errorf("with the second key: got %v, organization exists: %t", err, i.api.Exists(victim))
	}
}

// An assertion is valid for an hour and is made for each token request.
func TestOpenID_IssuerClock(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ahead time.Duration
		code  errors.Code
	}{
		"ahead by 55 minutes":  {55 * time.Minute, ""},
		"ahead by 65 minutes":  {65 * time.Minute, errors.Unauthenticated},
		"behind by 2 minutes":  {-2 * time.Minute, errors.Unauthenticated},
		"behind by one second": {-time.Second, ""}, // the module accepts one second
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t)
			i.issuerAhead = test.ahead
			c, watch := i.client(t, zitadel.WithKey(i.addKey(t, "key-1")))
			_, err := c.DeleteOrganization(in(t), victim)
			if got, _ := code(t, err); got != test.code {
				t.Fatalf("got %v, want %q", err, test.code)
			}
			if i.api.Exists(victim) != (err != nil) {
				t.Errorf("got %v, organization exists: %t", err, i.api.Exists(victim))
			}
			if n := len(watch.take()); err != nil && n != 1 {
				t.Errorf("%d requests, want the one for the token", n)
			}
		})
	}
}

func TestOpenID_Refusals(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	key := i.addKey(t, "key-1")
	i.addKey(t, "key-2")
	rename := func(from, to string) []byte { return []byte(strings.Replace(string(key), from, to, 1)) }
	for name, test := range map[string]struct {
		credential zitadel.Option
		status     int    // of the token endpoint
		provider   string // code
	}{
		"another secret":           {zitadel.WithClientCredentials(clientID, clientSecret+"x"), 401, "invalid_client"},
		"another client":           {zitadel.WithClientCredentials("another", clientSecret), 401, "invalid_client"},
		"a key that is not known":  {zitadel.WithKey(rename("key-1", "key-0")), 400, "invalid_grant"},
		"a key of another account": {zitadel.WithKey(rename(userID, "100000000000000009")), 400, "invalid_grant"},
		"the id of another key":    {zitadel.WithKey(rename("key-1", "key-2")), 400, "invalid_grant"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, watch := i.client(t, test.credential)
			_, err := c.DeleteOrganization(in(t), victim)
			e, _ := errors.AsType[*errors.Error](err)
			if e == nil || e.Code != errors.Unauthenticated || e.Status != 0 || e.Attempts != 0 || e.ProviderCode != test.provider {
				t.Fatalf("got %v, want %q of %q, not sent", err, errors.Unauthenticated, test.provider)
			}
			cause, _ := errors.AsType[*errors.Error](e.Err)
			if cause == nil || cause.Status != test.status {
				t.Errorf("got cause %v, want status %d", e.Err, test.status)
			}
			if diff := cmp.Diff([]int{test.status}, statuses(watch.take())); diff != "" {
				t.Errorf("statuses (-want +got):\n%s", diff)
			}
			for _, shown := range []string{fmt.Sprint(err), fmt.Sprintf("%#v", err), e.Message, cause.Message} {
				if strings.Contains(shown, clientSecret) || strings.Contains(shown, url.QueryEscape(clientSecret)) {
					t.Errorf("the text contains the secret: %s", shown)
				}
			}
		})
	}
	t.Cleanup(func() {
		if len(i.api.Requests()) != 0 {
			t.Error("a request reached the API")
		}
	})
}

// Each assertion contains the issuer's name, which differs from another address of the same
// provider.
func TestOpenID_AssertionAudience(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	target, err := url.Parse(i.url)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	address := serve(t, new(http.Server), forward.ServeHTTP)
	for name, credential := range i.credentials(t) {
		c, _ := i.client(t, credential, zitadel.WithBaseURL("http://"+address))
		_, err := c.GetOrganization(in(t), victim)
		want := map[string]errors.Code{"a private key": errors.Unauthenticated}[name]
		if got, _ := code(t, err); got != want {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
}
