// Package components holds tests against what the SDK meets outside of a test:
// Apache httpd's digest authentication, nginx's client certificates with files
// that OpenSSL made, an OpenID provider, an HTTP proxy, and a server of HTTP/2
// that goes away. All of them run on loopback.
//
// install.sh installs the programs. A test whose program is absent is skipped,
// and fails where the environment has OFFBOARD_COMPONENTS=required.
package components
