package event

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/closeloop/closeloop/internal/fault"
)

// place is a position in one epoch: everything up to it has been seen.
type place struct {
	nonce    string
	position int64
}

func (p place) cursor() string {
	return base64.RawURLEncoding.EncodeToString([]byte(p.nonce + ":" + strconv.FormatInt(p.position, 10)))
}

// cursorOf an event's position: of the epoch that the event belongs to. The epochs are loaded by whoever stamped.
func (l *Log) cursorOf(position int64) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return place{l.epochOf(position), position}.cursor()
}

func (l *Log) epochOf(position int64) string {
	nonce := ""
	for i, e := range l.epochs {
		if i == 0 || e.AfterPosition < position {
			nonce = e.Nonce
		}
	}
	return nonce
}

// Head is the cursor of the newest place: all that is committed now lies before it.
func (l *Log) Head(ctx context.Context) (cursor string, err error) {
	at, err := l.head(ctx)
	return at.cursor(), err
}

// locate tells which place a cursor is. A cursor is good when its epoch is known and its position is not past that
// epoch's end.
func (l *Log) locate(ctx context.Context, argument, cursor string) (place, error) {
	at, ok := parsePlace(cursor)
	if !ok {
		return place{}, fault.Input(argument, "this is not a cursor of the feed")
	}
	head, err := l.Stamp(ctx)
	if err != nil {
		return place{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.good(at, head) {
		return place{}, lost(argument)
	}
	return at, nil
}

func parsePlace(cursor string) (at place, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	nonce, number, ok := strings.Cut(string(raw), ":")
	position, err2 := strconv.ParseInt(number, 10, 64)
	if err != nil || err2 != nil || !ok || position < 0 {
		return place{}, false
	}
	return place{nonce, position}, true
}

func lost(argument string) error {
	return &fault.Error{Code: fault.CodeFeedReset, Argument: argument,
		Message: "this place in the feed is not there, or no longer: read the list again and go on from its feedCursor"}
}

// good tells whether the place is one of those that were never taken back. The caller holds the lock.
func (l *Log) good(at place, head int64) bool {
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
