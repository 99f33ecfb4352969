package chaos

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"github.com/closeloop/closeloop/e2e/setup"
)

// subscriber watches the whole feed, and is cut off often.
type subscriber struct {
	*rand.Rand
	fire     *fire
	ctx      context.Context
	withCase bool   // selects the case as it is, too
	cursor   string // of the last event that it saw
	seen     int
	at       int // the server
	ended    bool
}

// watch resumes on any server after each cut, until it has seen the last event.
func (s *subscriber) watch() {
	for came := 0; !s.ended && s.ctx.Err() == nil; {
		at := s.IntN(fireServers)
		conn := s.subscribe(at)
		if conn == nil {
			s.fire.refused.Add(1)
			time.Sleep(time.Duration(50+s.IntN(500)) * time.Millisecond)
			continue
		}
		if came++; came > 1 {
			s.fire.resumes.Add(1)
			if at != s.at {
				s.fire.elsewhere.Add(1)
			}
		}
		s.at = at
		s.read(conn)
		_ = conn.NetConn().Close() // as a broken network does, without a close frame
		if s.IntN(4) == 0 && s.fire.burning.Err() == nil {
			time.Sleep(time.Duration(s.IntN(2000)) * time.Millisecond)
		}
	}
}

// subscribe subscribes from the subscriber's cursor. It returns nil if the server is away or not ready.
func (s *subscriber) subscribe(at int) *websocket.Conn {
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, HandshakeTimeout: time.Minute}
	conn, _, err := dialer.DialContext(s.ctx, "ws"+strings.TrimPrefix(*s.fire.servers[at].url.Load(), "http")+"/graphql", http.Header{"Authorization": {"Bearer " + setup.AdminToken}})
	if err != nil {
		return nil
	}
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	selection := "cursor id type snapshot {caseId version}"
	if s.withCase {
		selection += " case {version}"
	}
	err = conn.WriteJSON(vars{"type": "connection_init"})
	if err == nil {
		_, _, err = conn.ReadMessage()
	}
	if err == nil {
		err = conn.WriteJSON(vars{"id": "1", "type": "subscribe", "payload": vars{
			"query": "subscription ($after: String) {caseEvents(after: $after) {node {" + selection + "}}}", "variables": vars{"after": s.cursor}}})
	}
	if err != nil {
		_ = conn.NetConn().Close()
		return nil
	}
	return conn
}

// read reads events until the connection ends, or until it cuts the connection after a random time.
func (s *subscriber) read(conn *websocket.Conn) {
	cut := time.Now().Add(time.Duration(s.ExpFloat64() * float64(5*time.Second)))
	for s.ctx.Err() == nil {
		deadline := time.Now().Add(30 * time.Second) // after so long a silence it subscribes again
		if s.fire.burning.Err() == nil && cut.Before(deadline) {
			deadline = cut
		}
		_ = conn.SetReadDeadline(deadline)
		_, text, err := conn.ReadMessage()
		if err != nil {
			if time.Now().After(deadline) && deadline != cut {
				s.fire.silences.Add(1)
			}
			return
		}
		if !bytes.HasPrefix(text, []byte(`{"id":"1","type":"next","payload":{"data":{"caseEvents":{"node":{`)) {
			// The database went away while the server read a case or resumed: the subscriber subscribes again.
			if !bytes.Contains(text, []byte(`"UNAVAILABLE"`)) {
				s.fire.t.Errorf("a subscriber got the error %s", text)
			}
			return
		}
		version, _ := strconv.Atoi(strings.TrimRight(after(text, `"version":`, `}`), "}"))
		e := happened{cursor: after(text, `"cursor":"`, `"`), id: after(text, `"id":"evt`, `"`), caseID: after(text, `"caseId":"`, `"`), version: version}
		e.id = "evt" + e.id
		if err := s.fire.saw(s.seen, e); err != nil {
			s.fire.t.Errorf("a subscriber: %v", err)
			s.ended = true
			return
		}
		s.seen++
		s.cursor = e.cursor
		if bytes.Contains(text, []byte(`"type":"STATUS_CHANGED"`)) {
			s.ended = true
			return
		}
	}
}

// after is the text between begin and end. 200 subscribers share the machine with the servers, so they decode no JSON.
func after(text []byte, begin, end string) string {
	_, rest, _ := bytes.Cut(text, []byte(begin))
	found, _, _ := bytes.Cut(rest, []byte(end))
	return string(found)
}
