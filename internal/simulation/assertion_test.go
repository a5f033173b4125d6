package simulation

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/offboard-dev/offboard-go/zitadel/zitadeltest"
)

// serviceKey is a key file of a service account, in the format that Zitadel issues. All
// runs share it, because generating a key takes longer than a run.
var serviceKey = sync.OnceValue(func() []byte {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	file, err := json.Marshal(map[string]string{
		"type": "serviceaccount", "keyId": "1", "userId": "2", "expirationDate": "9999-12-31T23:59:59Z",
		"key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)})),
	})
	if err != nil {
		panic(err)
	}
	return file
})

// maxAssertionAge is the maximum age of an assertion at Zitadel.
const maxAssertionAge = time.Hour

// checkAssertion validates the assertion of a token request like Zitadel with a clock that
// differs by the given duration: an assertion that was issued in the future, is too old or
// has expired is refused. The signature is not checked, because the fake does not know this
// key. An accepted request is sent to the fake with client credentials instead.
func checkAssertion(req *http.Request, body []byte, clock time.Duration) (edited []byte, refused bool) {
	form, err := url.ParseQuery(string(body))
	parts := strings.Split(form.Get("assertion"), ".")
	if err != nil || len(parts) != 3 {
		return body, false
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct{ Iat, Exp json.Number }
	if err != nil || json.Unmarshal(text, &claims) != nil {
		return body, true
	}
	at := func(n json.Number) time.Time {
		seconds, _, _ := new(big.Float).Parse(n.String(), 10)
		whole, _ := seconds.Int64()
		return time.Unix(whole, 0)
	}
	now, tolerance := time.Now().Add(clock), time.Second // the tolerance of Zitadel's own library
	if at(claims.Iat).After(now.Add(tolerance)) || now.Sub(at(claims.Iat)) > maxAssertionAge || !at(claims.Exp).After(now) {
		return body, true
	}
	form.Del("assertion")
	form.Set("grant_type", "client_credentials")
	form.Set("client_id", zitadeltest.ClientID)
	form.Set("client_secret", zitadeltest.ClientSecret)
	return []byte(form.Encode()), false
}
