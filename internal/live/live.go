// Package live carries GraphQL operations over WebSocket: subscriptions above all, and queries and
// mutations too.
//
// It owns the sockets: the sub-protocol graphql-transport-ws, who is signed in on a socket and for how
// long, the pace at which a peer takes what it is sent, and the orderly end of all of it. It refuses to
// know the schema, the log or the database: an operation is run by the graphql.GraphExecutor that it is
// given, and what an operation sees (the viewer) is put into its context by the Session.
//
// Each concern has its file. message.go reads what a client sends, encode.go writes what a server sends,
// close.go names the reasons to close, socket.go moves frames, session.go and watch.go know who is signed
// in, connection.go follows the protocol, operation.go runs operations and keeps their ids.
//
// Goroutines: the handler's own goroutine reads a socket, one writes it, and each operation has one. All
// of them end with their socket; Server.Close awaits them.
//
// A resolver whose subscription ends with an error calls Fail. It must not call gqlgen's
// transport.AddSubscriptionError, which panics under any transport but gqlgen's own.
//
// Protocol: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
package live

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"
)

// subprotocol is the name that client and server agree upon in Sec-WebSocket-Protocol.
const subprotocol = "graphql-transport-ws"

// Server is a graphql.Transport for WebSocket. Make it with New; end it with Close.
type Server struct {
	options  Options
	upgrader websocket.Upgrader
	watch    *watch
	stop     context.CancelFunc // ends the watch
	running  sync.WaitGroup     // the watch, and each call of Do

	mu      sync.Mutex
	closed  bool
	open    int // sockets, counted from before their upgrade
	sockets map[*socket]struct{}
}

var _ graphql.Transport = (*Server)(nil)

// New returns a server that is ready for sockets and has begun to ask Options.Ended.
func New(o Options) *Server {
	o = o.withDefaults()
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{
		options: o,
		upgrader: websocket.Upgrader{
			HandshakeTimeout: o.WriteTimeout,
			Subprotocols:     []string{subprotocol},
			// An idle socket holds no buffer for writing.
			WriteBufferPool: &sync.Pool{},
			// Any origin may connect. What an origin check prevents is a foreign page that rides on the
			// browser's cookies; a caller here is known by a bearer token alone, never by a cookie, and a
			// foreign page has no token.
			CheckOrigin: func(*http.Request) bool { return true },
		},
		watch:   newWatch(o),
		stop:    stop,
		sockets: map[*socket]struct{}{},
	}
	s.running.Go(func() { s.watch.run(ctx) })
	return s
}

// Supports says whether the request asks for an upgrade to WebSocket.
func (s *Server) Supports(r *http.Request) bool { return websocket.IsWebSocketUpgrade(r) }

// Do serves one socket and returns when it has ended with all its operations. Beyond
// Options.MaxSockets, and once Close was called, the upgrade is refused with 503.
func (s *Server) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	if why := s.reserve(); why != "" {
		w.Header().Set("Retry-After", "5")
		http.Error(w, why, http.StatusServiceUnavailable)
		return
	}
	defer s.release()

	conn, err := s.upgrader.Upgrade(hijacker{w}, r, nil)
	if err != nil {
		s.options.Log.Debug("upgrade refused", "error", err) // Upgrade has answered the request
		return
	}
	// The request's context ends when the HTTP server says so, the socket's when the socket does.
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	defer cancel()
	sock := newSocket(conn, s.options, cancel)
	s.enter(sock)
	defer s.leave(sock)
	newConnection(s, sock, exec, r).serve(ctx)
}

// Close refuses new sockets, closes those that are open with 1001 (Going Away), which tells clients to
// connect again, and waits until every goroutine has ended or ctx is done; then it returns ctx's error.
// It may be called more than once.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	for sock := range s.sockets {
		sock.close(goingAway)
	}
	s.mu.Unlock()
	s.stop()

	done := make(chan struct{})
	go func() { s.running.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for sockets to close: %w", ctx.Err())
	}
}

// reserve takes a place for one socket; when there is none it says why.
func (s *Server) reserve() (why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return "Shutting down"
	case s.open >= s.options.MaxSockets:
		return "Too many sockets"
	}
	s.open++
	s.running.Add(1)
	return ""
}

func (s *Server) release() {
	s.mu.Lock()
	s.open--
	s.mu.Unlock()
	s.running.Done()
}

// enter makes the socket known to Close. One that was upgraded while Close ran is told so by itself.
func (s *Server) enter(sock *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets[sock] = struct{}{}
	if s.closed {
		sock.close(goingAway)
	}
}

func (s *Server) leave(sock *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sockets, sock)
}

// hijacker finds the connection below writers that only unwrap; the upgrader asserts http.Hijacker.
type hijacker struct{ http.ResponseWriter }

func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(h.ResponseWriter).Hijack()
}

// survive is deferred in each goroutine of this package: one socket's panic must not end the process,
// and with it every other socket.
func survive(log *slog.Logger, doing string, then func()) {
	if v := recover(); v != nil {
		log.Error("panic", "doing", doing, "panic", v, "stack", string(debug.Stack()))
		then()
	}
}
