package conn

import (
	"log/slog"
	"runtime/debug"
)

// RecoverPanic is deferred in each goroutine that serves sockets: a panic of one socket must not end the process and
// every other socket. It logs the panic and calls then.
func RecoverPanic(log *slog.Logger, doing string, then func()) {
	if v := recover(); v != nil {
		log.Error("panic", "doing", doing, "panic", v, "stack", string(debug.Stack()))
		then()
	}
}
