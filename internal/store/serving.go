package store

import (
	"github.com/suitekey/suitekey/internal/broker"
	"github.com/suitekey/suitekey/internal/private"
)

// ServeAlone makes this process the one that serves the database. SQLite takes one serving process: a second one is refused with
// broker.CodeConfig until release is called or the first has ended, in whatever way. Commands beside it are welcome. PostgreSQL
// takes as many as there are.
func (d *DB) ServeAlone() (release func() error, err error) {
	if d.file == "" {
		return func() error { return nil }, nil
	}
	release, taken, err := private.TryLock(d.file + ".serve")
	if taken {
		return nil, broker.Errorf(broker.CodeConfig, "setting \"database\": another process serves %s, and a SQLite file takes one", d.file).
			WithDo("Stop the other suitekey serve, or give both a PostgreSQL database.")
	}
	return release, badFolder(err)
}
