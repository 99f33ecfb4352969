package conn

import (
	"log/slog"
	"time"
)

// Options are the limits of sockets; live.Options explains each of them. All sockets share one Options.
type Options struct {
	Log           *slog.Logger
	WriteTimeout  time.Duration
	ReadTimeout   time.Duration
	CloseTimeout  time.Duration
	MaxOperations int // active at a time on one socket
}
