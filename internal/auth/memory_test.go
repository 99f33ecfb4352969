package auth_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/configuration"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

// as is what a sign-in with the secret gives, as a text.
func (w *world) as(tokens *auth.Tokens, secret string) string {
	w.t.Helper()
	in, err := tokens.SignIn(w.t.Context(), secret)
	switch {
	case fault.Is(err, fault.CodeUnauthenticated):
		return "nobody"
	case err != nil:
		w.t.Fatal(err)
	}
	return in.View()
}

func TestSignInFromMemory(t *testing.T) {
	t.Parallel()
	t.Run("costs no statement, and ends with the token and its secret", func(t *testing.T) {
		t.Parallel()
		count := &pgtest.Counter{}
		w := newWorld(t, pgtest.WithTracer(count))
		first, second := start.Add(300*time.Millisecond), start.Add(400*time.Millisecond)
		old := auth.NewSecret()
		k := w.token(w.user(model.Agent), func(k *model.ApiToken) {
			k.ExpiresAt, k.PreviousHash, k.PreviousUntil = &second, auth.Hash(old), &first
		})
		for _, secret := range []string{k.secret, old} {
			if w.as(w.tokens, secret) == "nobody" {
				t.Fatal("a valid secret signs nobody in")
			}
		}
		count.Reset()
		for range 100 {
			one, err := w.tokens.SignIn(t.Context(), k.secret)
			other, otherErr := w.tokens.SignIn(t.Context(), old)
			if err != nil || otherErr != nil || one.User.ID != k.UserID || one.TokenID != k.ID || !one.Expires.Equal(second) || !other.Expires.Equal(first) || one.Key() == other.Key() {
				t.Fatalf("%+v, %v; %+v, %v", one, err, other, otherErr)
			}
		}
		if n := count.Count(); n != 0 {
			t.Errorf("200 sign-ins cost %q", count.Statements())
		}
		w.now = first
		if w.as(w.tokens, old) != "nobody" || w.as(w.tokens, k.secret) == "nobody" {
			t.Error("the secret before the rotation works after its time, or the token has ended with it")
		}
		w.now = second
		if w.as(w.tokens, k.secret) != "nobody" {
			t.Error("the token works after its time")
		}
	})

	t.Run("keeps nothing of a wrong or revoked token", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		k := w.token(w.user(model.Agent), func(k *model.ApiToken) { k.RevokedAt = &start })
		made := auth.NewSecret()
		for _, secret := range []string{k.secret, made} {
			if w.as(w.tokens, secret) != "nobody" {
				t.Error("a wrong token signs somebody in")
			}
		}
		w.must("UPDATE api_tokens SET revoked_at = NULL, hash = $1 WHERE id = $2", auth.Hash(made), k.ID.UUID)
		if w.as(w.tokens, made) == "nobody" || w.as(w.tokens, k.secret) != "nobody" {
			t.Error("what was refused once stays refused within the second")
		}
	})

	// Every change counts at once in the process that made it, and within a second in another.
	for name, change := range map[string]string{
		"a revoked token":                  "UPDATE api_tokens SET revoked_at = now()",
		"a deleted token":                  "DELETE FROM api_tokens",
		"a token that ends":                "UPDATE api_tokens SET expires_at = now() - interval '100 years'",
		"a new secret":                     "UPDATE api_tokens SET hash = sha256('x')",
		"a token's role":                   "UPDATE api_tokens SET role = 'PARTNER'",
		"a token's scope":                  `UPDATE api_tokens SET scope_customer = '{"country": {"eq": "GB"}}'`,
		"a token without personal data":    "UPDATE api_tokens SET personal_data_hidden = true",
		"a user's role":                    "UPDATE users SET role = 'MANAGER'",
		"a user's scope":                   `UPDATE users SET scope_response = '{"score": {"lte": 6}}'`,
		"a user's own cases":               "UPDATE users SET own_cases_only = true",
		"an inactive user":                 "UPDATE users SET active = false",
		"a user without personal data":     "UPDATE users SET personal_data_hidden = true",
		"another user of the token":        "UPDATE api_tokens SET user_id = (SELECT id FROM users WHERE role = 'STAKEHOLDER')",
		"a token's role beyond its user's": "UPDATE users SET role = 'INTAKE'; UPDATE api_tokens SET role = 'AGENT'",
	} {
		t.Run("knows "+name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.user(model.Stakeholder)
			k := w.token(w.user(model.Agent))
			_, other := w.server()
			was := w.as(w.tokens, k.secret)
			if was == "nobody" || w.as(other, k.secret) != was {
				t.Fatalf("before the change: %s", was)
			}
			err := w.revisions.Change(t.Context(), func(tx *gorm.DB) error { return tx.Exec(change).Error })
			if err != nil {
				t.Fatal(err)
			}
			now := w.as(w.tokens, k.secret)
			if now == was {
				t.Error("the server that made the change has not seen it")
			}
			w.now = w.now.Add(time.Second)
			if got := w.as(other, k.secret); got != now {
				t.Errorf("a second later the other server signs in %s, not %s", got, now)
			}
		})
	}
}

// Two servers sign callers in while one of them changes the user again and again: a sign-in that begins after a change
// gives what the change has made, or something later.
func TestSignInWhileUsersChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user(model.Agent)
	k := w.token(u)
	own := configuration.New(w.db, time.Now)
	same := auth.NewTokens(w.db.Gorm, own, time.Now)
	other := auth.NewTokens(w.db.Gorm, configuration.New(w.db, time.Now), time.Now)

	const names = "user %d"
	var changed atomic.Int64 // the number of the newest change
	var at sync.Map          // when a change had been made, by its number
	numberOf := func(tokens *auth.Tokens) (n int64) {
		in, err := tokens.SignIn(t.Context(), k.secret)
		if err != nil {
			t.Error(err)
			return -1
		}
		if _, err := fmt.Sscanf(in.Owner().Name, names, &n); err != nil {
			return 0 // before the first
		}
		return n
	}
	done := make(chan struct{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				least := changed.Load()
				if n := numberOf(same); n < least {
					t.Errorf("the server that has made change %d signs in as of change %d", least, n)
					return
				}
			}
		})
		all.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				var least int64 // the newest change of a second ago
				began := time.Now()
				for n := changed.Load(); n > 0; n-- {
					if made, ok := at.Load(n); ok && began.Sub(made.(time.Time)) >= time.Second {
						least = n
						break
					}
				}
				if n := numberOf(other); n < least {
					t.Errorf("a second after change %d, another server signs in as of change %d", least, n)
					return
				}
			}
		})
	}
	for n, end := int64(1), time.Now().Add(3*time.Second); time.Now().Before(end) && !t.Failed(); n++ {
		err := own.Change(t.Context(), func(tx *gorm.DB) error {
			return tx.Exec("UPDATE users SET name = ? WHERE id = ?", fmt.Sprintf(names, n), u.ID).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		at.Store(n, time.Now())
		changed.Store(n)
		time.Sleep(10 * time.Millisecond)
	}
	close(done)
	all.Wait()
	if changed.Load() < 5 {
		t.Fatalf("there were only %d changes", changed.Load())
	}
}

func TestEndedLooksAgainWhenTheConfigurationHasChanged(t *testing.T) {
	t.Parallel()
	count := &pgtest.Counter{}
	w := newWorld(t, pgtest.WithTracer(count))
	var keys []string
	for range 3 {
		in, err := w.tokens.SignIn(t.Context(), w.token(w.user(model.Agent)).secret)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, in.Key())
	}
	for _, c := range []struct {
		name       string
		keys       []string
		statements int // one of them reads the revision
	}{{"the first time", keys[:2], 2}, {"again", keys[:2], 1}, {"with a new session", keys, 2}, {"without one", keys[1:], 1}, {"with it again", keys, 2}} {
		count.Reset()
		if ended, changed, err := w.tokens.Ended(t.Context(), c.keys); err != nil || len(ended)+len(changed) != 0 || count.Count() != c.statements {
			t.Errorf("%s: %v, %v, by %q", c.name, ended, err, count.Statements())
		}
	}
	w.must("UPDATE users SET role = 'MANAGER' WHERE id = (SELECT user_id FROM api_tokens WHERE hash IS NOT NULL ORDER BY id LIMIT 1)")
	if ended, changed, err := w.tokens.Ended(t.Context(), keys); err != nil || len(ended) != 0 || len(changed) != 1 {
		t.Errorf("after a change: %v, %v, %v", ended, changed, err)
	}
}
