package rest

import (
	"net/netip"
	"net/url"
	"strings"
)

// NormalizeURL returns a base URL in the form for comparisons and for the audience of a JWT:
// scheme and host in lower case, without the default port, without a dot at the end of the host,
// and without slashes at the end of the path. It does not change a text that is no URL.
func NormalizeURL(base string) string {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return base
	}
	normalize(u)
	return u.String()
}

func normalize(u *url.URL) {
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	port := u.Port()
	if u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		port = ""
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]" // an IPv6 address
	}
	if u.Host = host; port != "" {
		u.Host += ":" + port
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = strings.TrimRight(u.RawPath, "/")
}

// loopback reports whether the host of a normalized URL is this machine.
func loopback(u *url.URL) bool {
	host := u.Hostname()
	if host == "localhost" || strings.HasSuffix(host, ".localhost") { // RFC 6761, section 6.3
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}
