package doctor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/suitekey/suitekey/netsuite"
)

// Recorder keeps what goes to NetSuite and comes back, without anything that is somebody's: of values only those stay that belong to
// NetSuite's protocol. Its files have the form of this project's own recorded exchanges (folder wire), so that a guess about NetSuite can
// be replaced by what a real account answered. A literal is ready for use, by any number of goroutines.
type Recorder struct {
	mu    sync.Mutex
	files []Recording // guarded by mu
}

// Recording is one exchange.
type Recording struct {
	Name    string // "03-certificates.http"
	Content []byte
}

// Files are the exchanges so far, in their order.
func (r *Recorder) Files() []Recording {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.files)
}

// Client returns a maker of clients for a site whose exchanges are recorded.
func (r *Recorder) Client(site netsuite.Site) func(netsuite.AccountID) *http.Client {
	return func(a netsuite.AccountID) *http.Client {
		c := site.HTTPClient(a)
		c.Transport = &recorded{r, c.Transport}
		return c
	}
}

type recorded struct {
	recorder *Recorder
	base     http.RoundTripper
}

// longestRecorded is how much of a body is kept; the rest passes unseen.
const longestRecorded = 256 << 10

func (t *recorded) RoundTrip(request *http.Request) (*http.Response, error) {
	sent := sentBody(request)
	response, err := t.base.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	head, err := io.ReadAll(io.LimitReader(response.Body, longestRecorded))
	if err != nil {
		return response, err
	}
	response.Body = &rejoined{io.MultiReader(bytes.NewReader(head), response.Body), response.Body}
	t.recorder.add(request, sent, response, head)
	return response, nil
}

// rejoined reads what was read ahead and then the rest.
type rejoined struct {
	io.Reader
	io.Closer
}

func sentBody(request *http.Request) []byte {
	if request.GetBody == nil {
		return nil
	}
	body, err := request.GetBody()
	if err != nil {
		return nil
	}
	data, _ := io.ReadAll(io.LimitReader(body, longestRecorded)) // what cannot be read is not shown
	return data
}

func (r *Recorder) add(request *http.Request, sent []byte, response *http.Response, answer []byte) {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s %s\n# mark: W\n%s %s\n", request.Method, maskSegments(request.URL.Path), request.Method, shownURL(request.URL))
	writeHeader(&b, request.Header)
	if len(sent) > 0 {
		fmt.Fprintf(&b, "\n%s\n", redactBody(request.Header.Get("Content-Type"), sent))
	}
	fmt.Fprintf(&b, "\nHTTP/1.1 %d %s\n", response.StatusCode, http.StatusText(response.StatusCode))
	writeHeader(&b, response.Header)
	if len(answer) > 0 {
		fmt.Fprintf(&b, "\n%s\n", redactBody(response.Header.Get("Content-Type"), answer))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	name := fmt.Sprintf("%02d-%s.http", len(r.files)+1, nameOfPath(request.URL.Path))
	r.files = append(r.files, Recording{name, []byte(b.String())})
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// nameOfPath is the last part of a path that is a word.
func nameOfPath(path string) string {
	parts := strings.Split(strings.ToLower(strings.Trim(path, "/")), "/")
	for i := len(parts) - 1; i >= 0; i-- {
		if name := strings.Trim(notInNames.ReplaceAllString(parts[i], "-"), "-"); name != "" && len(name) <= 30 {
			return name
		}
	}
	return "exchange"
}

// sampleAccount stands for the account in what is recorded.
const sampleAccount = "1234567"

// shownURL is the address at NetSuite, with the sample account in the place of the account and no value of a query.
func shownURL(u *url.URL) string {
	shown := url.URL{Scheme: "https", Host: u.Hostname(), Path: maskSegments(u.Path)}
	if label, domain, found := strings.Cut(shown.Host, "."); found {
		if label != "rest" && label != "system" {
			label = sampleAccount
		}
		domain = strings.NewReplacer("suitetalk.localhost", "suitetalk.api.netsuite.com", "restlets.localhost", "restlets.api.netsuite.com", "app.localhost", "app.netsuite.com", "localhost", "netsuite.com").Replace(domain)
		shown.Host = label + "." + domain
	}
	names := slices.Sorted(maps.Keys(u.Query()))
	for i, name := range names {
		names[i] = name + "={{any}}"
	}
	text := strings.NewReplacer("%7B", "{", "%7D", "}").Replace(shown.String())
	if len(names) > 0 {
		text += "?" + strings.Join(names, "&")
	}
	return text
}

var longSegment = regexp.MustCompile(`^[A-Za-z0-9_-]{40,}$|^[0-9]+$`)

// maskSegments hides client IDs, certificate IDs and numbers in a path.
func maskSegments(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if longSegment.MatchString(part) {
			parts[i] = "{{any}}"
		}
	}
	return strings.Join(parts, "/")
}

// shownHeaders are those that belong to the protocol.
var shownHeaders = []string{"Accept", "Content-Type", "Prefer", "Preference-Applied", "Retry-After"}

func writeHeader(b *strings.Builder, h http.Header) {
	if h.Get("Authorization") != "" {
		b.WriteString("Authorization: Bearer {{token}}\n")
	}
	for _, name := range shownHeaders {
		if value := h.Get(name); value != "" {
			fmt.Fprintf(b, "%s: %s\n", name, strings.Join(strings.Fields(value), " "))
		}
	}
	if value := h.Get("WWW-Authenticate"); value != "" {
		fmt.Fprintf(b, "WWW-Authenticate: %s\n", realm.ReplaceAllString(strings.Join(strings.Fields(value), " "), `realm="`+sampleAccount+`"`))
	}
}

var realm = regexp.MustCompile(`realm="[^"]*"`)

func redactBody(contentType string, body []byte) string {
	kind, _, _ := mime.ParseMediaType(contentType)
	if kind == "application/x-www-form-urlencoded" {
		return redactForm(body)
	}
	var value any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if decoder.Decode(&value) == nil {
		if data, err := json.Marshal(redactValue("", value)); err == nil {
			return string(data)
		}
	}
	return "{{any}}"
}

// shownValues are names of fields whose values NetSuite chose, not the customer.
var shownValues = []string{
	"grant_type", "client_assertion_type", "token_type", "expires_in", "error", "status", "title", "type", "o:errorCode", "o:errorHeader", "o:errorQueryParam",
	"kty", "use", "alg", "e", "algorithm", "revoked", "hasMore", "count", "offset", "totalResults", "rel", "ok", "progress", "completed", "limitType", "integrationLimitType",
}

func redactForm(body []byte) string {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return "{{any}}"
	}
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(form)) {
		value := "{{any}}"
		switch {
		case name == "client_assertion":
			value = "{{assertion}}"
		case slices.Contains(shownValues, name):
			value = url.QueryEscape(form.Get(name))
		}
		pairs = append(pairs, url.QueryEscape(name)+"="+value)
	}
	return strings.Join(pairs, "&")
}

// redactValue keeps the shape: names of fields, kinds of values, lengths of lists up to three.
func redactValue(name string, value any) any {
	const most = 3
	switch v := value.(type) {
	case map[string]any:
		shown := make(map[string]any, len(v))
		for key, inner := range v {
			shown[key] = redactValue(key, inner)
		}
		return shown
	case []any:
		shown := make([]any, 0, most)
		for _, inner := range v[:min(len(v), most)] {
			shown = append(shown, redactValue(name, inner))
		}
		return shown
	case string:
		if slices.Contains(shownValues, name) {
			return v
		}
		return "{{any}}"
	case json.Number:
		if slices.Contains(shownValues, name) {
			return v
		}
		return 1
	}
	return value
}
