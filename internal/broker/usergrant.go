package broker

import "time"

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
	// AskedAt is when the person was asked, by event and link, to consent again; zero while there is no need.
	AskedAt time.Time
	// EndedAt is when the grant was found to have ended; zero while it lives.
	EndedAt   time.Time
	CreatedAt time.Time
	UpdatedAt time.Time
	Version   int64
}
