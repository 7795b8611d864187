package netsuite

import (
	"errors"
	"fmt"
	"strings"
)

// AccountID names a NetSuite account as NetSuite prints it: upper case, with an underscore before the environment, such
// as "1234567", "1234567_SB1" or "TSTDRV1234567". Get one from ParseAccountID.
type AccountID string

// An account ID becomes one DNS label, so it has at most 63 characters (RFC 1035 section 2.3.4).
const maxAccountID = 63

var accountIDForm = newForm(`^[A-Za-z0-9]+(?:[_-][A-Za-z0-9]+)*$`)

// ParseAccountID reads an account ID in either of NetSuite's spellings, "1234567_SB1" (Company Information) or
// "1234567-sb1" (host names), with white space around it removed. Everything else is refused: the ID decides to which host
// secrets are sent.
func ParseAccountID(s string) (AccountID, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return "", errors.New("account ID is empty; copy it from Setup > Company > Company Information")
	case len(s) > maxAccountID:
		return "", fmt.Errorf("account ID of %d characters is longer than %d; copy it from Setup > Company > Company Information", len(s), maxAccountID)
	case !accountIDForm.MatchString(s):
		return "", fmt.Errorf("account ID %q must be letters and digits in groups joined by _ or -, such as 1234567_SB1; copy it from Setup > Company > Company Information", s)
	}
	return AccountID(strings.ReplaceAll(strings.ToUpper(s), "-", "_")), nil
}

// String returns the ID as NetSuite prints it.
func (a AccountID) String() string { return string(a) }

// HostLabel returns the ID as it stands in host names: lower case with hyphens.
func (a AccountID) HostLabel() string {
	return strings.ReplaceAll(strings.ToLower(string(a)), "_", "-")
}

// Environment is the kind of a NetSuite account.
type Environment string

// The environments that an account ID can show.
const (
	Production     Environment = "Production"
	Sandbox        Environment = "Sandbox"
	ReleasePreview Environment = "Release Preview"
	TestDrive      Environment = "Test Drive"
	Development    Environment = "Development"
)

// String returns the name for people.
func (e Environment) String() string { return string(e) }

var (
	sandboxForm        = newForm(`_SB([0-9]+)$`)
	releasePreviewForm = newForm(`_RP[0-9]*$`)
	testDriveForm      = newForm(`^TSTDRV[0-9]+$`)
	developmentForm    = newForm(`^TD[0-9]+$`)
)

// Environment tells the kind of account from the form of its ID. An ID without a known mark counts as Production, so
// that nobody takes real data for test data.
func (a AccountID) Environment() Environment {
	switch id := string(a); {
	case sandboxForm.MatchString(id):
		return Sandbox
	case releasePreviewForm.MatchString(id):
		return ReleasePreview
	case testDriveForm.MatchString(id):
		return TestDrive
	case developmentForm.MatchString(id):
		return Development
	}
	return Production
}

// Company returns the account of the company's production environment: "1234567" for 1234567, 1234567_SB1 and 1234567_RP. Accounts
// with one Company belong together; each has data, users, certificates and tokens of its own. An ID without a known mark is its
// own company.
func (a AccountID) Company() AccountID {
	id := string(a)
	for _, mark := range []form{sandboxForm, releasePreviewForm} {
		if at := mark().FindStringIndex(id); at != nil && at[0] > 0 {
			return AccountID(id[:at[0]])
		}
	}
	return a
}

// Describe returns the environment for people, with the number of a sandbox: "Production", "Sandbox 1".
func (a AccountID) Describe() string {
	if number := sandboxForm().FindStringSubmatch(string(a)); number != nil {
		return Sandbox.String() + " " + number[1]
	}
	return a.Environment().String()
}
