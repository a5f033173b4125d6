package auth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
	"github.com/offboard-dev/offboard-go/observe"
)

// Grant is the request for a token by OAuth 2.0 (RFC 6749).
type Grant struct {
	TokenURL     string   // TokenURL is the URL of the token endpoint.
	ClientID     string   // ClientID is the ID of the client.
	ClientSecret string   // ClientSecret is the secret of the client.
	Scopes       []string // Scopes are the requested scopes.
	InHeader     bool     // InHeader is true if the ID and the secret are sent in the header, and not in the form.

	// Assertion returns the assertion of one request by the JWT bearer grant (RFC 7523);
	// nil for client credentials.
	Assertion func() (string, error)
}

// jwtBearer is the grant type of RFC 7523.
const jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"

// Fetched fetches a token and keeps it until shortly before its end, or until the provider refuses
// it. Calls that need a token at the same time share one request.
func Fetched(grant Grant) rest.NewAuthorizer {
	return func(client *http.Client) rest.Authorizer {
		client = bounded(client)
		return &fetched{
			fetch:    func(ctx context.Context) (*kept, error) { return grant.fetch(ctx, client) },
			fetching: make(chan struct{}, 1),
		}
	}
}

// maxTokenBody is the maximum number of bytes that are read of a token endpoint's answer.
const maxTokenBody = 1 << 20

// fetch requests a token. It does not use package oauth2, which refuses a lifetime that is not an
// integer.
func (g Grant) fetch(ctx context.Context, client *http.Client) (*kept, error) {
	form, secrets := url.Values{"grant_type": {"client_credentials"}}, g.secrets()
	if len(g.Scopes) > 0 {
		form.Set("scope", strings.Join(g.Scopes, " "))
	}
	switch {
	case g.Assertion != nil:
		assertion, err := g.Assertion()
		if err != nil {
			return nil, err
		}
		form.Set("grant_type", jwtBearer)
		form.Set("assertion", assertion)
		secrets = append(secrets, assertion)
	case !g.InHeader:
		form.Set("client_id", g.ClientID)
		form.Set("client_secret", g.ClientSecret)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, errors.New("the URL of the token endpoint is invalid")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if g.Assertion == nil && g.InHeader {
		req.SetBasicAuth(url.QueryEscape(g.ClientID), url.QueryEscape(g.ClientSecret))
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxTokenBody))
	if err != nil {
		// Like a lost connection, the request can be sent again, because it changes nothing.
		return nil, &url.Error{Op: "Post", URL: g.TokenURL, Err: err}
	}
	var answer tokenAnswer
	_ = json.Unmarshal(body, &answer) // a field of another type stays empty
	granted := resp.StatusCode >= 200 && resp.StatusCode <= 299 && answer.Code == ""
	if granted && Check("the token", answer.Token) == nil {
		token := &kept{header: []string{"Bearer " + answer.Token}}
		if lifetime := answer.lifetime(); lifetime > 0 {
			token.until = time.Now().Add(lifetime - min(spare, lifetime/10))
		}
		return token, nil
	}
	refusal := &rest.TokenRefusal{
		Answer: &rest.Answer{Status: resp.StatusCode, Header: resp.Header, Body: body},
		Code:   answer.Code, Description: answer.Description, Secrets: secrets,
	}
	if granted { // a success without a token; the text of err may repeat parts of the answer
		refusal = &rest.TokenRefusal{Answer: &rest.Answer{Status: resp.StatusCode}}
	}
	return nil, refusal
}

// tokenAnswer is the answer of a token endpoint (RFC 6749, sections 5.1 and 5.2).
type tokenAnswer struct {
	Token       string          `json:"access_token"`
	ExpiresIn   json.RawMessage `json:"expires_in"`
	Code        string          `json:"error"`
	Description string          `json:"error_description"`
}

// maxLifetime is the longest lifetime of a token; a longer one is reduced to it.
const maxLifetime = 30 * 24 * time.Hour

// lifetime returns the lifetime of the token; 0 if the answer does not state it. By RFC 6749, the
// answer has a number of seconds. Some servers send a fraction or a string.
func (a *tokenAnswer) lifetime() time.Duration {
	text := strings.TrimSpace(strings.Trim(string(a.ExpiresIn), `"`))
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || !(seconds > 0) {
		return 0
	}
	return time.Duration(min(seconds, maxLifetime.Seconds()) * float64(time.Second))
}

// secrets returns the client secret in all forms in which it is sent.
func (g Grant) secrets() []string {
	id, secret := url.QueryEscape(g.ClientID), url.QueryEscape(g.ClientSecret)
	return []string{base64.StdEncoding.EncodeToString([]byte(id + ":" + secret)), g.ClientSecret, secret}
}

type fetched struct {
	fetch    func(context.Context) (*kept, error)
	fetching chan struct{} // contains an element while a token is being fetched
	current  atomic.Pointer[kept]
}

// kept is a fetched token.
type kept struct {
	header []string
	until  time.Time // zero if the answer did not state the lifetime
}

// spare is the time before its end at which a token is replaced; at most a tenth of its lifetime.
const spare = time.Minute

func (f *fetched) Authorize(ctx context.Context, req *http.Request) error {
	token, err := f.token(ctx, req)
	if err != nil {
		return err
	}
	req.Header["Authorization"] = token.header
	return nil
}

func (f *fetched) token(ctx context.Context, req *http.Request) (*kept, error) {
	if token := f.current.Load(); token.lasts() {
		return token, nil
	}
	select {
	case f.fetching <- struct{}{}:
		defer func() { <-f.fetching }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if token := f.current.Load(); token.lasts() {
		return token, nil
	}
	token, err := f.fetch(ofTokenRequest(ctx, req))
	if err != nil {
		return nil, err
	}
	f.current.Store(token)
	return token, nil
}

// ofTokenRequest returns the context of a token request that precedes a request.
func ofTokenRequest(ctx context.Context, before *http.Request) context.Context {
	request, ok := observe.FromContext(before.Context())
	if !ok {
		return ctx
	}
	call := observe.Call{Provider: request.Call.Provider, Operation: rest.TokenRequest}
	return observe.NewContext(ctx, observe.Request{Call: call, Attempt: 1})
}

func (k *kept) lasts() bool {
	return k != nil && (k.until.IsZero() || time.Now().Before(k.until))
}

// Refused removes the refused token, unless another call replaced it.
func (f *fetched) Refused(req *http.Request, _ http.Header) bool {
	if token := f.current.Load(); token != nil && token.header[0] == req.Header.Get("Authorization") {
		f.current.CompareAndSwap(token, nil)
	}
	return true
}
