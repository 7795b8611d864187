package export

import (
	"cmp"
	"embed"
	"path"
	"regexp"
	"strings"

	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/netsuite"
)

// suiteCloudCLI is the version that the workflow installs. It goes with NetSuite 2026.2.
const suiteCloudCLI = "4.1.0"

// SuiteCloudOptions are what a pipeline for a SuiteCloud project must know. Nothing in it is secret.
type SuiteCloudOptions struct {
	Account netsuite.AccountID
	// CertificateID is of the mapping to SuiteCloud Development Integration; empty leaves it to a variable of the repository.
	CertificateID string
	// AuthID is the SuiteCloud CLI's name for account and role; empty = ci.
	AuthID string
	// Project is the folder of suitecloud.config.js below the repository's; empty = the repository's.
	Project string
	// Branch is deployed when it changes; empty = main.
	Branch string
}

//go:embed suitecloud
var suiteCloudFiles embed.FS

// The forms of what stands in YAML and on command lines.
var (
	authID      = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)
	projectPath = regexp.MustCompile(`^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$`)
	branchName  = regexp.MustCompile(`^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$`)
)

// SuiteCloud makes a workflow for GitHub, the script that it runs, and a page that says how to set them up.
func SuiteCloud(o SuiteCloudOptions) ([]File, error) {
	o.AuthID, o.Project, o.Branch = cmp.Or(o.AuthID, "ci"), cmp.Or(o.Project, "."), cmp.Or(o.Branch, "main")
	if err := o.check(); err != nil {
		return nil, err
	}
	fill := strings.NewReplacer(
		"@ACCOUNT@", o.Account.String(), "@AUTH_ID@", o.AuthID, "@PROJECT@", o.Project, "@BRANCH@", o.Branch, "@CLI_VERSION@", suiteCloudCLI,
		"@CERTIFICATE_ID@", cmp.Or(o.CertificateID, "${{ vars.NETSUITE_CERTIFICATE_ID }}"),
	)
	var files []File
	for _, f := range []struct{ place, name string }{
		{".github/workflows/suitecloud.yml", "suitecloud.yml"}, {"suitecloud-ci.sh", "suitecloud-ci.sh"}, {"suitecloud-ci.md", "suitecloud-ci.md"},
	} {
		text, err := suiteCloudFiles.ReadFile("suitecloud/" + f.name)
		if err != nil {
			return nil, err
		}
		files = append(files, File{f.place, []byte(fill.Replace(string(text)))})
	}
	return files, nil
}

func (o SuiteCloudOptions) check() error {
	if err := checkAccount(o.Account); err != nil {
		return err
	}
	switch {
	case o.CertificateID != "" && !certificateID.MatchString(o.CertificateID):
		return badCertificateID()
	case !authID.MatchString(o.AuthID):
		return broker.Errorf(broker.CodeInvalid, "auth ID must be up to 40 letters, digits, - and _; got %.80q", o.AuthID).WithDo("Leave it out for ci.")
	case !projectPath.MatchString(o.Project) || path.Clean(o.Project) != o.Project || strings.HasPrefix(o.Project, ".."):
		return broker.Errorf(broker.CodeInvalid, "project must be a folder below the repository's, of letters, digits, . - _ and /; got %.80q", o.Project).WithDo("For example: netsuite/acme")
	case !branchName.MatchString(o.Branch):
		return broker.Errorf(broker.CodeInvalid, "branch must be letters, digits, . - _ and /; got %.80q", o.Branch).WithDo("Leave it out for main.")
	}
	return nil
}
