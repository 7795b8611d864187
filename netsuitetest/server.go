package netsuitetest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/suitekey/suitekey/netsuitetest/internal/company"
)

// Server is one emulated NetSuite with all its accounts. Make it with Start or New.
type Server struct {
	cfg       Config
	clock     *Clock
	ledger    *Ledger
	log       *slog.Logger
	faults    faults
	routes    map[service]*http.ServeMux
	authority *authority          // of the names that the proxy mode serves
	accounts  map[string]*Account // by canonical ID; never changed after New
	order     []*Account          // as configured
	fallback  *Account            // the account of the bare address
	inFlight  sync.WaitGroup      // requests being answered

	world sync.RWMutex // read by requests being answered, written by Restore, Reset and Snapshot
	start *Snapshot    // what Reset goes back to

	changing sync.Mutex                      // one change of the settings at a time
	current  atomic.Pointer[currentSettings] // see settings

	mu           sync.Mutex
	addr         string                 // guarded by mu; set by Serve
	integrations map[string]Integration // guarded by mu; by client ID
	flows        map[string]flow        // guarded by mu; authorizations under way
	restlets     map[string]RESTlet     // guarded by mu; by script ID
	suitelets    map[string]Suitelet    // guarded by mu; by script ID
	answers      []ScriptAnswer         // guarded by mu; oldest first
	skew         time.Duration          // guarded by mu; see SkewDate
}

// Start runs an emulator on a free loopback port until the test ends. At most one Config may be given.
func Start(tb testing.TB, cfg ...Config) *Server {
	tb.Helper()
	var c Config
	switch len(cfg) {
	case 0:
	case 1:
		c = cfg[0]
	default:
		tb.Fatal("netsuitetest: Start takes one Config")
	}
	s, err := New(c)
	if err != nil {
		tb.Fatalf("netsuitetest: %v", err)
	}
	ln, err := net.Listen("tcp", s.cfg.Addr)
	if err != nil {
		tb.Fatalf("netsuitetest: %v", err)
	}
	s.setAddr(ln.Addr().String())
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, ln) }()
	tb.Cleanup(func() {
		stop()
		if err := errors.Join(<-done, s.Close()); err != nil {
			tb.Errorf("netsuitetest: %v", err)
		}
	})
	return s
}

// New makes an emulator that does not listen yet: call Serve, or mount Handler. Close frees it. The error names
// the part of cfg that is wrong.
func New(cfg Config) (*Server, error) {
	if err := cfg.Settings.check(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	s := &Server{
		cfg: cfg, clock: newClock(cfg.Now), ledger: newLedger(), log: cfg.Logger,
		accounts: map[string]*Account{}, integrations: map[string]Integration{}, flows: map[string]flow{}, restlets: map[string]RESTlet{},
		suitelets: map[string]Suitelet{},
	}
	var err error
	if s.authority, err = newAuthority(cfg.CAFile, cfg.Now); err != nil {
		return nil, err
	}
	s.putSettings(cfg.Settings)
	s.routes = s.allRoutes()
	if err := s.begin(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (c Config) withDefaults() Config {
	c.Addr = cmp.Or(c.Addr, "127.0.0.1:0")
	if c.Accounts == nil {
		c.Accounts = defaultAccounts()
	}
	if c.Bundles == nil {
		c.Bundles = []Bundle{AcmeBundle()}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// begin makes the start state, to which Reset goes back.
func (s *Server) begin() (err error) {
	if err := s.addAccounts(s.cfg.Accounts); err != nil {
		return err
	}
	for _, i := range s.cfg.Integrations {
		if _, err := s.AddIntegration(i); err != nil {
			return err
		}
	}
	if err := s.addScriptsAndFaults(s.cfg); err != nil {
		return err
	}
	for _, a := range s.order {
		if err := a.furnish(); err != nil {
			return fmt.Errorf("account %s: %w", a.id, err)
		}
	}
	s.start, err = s.snapshot()
	return err
}

func (s *Server) addScriptsAndFaults(cfg Config) error {
	if err := checkScripts(cfg.Scripts); err != nil {
		return err
	}
	for _, answer := range cfg.Answers {
		if err := s.AnswerScript(answer); err != nil {
			return err
		}
	}
	for _, f := range cfg.Faults {
		if _, err := s.AddFault(f); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) addAccounts(configs []AccountConfig) error {
	for _, c := range configs {
		c, err := c.withID(s.settings())
		if err == nil {
			err = c.check()
		}
		if err != nil {
			return err
		}
		if s.accounts[c.ID] != nil {
			return fmt.Errorf("account %s: given twice", c.ID)
		}
		a := newAccount(s, c)
		s.accounts[c.ID] = a
		s.order = append(s.order, a)
		if s.fallback == nil && !c.Vendor {
			s.fallback = a
		}
	}
	if s.fallback == nil {
		return errors.New("accounts: want at least one that is no vendor, for the bare address")
	}
	return nil
}

// Serve answers on ln until ctx ends, then waits for the requests being answered. It closes ln.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	if tcp, ok := ln.Addr().(*net.TCPAddr); ok && !tcp.IP.IsLoopback() && !s.cfg.AllowNonLoopback {
		return errors.Join(
			fmt.Errorf("listen on %s: the emulator accepts every password, so it stays on loopback; set AllowNonLoopback to change that", tcp),
			ln.Close())
	}
	s.setAddr(ln.Addr().String())
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	web := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      15 * time.Minute, // a fault may hold an answer back; Oracle's own limit (H/subsect_1559222360)
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return requests },
		ConnContext:       keepConn,
	}
	door := s.newDoor(ln)
	ended := make(chan error, 2)
	var listening sync.WaitGroup
	for _, l := range []net.Listener{door, door.tunnels} {
		listening.Go(func() { ended <- web.Serve(l) })
	}
	var failed error
	select {
	case failed = <-ended:
	case <-ctx.Done():
	}
	cancel() // ends the waits of faults
	err := errors.Join(failed, web.Close())
	listening.Wait()
	err = errors.Join(err, web.Close()) // of connections that came in meanwhile
	s.inFlight.Wait()
	return err
}

// Handler is the emulator as a handler, for a server of your own. It routes by the Host header.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serveHTTP) }

// Close frees the accounts' data. Call it after Serve has returned.
func (s *Server) Close() error {
	s.inFlight.Wait()
	var errs []error
	for _, a := range s.order {
		errs = append(errs, a.close())
	}
	return errors.Join(errs...)
}

// Addr is the address listened on, "127.0.0.1:43210"; empty before Serve.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

func (s *Server) setAddr(addr string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addr = addr
}

// URL is the bare address: the default account on all services, and the admin face under /_emulator/.
func (s *Server) URL() string { return "http://" + s.Addr() }

// Clock is the emulator's time.
func (s *Server) Clock() *Clock { return s.clock }

// Ledger is the record of all requests.
func (s *Server) Ledger() *Ledger { return s.ledger }

// Account returns the account with this ID, in either spelling; nil if there is none.
func (s *Server) Account(id string) *Account { return s.accounts[canonicalAccount(id)] }

// Accounts are all accounts, in the order of the configuration.
func (s *Server) Accounts() []*Account { return slices.Clone(s.order) }

// bundle is the bundle on offer with this ID.
func (s *Server) bundle(id int64) (Bundle, bool) {
	i := slices.IndexFunc(s.cfg.Bundles, func(b Bundle) bool { return b.ID == id })
	if i < 0 {
		return Bundle{}, false
	}
	return s.cfg.Bundles[i], true
}

// authPrefix is where the token, revoke, keys and certificates endpoints live.
const authPrefix = "/services/rest/auth/oauth2/v1/"

// maxBody bounds every request body; SuiteTalk's own limit is far higher (H/chapter_161251386312).
const maxBody = 16 << 20

// serveHTTP is the way of every request: judge, keep in the ledger, then answer. The answer waits in memory
// until the ledger has the entry, so that who has an answer finds its entry.
func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	s.inFlight.Add(1)
	defer s.inFlight.Done()
	if r.Method == http.MethodConnect {
		s.connect(w, r)
		return
	}
	body, bodyErr := keepBody(w, r)
	c := s.newCall(r)
	c.body = body
	defer s.limitDuration(c)()
	leave, admitted := s.enter(c)
	defer leave()
	var fault *strike
	if admitted && !strings.HasPrefix(r.URL.Path, adminPrefix) {
		fault = s.strike(c, atRequest)
	}
	switch {
	case !admitted:
		s.refuseOver(c)
	case bodyErr != nil:
		c.broke("the body is broken off, or larger than 16 MiB")
		c.text(http.StatusRequestEntityTooLarge, "request entity too large")
	case fault.before(c):
		s.dispatch(c)
		fault.after(c)
	}
	if c.overran() {
		s.stop(c)
	}
	c.finish()
	leave() // before the answer does: its reader may send the next request at once
	if c.cut {
		panic(http.ErrAbortHandler) // net/http closes the connection without an answer
	}
	c.answer(w)
}

// keepBody reads the body ahead: net/http notices that a client went away only when the body has been read, and
// faults wait for that.
func keepBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body, err
}

// dispatch finds the account and the route. While it runs the state is not replaced; only the emulator's own face, which
// replaces it, is outside.
func (s *Server) dispatch(c *call) {
	if status, rule := s.strayed(c); status != 0 {
		c.turnAway(status, rule)
		return
	}
	if !strings.HasPrefix(c.r.URL.Path, adminPrefix) {
		s.world.RLock()
		defer s.world.RUnlock()
	}
	switch {
	case !c.known:
		c.broke("the Host header names no NetSuite service (H/section_1498251763)")
		c.text(http.StatusNotFound, "unknown host")
		return
	case c.addr.account != "" && c.account == nil:
		c.broke("no account " + c.addr.account + " lives here")
		c.text(http.StatusNotFound, "unknown account")
		return
	}
	if err := s.crossSite(c); err != nil {
		c.broke("a form must be sent from its own page: " + err.Error())
		c.text(http.StatusForbidden, "cross-site request refused")
		return
	}
	if c.account != nil {
		c.account.settle()
	}
	handler, pattern := s.routes[c.addr.service].Handler(c.r)
	if pattern == "" {
		s.noRoute(c, handler)
		return
	}
	s.routes[c.addr.service].ServeHTTP(c.w, c.r)
}

// crossSite refuses forms that another site's page sends to pages for people.
func (s *Server) crossSite(c *call) error {
	path := c.r.URL.Path
	if !strings.HasPrefix(path, adminPrefix) && (!strings.HasPrefix(path, "/app/") || path == restletPath || path == suiteletPath) {
		return nil
	}
	return http.NewCrossOriginProtection().Check(c.r)
}

// noRoute answers 404 or 405, and says in the ledger where the path would have lived.
func (s *Server) noRoute(c *call, handler http.Handler) {
	rule := "no such path here"
	for _, svc := range slices.Sorted(maps.Keys(s.routes)) {
		if _, pattern := s.routes[svc].Handler(c.r); pattern != "" && svc != serviceBare {
			rule = fmt.Sprintf("wrong service: this path lives on %s, not on %s (H/section_158081952044)", svc, c.addr.service)
			break
		}
	}
	handler.ServeHTTP(c.w, c.r)
	if c.w.status == http.StatusMethodNotAllowed {
		rule = "wrong method: allowed is " + c.w.Header().Get("Allow")
	}
	c.broke(rule)
}

// allRoutes is the whole surface, service by service. The bare address has everything.
func (s *Server) allRoutes() map[service]*http.ServeMux {
	muxes := map[service]*http.ServeMux{serviceBare: http.NewServeMux()}
	on := func(pattern string, h handler, services ...service) {
		for _, svc := range append(services, serviceBare) {
			if muxes[svc] == nil {
				muxes[svc] = http.NewServeMux()
			}
			muxes[svc].Handle(pattern, h)
		}
	}

	auth := strings.TrimSuffix(authPrefix, "/")
	on("GET /app/login/oauth2/authorize.nl", s.authorize, serviceApp, serviceSystem)
	on("POST /app/login/oauth2/authorize.nl", s.authorizeStep, serviceApp, serviceSystem)
	on("POST "+auth+"/token", s.token, serviceSuiteTalk)
	on("POST "+auth+"/revoke", s.revoke, serviceSuiteTalk)
	on("GET "+auth+"/keys", s.keys, serviceSuiteTalk)
	on("POST "+auth+"/register", s.register, serviceSuiteTalk)
	on("GET /.well-known/openid-configuration", s.whenOIDC(s.openIDConfiguration), serviceSuiteTalk)
	for _, method := range []string{"GET ", "POST "} {
		on(method+auth+"/userinfo", s.whenOIDC(s.userinfo), serviceSuiteTalk)
		on(method+auth+"/logout", s.whenOIDC(s.oidcLogout), serviceSuiteTalk)
	}

	certificates := []service{serviceSuiteTalk, serviceRESTlets}
	for _, end := range []string{"", "/{$}"} {
		on("GET "+auth+"/clients/{client}/certificates"+end, s.onCertificateHost(s.listCertificates), certificates...)
		on("POST "+auth+"/clients/{client}/certificates"+end, s.onCertificateHost(s.uploadCertificate), certificates...)
		on("POST "+auth+"/clients/{client}/certificates/{certificate}/revoke"+end, s.onCertificateHost(s.revokeCertificate), certificates...)
	}

	for _, part := range []string{"query", "record", "async", "system"} {
		on("/services/rest/"+part+"/", s.rest, serviceSuiteTalk)
	}
	// Oracle's authorization page shows RESTlets on the app host as well (H/section_158332610742).
	on(restletPath, s.restlet, serviceRESTlets, serviceApp)
	on(suiteletPath, s.suitelet, serviceExtForms)
	on("GET "+dataCenterPath, s.dataCenterURLs, serviceREST)
	for _, svc := range []service{serviceSuiteTalk, serviceExtForms, serviceSystem, serviceREST} {
		muxes[svc].Handle(restletPath, handler(s.wrongDomain))
	}
	on("GET "+stylesheetPath, s.stylesheet, serviceApp, serviceSystem)
	s.uiRoutes(func(pattern string, h handler) { on(pattern, h, serviceApp) })
	s.adminRoutes(func(pattern string, h handler) { on(pattern, h) })
	return muxes
}

const dataCenterPath = "/rest/datacenterurls"

// dataCenterURLs answers without authentication (H/chapter_157011836591). The three keys were seen in the sister
// service (H/section_4639983016); their form and the answer for an unknown account are settings.
func (s *Server) dataCenterURLs(c *call) {
	a := s.Account(c.r.URL.Query().Get("account"))
	if a == nil {
		c.broke("no such account")
		status := http.StatusNotFound
		if s.settings().DataCenterUnknownEmpty {
			status = http.StatusOK
		}
		c.json(status, struct{}{})
		return
	}
	c.met("domains are discovered, not constructed (H/section_1498251763)")
	base := func(svc service) string {
		url := c.addr.base(svc, a.id, s.fallback.id)
		if _, host, _ := strings.Cut(url, "://"); s.settings().DataCenterHostsOnly {
			return host
		}
		return url
	}
	c.json(http.StatusOK, map[string]string{
		"webservicesDomain": base(serviceSuiteTalk), "restDomain": base(serviceRESTlets), "systemDomain": base(serviceApp),
	})
}

// rest hands a request with a good bearer to the company's REST services.
func (s *Server) rest(c *call) {
	token, no := s.authenticate(c, scopeREST)
	if no != nil {
		c.refuseREST(no)
		return
	}
	account := c.account.linkAccount()
	rule := c.account.data().ServeREST(c.w, c.r, company.Caller{
		Role: token.role, Entity: token.entity, Integration: token.clientID, Features: c.account.Feature,
		BaseURL: c.addr.base(serviceSuiteTalk, account, s.fallback.id), Limits: c.account.governor.limits(token.clientID),
	})
	if c.w.status < 400 {
		c.met(rule)
	} else {
		c.broke(rule)
	}
}
