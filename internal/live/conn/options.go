package conn

import (
	"log/slog"
	"time"
)

// Options are the bounds of sockets, each of which is explained in live.Options; all sockets share one value.
type Options struct {
	Log             *slog.Logger
	WriteTimeout    time.Duration
	CloseTimeout    time.Duration
	MaxMessageBytes int64
	MaxOperations   int // that are active on one socket at a time
}
