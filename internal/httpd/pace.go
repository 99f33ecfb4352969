package httpd

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/closeloop/closeloop/internal/inflight"
)

const (
	pacedBytes = 64 << 10 // that a client may take or send in one timeout
	largeWrite = 16 << 10 // bytes from which an answer counts among those on their way
)

// pacer ends requests of clients that send or read too slowly. A body may take one timeout and one more for each
// pacedBytes; each pacedBytes of an answer may take one. What passes through has no other deadline: a slow query is not a
// slow client.
type pacer struct {
	timeout time.Duration
	answers *inflight.Answers
}

func (p pacer) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.SetWriteDeadline(time.Time{}) // of the answer before, on the same connection
		body := &pacedBody{ReadCloser: r.Body, control: control, timeout: p.timeout, header: w.Header()}
		answer := &pacedWriter{ResponseWriter: w, control: control, pacer: p}
		r.Body = body
		next.ServeHTTP(answer, r)
		if !body.ended && !answer.hijacked {
			// net/http reads on, for the next request on the connection.
			_ = control.SetReadDeadline(time.Now().Add(p.timeout))
		}
	})
}

type pacedBody struct {
	io.ReadCloser
	control *http.ResponseController
	timeout time.Duration
	header  http.Header // of the answer
	began   time.Time
	read    int
	ended   bool
}

func (b *pacedBody) Read(into []byte) (int, error) {
	if b.began.IsZero() {
		b.began = time.Now()
	}
	_ = b.control.SetReadDeadline(b.began.Add(b.timeout + b.timeout*time.Duration(b.read/pacedBytes)))
	n, err := b.ReadCloser.Read(into)
	b.read += n
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		// From now on net/http reads to notice that the client leaves, and would take a deadline for that.
		b.ended = true
		_ = b.control.SetReadDeadline(time.Time{})
	default:
		b.header.Set("Connection", "close") // the rest of the body would be taken for the next request
	}
	return n, err
}

type pacedWriter struct {
	http.ResponseWriter
	pacer

	control  *http.ResponseController
	owner    string // whose answer it is; empty before the sign-in
	hijacked bool
	cut      atomic.Bool
}

var errUnread = errors.New("the client did not take the answer while others needed the memory")

func (w *pacedWriter) WriteHeader(status int) {
	w.extend()
	w.ResponseWriter.WriteHeader(status)
}

func (w *pacedWriter) Write(text []byte) (n int, err error) {
	if len(text) >= largeWrite {
		defer w.answers.Hold(w.owner, len(text), w.end)()
	}
	for {
		part := text[n:min(len(text), n+pacedBytes)]
		w.extend()
		if w.cut.Load() {
			return n, errUnread
		}
		written, err := w.ResponseWriter.Write(part)
		if n += written; err != nil || n == len(text) {
			return n, err
		}
	}
}

func (w *pacedWriter) extend() { _ = w.control.SetWriteDeadline(time.Now().Add(w.timeout)) }

// end ends an answer from another goroutine. Write looks at cut after it has set a deadline, so that the deadline of end
// is never replaced unseen.
func (w *pacedWriter) end() {
	w.cut.Store(true)
	_ = w.control.SetWriteDeadline(time.Unix(1, 0))
}

// Hijack implements http.Hijacker. Whoever takes the connection sets its deadlines.
func (w *pacedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffer, err := w.control.Hijack()
	if err == nil {
		w.hijacked = true
		err = conn.SetDeadline(time.Time{})
	}
	return conn, buffer, err
}

// Flush implements http.Flusher.
func (w *pacedWriter) Flush() {
	w.extend()
	_ = w.control.Flush()
}

// Unwrap lets http.ResponseController find the original writer.
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// ownAnswer names the caller of a request: answers are bounded for each.
func ownAnswer(w http.ResponseWriter, key string) {
	if answer, ok := w.(*pacedWriter); ok {
		answer.owner = key
	}
}
