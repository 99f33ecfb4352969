package event_test

import (
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/page"
)

// cursor encodes a cursor as the log does.
func (w *world) cursor(nonce string, position int64) *string {
	c := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s:%d", nonce, position))
	return &c
}

func TestCursor(t *testing.T) {
	t.Parallel()
	t.Run("refuses what is not a valid cursor", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.log()
		w.open()
		start := *w.start(l)
		nonce := query[string](w, "SELECT nonce FROM feed_epochs")
		for name, c := range map[string]struct {
			cursor string
			code   fault.Code
		}{
			"nothing":                   {"", fault.CodeBadUserInput},
			"no base64":                 {"?", fault.CodeBadUserInput},
			"padded base64":             {start + "==", fault.CodeBadUserInput},
			"no colon":                  {base64.RawURLEncoding.EncodeToString([]byte(nonce)), fault.CodeBadUserInput},
			"no position":               {base64.RawURLEncoding.EncodeToString([]byte(nonce + ":")), fault.CodeBadUserInput},
			"a position that is none":   {base64.RawURLEncoding.EncodeToString([]byte(nonce + ":one")), fault.CodeBadUserInput},
			"a negative position":       {*w.cursor(nonce, -1), fault.CodeBadUserInput},
			"a position of 65 bits":     {base64.RawURLEncoding.EncodeToString([]byte(nonce + ":18446744073709551616")), fault.CodeBadUserInput},
			"the nonce of another log":  {*w.cursor("0123456789abcdef", 0), fault.CodeFeedReset},
			"no nonce":                  {*w.cursor("", 0), fault.CodeFeedReset},
			"a place past the head":     {*w.cursor(nonce, 2), fault.CodeFeedReset},
			"a place far past the head": {*w.cursor(nonce, 1<<62), fault.CodeFeedReset},
		} {
			if _, err := l.From(t.Context(), &c.cursor); !is(err, c.code, "after") {
				t.Errorf("%s: %v; want %s", name, err, c.code)
			}
			if _, err := l.List(t.Context(), filter.Unrestricted(w.ann), page.Args{After: &c.cursor}, request("")); !is(err, c.code, "after") {
				t.Errorf("%s, for a list: %v; want %s", name, err, c.code)
			}
			if _, err := l.List(t.Context(), filter.Unrestricted(w.ann), page.Args{Before: &c.cursor}, request("")); !is(err, c.code, "before") {
				t.Errorf("%s, as a list's end: %v; want %s", name, err, c.code)
			}
		}
		for name, good := range map[string]string{"the start": start, "the head": *w.head(l)} {
			if _, err := l.From(t.Context(), &good); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})

	t.Run("of the head is behind all that is committed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.follow(w.db, 0, 0)
		w.moves(w.open(), 3) // not stamped yet
		r := w.from(l, w.head(l))
		after := w.open()
		if got := w.take(r, 1); len(got) != 1 || got[0].CaseID != after.Case.ID {
			t.Errorf("after the head came %d events, the first of case %s; want the one that followed it", len(got), got[0].CaseID)
		}
	})
}
