package cli

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/profile"
	"github.com/suitekey/suitekey/netsuite"
)

func newCerts(e *env) *cobra.Command {
	return group("certs", "The certificates of a connection", newCertsList(e), newCertsUpload(e), newCertsInspect(e), newCertsRevoke(e), newCertsRotate(e))
}

// certificatesOf are what NetSuite lists of a connection's integration record.
func (t *target) certificatesOf(ctx context.Context) ([]netsuite.Certificate, error) {
	if t.clientID == "" {
		return nil, broker.Errorf(broker.CodeInvalid, "a server gives tokens, and does not say which integration record they are of").WithDo("Name it with --client-id, or run the command beside the server's database.")
	}
	return t.api.ListCertificates(ctx, t.clientID)
}

const certsListHelp = `Lists the certificates of the connection's integration record that its role may see, as NetSuite knows them.

  suitekey certs list --connection acme
  suitekey certs list --connection acme --expect 5tSjwJ…,-Lk2eM…     exit code 8 unless exactly these are active
`

type certificateRow struct {
	ID         string    `json:"certificate_id"`
	State      string    `json:"state"`
	InUse      bool      `json:"in_use"`
	Role       string    `json:"role"`
	Entity     string    `json:"entity"`
	Algorithm  string    `json:"algorithm,omitempty"`
	ValidFrom  time.Time `json:"valid_from,omitzero"`
	ValidUntil time.Time `json:"valid_until,omitzero"`
}

func certificateRowOf(c netsuite.Certificate, inUse string, now time.Time) certificateRow {
	row := certificateRow{
		ID: c.ID, State: "active", InUse: c.ID == inUse, Role: nameOrID(c.RoleName, c.Role), Entity: nameOrID(c.EntityName, c.Entity), Algorithm: c.Algorithm,
		ValidFrom: c.ValidFrom, ValidUntil: c.ValidUntil,
	}
	switch {
	case c.Revoked:
		row.State = "revoked"
	case !c.Active(now):
		row.State = "expired"
	}
	return row
}

func nameOrID(name string, id int64) string {
	if name == "" {
		return strconv.FormatInt(id, 10)
	}
	return oneLine(name)
}

func newCertsList(e *env) *cobra.Command {
	var expect []string
	cmd := &cobra.Command{
		Use: "list", Short: "List the certificates that NetSuite knows", Long: certsListHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.withTarget(cmd, func(ctx context.Context, t *target) error {
				listed, err := t.certificatesOf(ctx)
				if err != nil {
					return err
				}
				rows := make([]certificateRow, 0, len(listed))
				for _, c := range listed {
					rows = append(rows, certificateRowOf(c, t.certificateID, time.Now()))
				}
				err = printTable(e, rows, []string{"CERTIFICATE", "STATE", "IN USE", "ROLE", "ENTITY", "VALID UNTIL"}, func(r certificateRow) []any {
					return []any{r.ID, r.State, yesNo(r.InUse), r.Role, r.Entity, when(r.ValidUntil)}
				})
				if err != nil || !cmd.Flags().Changed("expect") {
					return err
				}
				return compareActive(rows, expect)
			})
		},
	}
	cmd.Flags().StringSliceVar(&expect, "expect", nil, "`IDS` of the certificates that should be active, with commas between")
	addConnectionFlags(cmd.Flags())
	return cmd
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "-"
}

// compareActive is an error of differences when other certificates are active than expected.
func compareActive(rows []certificateRow, expect []string) error {
	var differences []string
	for _, r := range rows {
		if r.State == "active" && !slices.Contains(expect, r.ID) {
			differences = append(differences, r.ID+" is active, and not expected")
		}
	}
	for _, id := range expect {
		if !slices.ContainsFunc(rows, func(r certificateRow) bool { return r.ID == id && r.State == "active" }) {
			differences = append(differences, id+" is expected, and not active")
		}
	}
	if len(differences) == 0 {
		return nil
	}
	return &verdict{exitDifferences, differences}
}

const certsInspectHelp = `Says what is in a certificate's file, and whether NetSuite takes it. Nothing leaves this machine.

  suitekey certs inspect acme.pem
  suitekey certs inspect --json - < acme.pem
`

type inspection struct {
	ID           string    `json:"certificate_id"`
	Subject      string    `json:"subject"`
	KeyAlgorithm string    `json:"key"`
	Signature    string    `json:"signature"`
	NotBefore    time.Time `json:"not_before"`
	NotAfter     time.Time `json:"not_after"`
	Problems     []string  `json:"problems"`
}

const largestCertificate = 64 << 10

func newCertsInspect(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "inspect FILE", Short: "Look into a certificate's file", Long: certsInspectHelp, Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			cert, err := e.readCertificate(args[0])
			if err != nil {
				return err
			}
			info := netsuite.InspectCertificate(cert, time.Now())
			x := inspection{info.ID, info.Subject, info.KeyAlgorithm, info.SignatureAlgorithm, info.NotBefore, info.NotAfter, append([]string{}, info.Problems...)}
			if err := e.print(x, "%s", x.text()); err != nil || len(x.Problems) == 0 {
				return err
			}
			return &verdict{exitFailed, []string{"NetSuite does not take this certificate; make another one with: suitekey keys generate --out acme"}}
		},
	}
	return cmd
}

func (x inspection) text() string {
	var b strings.Builder
	for _, line := range [][2]string{
		{"certificate", x.ID}, {"subject", x.Subject}, {"key", x.KeyAlgorithm}, {"signature", x.Signature}, {"valid from", when(x.NotBefore)}, {"valid until", when(x.NotAfter)},
	} {
		fmt.Fprintf(&b, "%-12s %s\n", line[0], oneLine(line[1]))
	}
	for _, problem := range x.Problems {
		fmt.Fprintf(&b, "%-12s %s\n", "problem", oneLine(problem))
	}
	return b.String()
}

func (e *env) readCertificate(name string) (*x509.Certificate, error) {
	data, err := e.readInput(name, largestCertificate)
	if err != nil {
		return nil, err
	}
	cert, err := netsuite.ParseCertificate(data)
	if err != nil {
		return nil, broker.Errorf(broker.CodeInvalid, "file %s: is no certificate that NetSuite takes", name).WithCause(err).WithDo("Give the file that was made beside the key, mostly .pem, .crt or .cer, or make both with: suitekey keys generate")
	}
	return cert, nil
}

const certsUploadHelp = `Lets NetSuite know a certificate, for the connection's own role and user, or for others when its role may manage all. It may be repeated:
a certificate that NetSuite knows is not uploaded again.

  suitekey keys generate --out acme-2
  suitekey certs upload --connection acme acme-2.pem
  suitekey certs upload --connection acme --role 1067 --entity 7 acme-2.pem
  suitekey certs upload --connection acme --dry-run acme-2.pem        exit code 8 when NetSuite does not know it yet
`

func newCertsUpload(e *env) *cobra.Command {
	var role, entity int64
	var dryRun bool
	cmd := &cobra.Command{
		Use: "upload FILE", Short: "Let NetSuite know a certificate", Long: certsUploadHelp, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cert, err := e.readCertificate(args[0])
			if err != nil {
				return err
			}
			return e.withTarget(cmd, func(ctx context.Context, t *target) error {
				return e.upload(ctx, t, cert, role, entity, dryRun)
			})
		},
	}
	f := cmd.Flags()
	f.Int64Var(&role, "role", 0, "internal `ID` of the role; without it the connection's own")
	f.Int64Var(&entity, "entity", 0, "internal `ID` of the user; without it the connection's own")
	f.BoolVar(&dryRun, "dry-run", false, "say what would be done, and do nothing")
	addConnectionFlags(f)
	return cmd
}

func (e *env) upload(ctx context.Context, t *target, cert *x509.Certificate, role, entity int64, dryRun bool) error {
	listed, err := t.certificatesOf(ctx)
	if err != nil {
		return err
	}
	id := netsuite.CertificateID(cert)
	if dryRun {
		if status, _ := netsuite.CompareCertificate(cert, listed, time.Now()); status != netsuite.CertificateActive {
			return &verdict{exitDifferences, []string{"certificate " + id + " is " + string(status) + " at NetSuite, and would be uploaded"}}
		}
		return e.print(map[string]any{"certificate_id": id, "uploaded": false}, "NetSuite knows %s already.\n", id)
	}
	token, err := t.token(ctx)
	if err != nil {
		return err
	}
	claims, err := token.Claims()
	if err != nil {
		return err
	}
	if role == 0 {
		role = claims.Role
	}
	if entity == 0 {
		entity = claims.Entity
	}
	mapping, err := t.api.EnsureCertificate(ctx, t.clientID, cert, role, entity)
	if err != nil {
		return err
	}
	out := map[string]any{"certificate_id": mapping.ID, "role": role, "entity": entity, "valid_until": mapping.ValidUntil, "uploaded": true}
	return e.print(out, "NetSuite knows %s for role %d and entity %d until %s.\n", mapping.ID, role, entity, when(mapping.ValidUntil))
}

const certsRevokeHelp = `Ends a certificate at NetSuite, for good. One that a connection signs with is refused, unless --in-use says that this is meant.

  suitekey certs list --connection acme
  suitekey certs revoke --connection acme --yes 5tSjwJ…
  suitekey certs revoke --connection acme --yes -Lk2eM…      an ID that begins with a hyphen is understood
`

func newCertsRevoke(e *env) *cobra.Command {
	var inUse bool
	cmd := &cobra.Command{
		Use: "revoke ID", Short: "End a certificate", Long: certsRevokeHelp, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withTarget(cmd, func(ctx context.Context, t *target) error {
				return e.revoke(ctx, t, args[0], inUse)
			})
		},
	}
	cmd.Flags().BoolVar(&inUse, "in-use", false, "end the certificate that the connection signs with, and the connection with it")
	addConnectionFlags(cmd.Flags())
	return cmd
}

func (e *env) revoke(ctx context.Context, t *target, id string, inUse bool) error {
	if id == t.certificateID && !inUse {
		return broker.Errorf(broker.CodeConflict, "certificate %s is the one that connection %s signs with", id, t.name).
			WithDo("Put a new one in its place with: suitekey certs rotate. To end the connection itself, give --in-use.")
	}
	listed, err := t.certificatesOf(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(listed, func(c netsuite.Certificate) bool { return c.ID == id })
	switch {
	case i < 0:
		return broker.Errorf(broker.CodeNotFound, "NetSuite lists no certificate %.80q", id).WithDo("See: suitekey certs list")
	case listed[i].Revoked:
		return e.print(map[string]any{"certificate_id": id, "revoked": true}, "%s is revoked already.\n", id)
	}
	if err := e.confirm(fmt.Sprintf("Ending certificate %s of role %s and %s, for good", id, nameOrID(listed[i].RoleName, listed[i].Role), nameOrID(listed[i].EntityName, listed[i].Entity))); err != nil {
		return err
	}
	if err := t.api.RevokeCertificate(ctx, t.clientID, id); err != nil {
		return err
	}
	return e.print(map[string]any{"certificate_id": id, "revoked": true}, "Revoked: %s\n", id)
}

const certsRotateHelp = `Puts a new key and certificate in the place of the old ones: makes the key, lets NetSuite know its certificate, tests it, switches to it and
revokes the old one. Nobody needs to log in for that. When it was broken off, the same command goes on.

  suitekey certs rotate --connection acme
  suitekey certs rotate --connection co_…                               of the server, beside its database
  suitekey certs rotate --connection acme --key-uri 'pkcs11:token=acme;object=acme-2'
`

type rotation struct {
	Connection string    `json:"connection"`
	Old        string    `json:"old"`
	New        string    `json:"new"`
	ValidUntil time.Time `json:"valid_until"`
}

func newCertsRotate(e *env) *cobra.Command {
	var alg string
	var days int
	cmd := &cobra.Command{
		Use: "rotate", Short: "Replace a connection's certificate now", Long: certsRotateHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			key, err := parseKeyAlgorithm(alg)
			if err != nil {
				return err
			}
			return e.withTarget(cmd, func(ctx context.Context, t *target) error {
				done, err := e.rotate(ctx, t, key, cmd.Flag("key-uri").Value.String(), days)
				if err != nil {
					return err
				}
				return e.print(done, "Rotated. The new certificate %s is valid until %s.\n", done.New, when(done.ValidUntil))
			})
		},
	}
	cmd.Flags().StringVar(&alg, "alg", "p256", keyAlgorithmHelp)
	cmd.Flags().IntVar(&days, "days", 0, "`DAYS` that the certificate lives; 0 for as long as NetSuite takes")
	addConnectionFlags(cmd.Flags())
	return cmd
}

func (e *env) rotate(ctx context.Context, t *target, key netsuite.KeyAlgorithm, keyURI string, days int) (rotation, error) {
	switch {
	case t.served != nil:
		done, err := t.served.app.Rotate.Rotate(ctx, t.served.connection.ID)
		return rotation{t.name, done.Old, done.New, done.ValidUntil}, err
	case t.profile != nil:
		var done profile.Rotated
		done, err := t.profile.Rotate(ctx, key, keyURI, days, e.step)
		return rotation{t.name, done.Old, done.CertificateID, done.ValidUntil}, err
	}
	return rotation{}, broker.Errorf(broker.CodeInvalid, "the key of this connection is not kept by suitekey, so it cannot be replaced by it").
		WithDo("Make one with suitekey keys generate, let NetSuite know it with suitekey certs upload, and give the new key and certificate ID instead.")
}

// step tells of one that is done.
func (e *env) step(name, detail string) { e.say("%-8s %s", name, oneLine(detail)) }
