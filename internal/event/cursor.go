package event

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/closeloop/closeloop/internal/fault"
)

// cursor is a position in one epoch: the client that holds it has seen everything up to it. Clients get it as String
// writes it, and do not look inside.
type cursor struct {
	nonce    string // of the epoch
	position int64
}

func (c cursor) String() string {
	return base64.RawURLEncoding.EncodeToString([]byte(c.nonce + ":" + strconv.FormatInt(c.position, 10)))
}

// cursorOf returns the cursor of an event's position, with the nonce of the epoch that the event belongs to. The caller
// has stamped the log, which loads the epochs.
func (l *Log) cursorOf(position int64) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return cursor{l.epochOf(position), position}.String()
}

// epochOf returns the nonce of the epoch that a position belongs to. The caller holds the lock.
func (l *Log) epochOf(position int64) string {
	nonce := ""
	for i, e := range l.epochs {
		if i == 0 || e.AfterPosition < position {
			nonce = e.Nonce
		}
	}
	return nonce
}

// Head returns the cursor of the newest position. All that is committed when Head is called is at or before it.
func (l *Log) Head(ctx context.Context) (string, error) {
	at, err := l.head(ctx)
	return at.String(), err
}

// locate reads a client's cursor. It refuses a text that is not a cursor, and a cursor that is not valid here; argument
// names the argument in the error.
func (l *Log) locate(ctx context.Context, argument, text string) (cursor, error) {
	at, ok := parseCursor(text)
	if !ok {
		return cursor{}, fault.Input(argument, "this is not a cursor of the feed")
	}
	head, err := l.Stamp(ctx)
	if err != nil {
		return cursor{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.valid(at, head) {
		return cursor{}, errReset(argument)
	}
	return at, nil
}

func parseCursor(text string) (at cursor, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	nonce, number, ok := strings.Cut(string(raw), ":")
	position, err2 := strconv.ParseInt(number, 10, 64)
	if err != nil || err2 != nil || !ok || position < 0 {
		return cursor{}, false
	}
	return cursor{nonce, position}, true
}

func errReset(argument string) error {
	return &fault.Error{Code: fault.CodeFeedReset, Argument: argument,
		Message: "the feed does not know this position, or has lost it in a failover: read the list again and continue from its feedCursor"}
}

// valid reports whether a cursor's epoch is known and its position is not past that epoch's end: the events up to it were
// never lost in a failover. The caller holds the lock.
func (l *Log) valid(at cursor, head int64) bool {
	for i, e := range l.epochs {
		if e.Nonce != at.nonce {
			continue
		}
		end := head
		if i+1 < len(l.epochs) {
			end = l.epochs[i+1].AfterPosition
		}
		return at.position >= e.AfterPosition && at.position <= end
	}
	return false
}
