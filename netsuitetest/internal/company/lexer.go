package company

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// This file cuts a SuiteQL statement into tokens. Nothing of the statement's text reaches SQLite but through
// a token: strings and names are taken apart here and quoted anew by the translator.

type tokenKind int

const (
	tokenEnd    tokenKind = iota
	tokenWord             // unquoted name or keyword, text in upper case
	tokenQuoted           // "quoted name", text without the quotes
	tokenString           // 'text', text without the quotes
	tokenNumber           // 12, 1.5, .5, 1e3
	tokenSymbol           // operators and punctuation
)

type token struct {
	kind tokenKind
	text string
	raw  string // a word as it was written
	at   int    // byte offset, for messages
}

func (t token) String() string {
	switch t.kind {
	case tokenEnd:
		return "the end of the statement"
	case tokenWord:
		return "'" + t.raw + "'"
	case tokenQuoted:
		return `"` + t.text + `"`
	default:
		return "'" + t.text + "'"
	}
}

// syntaxError is a statement that is not SuiteQL, or not the part of it that this package understands.
type syntaxError struct{ reason string }

func (e *syntaxError) Error() string { return e.reason }

func syntaxf(format string, args ...any) error { return &syntaxError{fmt.Sprintf(format, args...)} }

// symbols in the order in which they must be tried.
var symbols = []string{"||", "<>", "!=", "^=", "<=", ">=", "(", ")", ",", ".", "+", "-", "*", "/", "=", "<", ">"}

// tokenize cuts the statement. The last token is always tokenEnd.
func tokenize(statement string) ([]token, error) {
	if !utf8.ValidString(statement) {
		return nil, syntaxf("the statement is not valid UTF-8")
	}
	if strings.ContainsRune(statement, 0) {
		return nil, syntaxf("the statement holds a NUL character")
	}
	l := lexer{rest: statement, size: len(statement)}
	var tokens []token
	for {
		t, err := l.next()
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
		if t.kind == tokenEnd {
			return tokens, nil
		}
	}
}

type lexer struct {
	rest string
	size int
}

func (l *lexer) at() int { return l.size - len(l.rest) }

func (l *lexer) next() (token, error) {
	if err := l.skipBlank(); err != nil {
		return token{}, err
	}
	if l.rest == "" {
		return token{kind: tokenEnd, at: l.at()}, nil
	}
	switch c := l.rest[0]; {
	case c == '\'':
		return l.quoted('\'', tokenString)
	case c == '"':
		return l.quoted('"', tokenQuoted)
	case isDigit(c), c == '.' && len(l.rest) > 1 && isDigit(l.rest[1]):
		return l.number()
	case isWordStart(c):
		return l.word(), nil
	}
	for _, s := range symbols {
		if strings.HasPrefix(l.rest, s) {
			return l.take(tokenSymbol, len(s)), nil
		}
	}
	r, _ := utf8.DecodeRuneInString(l.rest)
	return token{}, syntaxf("unexpected character %q at position %d", r, l.at())
}

// take makes the next n bytes a token.
func (l *lexer) take(kind tokenKind, n int) token {
	t := token{kind: kind, text: l.rest[:n], raw: l.rest[:n], at: l.at()}
	l.rest = l.rest[n:]
	return t
}

// skipBlank passes white space and both kinds of comments.
func (l *lexer) skipBlank() error {
	for {
		l.rest = strings.TrimLeft(l.rest, " \t\r\n\f\v")
		switch {
		case strings.HasPrefix(l.rest, "--"):
			_, l.rest, _ = strings.Cut(l.rest, "\n")
		case strings.HasPrefix(l.rest, "/*"):
			_, after, closed := strings.Cut(l.rest[2:], "*/")
			if !closed {
				return syntaxf("the comment at position %d is not closed", l.at())
			}
			l.rest = after
		default:
			return nil
		}
	}
}

// quoted reads a string or a quoted name, in which a doubled quote stands for one.
func (l *lexer) quoted(quote byte, kind tokenKind) (token, error) {
	at := l.at()
	var content strings.Builder
	for i := 1; i < len(l.rest); i++ {
		if l.rest[i] != quote {
			content.WriteByte(l.rest[i])
			continue
		}
		if i+1 < len(l.rest) && l.rest[i+1] == quote {
			content.WriteByte(quote)
			i++
			continue
		}
		l.rest = l.rest[i+1:]
		return token{kind: kind, text: content.String(), at: at}, nil
	}
	return token{}, syntaxf("the quote at position %d is not closed", at)
}

func (l *lexer) number() (token, error) {
	n := countWhile(l.rest, isDigit)
	if n < len(l.rest) && l.rest[n] == '.' {
		n++
		n += countWhile(l.rest[n:], isDigit)
	}
	if n < len(l.rest) && (l.rest[n] == 'e' || l.rest[n] == 'E') {
		sign := 1
		if n+1 < len(l.rest) && (l.rest[n+1] == '+' || l.rest[n+1] == '-') {
			sign = 2
		}
		digits := countWhile(l.rest[min(n+sign, len(l.rest)):], isDigit)
		if digits == 0 {
			return token{}, syntaxf("the number at position %d has no exponent", l.at())
		}
		n += sign + digits
	}
	if n < len(l.rest) && isWordPart(l.rest[n]) {
		return token{}, syntaxf("the number at position %d runs into a name", l.at())
	}
	return l.take(tokenNumber, n), nil
}

func (l *lexer) word() token {
	t := l.take(tokenWord, countWhile(l.rest, isWordPart))
	t.text = strings.ToUpper(t.raw)
	return t
}

func countWhile(s string, is func(byte) bool) int {
	n := 0
	for n < len(s) && is(s[n]) {
		n++
	}
	return n
}

func isDigit(c byte) bool     { return '0' <= c && c <= '9' }
func isWordStart(c byte) bool { return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func isWordPart(c byte) bool  { return isWordStart(c) || isDigit(c) || c == '$' || c == '#' }
