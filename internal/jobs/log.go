package jobs

import (
	"context"
	"log/slog"
)

// engineLog is the log as River sees it. What it finds worth telling, such as that it has started, is of interest to nobody but
// those who look for a fault; its warnings and errors stay what they are.
type engineLog struct{ slog.Handler }

func forEngine(level slog.Level) slog.Level {
	if level == slog.LevelInfo {
		return slog.LevelDebug
	}
	return level
}

// Enabled implements slog.Handler.
func (l engineLog) Enabled(ctx context.Context, level slog.Level) bool {
	return l.Handler.Enabled(ctx, forEngine(level))
}

// Handle implements slog.Handler.
func (l engineLog) Handle(ctx context.Context, r slog.Record) error {
	r.Level = forEngine(r.Level)
	return l.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (l engineLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return engineLog{l.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (l engineLog) WithGroup(name string) slog.Handler { return engineLog{l.Handler.WithGroup(name)} }
