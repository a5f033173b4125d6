// Package jwtprofile makes the assertions by which a service account of Zitadel
// asks for a token: the JWT profile of RFC 7523, signed with the account's
// private key.
package jwtprofile

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/auth"
)

// Key is the key of a service account. It holds the private key behind a
// function, where no formatting verb reaches it.
type Key struct {
	sign func(audience string) (string, error)
}

// lifetime is that of the vendor's own client. The issuer takes any end in the
// future, but no assertion that is older than an hour.
const lifetime = time.Hour

// skew is how far the caller's clock may be ahead: the issuer takes no assertion of
// the future. It is more than the minute that is promised, because the issuer rounds.
const skew = 90 * time.Second

// Parse reads a key file as Zitadel hands it out. Errors repeat nothing of it.
func Parse(file []byte) (*Key, error) {
	var content struct {
		Type       string `json:"type"`
		KeyID      string `json:"keyId"`
		Key        string `json:"key"`
		UserID     string `json:"userId"`
		Expiration string `json:"expirationDate"` // "" and null for none
	}
	if err := json.Unmarshal(auth.Text(file), &content); err != nil {
		return nil, errors.New("the key file is not the JSON of a key")
	}
	var end time.Time
	if date := strings.TrimSpace(content.Expiration); date != "" {
		var err error
		if end, err = time.Parse(time.RFC3339, date); err != nil {
			return nil, errors.New("the key file's expirationDate is not a date")
		}
	}
	switch {
	case content.Type != "serviceaccount":
		return nil, errors.New("the key is not one of a service account")
	case content.KeyID == "" || content.UserID == "":
		return nil, errors.New("the key file lacks the key's id or the user's")
	}
	private, err := jwt.ParseRSAPrivateKeyFromPEM(auth.PEM([]byte(content.Key))) // PKCS #1 or #8
	if err != nil {
		return nil, errors.New("the key file has no RSA key in PEM")
	}
	return &Key{func(audience string) (string, error) {
		now := time.Now()
		// The issuer would only say that it failed, as it does of every fault.
		if !end.IsZero() && now.Add(-skew).After(end) {
			return "", errors.New("the key expired on " + end.Format(time.DateOnly))
		}
		token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
			"iss": content.UserID,
			"sub": content.UserID,
			"aud": audience,
			"iat": now.Add(-skew).Unix(),
			"exp": now.Add(lifetime - skew).Unix(),
		})
		token.Header["kid"] = content.KeyID
		return token.SignedString(private)
	}}, nil
}

// Assertion returns a function that makes an assertion for an audience: the
// issuer itself, not its token endpoint.
func (k *Key) Assertion(audience string) func() (string, error) {
	return func() (string, error) { return k.sign(audience) }
}
