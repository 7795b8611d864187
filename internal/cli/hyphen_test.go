package cli

import (
	"slices"
	"strings"
	"testing"
)

func TestProtectIDs(t *testing.T) {
	const id, other = "-Lk2eMabcdefghijklmnopqrstuvwxyz0123456789A", "--k2eMabcdefghijklmnopqrstuvwxyz0123456789A"
	for _, tt := range []struct{ args, want string }{
		{"certs revoke --yes " + id, "certs revoke --yes -- " + id},
		{"certs revoke " + id + " --yes", "certs revoke --yes -- " + id},
		{"certs revoke " + other, "certs revoke -- " + other},
		{"certs revoke -- " + id, "certs revoke -- " + id},
		{"token --certificate-id " + id, "token --certificate-id " + id},
		{"token --certificate-id=" + id, "token --certificate-id=" + id},
		{"certs list --expect " + id + " --json", "certs list --expect " + id + " --json"},
		{"certs revoke " + id + " -- more", "certs revoke -- " + id + " more"},
		{"run -- program " + id, "run -- program " + id},
		{"certs revoke --yes -short", "certs revoke --yes -short"},
		{"certs list", "certs list"},
	} {
		got := protectIDs(newRoot(&env{}), strings.Fields(tt.args))
		if !slices.Equal(got, strings.Fields(tt.want)) {
			t.Errorf("%q became %q, want %q", tt.args, strings.Join(got, " "), tt.want)
		}
	}
}
