package netsuitetest

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
)

// bundlePage is a bundle as an administrator sees it.
type bundlePage struct {
	Bundle
	Query     template.URL // of the page's own URL, so that forms come back here
	Installed bool
	Pending   bool
	Status    map[string]string // of the installed deployments, by script ID
}

func (s *Server) bundlePage(a *Account, b Bundle, query string) bundlePage {
	p := bundlePage{Bundle: b, Query: template.URL(query), Pending: a.pending(b.ID), Status: map[string]string{}}
	_, p.Installed = a.data().InstalledBundle(b.ID)
	for _, script := range b.Scripts {
		for _, d := range script.Deployments {
			if _, now, ok := a.data().Deployment(script.ScriptID, d.ScriptID); ok {
				p.Status[d.ScriptID] = now.Status
			}
		}
	}
	return p
}

// showBundle is the bundle details page: bundledetails.nl?sourcecompanyid=&domain=PRODUCTION&config=F&id=, the
// install link in use in the field.
func (s *Server) showBundle(c *call) {
	if _, ok := s.signedIn(c, "ADMI_BUNDLER"); !ok {
		return
	}
	b, ok := s.requestedBundle(c.r.URL.Query())
	if !ok {
		c.broke("no such bundle of this source account")
		s.errorPage(c, http.StatusNotFound, "No such bundle", "The source account offers no bundle with this ID.", "")
		return
	}
	c.met("bundle details")
	s.page(c, http.StatusOK, "bundle.html", b.Name, "bundle", s.bundlePage(c.account, b, c.r.URL.RawQuery))
}

// requestedBundle: the source account must be the bundle's, if it is given at all.
func (s *Server) requestedBundle(q url.Values) (Bundle, bool) {
	var id int64
	if _, err := fmt.Sscanf(q.Get("id"), "%d", &id); err != nil {
		return Bundle{}, false
	}
	b, ok := s.bundle(id)
	source := canonicalAccount(q.Get("sourcecompanyid"))
	return b, ok && (source == "" || source == canonicalAccount(b.SourceAccount))
}

// changeBundle installs or removes the bundle, or sets a deployment's status.
func (s *Server) changeBundle(c *call) {
	s.change(c, "ADMI_BUNDLER", bundlePath+"?"+c.r.URL.RawQuery, func(form url.Values) error {
		b, ok := s.requestedBundle(c.r.URL.Query())
		if !ok {
			return errors.New("bundle: the source account offers none with this ID")
		}
		switch form.Get("action") {
		case "install":
			c.account.beginInstall(b.ID)
			return nil
		case "uninstall":
			return c.account.UninstallBundle(b.ID)
		case "release":
			return c.account.SetDeploymentStatus(form.Get("script"), form.Get("deploy"), "RELEASED")
		case "testing":
			return c.account.SetDeploymentStatus(form.Get("script"), form.Get("deploy"), "TESTING")
		}
		return errors.New("action: want install, uninstall, release or testing")
	})
}

func (s *Server) showBundles(c *call) {
	if _, ok := s.signedIn(c, "ADMI_BUNDLER"); !ok {
		return
	}
	var rows []bundlePage
	for _, b := range s.cfg.Bundles {
		rows = append(rows, s.bundlePage(c.account, b, url.Values{
			"sourcecompanyid": {b.SourceAccount}, "domain": {"PRODUCTION"}, "config": {"F"}, "id": {fmt.Sprint(b.ID)},
		}.Encode()))
	}
	c.met("bundle list")
	s.page(c, http.StatusOK, "bundles.html", "Bundles", "bundles", rows)
}
