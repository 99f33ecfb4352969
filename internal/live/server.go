package live

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"

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
	excerpts     *excerpts
	pens         pens // one for each operation that is behind and may write at the same time
	writers      []*writer
	ctx          context.Context // of the sessions, the heartbeat, and sign-ins
	stop         context.CancelFunc
	running      sync.WaitGroup // of the sessions, the heartbeat, and each socket
	writing      sync.WaitGroup // of the writers
	stopWriters  sync.Once
	connections  atomic.Uint32 // that there have ever been
	signingIn    atomic.Int64  // callers whose token is being checked

	mu     sync.Mutex
	closed bool
	open   int // sockets, counted from just before their upgrade
}

var _ graphql.Transport = (*Server)(nil)

// New returns a server that accepts sockets and calls Options.Ended at intervals.
func New(o Options) *Server {
	o = o.withDefaults()
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{
		options: o,
		sockets: conn.Options{Log: o.Log, WriteTimeout: o.WriteTimeout, CloseTimeout: o.CloseTimeout,
			ReadTimeout: o.ReadTimeout, MaxOperations: o.MaxSubscriptionsPerSocket},
		subprotocols: []*wire.Subprotocol{wire.TransportWS(), wire.SubscriptionsWS()},
		sessions:     conn.NewSessions(o.Log, o.Ended, o.CheckInterval, o.MaxSocketsPerToken),
		heartbeat:    conn.NewHeartbeat(o.Log, o.PingInterval),
		ctx:          ctx,
		stop:         stop,
	}
	s.upgrader = websocket.Upgrader{
		HandshakeTimeout: o.WriteTimeout,
		// An idle socket holds a small buffer for reading and none for writing. A message may be longer than the buffer.
		ReadBufferSize:  readBuffer,
		WriteBufferPool: &sync.Pool{},
		// Whoever owns the route decides which origins may connect. Without a check no harm is done: only a bearer token
		// authenticates a caller here, never a cookie, and a foreign page has no token.
		CheckOrigin: func(*http.Request) bool { return true },
	}
	for _, p := range s.subprotocols { // the client's order decides; without one, the newer protocol is first
		s.upgrader.Subprotocols = append(s.upgrader.Subprotocols, p.Name)
	}
	for range runtime.GOMAXPROCS(0) {
		w := newWriter(o.Log)
		s.writers = append(s.writers, w)
		s.writing.Go(w.run)
	}
	s.groups = newGroups(s.writers)
	s.excerpts = newExcerpts(o.MaxCatchingUp)
	s.pens = newPens(runtime.GOMAXPROCS(0))
	s.running.Go(func() { s.sessions.Run(ctx) })
	s.running.Go(func() { s.heartbeat.Run(ctx) })
	return s
}

// readBuffer is the buffer of a socket's reader, in bytes: large enough for a control frame and any message's header.
const readBuffer = 256

// Supports reports whether the request asks for an upgrade to WebSocket or for server-sent events.
func (s *Server) Supports(r *http.Request) bool {
	return websocket.IsWebSocketUpgrade(r) || isStream(r)
}

// Do takes the connection over and returns. Of the request, only the headers are kept. Beyond Options.MaxSockets and after
// Close, the request is refused with 503.
func (s *Server) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	if !websocket.IsWebSocketUpgrade(r) {
		s.stream(w, r, exec)
		return
	}
	if refused := s.reserve(); refused != "" {
		setRetryAfter(w, s.busy())
		http.Error(w, refused, http.StatusServiceUnavailable)
		return
	}
	ws, err := s.upgrader.Upgrade(hijacker{w}, r, nil)
	if err != nil {
		s.options.Log.Debug("upgrade refused", "error", err) // Upgrade has answered the request
		s.release()
		return
	}
	subprotocol := s.subprotocols[0]
	for _, p := range s.subprotocols {
		if p.Name == ws.Subprotocol() {
			subprotocol = p
		}
	}
	sock := conn.New(ws.NetConn(), ws, subprotocol, &s.sockets)
	c := newConnection(s, sock, exec, r)
	if ws.Subprotocol() != "" {
		c.subprotocol = subprotocol
	}
	go c.serve()
}

// Close refuses new sockets and closes the open ones with 1001 (Going Away) and a time to reconnect, which differs for
// each. It waits until every goroutine has ended, or until ctx is done and returns the error of ctx. It may be called more
// than once.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	sockets := s.heartbeat.Sockets()
	s.stop()
	for _, sock := range sockets {
		sock.Close(wire.GoingAway(retryAfter(0, len(sockets))))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.running.Wait()
		s.groups.running.Wait()
		s.stopWriters.Do(func() {
			for _, w := range s.writers {
				w.close()
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

// reserve counts one more socket. It returns the reason where the server takes no more, else an empty text.
func (s *Server) reserve() (refused string) {
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

// enter makes the socket known to Close. It closes a socket that was taken over while Close ran.
func (s *Server) enter(sock *conn.Socket) {
	s.heartbeat.Add(sock)
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		sock.Close(wire.GoingAway(retryAfter(0, 0)))
	}
}

// nextWriter gives each socket in turn to one of the writers.
func (s *Server) nextWriter() int { return int(s.connections.Add(1) % uint32(len(s.writers))) }

// hijacker finds the connection below response writers that can only be unwrapped. The upgrader itself looks only for
// http.Hijacker.
type hijacker struct{ http.ResponseWriter }

func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(h.ResponseWriter).Hijack()
}
