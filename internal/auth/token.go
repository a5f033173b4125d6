package auth

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/rest"
)

// Grant is how a token is asked for.
type Grant struct {
	TokenURL     string
	ClientID     string
	ClientSecret string
	Scopes       []string
	InHeader     bool // client id and secret go into the header, else into the form

	// Assertion is made anew for each request of the JWT bearer grant (RFC 7523);
	// nil for client credentials.
	Assertion func() (string, error)
}

// jwtBearer is the grant type of RFC 7523.
const jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"

// Fetched fetches a token, keeps it for as long as it lasts, and fetches another
// when it is about to end or the provider refuses it. However many calls need
// one at a time, one request is made.
func Fetched(grant Grant) rest.NewAuthorizer {
	return func(client *http.Client) rest.Authorizer {
		client = bounded(client)
		return &fetched{
			fetch: func(ctx context.Context) (*oauth2.Token, error) {
				return grant.fetch(context.WithValue(ctx, oauth2.HTTPClient, client))
			},
			fetching: make(chan struct{}, 1),
		}
	}
}

func (g Grant) fetch(ctx context.Context) (*oauth2.Token, error) {
	config := clientcredentials.Config{
		ClientID: g.ClientID, ClientSecret: g.ClientSecret,
		TokenURL: g.TokenURL, Scopes: g.Scopes,
		AuthStyle: oauth2.AuthStyleInParams,
	}
	if g.InHeader {
		config.AuthStyle = oauth2.AuthStyleInHeader
	}
	secrets := g.secrets()
	if g.Assertion != nil {
		assertion, err := g.Assertion()
		if err != nil {
			return nil, err
		}
		config.EndpointParams = url.Values{"grant_type": {jwtBearer}, "assertion": {assertion}}
		secrets = append(secrets, assertion)
	}
	token, err := config.Token(ctx)
	_, refused := errors.AsType[*oauth2.RetrieveError](err)
	_, network := errors.AsType[*url.Error](err)
	switch {
	case err == nil && Check("the token", token.AccessToken) == nil:
		return token, nil
	case refused || network:
		return nil, refusal(err, secrets...)
	}
	// A success that is no token. The error would repeat parts of the answer.
	return nil, &rest.TokenRefusal{Answer: &rest.Answer{Status: http.StatusOK}}
}

// secrets are all forms in which the client secret is sent.
func (g Grant) secrets() []string {
	id, secret := url.QueryEscape(g.ClientID), url.QueryEscape(g.ClientSecret)
	return []string{base64.StdEncoding.EncodeToString([]byte(id + ":" + secret)), g.ClientSecret, secret}
}

type fetched struct {
	fetch    func(context.Context) (*oauth2.Token, error)
	fetching chan struct{} // holds one element while a token is being fetched
	current  atomic.Pointer[kept]
}

// kept is a token that is in use.
type kept struct {
	header []string
	until  time.Time // zero: for as long as the provider takes it
}

// spare is how long before its end a token is replaced, but never more than a
// tenth of its life.
const spare = time.Minute

func (f *fetched) Authorize(ctx context.Context, req *http.Request) error {
	token, err := f.token(ctx)
	if err != nil {
		return err
	}
	req.Header["Authorization"] = token.header
	return nil
}

func (f *fetched) token(ctx context.Context) (*kept, error) {
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
	fresh, err := f.fetch(ctx)
	if err != nil {
		return nil, err
	}
	token := &kept{header: []string{"Bearer " + fresh.AccessToken}}
	if !fresh.Expiry.IsZero() {
		token.until = fresh.Expiry.Add(-min(spare, time.Until(fresh.Expiry)/10))
	}
	f.current.Store(token)
	return token, nil
}

func (k *kept) lasts() bool {
	return k != nil && (k.until.IsZero() || time.Now().Before(k.until))
}

// Refused drops the token that was refused, unless another call has done so.
func (f *fetched) Refused(req *http.Request, _ http.Header) bool {
	if token := f.current.Load(); token != nil && token.header[0] == req.Header.Get("Authorization") {
		f.current.CompareAndSwap(token, nil)
	}
	return true
}
