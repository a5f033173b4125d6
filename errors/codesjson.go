// SPDX-License-Identifier: Apache-2.0

package errors

import _ "embed"

//go:embed codes.json
var codesJSON string

// CodesJSON returns the file codes.json of this package: a JSON object that lists every code
// with its category, its meaning, whether it is retryable, its origins, and the providers'
// own codes and statuses. README.md in this folder describes the format. Changing the slice
// changes nothing else.
func CodesJSON() []byte { return []byte(codesJSON) }
