package clients_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"text/template"

	"github.com/goccy/go-yaml"

	"github.com/suitekey/suitekey/internal/apptest"
)

const recipes = "../../docs/recipes/"

// recipe reads a recipe's file, and fails when its page shows another one.
func recipe(t *testing.T, page, name string) string {
	t.Helper()
	file, err := os.ReadFile(recipes + name)
	must(t, err)
	shown, err := os.ReadFile(recipes + page)
	must(t, err)
	flat := func(text []byte) string { return regexp.MustCompile(`(?m)^ +`).ReplaceAllString(string(text), "") }
	if !strings.Contains(flat(shown), "\n"+flat(file)+"```\n") {
		t.Errorf("docs/recipes/%s shows another file than docs/recipes/%s; copy it there", page, name)
	}
	return string(file)
}

// TestRecipePagesShowTheirFiles covers the file that no other test here reads; cmd/suitekey runs it.
func TestRecipePagesShowTheirFiles(t *testing.T) { recipe(t, "cron.md", "netsuite-report.sh") }

// webhook is a generator of the External Secrets Operator, as its reference describes it.
type webhook struct {
	Kind string
	Spec struct {
		URL, Method, Body string
		Headers           map[string]string
		Result            struct {
			JSONPath string `yaml:"jsonPath"`
		}
		Secrets []struct {
			Name      string
			SecretRef struct{ Name string } `yaml:"secretRef"`
		}
	}
}

// externalSecret says what becomes of the generator's answer.
type externalSecret struct {
	Kind string
	Spec struct {
		RefreshInterval string `yaml:"refreshInterval"`
		DataFrom        []struct {
			SourceRef struct {
				GeneratorRef struct{ Kind, Name string } `yaml:"generatorRef"`
			} `yaml:"sourceRef"`
		} `yaml:"dataFrom"`
		Target struct {
			Template struct{ Data map[string]string }
		}
	}
}

// render fills in a template as the operator does: with text/template and, of sprig's functions, the one that is used.
func render(t *testing.T, text string, data any) string {
	t.Helper()
	parsed, err := template.New("").Option("missingkey=error").Funcs(template.FuncMap{
		"b64enc": func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	}).Parse(text)
	must(t, err)
	var out bytes.Buffer
	must(t, parsed.Execute(&out, data))
	return out.String()
}

// TestRecipe_ExternalSecrets does with the recipe what the operator would do: it fills in the request, sends it to a real server,
// and makes the Secret of the answer. NetSuite takes the token in it.
func TestRecipe_ExternalSecrets(t *testing.T) {
	t.Parallel()
	env, own := connected(t)
	decoder := yaml.NewDecoder(strings.NewReader(recipe(t, "external-secrets.md", "external-secrets.yaml")))
	var hook webhook
	var secret externalSecret
	must(t, decoder.Decode(&hook))
	must(t, decoder.Decode(&secret))
	if from := secret.Spec.DataFrom[0].SourceRef.GeneratorRef; hook.Kind != "Webhook" || secret.Kind != "ExternalSecret" || from.Kind != "Webhook" || from.Name != "netsuite" || hook.Spec.Result.JSONPath != "$" {
		t.Fatalf("%+v, %+v", hook, secret)
	}
	if hook.Spec.Secrets[0].SecretRef.Name != "suitekey-client" || secret.Spec.RefreshInterval != "4m" {
		t.Errorf("the client is in the Secret %q, and the token is renewed every %s", hook.Spec.Secrets[0].SecretRef.Name, secret.Spec.RefreshInterval)
	}
	client := map[string]any{hook.Spec.Secrets[0].Name: map[string]string{"id": own.ClientID, "secret": own.ClientSecret}}
	address := strings.Replace(render(t, hook.Spec.URL, client), "https://connect.acme.example", own.Server, 1)
	req, err := http.NewRequestWithContext(t.Context(), hook.Spec.Method, address, strings.NewReader(render(t, hook.Spec.Body, client)))
	must(t, err)
	for name, value := range hook.Spec.Headers {
		req.Header.Add(name, render(t, value, client))
	}
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	must(t, err)
	if res.StatusCode != http.StatusOK {
		t.Fatalf("the endpoint answered %d %s", res.StatusCode, body)
	}
	made := map[string]string{}
	for name, value := range secret.Spec.Target.Template.Data {
		made[name] = render(t, value, operatorValues(t, body))
	}
	if made["account"] != apptest.Account || !strings.Contains(made["base_url"], apptest.Account+".suitetalk.") {
		t.Errorf("account %q, base_url %q", made["account"], made["base_url"])
	}
	query(t, env, made["token"])
}

// operatorValues are the answer's members as the operator has them: text, or the number as text.
func operatorValues(t *testing.T, body []byte) map[string]string {
	t.Helper()
	values := map[string]string{}
	for name, value := range parse[map[string]any](t, body) {
		values[name] = fmt.Sprint(value)
	}
	return values
}

// expression is one of GitHub's.
var expression = regexp.MustCompile(`\$\{\{ (vars|secrets)\.([A-Z_]+) \}\}`)

// playWorkflow runs the steps of a workflow that have a command, and returns what each printed.
func playWorkflow(t *testing.T, text string, r *runner, values map[string]string) []string {
	t.Helper()
	var w workflow
	must(t, yaml.Unmarshal([]byte(text), &w))
	var printed []string
	for _, job := range w.Jobs {
		for _, step := range job.Steps {
			if strings.Contains(step.Run, "${{") {
				t.Errorf("step %q has an expression in its command, which runs what it brings", step.Name)
			}
			if step.Run == "" {
				continue
			}
			env := map[string]string{}
			for name, value := range step.Env {
				env[name] = expression.ReplaceAllStringFunc(value, func(x string) string { return values[expression.FindStringSubmatch(x)[2]] })
			}
			printed = append(printed, r.step(t, step.Run, env))
		}
	}
	return printed
}

// TestRecipe_GitHubActions runs the job's steps against a real server. The token is masked before anything could print it, and no
// secret stands in an argument of curl.
func TestRecipe_GitHubActions(t *testing.T) {
	t.Parallel()
	env, own := connected(t)
	text := recipe(t, "github-actions.md", "github-actions.yml")
	for _, used := range regexp.MustCompile(`uses: (\S+)`).FindAllStringSubmatch(text, -1) {
		if !regexp.MustCompile(`^[a-z-]+/[a-z-]+@v[0-9]+$`).MatchString(used[1]) {
			t.Errorf("action %q has no version", used[1])
		}
	}
	r, argv := runnerWithCurl(t)
	printed := playWorkflow(t, text, r, map[string]string{
		"SUITEKEY_SERVER": own.Server, "SUITEKEY_CLIENT_ID": own.ClientID, "SUITEKEY_CLIENT_SECRET": own.ClientSecret,
	})
	token := r.left(t)["NETSUITE_ACCESS_TOKEN"]
	query(t, env, token)
	if printed[0] != "::add-mask::"+token+"\n" || strings.Contains(printed[1], token) || !strings.HasPrefix(printed[1], "10 customers, more: false") {
		t.Errorf("the steps printed %q", printed)
	}
	arguments, err := os.ReadFile(argv)
	must(t, err)
	for _, secret := range []string{token, own.ClientSecret} {
		if len(arguments) == 0 || strings.Contains(string(arguments), secret) {
			t.Errorf("curl was given a secret by its arguments:\n%s", arguments)
		}
	}
}

// What the server refuses is told in its own words, and the job ends there.
func TestRecipe_GitHubActionsRefused(t *testing.T) {
	t.Parallel()
	_, own := connected(t)
	r, _ := runnerWithCurl(t)
	var w workflow
	must(t, yaml.Unmarshal([]byte(recipe(t, "github-actions.md", "github-actions.yml")), &w))
	out, err := r.try(t, w.Jobs["report"].Steps[0].Run, map[string]string{"SERVER": own.Server, "CLIENT_ID": own.ClientID, "CLIENT_SECRET": "canary"})
	if err == nil || !strings.HasPrefix(out, "::error::") || strings.Contains(out, "null") || strings.Contains(out, "canary") || len(r.left(t)) > 0 {
		t.Errorf("%v, %q, left %v; want an error that says why, and nothing left", err, out, r.left(t))
	}
}

// runnerWithCurl is a runner whose curl notes its arguments in a file.
func runnerWithCurl(t *testing.T) (*runner, string) {
	t.Helper()
	r := &runner{dir: t.TempDir(), work: t.TempDir()}
	argv := filepath.Join(r.dir, "argv")
	must(t, os.Mkdir(filepath.Join(r.dir, "bin"), 0o700))
	must(t, os.WriteFile(filepath.Join(r.dir, "bin", "curl"), fmt.Appendf(nil, "#!/bin/sh\nprintf '%%s\\n' \"$@\" >>%s\nPATH=%s exec curl --noproxy '*' \"$@\"\n", argv, os.Getenv("PATH")), 0o700))
	return r, argv
}
