package netsuitetest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
)

// This file is how long one request may take: 15 minutes of a REST request (H/subsect_1559222360), 300 s of a script
// (H/section_161591009480, inferred). Settings.RESTLimit and ScriptLimit shorten them. Real time: what is under way is not
// moved by the emulator's clock.

var errTooLong = errors.New("the request took too long")

// limitDuration gives the request its deadline; end frees it.
func (s *Server) limitDuration(c *call) (end func()) {
	var limit time.Duration
	switch path := c.r.URL.Path; {
	case path == restletPath || path == suiteletPath:
		limit = s.settings().ScriptLimit
	case strings.HasPrefix(path, "/services/rest/") && !strings.HasPrefix(path, authPrefix):
		limit = s.settings().RESTLimit
	default:
		return func() {}
	}
	ctx, cancel := context.WithTimeoutCause(c.r.Context(), limit, errTooLong)
	c.r = c.r.WithContext(ctx)
	return cancel
}

// overran tells whether the deadline came first.
func (c *call) overran() bool { return errors.Is(context.Cause(c.r.Context()), errTooLong) }

// stop takes the place of an answer that comes too late: a script is stopped with an error, a REST request is cut. Both
// forms are guesses.
func (s *Server) stop(c *call) {
	c.w = newAnswer(s.settings().errorForm())
	switch c.r.URL.Path {
	case restletPath:
		e := &ScriptError{Name: "SSS_TIME_LIMIT_EXCEEDED", Message: "Script Execution Time Exceeded."}
		c.cut = false
		s.refuseRESTlet(c, refuse(http.StatusBadRequest, e.Name, "the script ran longer than "+s.settings().ScriptLimit.String(), ""), e.json())
	case suiteletPath:
		c.cut = false
		c.broke("the script ran longer than " + s.settings().ScriptLimit.String())
		s.errorPage(c, http.StatusInternalServerError, "Error", "Script Execution Time Exceeded.", "SSS_TIME_LIMIT_EXCEEDED")
	default:
		c.broke("the request took longer than " + s.settings().RESTLimit.String() + " (H/subsect_1559222360)")
		c.cut = true
	}
}
