package main

import (
	"bytes"
)

// isReport reports whether a text is a report of this program.
func isReport(text []byte) bool {
	head := text[:min(len(text), 4096)]
	return bytes.HasPrefix(head, []byte("<!DOCTYPE html>")) && bytes.Contains(head, []byte("<title>Teardown report, "))
}

// served is the first line of the manifests that offboard demo --serve writes.
const served = "# Written by offboard demo --serve.\n"

// isServed reports whether a text is a manifest of offboard demo --serve.
func isServed(text []byte) bool { return bytes.HasPrefix(text, []byte(served)) }
