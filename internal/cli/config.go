package cli

import (
	"cmp"
	"os"

	"github.com/spf13/cobra"
)

const configExplainHelp = `Prints every setting, of the server and of the connection that a command works on, its value and where it comes from. Secrets are not printed.

Settings come from defaults, then suitekey.yaml (or --config FILE), then SUITEKEY_ variables, then flags; the last one counts.

  suitekey config explain
  SUITEKEY_ADDR=127.0.0.1:9000 suitekey config explain --json
`

func newConfig(e *env) *cobra.Command {
	explain := &cobra.Command{
		Use: "explain", Short: "Show every setting and where its value comes from", Long: configExplainHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found, err := findSettings(e.getenv, os.ReadFile, e.configFile, cmd.Flags())
			if err != nil {
				return err
			}
			if err := found.explain(e); err != nil {
				return err
			}
			if !found.serve() {
				return nil
			}
			_, err = found.settings() // the table first: it shows where a bad value comes from
			return err
		},
	}
	addConnectionFlags(explain.Flags())
	return group("config", "Look at the settings", explain)
}

type settingRow struct {
	Setting  string `json:"setting"`
	Value    string `json:"value"`
	Source   string `json:"source"`
	Variable string `json:"variable"`
	Flag     string `json:"flag,omitempty"`
}

// rows are the settings for people: secrets are masked.
func (found foundSettings) rows() []settingRow {
	rows := make([]settingRow, 0, len(found))
	for _, f := range found {
		row := settingRow{f.key, f.shown(f.text), f.source, f.variable(), "--" + f.flag()}
		if f.secret {
			row.Flag = ""
		}
		rows = append(rows, row)
	}
	return rows
}

func (found foundSettings) explain(e *env) error {
	return printTable(e, found.rows(), []string{"SETTING", "VALUE", "SOURCE"}, func(r settingRow) []any {
		return []any{r.Setting, cmp.Or(r.Value, "-"), cmp.Or(r.Source, "not set")}
	})
}
