package secrets

import "testing"

func TestIsInFileName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"plan.json": false, "plann": false, "offboard-plan-2026-11-28": false, "plans/2026-11-28/acme-hosting-v2.journal": false,
		"/var/lib/offboard/release20261128": false, `C:\plans\plan.json`: false, "backup2026b4c5d6e7.json": false, "v1a2b3c4": false, "": false,
		"k4tQm7Zt2Wn9Lx5Rb1Vd": true, "none/k4tQm7Zt2Wn9Lx5Rb1Vd": true, "k4tQm7Zt2Wn9Lx5Rb1Vd/x": true, `none\k4tQm7Zt2Wn9Lx5Rb1Vd`: true,
		"6d2f9c1e-4b7a-4e05-9a3c-d81f5b20c7e4": true, "none/mdb_sa_sk_Vt9Lq2Xz7Rb4Nw": true, "Zx9/Qw3+Lm7Rt2Kp5Vb8Nc1Hd4Y=": true,
	} {
		if got := IsInFileName(name); got != want {
			t.Errorf("%q: got %t, want %t", name, got, want)
		}
	}
}

// IDs of organizations are no credentials, and neither are names with words and numbers.
func TestListedFault(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"org_Fh7dKq2Xw9Zt4Rb8Vn1L": false, "5e2f00000000000000000001": false, "281763529917394947": false, "acme-hosting-2026-eu-west-1": false, "Acme Hosting": false,
		"b2b4u-solutions-gmbh": false, "a1b2c3-k4tqm7zt2wn9": true, "k4tqm7zt-2wn9-acme": true, "acme-a1b2c-d3e4f-gmbh": true,
		"k4tQm7Zt2Wn9Lx5Rb1Vd": true, "6d2f9c1e-4b7a-4e05-9a3c-d81f5b20c7e4": true, "mdb_sa_sk_Vt9L": true, "Bearer 9fKq2Zx7Wm4Rt1Lb8Vn5": true, "a\nb": true,
	} {
		if got := ListedFault(text); (got != "") != want {
			t.Errorf("%q: got %q", text, got)
		}
	}
}

// The name of an organization may start with the word of a scheme, or with a brace.
func TestFault_Names(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"Basic Fit": false, "basic fit": false, "Bearer Logistics GmbH": false, "Digest Media 2026": false, "Bearer x": false, "Basic": false,
		"ApiToken Labs": false, "{curly} Studio": false, "{": false, "{}": false, "{Acme": false,
		"Basic YWxpY2U6aHVudGVyMg==": true, "basic abcdefghijklmnop": true, "Bearer  9fKq2Zx7Wm4Rt1Lb8Vn5": true, " Bearer 9fKq2Zx7Wm4Rt1Lb8Vn5": true,
		"Bearer eyJhbGciOiJub25lIn0.e30.": true, "APIToken Zx9/Qw3+Lm7Rt2Kp5Vb8Nc1Hd4Y=": true,
		`Digest username="a", response="6629fae49393a05397450978507c4ef1"`: true,
		`{"type":"serviceaccount"}`:                                        true, ` { "keyId" : "1`: true, "Acme\nLtd": true,
	} {
		if got := Fault(text); (got != "") != want {
			t.Errorf("%q: got %q", text, got)
		}
	}
	if name := "Bearer Zx9/Qw3+Lm7Rt2Kp5Vb8Nc1Hd4Y="; !IsInFileName(name) {
		t.Errorf("%q: got the name of a file", name)
	}
}
