package netsuitetest

import "net/http"

// revoke ends a refresh token and its access tokens (H/section_161071224088). The answer is RFC 7009's.
func (s *Server) revoke(c *call) {
	noStore(c)
	form, no := s.form(c)
	if no != nil {
		s.refuseToken(c, no)
		return
	}
	i, no := s.client(c, form)
	if no != nil {
		s.refuseToken(c, no)
		return
	}
	signed := form.Get("token")
	if signed == "" {
		s.refuseToken(c, invalidRequest("token is required (H/section_161071224088)"))
		return
	}
	t := c.account.find(signed)
	switch {
	case t == nil:
		c.met("an unknown token is no error (RFC 7009 section 2.2)")
	case t.clientID != i.ClientID:
		s.refuseToken(c, invalidGrant("the token was issued to another client (RFC 7009 section 2.1)", ""))
		return
	case t.kind != kindRefresh:
		s.refuseToken(c, refuse(http.StatusBadRequest, "unsupported_token_type", "revoke takes the refresh token (H/section_161071224088; the error is a guess)", ""))
		return
	default:
		c.entry.TokenID, c.entry.Entity, c.entry.Role = t.id, t.entity, t.role
		c.account.RevokeGrant(t.grant.id)
		c.met("refresh token revoked with its access tokens (H/section_161071224088)")
	}
	c.w.WriteHeader(s.settings().RevokeStatus)
}
