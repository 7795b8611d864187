package cli

import "github.com/spf13/cobra"

func newExportSuiteCloud(e *env) *cobra.Command { return &cobra.Command{Use: "suitecloud-ci"} }
