// Package live carries GraphQL operations over WebSocket and server-sent events: subscriptions above all, and queries
// and mutations too.
//
// It owns the sockets: the sub-protocols graphql-transport-ws and graphql-ws, who is signed in on a socket and for how
// long, the pace at which a peer takes what it is sent, and the orderly end of all of it. It refuses to
// know the schema, the log or the database: an operation is run by the graphql.GraphExecutor that it is
// given, and what an operation sees (the viewer) is put into its context by the Session.
//
// Each concern has its file. message.go reads what a client sends, protocol.go and sse.go write what a server sends,
// close.go names the reasons to close, socket.go, reader.go, writer.go and queue.go move bytes, session.go and watch.go know who
// is signed in, connection.go follows the protocol, operation.go keeps the operations' ids, subscribe.go and run.go
// execute them, feed.go is what resolvers see, key.go and group.go have equal subscriptions executed once for all,
// and lane.go writes to the sockets what groups say.
//
// Goroutines: one reads each socket. Each operation has one until it ends or, a subscription, has joined its group;
// each group has one; each core has a lane. A socket whose peer does not take what it is sent has one more meanwhile.
// All of them end with what they are for; Server.Close awaits them.
//
// A resolver returns what Follow makes, or a channel of its own; the latter calls Fail to end with an error. It must
// not call gqlgen's transport.AddSubscriptionError, which panics under any transport but gqlgen's own.
//
// Protocol: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
package live

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/closeloop/closeloop/internal/live/conn"
	"github.com/closeloop/closeloop/internal/live/wire"
	"github.com/gorilla/websocket"
)

// Server is a graphql.Transport for WebSocket and server-sent events. Make it with New; end it with Close.
type Server struct {
	options      Options
	upgrader     websocket.Upgrader
	sockets      conn.Options
	subprotocols []*wire.Subprotocol
	sessions     *conn.Sessions
	heartbeat    *conn.Heartbeat
	groups       *groups
	writers      []*writer
	ctx          context.Context // of the watch, the beat, and who is signing in
	stop         context.CancelFunc
	running      sync.WaitGroup // the watch, the beat, and each socket
	writing      sync.WaitGroup // the lanes
	writersEnd   sync.Once
	dealt        atomic.Uint32

	mu     sync.Mutex
	closed bool
	open   int // sockets, counted from before their upgrade
}

var _ graphql.Transport = (*Server)(nil)

// New returns a server that is ready for sockets and has begun to ask Options.Ended.
func New(o Options) *Server {
	o = o.withDefaults()
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{
		options: o,
		sockets: conn.Options{Log: o.Log, WriteTimeout: o.WriteTimeout, CloseTimeout: o.CloseTimeout,
			MaxMessageBytes: o.MaxMessageBytes, MaxOperations: o.MaxSubscriptionsPerSocket},
		subprotocols: []*wire.Subprotocol{wire.TransportWS(), wire.SubscriptionsWS()},
		sessions:     conn.NewSessions(o.Log, o.Ended, o.CheckInterval, o.MaxSocketsPerToken),
		heartbeat:    conn.NewHeartbeat(o.Log, o.PingInterval),
		ctx:          ctx,
		stop:         stop,
	}
	s.upgrader = websocket.Upgrader{
		HandshakeTimeout: o.WriteTimeout,
		// An idle socket holds hardly any buffer for reading, and none for writing; a message may be longer.
		ReadBufferSize:  readBuffer,
		WriteBufferPool: &sync.Pool{},
		// Any origin may connect. What an origin check prevents is a foreign page that rides on the
		// browser's cookies; a caller here is known by a bearer token alone, never by a cookie, and a
		// foreign page has no token.
		CheckOrigin: func(*http.Request) bool { return true },
	}
	for _, w := range s.subprotocols { // the client's order decides; where it has none, the newer one
		s.upgrader.Subprotocols = append(s.upgrader.Subprotocols, w.Name)
	}
	for range runtime.GOMAXPROCS(0) {
		l := newWriter(o.Log)
		s.writers = append(s.writers, l)
		s.writing.Go(l.run)
	}
	s.groups = newGroups(s.writers)
	s.running.Go(func() { s.sessions.Run(ctx) })
	s.running.Go(func() { s.heartbeat.Run(ctx) })
	return s
}

// readBuffer is the buffer of a socket's reader, in bytes: a control frame and the head of any message fit.
const readBuffer = 256

// Supports says whether the request asks for an upgrade to WebSocket, or for server-sent events.
func (s *Server) Supports(r *http.Request) bool {
	return websocket.IsWebSocketUpgrade(r) || isStream(r)
}

// Do takes the connection over and returns: nothing of the request is kept but its headers. Beyond
// Options.MaxSockets, and once Close was called, it is refused with 503.
func (s *Server) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	if !websocket.IsWebSocketUpgrade(r) {
		s.stream(w, r, exec)
		return
	}
	if why := s.reserve(); why != "" {
		w.Header().Set("Retry-After", "5")
		http.Error(w, why, http.StatusServiceUnavailable)
		return
	}
	ws, err := s.upgrader.Upgrade(hijacker{w}, r, nil)
	if err != nil {
		s.options.Log.Debug("upgrade refused", "error", err) // Upgrade has answered the request
		s.release()
		return
	}
	spoken := s.subprotocols[0]
	for _, w := range s.subprotocols {
		if w.Name == ws.Subprotocol() {
			spoken = w
		}
	}
	sock := conn.New(ws.NetConn(), ws, spoken, &s.sockets)
	c := newConnection(s, sock, exec, r)
	if ws.Subprotocol() != "" {
		c.subprotocol = spoken
	}
	go c.serve()
}

// Close refuses new sockets, closes those that are open with 1001 (Going Away) and a hint when to
// connect again, different for each, and waits until every goroutine has ended or ctx is done; then it returns ctx's error.
// It may be called more than once.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	sockets := s.heartbeat.Sockets()
	s.stop()
	for _, sock := range sockets {
		sock.Close(wire.GoingAway(retryAfter(len(sockets))))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.running.Wait()
		s.groups.running.Wait()
		s.writersEnd.Do(func() {
			for _, l := range s.writers {
				l.close()
			}
		})
		s.writing.Wait()
	}()
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

// enter makes the socket known to Close. One that was taken over while Close ran is told so by itself.
func (s *Server) enter(sock *conn.Socket) {
	s.heartbeat.Add(sock)
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		sock.Close(wire.GoingAway(retryAfter(0)))
	}
}

// retryAfter is when a client is asked to come back after the server ended. Many clients are asked to come back at
// different times, about 500 a second, so that the servers that are left can take them.
func retryAfter(sockets int) time.Duration {
	within := time.Second + time.Duration(sockets)*2*time.Millisecond
	return rand.N(within).Round(time.Millisecond) + time.Millisecond
}

// nextWriter deals the sockets out.
func (s *Server) nextWriter() int { return int(s.dealt.Add(1) % uint32(len(s.writers))) }

// hijacker finds the connection below writers that only unwrap; the upgrader asserts http.Hijacker.
type hijacker struct{ http.ResponseWriter }

func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(h.ResponseWriter).Hijack()
}
