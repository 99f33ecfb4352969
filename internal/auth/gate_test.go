package auth_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

const office = "192.0.2.1:4711"

// refuse sends n wrong tokens from the address and returns how many of them were told to wait.
func (w *world) refuse(g *auth.Gate, remote string, n int) (waiting int) {
	w.t.Helper()
	for i := range n {
		_, err := g.SignIn(w.t.Context(), remote, fmt.Sprintf("wrong-%s-%d", remote, i))
		var tooMany *auth.TooManyRefusals
		switch {
		case errors.As(err, &tooMany):
			if tooMany.Seconds() != 1 {
				w.t.Errorf("the address is to wait %v", tooMany.Wait)
			}
			waiting++
		case !fault.Is(err, fault.CodeUnauthenticated):
			w.t.Fatal(err)
		}
	}
	return waiting
}

func TestGate(t *testing.T) {
	t.Parallel()
	t.Run("makes an address wait that keeps sending wrong tokens, and costs no statements then", func(t *testing.T) {
		t.Parallel()
		count := &pgtest.Counter{}
		w := newWorld(t, pgtest.WithTracer(count))
		g := auth.NewGate(w.tokens, auth.Watch{})
		if waiting := w.refuse(g, office, 20); waiting != 0 {
			t.Errorf("%d of the first 20 wait", waiting)
		}
		w.refuse(g, office, 1) // this one reads which tokens are valid
		before := count.Count()
		if waiting := w.refuse(g, office, 100); waiting != 100 || count.Count() != before {
			t.Errorf("%d of 100 wait, for %d statements", waiting, count.Count()-before)
		}
		if waiting := w.refuse(g, "192.0.2.2:1", 1); waiting != 0 {
			t.Error("another address waits too")
		}
		w.now = w.now.Add(3 * time.Second)
		if waiting := w.refuse(g, office, 5); waiting != 2 {
			t.Errorf("3 s later %d of 5 wait", waiting)
		}
	})

	t.Run("lets valid tokens in from an address that waits", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		g := auth.NewGate(w.tokens, auth.Watch{})
		user := w.user(model.Agent)
		seen, unseen := w.token(user), w.token(user)
		if _, err := g.SignIn(t.Context(), office, seen.secret); err != nil {
			t.Fatal(err)
		}
		w.refuse(g, office, 50)
		made := w.token(user) // after the list was read
		w.now = w.now.Add(time.Millisecond * 1500)
		w.refuse(g, office, 1) // takes what a second gave back
		for name, k := range map[string]*token{"seen before": seen, "never seen": unseen, "made since": made} {
			if _, err := g.SignIn(t.Context(), office, k.secret); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})

	t.Run("counts a token that was revoked", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		g := auth.NewGate(w.tokens, auth.Watch{})
		k := w.token(w.user(model.Agent))
		if _, err := g.SignIn(t.Context(), office, k.secret); err != nil {
			t.Fatal(err)
		}
		w.must("UPDATE api_tokens SET revoked_at = now()")
		w.now = w.now.Add(time.Second) // which gives back the one that its first use has cost
		for i := range 20 {
			if _, err := g.SignIn(t.Context(), office, k.secret); !fault.Is(err, fault.CodeUnauthenticated) {
				t.Fatalf("the revoked token for the %d. time: %v", i+1, err)
			}
		}
		var tooMany *auth.TooManyRefusals
		if _, err := g.SignIn(t.Context(), office, k.secret); !errors.As(err, &tooMany) {
			t.Errorf("the revoked token once more: %v", err)
		}
	})

	t.Run("takes a network of IPv6 for one address", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		g := auth.NewGate(w.tokens, auth.Watch{})
		w.refuse(g, "[2001:db8::1]:1", 20)
		if waiting := w.refuse(g, "[2001:db8::ffff:2]:1", 1) + w.refuse(g, "[2001:db8:0:1::1]:1", 1); waiting != 1 {
			t.Errorf("%d wait", waiting)
		}
		w.refuse(g, "[::ffff:192.0.2.1]:1", 20)
		if waiting := w.refuse(g, office, 1); waiting != 1 {
			t.Error("an IPv4 address in an IPv6 socket is another address")
		}
	})
}
