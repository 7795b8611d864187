package netsuitetest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault is a trouble on demand: what happens (Kind), to which requests (Account to Match: a request must fit all fields that
// are set), and to which of those (Skip to Until: Skip is counted first, then Every, then Chance is tried, then Times is
// counted). The fields behind say more about what happens; FaultKinds tells which kind needs or takes which, and one that
// its kind does not read is refused. The zero value of a field asks for nothing special. In JSON, for the admin API and for
// files, the fields have the names of their tags, and durations are texts such as "150ms".
type Fault struct {
	Kind FaultKind `json:"kind"` // "" = FaultObserve

	// Which requests.

	Account  string                   `json:"account,omitempty"`  // account ID
	Service  string                   `json:"service,omitempty"`  // app, suitetalk, restlets, extforms, system or rest, on the bare address too
	Endpoint string                   `json:"endpoint,omitempty"` // one of FaultEndpoints
	Method   string                   `json:"method,omitempty"`   // such as POST
	Path     string                   `json:"path,omitempty"`     // a part of the path; with * the pattern of a whole path, * being any text
	Grant    string                   `json:"grant,omitempty"`    // grant_type of a token request, such as refresh_token
	Match    func(*http.Request) bool `json:"-"`                  // must not read the body

	// Which of them.

	Skip   int       `json:"skip,omitempty"`   // how many go by unharmed at first
	Every  int       `json:"every,omitempty"`  // then every n-th only; 0 and 1 = each
	Chance float64   `json:"chance,omitempty"` // probability, above 0 to 1; 0 = always
	Seed   uint64    `json:"seed,omitempty"`   // of Chance's generator: the same seed gives the same series
	Times  int       `json:"times,omitempty"`  // how often it strikes; 0 = until removed, of a change of state once
	From   time.Time `json:"from,omitzero"`    // not before this time on the emulator's clock
	Until  time.Time `json:"until,omitzero"`   // not from this time on

	// What the kinds need or take.

	After         bool          `json:"after,omitempty"`          // between the effect and the answer, not before the effect
	Delay         time.Duration `json:"-"`                        // in real time; "delay" in JSON, such as "150ms"
	Status        int           `json:"status,omitempty"`         // HTTP status, 200 to 599
	Body          string        `json:"body,omitempty"`           // as it stands
	ContentType   string        `json:"content_type,omitempty"`   // media type of the answer
	RetryAfter    string        `json:"retry_after,omitempty"`    // such as "30", or "date:30s" for the date then; empty = no header
	Location      string        `json:"location,omitempty"`       // where a redirect leads
	Skew          time.Duration `json:"-"`                        // how far NetSuite's clock goes ahead; "skew" in JSON, such as "-5m"
	NoOverlap     bool          `json:"no_overlap,omitempty"`     // the old keys leave the key set at once
	ClientID      string        `json:"client_id,omitempty"`      // of an integration record
	CertificateID string        `json:"certificate_id,omitempty"` // as the certificates endpoint lists it
	Employee      string        `json:"employee,omitempty"`       // e-mail
	Role          string        `json:"role,omitempty"`           // script ID

	Release <-chan struct{}     `json:"-"` // FaultBlock
	OnMatch func(*http.Request) `json:"-"` // called as the fault strikes, before the effect
}

// faultJSON is Fault with durations as text.
type faultJSON struct {
	*plainFault
	Delay durationText `json:"delay,omitzero"`
	Skew  durationText `json:"skew,omitzero"`
}

type plainFault Fault

// MarshalJSON writes durations as text. Functions and channels stay behind.
func (f Fault) MarshalJSON() ([]byte, error) {
	return json.Marshal(faultJSON{(*plainFault)(&f), durationText(f.Delay), durationText(f.Skew)})
}

// UnmarshalJSON takes the documented fields only.
func (f *Fault) UnmarshalJSON(raw []byte) error {
	*f = Fault{}
	in := faultJSON{plainFault: (*plainFault)(f)}
	if err := decodeStrictly(raw, &in); err != nil {
		return err
	}
	f.Delay, f.Skew = time.Duration(in.Delay), time.Duration(in.Skew)
	return nil
}

// faultEndpoints are patterns of whole paths.
var faultEndpoints = map[string]string{
	"authorize":      authorizePath,
	"token":          authPrefix + "token",
	"revoke":         authPrefix + "revoke",
	"keys":           authPrefix + "keys",
	"certificates":   authPrefix + "clients/*",
	"suiteql":        "/services/rest/query/*",
	"record":         "/services/rest/record/*",
	"async":          "/services/rest/async/*",
	"system":         "/services/rest/system/*",
	"restlet":        restletPath,
	"suitelet":       suiteletPath,
	"datacenterurls": dataCenterPath,
}

// FaultEndpoints are the names that Fault.Endpoint takes.
func FaultEndpoints() []string { return slices.Sorted(maps.Keys(faultEndpoints)) }

// faultServices are the names that Fault.Service takes.
var faultServices = []service{serviceApp, serviceSuiteTalk, serviceRESTlets, serviceExtForms, serviceSystem, serviceREST}

// pattern is a text of which * stands for any text.
func pattern(text string) *regexp.Regexp {
	return regexp.MustCompile(`(?s)^` + strings.ReplaceAll(regexp.QuoteMeta(text), `\*`, `.*`) + `$`)
}

// maxPattern bounds what a path is compared with.
const maxPattern = 1000

// check refuses what no request could meet, or what its kind cannot do.
func (f Fault) check(s *Server) error {
	kind, known := faultKind(f.Kind)
	switch {
	case !known:
		return fmt.Errorf("kind %q: want one of %q", clip(string(f.Kind)), kindNames())
	case f.Account != "" && s.accounts[f.Account] == nil:
		return fmt.Errorf("account %q: no such account; leave it out for all", clip(f.Account))
	case f.Service != "" && !slices.Contains(faultServices, service(f.Service)):
		return fmt.Errorf("service %q: want one of %q, or leave it out", clip(f.Service), faultServices)
	case f.Endpoint != "" && faultEndpoints[f.Endpoint] == "":
		return fmt.Errorf("endpoint %q: want one of %q, or give a path", clip(f.Endpoint), FaultEndpoints())
	case len(f.Path) > maxPattern:
		return fmt.Errorf("path: want at most %d characters", maxPattern)
	case f.Skip < 0 || f.Every < 0 || f.Times < 0:
		return errors.New("skip, every and times: must not be negative")
	case !(f.Chance >= 0 && f.Chance <= 1):
		return fmt.Errorf("chance %v: want a probability above 0 and up to 1, or leave it out for always", f.Chance)
	case !f.Until.IsZero() && !f.Until.After(f.From):
		return errors.New("until: must be later than from")
	case f.Delay < 0:
		return errors.New("delay: must not be negative")
	}
	if err := checkRetryAfter(f.RetryAfter); err != nil {
		return err
	}
	return kind.check(f)
}

// activeFault is a fault at work.
type activeFault struct {
	Fault
	id     int
	kind   faultKindRow
	path   *regexp.Regexp // of a Path with *
	face   *regexp.Regexp // of an Endpoint
	chance *rand.Rand     // guarded by faults.mu
	seen   int            // guarded by faults.mu; requests that fit
	struck int            // guarded by faults.mu
}

type faults struct {
	mu  sync.Mutex
	all []*activeFault // guarded by mu, oldest first
	n   int            // guarded by mu; faults ever added
}

// ActiveFault is a fault that has not ended.
type ActiveFault struct {
	ID     int   `json:"id"`
	Fault  Fault `json:"fault"`
	Seen   int   `json:"seen"`   // requests that fitted
	Struck int   `json:"struck"` // how often it struck
}

// AddFault adds a fault and returns its ID, for RemoveFault. Several faults may fit one request: all observers and changes
// of state happen, and of the others the oldest. The error names the field that is wrong.
func (s *Server) AddFault(f Fault) (id int, err error) {
	f.Kind, f.Account = cmp.Or(f.Kind, FaultObserve), canonicalAccount(f.Account)
	if err := f.check(s); err != nil {
		return 0, fmt.Errorf("fault: %w", err)
	}
	a := &activeFault{Fault: f}
	a.kind, _ = faultKind(f.Kind)
	a.chance = rand.New(rand.NewPCG(f.Seed, f.Seed))
	if face := faultEndpoints[cmp.Or(f.Endpoint, a.kind.endpoint)]; face != "" {
		a.face = pattern(face)
	}
	if strings.Contains(f.Path, "*") {
		a.path = pattern(f.Path)
	}
	if a.Times == 0 && a.kind.act != nil {
		a.Times = 1
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.n++
	a.id = s.faults.n
	s.faults.all = append(s.faults.all, a)
	return a.id, nil
}

// Fault is AddFault for tests: it returns the function that removes the fault, and panics when the fault is wrong.
func (s *Server) Fault(f Fault) (remove func()) {
	id, err := s.AddFault(f)
	if err != nil {
		panic("netsuitetest: " + err.Error())
	}
	return func() { s.RemoveFault(id) }
}

// RemoveFault removes a fault, and tells whether it was still there.
func (s *Server) RemoveFault(id int) bool {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	before := len(s.faults.all)
	s.faults.all = slices.DeleteFunc(s.faults.all, func(a *activeFault) bool { return a.id == id })
	return len(s.faults.all) < before
}

// ClearFaults removes every fault. What a change of state has done stays done.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.all = nil
}

// Faults are the faults that have not ended, oldest first.
func (s *Server) Faults() []ActiveFault {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	out := make([]ActiveFault, 0, len(s.faults.all))
	for _, a := range s.faults.all {
		out = append(out, ActiveFault{ID: a.id, Fault: a.Fault, Seen: a.seen, Struck: a.struck})
	}
	return out
}

// strike is what one request met.
type strike struct {
	beside []*activeFault // observers and changes of state
	hit    *activeFault   // the one that spoils the request; nil = none
}

// strike finds the faults that the request meets at this moment, and counts them.
func (s *Server) strike(c *call, at moment) *strike {
	met := s.faults.take(c, at)
	for _, a := range append(slices.Clone(met.beside), met.hit) {
		if a == nil {
			continue
		}
		if a.Kind != FaultObserve {
			c.entry.Fault = strings.TrimPrefix(c.entry.Fault+", "+string(a.Kind), ", ")
		}
		if a.OnMatch != nil {
			a.OnMatch(c.r)
		}
	}
	return met
}

func (f *faults) take(c *call, at moment) *strike {
	f.mu.Lock()
	defer f.mu.Unlock()
	met := &strike{}
	for _, a := range f.all {
		beside := a.kind.beside()
		if a.kind.at != at || (met.hit != nil && !beside) || !a.fits(c) || !a.due() {
			continue
		}
		if beside {
			met.beside = append(met.beside, a)
		} else {
			met.hit = a
		}
	}
	f.all = slices.DeleteFunc(f.all, func(a *activeFault) bool { return a.Times > 0 && a.struck == a.Times })
	return met
}

// due needs faults.mu. It counts a request that fits, and tells whether the fault strikes it.
func (a *activeFault) due() bool {
	a.seen++
	n := a.seen - a.Skip
	if n <= 0 || (a.Every > 1 && n%a.Every != 0) || (a.Chance > 0 && a.chance.Float64() >= a.Chance) {
		return false
	}
	a.struck++
	return true
}

// fits tells whether the request is one of those that the fault is for.
func (a *activeFault) fits(c *call) bool {
	now, path := c.s.clock.Now(), c.r.URL.Path
	account := c.aimedAt()
	switch {
	case now.Before(a.From) || (!a.Until.IsZero() && !now.Before(a.Until)):
		return false
	case (a.Account != "" && a.Account != account) || (a.kind.needsAccount && c.s.accounts[account] == nil):
		return false
	case a.Method != "" && a.Method != c.r.Method, a.Service != "" && !c.served(service(a.Service)):
		return false
	case a.face != nil && !a.face.MatchString(path), a.path != nil && !a.path.MatchString(path):
		return false
	case a.path == nil && !strings.Contains(path, a.Path), a.Grant != "" && a.Grant != c.grant():
		return false
	}
	return a.Match == nil || a.Match(c.r)
}

// aimedAt is the account that the request is about: the host's, or the one that it asks the domains of.
func (c *call) aimedAt() string {
	if c.account == nil && c.r.URL.Path == dataCenterPath {
		return canonicalAccount(c.r.URL.Query().Get("account"))
	}
	if c.account == nil {
		return ""
	}
	return c.account.id
}

// served tells whether the request goes to the service; on the bare address its path says so.
func (c *call) served(by service) bool {
	if c.addr.service != serviceBare {
		return c.addr.service == by
	}
	_, route := c.s.routes[by].Handler(c.r)
	return route != ""
}

// grant is the grant type that a token request asks for.
func (c *call) grant() string {
	if c.r.URL.Path != authPrefix+"token" || len(c.body) > maxForm {
		return ""
	}
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return ""
	}
	return form.Get("grant_type")
}

// faultRoutes are the faults' part of the emulator's own face.
func (s *Server) faultRoutes(on func(pattern string, h handler)) {
	on("GET /_emulator/fault-kinds", func(c *call) {
		c.met("the emulator's own face")
		c.json(http.StatusOK, FaultKinds())
	})
	on("GET /_emulator/faults", func(c *call) {
		c.met("the emulator's own face")
		c.json(http.StatusOK, s.Faults())
	})
	on("POST /_emulator/faults", s.postFault)
	on("DELETE /_emulator/faults", func(c *call) {
		s.ClearFaults()
		c.done()
	})
	on("DELETE /_emulator/faults/{fault}", func(c *call) {
		id, err := strconv.Atoi(c.r.PathValue("fault"))
		if err != nil || !s.RemoveFault(id) {
			c.adminError(http.StatusNotFound, errors.New("fault: no such ID, or it has ended"))
			return
		}
		c.done()
	})
	s.eventRoutes(on)
}

// postFault adds a fault and answers with its ID.
func (s *Server) postFault(c *call) {
	var in Fault
	err := readJSON(c, &in)
	if kind, _ := faultKind(in.Kind); err == nil && (in.Kind == "" || kind.GoOnly) {
		err = fmt.Errorf("kind %q: want one of %q", clip(string(in.Kind)), remoteKindNames())
	}
	var id int
	if err == nil {
		id, err = s.AddFault(in)
	}
	if err != nil {
		c.adminError(http.StatusBadRequest, err)
		return
	}
	c.met("the emulator's own face")
	c.json(http.StatusOK, map[string]any{"ok": true, "id": id})
}
