package live

import (
	"log/slog"
	"time"
)

// socketOptions are the bounds of sockets, each of which is explained in live.socketOptions; all sockets share one value.
type socketOptions struct {
	Log             *slog.Logger
	WriteTimeout    time.Duration
	CloseTimeout    time.Duration
	MaxMessageBytes int64
	MaxOperations   int // that are active on one socket at a time
}
