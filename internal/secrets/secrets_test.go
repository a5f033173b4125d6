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
