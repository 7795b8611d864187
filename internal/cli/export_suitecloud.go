package cli

import (
	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/export"
)

const exportSuiteCloudHelp = `Makes the files of a pipeline that validates and deploys a SuiteCloud project by Oracle's SuiteCloud CLI: a workflow for GitHub, the
script that it runs, and a page that says how to set them up. The key is a secret of the repository, and in none of the files.

  suitekey export suitecloud-ci --account 1234567_SB1 --out .
  suitekey export suitecloud-ci --account 1234567 --project netsuite/acme --branch release --out .
`

func newExportSuiteCloud(e *env) *cobra.Command {
	var o export.SuiteCloudOptions
	var out string
	cmd := &cobra.Command{
		Use: "suitecloud-ci", Short: "Make the pipeline of a SuiteCloud project", Long: exportSuiteCloudHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			get, err := e.connectionSettings(cmd)
			if err != nil {
				return err
			}
			if o.Account, err = parseAccount(get["account"]); err != nil {
				return err
			}
			if id := get["certificate_id"]; id.rank == rankFlag { // the one in the environment belongs to another integration record
				o.CertificateID = id.text
			}
			files, err := export.SuiteCloud(o)
			if err != nil {
				return err
			}
			return e.writeExport(out, files)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.AuthID, "auth-id", "", "`NAME` that the SuiteCloud CLI gives to account and role (default: ci)")
	flags.StringVar(&o.Project, "project", "", "`FOLDER` of suitecloud.config.js, below the repository's (default: the repository's)")
	flags.StringVar(&o.Branch, "branch", "", "`BRANCH` that is deployed when it changes (default: main)")
	flags.StringVar(&out, "out", "", "`FOLDER` for the files, the repository's; existing files are never overwritten")
	addFlagsOf(flags, "account", "certificate_id")
	return cmd
}
