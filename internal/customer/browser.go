package customer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// Browser opens pages and presses buttons over HTTP as a browser with scripts off does: it follows redirects, keeps cookies,
// and sends only what a page's form holds.
type Browser struct {
	HTTP *http.Client
}

// NewBrowser reaches this machine only: names under localhost are this machine, as browsers have it (RFC 6761 section 6.3).
func NewBrowser() *Browser {
	jar, _ := cookiejar.New(nil) // New never fails without options
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		if host == "localhost" || strings.HasSuffix(host, ".localhost") {
			host = "127.0.0.1"
		}
		if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
			return nil, fmt.Errorf("the sample customer stays on this machine; %s is elsewhere", host)
		}
		return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(host, port))
	}
	return &Browser{HTTP: &http.Client{Jar: jar, Timeout: 30 * time.Second, Transport: &http.Transport{DialContext: dial}}}
}

func (b *Browser) Close() { b.HTTP.CloseIdleConnections() }

// Page is what a person would see: where it is, its forms and its links.
type Page struct {
	URL   *url.URL
	Title string // text of the h1
	Words string // all text
	Forms []Form
	Links []Link
}

type Link struct {
	URL  *url.URL
	Text string
}

type Form struct {
	Action  *url.URL
	Method  string
	Fields  url.Values // what is filled in already
	Choices map[string][]Choice
	Buttons []Button
}

// Choice is one option of a radio group or a select.
type Choice struct{ Value, Label string }

type Button struct{ Name, Value, Text string }

func (b *Browser) Open(ctx context.Context, address string) (*Page, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	return b.do(req)
}

// Press sends a form with the given fields filled in, by its first button unless fill names another.
func (b *Browser) Press(ctx context.Context, f Form, fill url.Values) (*Page, error) {
	values := url.Values{}
	for k, v := range f.Fields {
		values[k] = v
	}
	if len(f.Buttons) > 0 && f.Buttons[0].Name != "" {
		values.Set(f.Buttons[0].Name, f.Buttons[0].Value)
	}
	for k, v := range fill {
		values[k] = v
	}
	if f.Method == http.MethodGet {
		u := *f.Action
		u.RawQuery = values.Encode()
		return b.Open(ctx, u.String())
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.Action.String(), strings.NewReader(values.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", f.Action.Scheme+"://"+f.Action.Host)
	return b.do(req)
}

// maxPage is far above any page of ours.
const maxPage = 4 << 20

func (b *Browser) do(req *http.Request) (*Page, error) {
	res, err := b.HTTP.Do(req)
	if err != nil {
		return nil, withoutQuery(err)
	}
	defer res.Body.Close()
	doc, err := html.Parse(io.LimitReader(res.Body, maxPage))
	if err != nil {
		return nil, err
	}
	p := &Page{URL: res.Request.URL, Words: text(doc)}
	p.read(doc, nil)
	if res.StatusCode >= 400 {
		return p, fmt.Errorf("%s answered %s: %s", res.Request.URL.Path, res.Status, p.Title)
	}
	return p, nil
}

// withoutQuery keeps codes and states, which travel in queries, out of messages.
func withoutQuery(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return fmt.Errorf("%s: %w", strings.ToLower(e.Op), e.Err)
	}
	return err
}

// read collects forms and links; f is the form that the node stands in.
func (p *Page) read(n *html.Node, f *Form) {
	if n.Type == html.ElementNode {
		switch n.Data {
		case "h1":
			p.Title = text(n)
		case "a":
			if u, err := p.URL.Parse(attr(n, "href")); err == nil && attr(n, "href") != "" {
				p.Links = append(p.Links, Link{u, text(n)})
			}
		case "form":
			action, err := p.URL.Parse(attr(n, "action"))
			if err != nil {
				action = p.URL
			}
			p.Forms = append(p.Forms, Form{Action: action, Method: strings.ToUpper(attr(n, "method")), Fields: url.Values{}, Choices: map[string][]Choice{}})
			f = &p.Forms[len(p.Forms)-1]
			defer func() {
				if f.Method == "" {
					f.Method = http.MethodGet
				}
			}()
		case "input", "select", "textarea", "button":
			if f != nil {
				f.control(n)
			}
		}
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		p.read(c, f)
	}
}

func (f *Form) control(n *html.Node) {
	name, value := attr(n, "name"), attr(n, "value")
	switch kind := attr(n, "type"); {
	case n.Data == "button":
		f.Buttons = append(f.Buttons, Button{name, value, text(n)})
	case name == "":
	case n.Data == "select":
		f.options(n, name)
	case kind == "radio" || kind == "checkbox":
		f.Choices[name] = append(f.Choices[name], Choice{value, text(n.Parent)})
		if has(n, "checked") {
			f.Fields.Add(name, value)
		}
	case kind == "submit":
		f.Buttons = append(f.Buttons, Button{name, value, value})
	default:
		f.Fields.Set(name, value)
	}
}

func (f *Form) options(n *html.Node, name string) {
	for c := range n.Descendants() {
		if c.Type == html.ElementNode && c.Data == "option" {
			f.Choices[name] = append(f.Choices[name], Choice{attr(c, "value"), text(c)})
			if has(c, "selected") {
				f.Fields.Set(name, attr(c, "value"))
			}
		}
	}
}

// Form finds the form that posts to a path with this ending.
func (p *Page) Form(suffix string) (Form, bool) {
	for _, f := range p.Forms {
		if strings.HasSuffix(f.Action.Path, suffix) {
			return f, true
		}
	}
	return Form{}, false
}

// Link finds the link whose path ends so.
func (p *Page) Link(suffix string) (*url.URL, bool) {
	for _, l := range p.Links {
		if strings.HasSuffix(l.URL.Path, suffix) {
			return l.URL, true
		}
	}
	return nil, false
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

func text(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
