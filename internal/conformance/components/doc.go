// Package components tests the SDK against real software on loopback: digest authentication
// of Apache httpd, client certificates of nginx with files that OpenSSL made, an OpenID
// provider, an HTTP proxy, and an HTTP/2 server that closes connections.
//
// install.sh installs the programs. A test without its program is skipped, and fails if
// OFFBOARD_COMPONENTS is "required".
package components
