package netsuite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"
	"sync/atomic"
)

const (
	maxTokenAnswer = 1 << 20
	maxAPIAnswer   = 16 << 20
	userAgent      = "suitekey"
)

// What is tried, as Error.Op names it.
const (
	opExchange          = "code exchange"
	opRefresh           = "token refresh"
	opRevoke            = "grant revocation"
	opM2M               = "client credentials token"
	opProbe             = "app check"
	opCallback          = "consent"
	opCertificateList   = "certificate list"
	opCertificateUpload = "certificate upload"
	opCertificateRevoke = "certificate revocation"
	opSuiteQL           = "SuiteQL query"
	opServerTime        = "server time"
	opLimits            = "governance limits"
	opRESTlet           = "RESTlet call"
	opRecordRead        = "record read"
	opRecordList        = "record list"
	opRecordCreate      = "record creation"
	opRecordUpdate      = "record update"
	opRecordUpsert      = "record upsert"
	opRecordDelete      = "record deletion"
	opRecordTransform   = "record transformation"
	opRecordBatch       = "record batch"
	opAsync             = "asynchronous request"
	opJob               = "asynchronous job"
	opTask              = "asynchronous task"
	opMetadata          = "metadata catalog"
	opREST              = "REST request"
	opVerify            = "token verification"
	opKeys              = "key set"
	opDataCenter        = "discovery of hosts"
)

// request is one call, made once.
type request struct {
	op      string
	face    face
	method  string
	url     *url.URL
	header  http.Header
	body    []byte
	limit   int64    // bytes of the answer that are read
	buffer  []byte   // for the answer, if it is large enough; nil makes one
	secrets []Secret // masked when the answer echoes them
}

// answer is what came back, whatever its status.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a *answer) ok() bool { return a.status >= 200 && a.status < 300 }

// do sends the request and makes every answer but a 2xx an *Error. The answer is returned beside the error when its status
// at least was received.
func (r *request) do(ctx context.Context, c *http.Client) (*answer, error) {
	a, err := r.send(ctx, c)
	if err != nil {
		return a, err
	}
	if !a.ok() {
		return a, r.refusal(a)
	}
	return a, nil
}

// send sends the request once and reads the answer within the limit.
func (r *request) send(ctx context.Context, c *http.Client) (*answer, error) {
	if err := ctx.Err(); err != nil {
		return nil, r.failure(err, false)
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	var wire wireTrace
	req, err := http.NewRequestWithContext(wire.watch(ctx), r.method, r.url.String(), bytes.NewReader(r.body))
	if err != nil {
		return nil, &Error{Op: r.op, Err: withoutURL(err)}
	}
	req.Header = r.header.Clone()
	req.Header.Set("User-Agent", userAgent)
	// One round trip, without the redirects, cookies and second looks at Location that a client adds.
	resp, err := c.Transport.RoundTrip(req)
	if err != nil {
		return nil, r.failure(withoutURL(err), wire.sent())
	}
	defer func() { _ = resp.Body.Close() }()
	r.noteSignature(resp.Request)
	body, err := r.readBody(resp)
	a := &answer{resp.StatusCode, resp.Header, body}
	switch {
	case err != nil:
		return a, &Error{Op: r.op, Status: a.status, Hint: hints[ErrResponseLost], Err: fmt.Errorf("%w: %w", ErrResponseLost, withoutURL(err))}
	case int64(len(body)) > r.limit:
		return a, &Error{Op: r.op, Status: a.status, Detail: fmt.Sprintf("the answer is larger than %d MiB", r.limit>>20), Hint: "ask for less at once", Err: ErrTooLarge}
	}
	return a, nil
}

// noteSignature takes what a client that signs in by itself has added, so that an answer which echoes it is masked as well.
func (r *request) noteSignature(sent *http.Request) {
	if sent == nil {
		return
	}
	if _, credentials, found := strings.Cut(sent.Header.Get("Authorization"), " "); found {
		r.secrets = append(r.secrets, NewSecret(credentials))
	}
}

// readBody reads at most one byte more than the limit.
func (r *request) readBody(resp *http.Response) ([]byte, error) {
	b := bytes.NewBuffer(r.buffer[:0])
	b.Grow(int(min(max(resp.ContentLength, 0), r.limit)) + bytes.MinRead)
	_, err := b.ReadFrom(io.LimitReader(resp.Body, r.limit+1))
	return b.Bytes(), err
}

// failure makes the Error for a call without an answer.
func (r *request) failure(cause error, sent bool) *Error {
	var inner *Error
	var unsent *unsentError
	switch {
	case errors.As(cause, &inner): // of a client that signs in by itself: its token, or an account that rests
		return inner
	case errors.As(cause, &unsent):
		return &Error{Op: r.op, Hint: "nothing was sent", Err: unsent.err}
	case errors.Is(cause, ErrHostRefused):
		return &Error{Op: r.op, Hint: "the client given was made for another account or site; make it with Site.HTTPClient", Err: cause}
	case sent:
		return &Error{Op: r.op, Hint: hints[ErrResponseLost], Err: fmt.Errorf("%w: %w", ErrResponseLost, cause)}
	}
	return &Error{Op: r.op, Hint: hints[ErrUnavailable], Err: fmt.Errorf("%w: %w", ErrUnavailable, cause)}
}

// unsentError is what a transport of this package returns when it sent nothing, which the trace alone does not tell.
type unsentError struct{ err error }

func (e *unsentError) Error() string { return e.err.Error() }
func (e *unsentError) Unwrap() error { return e.err }

// unreadable makes the Error for a success whose body is not what the call documents.
func (r *request) unreadable(a *answer, detail string) *Error {
	return &Error{Op: r.op, Status: a.status, Detail: r.clean(detail), Hint: "this may be a new form of NetSuite's answer; report it with the status", Err: ErrUnreadable}
}

// wireTrace notes how far a request came, to tell "could not be sent" from "sent, and the answer was lost".
type wireTrace struct{ connecting, wrote atomic.Bool }

func (w *wireTrace) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { w.connecting.Store(true) },
		WroteHeaders: func() { w.wrote.Store(true) },
	})
}

// sent reports whether NetSuite may have seen the request. A transport that gives no trace is taken to have sent it.
func (w *wireTrace) sent() bool { return w.wrote.Load() || !w.connecting.Load() }

// withoutURL drops what may hold a query with secrets: the URL that net/http can put around an error, and the header line
// that a malformed answer is quoted with.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var malformed textproto.ProtocolError
	if errors.As(err, &malformed) {
		return errors.New("malformed HTTP answer")
	}
	return err
}

// clientFor returns the caller's client, or the site's, as this package needs it: redirects given back, no cookies
// (a Cookie beside a bearer token is refused, H/section_N2971402), an end to every call, and never Go's default transport.
func clientFor(s Site, a AccountID, custom func(AccountID) *http.Client) *http.Client {
	c := newClient(nil, requestTimeout)
	if custom != nil {
		if given := custom(a); given != nil {
			c.Transport = given.Transport
			if given.Timeout > 0 {
				c.Timeout = given.Timeout
			}
		}
	}
	if c.Transport == nil {
		c.Transport = s.Transport(a)
	}
	return c
}
