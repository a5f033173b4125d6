//go:build !offboard_traffic

package offboardtest

import "net/http"

// observe does nothing; see observe_traffic.go.
func observe(Request, *http.Response) {}
