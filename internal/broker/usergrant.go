package broker

import (
	"regexp"
	"strconv"
	"time"
)

var endUserForm = regexp.MustCompile(`^[!-~]{1,128}$`)

// ValidEndUser reports that a text may be an app's own name for a person: 1 to 128 printable ASCII characters without spaces.
func ValidEndUser(id string) bool { return endUserForm.MatchString(id) }

// UserGrant is a person's consent behind a connection of kind user, for as long as its refresh token lives.
type UserGrant struct {
	ConnectionID string
	App          string
	// Public tells that the refresh token may be used once only, and that each use brings the next one.
	Public bool
	// RefreshToken is sealed, and wiped when the grant has ended.
	RefreshToken Sealed
	// SentAt is when the refresh token was last about to be sent, with no answer stored since; zero when none is open (RO-09).
	SentAt time.Time
	// RefreshBy is when the refresh token ends; ConsentBy when no refresh helps any more.
	RefreshBy time.Time
	ConsentBy time.Time
	// RefreshAt is when an idle grant is refreshed, so that its chain goes on; zero when it needs none. AskAt is when the person is
	// to be asked to consent again.
	RefreshAt time.Time
	AskAt     time.Time
	// AskedAt is when the person was asked, by event and link, to consent again; zero while there is no need.
	AskedAt time.Time
	// EndedAt is when the grant was found to have ended; zero while it lives.
	EndedAt time.Time
	// CreatedAt is when the person gave this consent, which may be a later one of several.
	CreatedAt time.Time
	UpdatedAt time.Time
	Version   int64
}

// Consent names this consent among all that the person has given: it stays through refreshes, and a new consent has another one. What
// was obtained by, or learned of, an older consent says nothing about this one.
func (g UserGrant) Consent() string {
	return "consent " + strconv.FormatInt(g.CreatedAt.UnixMilli(), 10)
}

// Begin sets the times of a new consent that was given now.
func (g *UserGrant) Begin(now, refreshBy, consentBy time.Time) {
	life := consentBy.Sub(now)
	ahead := min(max(24*time.Hour, life/7), life/2)
	g.ConsentBy, g.AskAt, g.AskedAt, g.EndedAt, g.SentAt = consentBy, consentBy.Add(-ahead), time.Time{}, time.Time{}, time.Time{}
	g.Refreshed(now, refreshBy)
}

// Refreshed sets the times of a refresh token that was given now. Only a public client's chain needs refreshes to go on, and only
// until the whole of it ends.
func (g *UserGrant) Refreshed(now, refreshBy time.Time) {
	g.RefreshBy, g.RefreshAt = refreshBy, time.Time{}
	if g.Public && refreshBy.Before(g.ConsentBy) {
		g.RefreshAt = refreshBy.Add(-refreshBy.Sub(now) / 4)
	}
}

// DueAt is when the grant is looked at again; zero for never.
func (g UserGrant) DueAt() time.Time {
	due := g.RefreshAt
	switch {
	case !g.EndedAt.IsZero():
		return time.Time{}
	case g.AskedAt.IsZero() && (due.IsZero() || g.AskAt.Before(due)):
		due = g.AskAt
	}
	return due
}

// RefreshTokenPlace is where the refresh token of a user connection is sealed.
func RefreshTokenPlace(app, connectionID string) Place {
	return Place{Table: "user_grants", Column: "refresh_token", Row: connectionID, App: app}
}

// KeptConsent is all that changes when a person's consent becomes a user connection: one transaction.
type KeptConsent struct {
	Connection *Connection
	Grant      *UserGrant
	Token      *AccessToken
	Run        *Run
	// Consent is the run's grant, whose tokens now belong to Grant.
	Consent *Grant
	// Replaced is the consent before this one, to be ended; nil for a new connection.
	Replaced *Grant
}
