// Package jwtprofile makes the assertions by which a service account of Zitadel requests a token:
// JWTs of RFC 7523, signed with the private key of the account.
package jwtprofile

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offboard-dev/offboard-go/errors"
	"github.com/offboard-dev/offboard-go/internal/auth"
)

// Key is the key of a service account. The private key is behind a function, so that no formatting
// verb shows it.
type Key struct {
	sign func(audience string) (string, error)
}

// lifetime is the lifetime of an assertion, equal to that of the vendor's client. The issuer
// accepts any end in the future, and refuses an assertion older than an hour.
const lifetime = time.Hour

// skew is the time by which an assertion is backdated, because the issuer refuses an assertion of
// the future. It exceeds the promised minute, because the issuer rounds.
const skew = 90 * time.Second

// Parse reads a key file in the form that Zitadel issues. Errors contain no part of the file.
func Parse(file []byte) (*Key, error) {
	var content struct {
		Type       string `json:"type"`
		KeyID      string `json:"keyId"`
		Key        string `json:"key"`
		UserID     string `json:"userId"`
		Expiration string `json:"expirationDate"` // "" and null for none
	}
	if err := json.Unmarshal(auth.Text(file), &content); err != nil {
		return nil, errors.New("the key file must be the JSON of a key")
	}
	var end time.Time
	if date := strings.TrimSpace(content.Expiration); date != "" {
		var err error
		if end, err = time.Parse(time.RFC3339, date); err != nil {
			return nil, errors.New("the key file's expirationDate must be an RFC 3339 date")
		}
	}
	switch {
	case content.Type != "serviceaccount":
		return nil, errors.New("the key must be one of a service account")
	case content.KeyID == "" || content.UserID == "":
		return nil, errors.New("the key file must have a keyId and a userId")
	}
	private, err := jwt.ParseRSAPrivateKeyFromPEM(auth.PEM([]byte(content.Key))) // PKCS #1 or #8
	if err != nil {
		return nil, errors.New("the key file must have an RSA key in PEM")
	}
	return &Key{func(audience string) (string, error) {
		now := time.Now()
		// The issuer reports the same failure for every fault.
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

// Assertion returns a function that makes an assertion for an audience, which is the issuer and
// not its token endpoint.
func (k *Key) Assertion(audience string) func() (string, error) {
	return func() (string, error) { return k.sign(audience) }
}
