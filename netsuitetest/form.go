package netsuitetest

import (
	"regexp"
	"sync"
)

// form is a regular expression that is compiled when it is first used. Most programs use few of them, and all together cost
// milliseconds at every start.
type form func() *regexp.Regexp

func newForm(expr string) form {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

// MatchString reports whether text has the form.
func (f form) MatchString(text string) bool { return f().MatchString(text) }
