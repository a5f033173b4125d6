package main

import (
	"bytes"
)

// served is the first line of the manifests that offboard demo --serve writes.
const served = "# Written by offboard demo --serve.\n"

// isServed reports whether a text is a manifest of offboard demo --serve.
func isServed(text []byte) bool { return bytes.HasPrefix(text, []byte(served)) }
