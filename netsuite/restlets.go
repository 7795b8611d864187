package netsuite

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

const restletPath = "/app/site/hosting/restlet.nl"

var scriptForm = newForm(`^[A-Za-z0-9_]{1,100}$`)

// RESTlet calls a deployed RESTlet and returns its answer as it is (H/section_4628875570). method is GET, DELETE, POST or
// PUT; the first two have no body. script and deploy are script IDs such as customscript_acme_health and
// customdeploy_acme_health, which are the same in every account, or internal IDs, which are not. params are further
// parameters. The token needs the scope restlets.
func (a *API) RESTlet(ctx context.Context, method, script, deploy string, params url.Values, body any) ([]byte, error) {
	query := url.Values{"script": {script}, "deploy": {deploy}}
	switch method {
	case http.MethodPost, http.MethodPut:
	case http.MethodGet, http.MethodDelete:
		if body != nil {
			return nil, fmt.Errorf("RESTlet call: %s has no body; give params", method)
		}
	default:
		return nil, fmt.Errorf("RESTlet call: method %.20q must be GET, DELETE, POST or PUT", method)
	}
	if !scriptForm.MatchString(script) || !scriptForm.MatchString(deploy) {
		return nil, errors.New("RESTlet call: script and deploy must be IDs of letters, digits and _, such as customscript_acme and customdeploy_acme")
	}
	for name, values := range params {
		if lower := strings.ToLower(name); lower == "script" || lower == "deploy" {
			return nil, fmt.Errorf("RESTlet call: parameter %s is given by its own argument", lower)
		}
		query[name] = values
	}
	r, err := a.request(opRESTlet, ServiceRESTlets, method, restletPath, query, body)
	if err != nil {
		return nil, err
	}
	r.header.Set("Content-Type", "application/json") // required with every method (H/section_4634920277)
	ans, err := r.do(ctx, a.client())
	if err != nil {
		return nil, err
	}
	return ans.body, nil
}
