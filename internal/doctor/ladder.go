package doctor

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/suitekey/suitekey/internal/broker"
)

// lasting is how many failures in a row make trouble of what usually passes by itself.
const lasting = 3

// The pauses after each failure in a row, the last one from then on. What passes is asked about at most once a minute (DO-02), what
// a person must mend at most every quarter of an hour (RO-06).
var (
	passing = []time.Duration{broker.PauseOutage, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute}
	staying = []time.Duration{broker.PauseRefusal, time.Hour, 6 * time.Hour, 24 * time.Hour}
)

func ladder(cause broker.Cause) []time.Duration {
	if broker.Conditions[cause].Passes {
		return passing
	}
	return staying
}

func pause(cause broker.Cause, failures int) time.Duration {
	steps := ladder(cause)
	return steps[min(failures, len(steps))-1]
}

// routine is how long a connection that works is left alone: a day, less up to an hour, so that connections which were made together
// are not looked at together.
func routine(connectionID string) time.Duration {
	sum := sha256.Sum256([]byte("probe " + connectionID))
	share := float64(binary.BigEndian.Uint32(sum[:])) / (1 << 32)
	return 24*time.Hour - time.Duration(share*float64(time.Hour))
}
