package netsuite

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	governedTimeout   = 5 * time.Minute  // a single try, its body included; NetSuite itself ends a request after 15 minutes (H/subsect_1559222360)
	wholeCall         = 15 * time.Minute // with all waits and repeats
	contendedAfter    = 30 * time.Second // a login is refused at once; a 401 as late as this one is overload
	maxSniffed        = 64 << 10
	headerPrefer      = "Prefer"
	headerIdempotency = "X-NetSuite-idempotency-key"
)

// caringTransport signs in, waits for a slot of the account, and repeats what may be repeated.
type caringTransport struct {
	*signIn
	door     door
	ctx      context.Context // ends the client
	governor *Governor
	base     http.RoundTripper
	try      time.Duration // a single try
}

// RoundTrip makes the request. It looks at the address first: a token is neither fetched for, nor shown to, another host.
func (t *caringTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	c := &call{caringTransport: t, r: r, may: repeats(r)}
	defer c.closeUnsent()
	if err := t.door.admit(r); err != nil {
		return nil, err
	}
	for {
		o := c.once()
		wait, again := c.again(o)
		if !again {
			return o.resp, o.err
		}
		o.discard()
		if err := c.pause(wait); err != nil {
			return nil, err
		}
	}
}

// call is one request of the caller, with its tries.
type call struct {
	*caringTransport
	r     *http.Request
	may   repetition
	tries int
	sent  bool // the caller's body is the base transport's to close
}

// closeUnsent closes the body of a request that never left: a RoundTripper closes it also on errors.
func (c *call) closeUnsent() {
	if !c.sent && c.r.Body != nil {
		_ = c.r.Body.Close()
	}
}

// again decides after a try whether there is another, and after which pause.
func (c *call) again(o outcome) (pause time.Duration, again bool) {
	switch {
	case o.kind == answered:
		return 0, false
	case o.kind == refusedLogin:
		worth := c.source.refuse(o.token, timeNow(c.now)) // also for the sake of the next call
		return 0, worth && c.may >= afterRefusal
	case c.may < o.kind.needs():
		return 0, false
	}
	return c.governor.pause(c.r.Context(), c.tries, o.asked())
}

// pause waits, unless the caller leaves or the client is ended.
func (c *call) pause(wait time.Duration) error {
	ctx, cancel := context.WithCancelCause(c.r.Context())
	defer cancel(nil)
	defer context.AfterFunc(c.ctx, func() { cancel(c.ctx.Err()) })()
	if err := sleep(ctx, wait); err != nil {
		return context.Cause(ctx)
	}
	return nil
}

// outcome is what one try brought.
type outcome struct {
	kind  outcomeKind
	token *Token
	resp  *http.Response
	err   error
}

// asked is how long the answer asks to wait.
func (o outcome) asked() time.Duration {
	if o.resp == nil {
		return askedPause(o.err)
	}
	return retryAfter(o.resp.Header)
}

func (o outcome) discard() {
	if o.resp != nil {
		_, _ = io.CopyN(io.Discard, o.resp.Body, maxSniffed) // lets the connection be used again
		_ = o.resp.Body.Close()
	}
}

type outcomeKind int

const (
	answered     outcomeKind = iota // to be given back, whatever it says
	refusedLogin                    // 401
	busy                            // NetSuite did not take the request on
	unknown                         // NetSuite may have acted on it
)

// needs is what a request must bear to be repeated after such an outcome.
func (k outcomeKind) needs() repetition {
	if k == unknown {
		return always
	}
	return afterRefusal
}

// once makes one try.
func (c *call) once() outcome {
	c.tries++
	if err := c.ctx.Err(); err != nil {
		return outcome{err: &unsentError{err}}
	}
	key := c.key()
	if err := c.governor.admit(key); err != nil {
		return outcome{err: err}
	}
	token, err := c.token(c.r.Context())
	if err != nil {
		if isUnreached(err) {
			c.governor.report(key, false)
		}
		return outcome{kind: ifTemporary(err), err: &unsentError{err}}
	}
	release, err := c.governor.acquire(c.r.Context(), key)
	if err != nil {
		return outcome{err: &unsentError{err}}
	}
	signed, end, err := c.sign(token)
	if err != nil {
		release()
		return outcome{err: err}
	}
	finish := sync.OnceFunc(func() { end(); release() })
	began := time.Now()
	resp, err := c.base.RoundTrip(signed)
	if err != nil {
		finish()
		return c.failed(err)
	}
	resp.Body = &heldBody{resp.Body, finish}
	full := isFull(resp)
	c.governor.report(key, full || !isDown(resp.StatusCode))
	return outcome{kind: judge(resp, full, time.Since(began)), token: token, resp: resp}
}

// isUnreached reports whether the token could not be had because NetSuite is away, whatever its credentials.
func isUnreached(err error) bool {
	var e *Error
	return IsTemporary(err) && errors.As(err, &e) && (e.Status == 0 || isDown(e.Status))
}

// ifTemporary lets a token that could not be fetched for the moment be waited for. Nothing was sent with it.
func ifTemporary(err error) outcomeKind {
	if IsTemporary(err) {
		return busy
	}
	return answered
}

// failed judges a try without an answer.
func (c *call) failed(err error) outcome {
	if c.r.Context().Err() != nil || errors.Is(err, ErrHostRefused) {
		return outcome{err: err} // says nothing about NetSuite
	}
	c.governor.report(c.key(), false)
	return outcome{kind: unknown, err: err}
}

// sign returns a copy of the request with the token and the time of one try.
func (c *call) sign(token *Token) (*http.Request, context.CancelFunc, error) {
	ctx, cancel := context.WithTimeout(c.r.Context(), c.try)
	signed := c.r.Clone(ctx)
	signed.Header.Set("Authorization", "Bearer "+token.AccessToken.Reveal())
	if c.sent && c.r.GetBody != nil {
		body, err := c.r.GetBody()
		if err != nil {
			cancel()
			return nil, nil, err
		}
		signed.Body = body
	}
	c.sent = true
	return signed, cancel, nil
}

// judge tells what an answer says about the request. full is what isFull found; took is how long NetSuite worked on it.
func judge(resp *http.Response, full bool, took time.Duration) outcomeKind {
	switch {
	case resp.StatusCode == http.StatusUnauthorized && took >= contendedAfter:
		// Overload has been seen as "Invalid login attempt" after a minute. It must not be taken for bad credentials.
		resp.StatusCode, resp.Status = http.StatusTooManyRequests, "429 Too Many Requests"
		return busy
	case resp.StatusCode == http.StatusUnauthorized:
		return refusedLogin
	case full:
		return busy
	case resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != "":
		return busy // not taken on, as it says
	case resp.StatusCode >= 500:
		return unknown
	}
	return answered
}

// isDown: these come from what stands before NetSuite's servers. A 500 may be one script's or one record's own fault.
func isDown(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// isFull reports whether NetSuite says that too many requests run. Such an answer comes from an account that is well. RESTlets
// say so under 400 (H/bridgehead_1525252812), and 503 is provided for.
func isFull(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
		return true
	case http.StatusBadRequest, http.StatusServiceUnavailable:
		start, err := io.ReadAll(io.LimitReader(resp.Body, maxSniffed))
		resp.Body = &sniffedBody{io.MultiReader(bytes.NewReader(start), errReader{err}, resp.Body), resp.Body}
		return bytes.Contains(start, []byte("SSS_REQUEST_LIMIT_EXCEEDED")) || bytes.Contains(start, []byte("CONCURRENCY_LIMIT_EXCEEDED"))
	}
	return false
}

// sniffedBody reads again what was read from the beginning.
type sniffedBody struct {
	io.Reader
	io.Closer
}

// errReader gives back the error that the look met.
type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) {
	if e.err == nil {
		return 0, io.EOF
	}
	return 0, e.err
}

// heldBody holds the slot and the time of a try until the answer is read or closed.
type heldBody struct {
	io.ReadCloser
	finish func()
}

func (b *heldBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.finish()
	}
	return n, err
}

func (b *heldBody) Close() error {
	err := b.ReadCloser.Close()
	b.finish()
	return err
}

// repetition is how much of a failure a request bears to be sent again.
type repetition int

const (
	never        repetition = iota // a synchronous POST: it might be done twice
	afterRefusal                   // when NetSuite has not taken it on
	always                         // twice does no more than once
)

// repeats tells how far a request may be repeated. A RESTlet's PUT or DELETE does what its script does, so nothing is assumed
// of it.
func repeats(r *http.Request) repetition {
	switch {
	case r.Body != nil && r.Body != http.NoBody && r.GetBody == nil:
		return never // cannot be sent again
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return always
	case r.URL.Path == suiteQLPath || r.Header.Get(headerIdempotency) != "" && strings.Contains(r.Header.Get(headerPrefer), "respond-async"):
		return always
	case r.Method == http.MethodPost:
		return never
	case r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, recordPath):
		return always // an upsert
	}
	return afterRefusal
}
