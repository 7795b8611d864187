package storybook

import (
	"html/template"
	"net/http"
)

var index = template.Must(template.New("index").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>Storybook of the wizard</title></head>
<body><h1>Storybook of the wizard</h1>
<p>Every screen from canned runs. Buttons that lead to NetSuite come back here.</p>
<ul>
{{- range .}}
<li>{{if .Submits}}<form method="post" action="{{.Path}}">{{range $name, $values := .Post}}{{range $values}}<input type="hidden" name="{{$name}}" value="{{.}}">{{end}}{{end}}<button>{{.Name}}</button></form>{{else}}<a href="{{.Path}}">{{.Name}}</a>{{end}}</li>
{{- end}}
</ul></body></html>
`))

// Submits reports that the screen is the answer to a form.
func (s Screen) Submits() bool { return s.Post != nil }

// Index lists all screens as links and buttons.
func Index(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = index.Execute(w, Screens()) // a browser that has gone away is no error of ours
}
