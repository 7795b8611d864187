package netsuitetest

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
)

// This file is the box Dynamic Client Registration: a public client finds its client ID by its redirect URI. That NetSuite
// has an endpoint for it, where it lives and what it answers are guesses after RFC 7591, behind the setting dcr_endpoint.

// registration is what a client asks and is told (RFC 7591 section 2).
type registration struct {
	ClientID      string   `json:"client_id,omitempty"`
	ClientName    string   `json:"client_name,omitempty"`
	RedirectURIs  []string `json:"redirect_uris"`
	GrantTypes    []string `json:"grant_types,omitempty"`
	ResponseTypes []string `json:"response_types,omitempty"`
	AuthMethod    string   `json:"token_endpoint_auth_method,omitempty"`
	Scope         string   `json:"scope,omitempty"`
}

func (s *Server) register(c *call) {
	noStore(c)
	if !s.settings().DynamicRegistration {
		c.broke("there is no registration endpoint (setting dcr_endpoint)")
		http.NotFound(c.w, c.r)
		return
	}
	var asked registration
	kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err == nil {
		err = json.NewDecoder(io.LimitReader(c.r.Body, maxForm)).Decode(&asked)
	}
	i, found := s.registered(asked.RedirectURIs)
	switch {
	case err != nil || kind != "application/json" || len(asked.RedirectURIs) == 0:
		s.refuseToken(c, refuse(http.StatusBadRequest, "invalid_client_metadata", "the body must be a JSON object with redirect_uris (RFC 7591 section 3.1)", ""))
	case !found:
		s.refuseToken(c, refuse(http.StatusBadRequest, "invalid_redirect_uri", "no Public Client with Dynamic Client Registration has these redirect URIs (guess)", ""))
	default:
		c.entry.ClientID = i.ClientID
		c.met("client ID found by redirect URI (guess after RFC 7591)")
		c.json(http.StatusCreated, registration{
			ClientID: i.ClientID, ClientName: i.Name, RedirectURIs: asked.RedirectURIs,
			GrantTypes: []string{"authorization_code", "refresh_token"}, ResponseTypes: []string{"code"}, AuthMethod: "none",
		})
	}
}

// registered finds the record that has all of the redirect URIs; the smallest client ID, should there be several.
func (s *Server) registered(uris []string) (found Integration, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.integrations {
		if i.DynamicRegistration && subset(uris, i.RedirectURIs) && (!ok || i.ClientID < found.ClientID) {
			found, ok = i, true
		}
	}
	return found, ok
}
