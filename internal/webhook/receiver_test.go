package webhook_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/closeloop/closeloop/model"
)

// receiver is another system, on loopback. It checks each signature, and answers as the test chooses.
type receiver struct {
	*httptest.Server
	t *testing.T

	mu      sync.Mutex
	secrets []*standardwebhooks.Webhook
	posts   []post
	changed chan struct{}                                           // closed after the next answer
	answer  func(p post, http http.ResponseWriter, r *http.Request) // called after the post is stored; nil: 204
}

type post struct {
	id, signature string
	caseID        string
	header        http.Header
	body          []byte
	accepted      bool
}

func newReceiver(t *testing.T, answer func(p post, http http.ResponseWriter, r *http.Request)) *receiver {
	r := &receiver{t: t, changed: make(chan struct{}), answer: answer}
	r.Server = httptest.NewServer(r)
	t.Cleanup(func() {
		r.Server.CloseClientConnections()
		r.Server.Close()
	})
	return r
}

func (r *receiver) trust(secret string) {
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secrets = append(r.secrets, verifier)
}

func (r *receiver) ServeHTTP(out http.ResponseWriter, in *http.Request) {
	body, err := io.ReadAll(in.Body)
	if err != nil {
		return
	}
	var parsed struct {
		Data struct{ Snapshot struct{ CaseID string } }
	}
	if err := json.Unmarshal(body, &parsed); err != nil {
		r.t.Errorf("the body is not JSON: %v: %.200s", err, body)
	}
	p := post{id: in.Header.Get("webhook-id"), signature: in.Header.Get("webhook-signature"), caseID: parsed.Data.Snapshot.CaseID, header: in.Header, body: body}
	r.mu.Lock()
	proven := false
	for _, s := range r.secrets {
		proven = proven || s.VerifyIgnoringTimestamp(body, in.Header) == nil // tests move their clock
	}
	if !proven || in.Method != http.MethodPost || in.Header.Get("Content-Type") != "application/json" {
		r.t.Errorf("%s %s has the wrong method, content type or signature %q", in.Method, p.id, p.signature)
	}
	at := len(r.posts)
	r.posts = append(r.posts, p)
	r.mu.Unlock()
	status := &statusWriter{ResponseWriter: out}
	if r.answer != nil {
		r.answer(p, status, in)
	}
	r.mu.Lock()
	r.posts[at].accepted = status.code < 300
	close(r.changed)
	r.changed = make(chan struct{})
	r.mu.Unlock()
}

type statusWriter struct {
	http.ResponseWriter
	code int
}

func (w *statusWriter) WriteHeader(code int) {
	w.code = code
	w.ResponseWriter.WriteHeader(code)
}

// all returns the posts in the order of their arrival.
func (r *receiver) all() []post {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]post(nil), r.posts...)
}

// await waits until n posts have arrived.
func (r *receiver) await(n int) []post {
	r.t.Helper()
	late := time.After(limit)
	for {
		r.mu.Lock()
		posts, changed := append([]post(nil), r.posts...), r.changed
		r.mu.Unlock()
		if len(posts) >= n {
			return posts
		}
		select {
		case <-changed:
		case <-late:
			r.t.Fatalf("%d posts arrived, want %d", len(posts), n)
		}
	}
}

// accepted returns the ids of the case's events in the order in which the receiver accepted them, without repeats.
func (r *receiver) accepted(c *model.Case) (ids []string) {
	seen := map[string]bool{}
	for _, p := range r.all() {
		if p.accepted && p.caseID == c.ID.String() && !seen[p.id] {
			seen[p.id] = true
			ids = append(ids, p.id)
		}
	}
	return ids
}

func same(t *testing.T, what string, have, want []string) {
	t.Helper()
	if strings.Join(have, " ") != strings.Join(want, " ") {
		t.Errorf("%s: the receiver has %v, want %v", what, have, want)
	}
}

func host(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}
