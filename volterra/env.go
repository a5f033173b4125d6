package volterra

import (
	"cmp"
	"encoding/base64"
	"os"
	"strings"

	"github.com/offboard-dev/offboard-go/errors"
)

// FromEnv takes the base URL and the credential from the variables that the
// vendor's Terraform provider and other tools know:
//
//   - F5XC_API_URL or VOLT_API_URL, as for [WithBaseURL]
//   - F5XC_API_TOKEN
//   - F5XC_P12_FILE with F5XC_P12_PASSWORD
//   - VOLT_API_P12_FILE, or VES_P12_CONTENT in base64, with VES_P12_PASSWORD
//   - VOLT_API_CERT and VOLT_API_KEY, the paths of two PEM files
//   - VOLT_API_CA_CERT, the path of a PEM file for [WithCACertificate]
//
// Exactly one credential has to be set. The URL may also come from [WithBaseURL].
func FromEnv() Option {
	return func(c *config) error {
		for _, take := range []Option{urlFromEnv, rootsFromEnv, credentialFromEnv} {
			if err := take(c); err != nil {
				return err
			}
		}
		return nil
	}
}

func urlFromEnv(c *config) error {
	url, other := os.Getenv("F5XC_API_URL"), os.Getenv("VOLT_API_URL")
	if url != "" && other != "" && withoutAPI(url) != withoutAPI(other) {
		return errors.New("F5XC_API_URL and VOLT_API_URL differ")
	}
	c.BaseURL = cmp.Or(url, other, c.BaseURL)
	return nil
}

func rootsFromEnv(c *config) error {
	path := os.Getenv("VOLT_API_CA_CERT")
	if path == "" {
		return nil
	}
	pem, err := read("the file of VOLT_API_CA_CERT", path)
	if err != nil {
		return err
	}
	return c.UseRoots(pem)
}

func credentialFromEnv(c *config) error {
	var known, set []string
	var credential Option
	for _, one := range []struct {
		name   string
		option func(value string) Option
	}{
		{"F5XC_API_TOKEN", WithAPIToken},
		{"F5XC_P12_FILE", func(path string) Option { return WithP12File(path, os.Getenv("F5XC_P12_PASSWORD")) }},
		{"VOLT_API_P12_FILE", func(path string) Option { return WithP12File(path, os.Getenv("VES_P12_PASSWORD")) }},
		{"VES_P12_CONTENT", func(content string) Option { return withP12Content(content, os.Getenv("VES_P12_PASSWORD")) }},
		{"VOLT_API_CERT", func(path string) Option { return WithCertificateFiles(path, os.Getenv("VOLT_API_KEY")) }},
	} {
		known = append(known, one.name)
		if value := os.Getenv(one.name); value != "" {
			set, credential = append(set, one.name), one.option(value)
		}
	}
	switch len(set) {
	case 0:
		return errors.New("no credential is set: none of " + strings.Join(known, ", "))
	case 1:
		return credential(c)
	}
	return errors.New("more than one credential is set: " + strings.Join(set, ", "))
}

// withP12Content is [WithP12] for data in base64.
func withP12Content(content, password string) Option {
	return func(c *config) error {
		data, err := base64.StdEncoding.DecodeString(content)
		if err != nil {
			return errors.New("VES_P12_CONTENT is not base64")
		}
		return WithP12(data, password)(c)
	}
}
