package cli

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/suitekey/suitekey/internal/broker"
)

const restletHelp = `Calls a RESTlet of the account and prints its answer. The token needs the scope restlets.

  suitekey restlet get --script customscript_acme_health --deploy customdeploy_acme_health
  suitekey restlet get --script customscript_acme_orders --deploy customdeploy_acme_orders --param since=2026-11-01
  echo '{"id": 7}' | suitekey restlet post --script customscript_acme_orders --deploy customdeploy_acme_orders --file -
`

var restletMethods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete}

func newRESTlet(e *env) *cobra.Command {
	var script, deploy, file string
	var params []string
	cmd := e.onRecord("restlet METHOD", "Call a RESTlet", restletHelp, cobra.ExactArgs(1), func(ctx context.Context, t *target, args []string) error {
		method := strings.ToUpper(args[0])
		if !slices.Contains(restletMethods, method) {
			return broker.Errorf(broker.CodeInvalid, "method %.20q must be get, post, put or delete", args[0])
		}
		if script == "" || deploy == "" {
			return broker.Errorf(broker.CodeInvalid, "flags --script and --deploy: both must be given").WithDo("Script IDs, customscript_… and customdeploy_…, are the same in every account.")
		}
		body, err := e.restletBody(method, file)
		if err != nil {
			return err
		}
		query, err := restletParams(params)
		if err != nil {
			return err
		}
		answer, err := t.api.RESTlet(ctx, method, script, deploy, query, body)
		if err != nil {
			return err
		}
		return e.printJSON(answer)
	})
	cmd.Flags().StringVar(&script, "script", "", "script `ID` of the RESTlet")
	cmd.Flags().StringVar(&deploy, "deploy", "", "script `ID` of its deployment")
	cmd.Flags().StringArrayVar(&params, "param", nil, "`NAME=VALUE` for its address; repeat it for more")
	cmd.Flags().StringVar(&file, "file", "", "`FILE` that holds the body as JSON, - for stdin; for post and put")
	return cmd
}

func restletParams(params []string) (url.Values, error) {
	query := url.Values{}
	for _, param := range params {
		name, value, found := strings.Cut(param, "=")
		if !found || name == "" {
			return nil, broker.Errorf(broker.CodeInvalid, "flag --param: %.80q must be NAME=VALUE", param).WithDo("For example: --param since=2026-11-01")
		}
		query.Add(name, value)
	}
	return query, nil
}

const largestRESTletBody = 10 << 20 // OH/section_4640094112

func (e *env) restletBody(method, file string) (any, error) {
	writes := method == http.MethodPost || method == http.MethodPut
	switch {
	case file == "":
		return nil, nil
	case !writes:
		return nil, broker.Errorf(broker.CodeInvalid, "flag --file: a RESTlet takes no body on %s", strings.ToLower(method)).WithDo("Use --param.")
	}
	data, err := e.readInput(file, largestRESTletBody)
	if err != nil {
		return nil, err
	}
	if !json.Valid(data) {
		return nil, broker.Errorf(broker.CodeInvalid, "file %s: must hold JSON", file)
	}
	return json.RawMessage(data), nil
}
