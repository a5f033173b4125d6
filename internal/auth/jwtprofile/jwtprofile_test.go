package jwtprofile_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/offboard-dev/offboard-go/internal/auth/jwtprofile"
)

const issuer = "https://zitadel.invalid"

// private is a key that all tests share, because generating a key takes time.
var private = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func pkcs1() string {
	return encode("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(private()))
}

func pkcs8(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return encode("PRIVATE KEY", der)
}

func encode(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// file returns a key file with changes; nil removes a field.
func file(t *testing.T, changes map[string]any) []byte {
	t.Helper()
	content := map[string]any{
		"type": "serviceaccount", "keyId": "key-1", "userId": "user-1", "key": pkcs1(),
		"expirationDate": "2000-06-01T00:00:00Z",
	}
	for name, value := range changes {
		content[name] = value
		if value == nil {
			delete(content, name)
		}
	}
	encoded, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func TestAssertion_Claims(t *testing.T) {
	t.Parallel()
	for name, pem := range map[string]string{"PKCS #1": pkcs1(), "PKCS #8": pkcs8(t, private())} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // whose clock starts with the year 2000
				key, err := jwtprofile.Parse(file(t, map[string]any{"key": pem}))
				if err != nil {
					t.Fatal(err)
				}
				assertion, err := key.Assertion(issuer)()
				if err != nil {
					t.Fatal(err)
				}
				got := jwt.MapClaims{}
				token, err := jwt.ParseWithClaims(assertion, got, func(*jwt.Token) (any, error) { return &private().PublicKey, nil })
				if err != nil {
					t.Fatal(err)
				}
				header := map[string]any{"alg": "RS256", "typ": "JWT", "kid": "key-1"}
				if diff := cmp.Diff(header, token.Header); diff != "" {
					t.Errorf("header (-want +got):\n%s", diff)
				}
				now := float64(time.Now().Unix())
				claims := jwt.MapClaims{"iss": "user-1", "sub": "user-1", "aud": issuer, "iat": now - 90, "exp": now + 3510}
				if diff := cmp.Diff(claims, got); diff != "" {
					t.Errorf("claims (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestAssertion_New(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		key, err := jwtprofile.Parse(file(t, nil))
		if err != nil {
			t.Fatal(err)
		}
		assert := key.Assertion(issuer)
		first, err := assert()
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour) // the first one is too old now
		second, err := assert()
		if err != nil {
			t.Fatal(err)
		}
		if first == second {
			t.Error("got the old assertion again")
		}
	})
}

func TestAssertion_ExpiredKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		key, err := jwtprofile.Parse(file(t, map[string]any{"expirationDate": "2000-01-02T00:00:00Z"}))
		if err != nil {
			t.Fatal(err)
		}
		assert := key.Assertion(issuer)
		if _, err := assert(); err != nil {
			t.Errorf("got %v on the day before", err)
		}
		time.Sleep(25 * time.Hour)
		if _, err := assert(); err == nil || err.Error() != "the key expired on 2000-01-02" {
			t.Errorf("got %v, want that the key expired", err)
		}
	})
}

func TestParse_NoExpiration(t *testing.T) {
	t.Parallel()
	key, err := jwtprofile.Parse(file(t, map[string]any{"expirationDate": nil}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := key.Assertion(issuer)(); err != nil {
		t.Error(err)
	}
}

// The issuer refuses an assertion of the future, one older than an hour, and an expired one:
// zitadel/oidc, op.NewJWTProfileVerifier(storage, issuer, time.Hour, time.Second).
func TestAssertion_ClockSkew(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{-time.Minute, 0, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			key, err := jwtprofile.Parse(file(t, nil))
			if err != nil {
				t.Fatal(err)
			}
			assertion, err := key.Assertion(issuer)()
			if err != nil {
				t.Fatal(err)
			}
			claims := new(jwt.RegisteredClaims)
			if _, _, err := jwt.NewParser().ParseUnverified(assertion, claims); err != nil {
				t.Fatal(err)
			}
			now := time.Now().Add(-off) // at the issuer
			if claims.IssuedAt.After(now) || claims.IssuedAt.Before(now.Add(-time.Hour)) || claims.ExpiresAt.Before(now) ||
				claims.ExpiresAt.Sub(claims.IssuedAt.Time) > time.Hour {
				t.Errorf("off by %v: issued at %v, expires at %v, now %v", off, claims.IssuedAt, claims.ExpiresAt, now)
			}
		})
	}
}

func TestParse_FileForms(t *testing.T) {
	t.Parallel()
	plain := file(t, nil)
	var indented bytes.Buffer
	if err := json.Indent(&indented, plain, "\t", "    "); err != nil {
		t.Fatal(err)
	}
	utf16le := []byte{0xff, 0xfe}
	utf16be := []byte{0xfe, 0xff}
	for _, c := range plain {
		utf16le, utf16be = append(utf16le, c, 0), append(utf16be, 0, c)
	}
	lines := strings.ReplaceAll(pkcs1(), "\n", "\r\n  \t")
	for name, content := range map[string][]byte{
		"a BOM":                          append([]byte("\ufeff"), plain...),
		"a BOM and white space":          append([]byte("\ufeff\r\n "), append(plain, "\r\n\r\n"...)...),
		"indentation":                    indented.Bytes(),
		"UTF-16, as PowerShell writes":   utf16le,
		"UTF-16, big endian":             utf16be,
		"an empty expirationDate":        file(t, map[string]any{"expirationDate": ""}),
		"a blank expirationDate":         file(t, map[string]any{"expirationDate": " "}),
		"the zero expirationDate":        file(t, map[string]any{"expirationDate": "0001-01-01T00:00:00Z"}),
		"an indented PEM":                file(t, map[string]any{"key": "  " + lines}),
		"a PEM without its last break":   file(t, map[string]any{"key": strings.TrimSpace(pkcs1())}),
		"a PEM with escaped line breaks": file(t, map[string]any{"key": strings.ReplaceAll(pkcs1(), "\n", `\n`)}),
	} {
		key, err := jwtprofile.Parse(content)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			if _, err := key.Assertion(issuer)(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

func TestParse_InvalidFile(t *testing.T) {
	t.Parallel()
	elliptical, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"nothing":             nil,
		"no JSON":             []byte(pkcs1()),
		"null":                []byte("null"),
		"an array":            []byte("[]"),
		"an application":      file(t, map[string]any{"type": "application"}),
		"no type":             file(t, map[string]any{"type": nil}),
		"no key id":           file(t, map[string]any{"keyId": nil}),
		"no user id":          file(t, map[string]any{"userId": ""}),
		"no key":              file(t, map[string]any{"key": nil}),
		"no PEM":              file(t, map[string]any{"key": "MIIEow"}),
		"a PEM of nothing":    file(t, map[string]any{"key": encode("RSA PRIVATE KEY", []byte("nothing"))}),
		"an elliptic key":     file(t, map[string]any{"key": pkcs8(t, elliptical)}),
		"a date that is none": file(t, map[string]any{"expirationDate": "soon"}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := jwtprofile.Parse(content); err == nil {
				t.Error("got no error")
			} else if len(err.Error()) > 60 {
				t.Errorf("got %q", err)
			}
		})
	}
}

func TestKey_FormattingVerbs(t *testing.T) {
	t.Parallel()
	key, err := jwtprofile.Parse(file(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	exponent := private().D.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
		for _, value := range []any{key, *key, struct{ K *jwtprofile.Key }{key}} {
			if text := fmt.Sprintf(verb, value); strings.Contains(text, exponent) || len(text) > 200 {
				t.Errorf("%s shows %q", verb, text)
			}
		}
	}
}
