package user_test

import (
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/user"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

const chosen, other = "a-token-of-their-own", "another-token-of-theirs"

func TestFirstStart(t *testing.T) {
	t.Parallel()
	t.Run("makes an administrator with a secret", func(t *testing.T) {
		t.Parallel()
		w := newEmptyWorld(t)
		secret := w.start("")
		in := w.signIn(secret)
		if in == nil || in.User.Role != model.Admin || !in.User.Active || in.User.Email != "admin@localhost" || !in.User.CreatedAt.Equal(worktest.Start) || in.Expires != nil {
			t.Fatalf("signed in as %+v", in)
		}
		w.Time = worktest.Start.Add(time.Hour)
		if again := w.start(""); again != "" {
			t.Error("a later start returned a secret")
		}
		if users, tokens := w.Count("SELECT count(*) FROM users"), w.Count("SELECT count(*) FROM api_tokens"); users != 1 || tokens != 1 || w.signIn(secret) == nil {
			t.Errorf("%d users, %d tokens", users, tokens)
		}
	})

	t.Run("makes nothing where an administrator exists", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		if secret := w.start(""); secret != "" || w.Count("SELECT count(*) FROM users") != 1 || w.Count("SELECT count(*) FROM api_tokens") != 0 {
			t.Error("the start made a second administrator or a token")
		}
	})

	t.Run("makes one administrator for many servers at the same time", func(t *testing.T) {
		t.Parallel()
		w := newEmptyWorld(t)
		secrets := make(chan string, 6)
		worktest.AtOnce(cap(secrets), func(int) {
			secret, err := w.users.FirstStart(t.Context(), auth.System("start"), "")
			if err != nil {
				t.Errorf("first start: %v", err)
			} else if secret != "" {
				secrets <- secret
			}
		})
		if len(secrets) != 1 {
			t.Fatalf("%d secrets were returned, want 1", len(secrets))
		}
		if users, tokens := w.Count("SELECT count(*) FROM users"), w.Count("SELECT count(*) FROM api_tokens"); users != 1 || tokens != 1 || w.signIn(<-secrets) == nil {
			t.Errorf("%d users, %d tokens", users, tokens)
		}
	})

	t.Run("gives the administrator the given token, and does not return it", func(t *testing.T) {
		t.Parallel()
		w := newEmptyWorld(t)
		for range 2 { // the first start and a later one
			if secret := w.start(chosen); secret != "" {
				t.Errorf("the start returned %q", secret)
			}
		}
		if in := w.signIn(chosen); in == nil || in.User.Role != model.Admin || w.Count("SELECT count(*) FROM api_tokens") != 1 {
			t.Errorf("signed in as %+v", in)
		}
	})

	t.Run("accepts a given token later, and ends the one before", func(t *testing.T) {
		t.Parallel()
		w := newEmptyWorld(t)
		printed := w.start("")
		w.start(chosen)
		if w.signIn(chosen) == nil || w.signIn(printed) == nil {
			t.Fatal("the given token and the printed one must work")
		}
		w.Time = worktest.Start.Add(time.Hour)
		w.start(other)
		if w.signIn(other) == nil || w.signIn(chosen) != nil || w.signIn(printed) == nil {
			t.Error("the given token and the printed one must work, and the token given before must not")
		}
		w.start("")
		if w.signIn(other) == nil {
			t.Error("after a start without a token, the token given before must still work")
		}
	})

	t.Run("accepts a token that is given again after another one", func(t *testing.T) {
		t.Parallel()
		w := newEmptyWorld(t)
		for i, given := range []string{chosen, other, chosen, other} {
			w.Time = worktest.Start.Add(time.Duration(i) * time.Hour)
			w.start(given)
			if w.signIn(given) == nil {
				t.Errorf("start %d: the given token does not work, so nobody can sign in", i+1)
			}
		}
	})

	t.Run("records in the audit which given token ends, and which one works again", func(t *testing.T) {
		t.Parallel()
		w := newEmptyWorld(t)
		for i, given := range []string{chosen, other, other, chosen} {
			w.Time = worktest.Start.Add(time.Duration(i) * time.Hour)
			w.start(given)
		}
		for sql, want := range map[string]int{
			"TRUE": 3, "before->>'expiresAt' IS NULL AND after->>'expiresAt' IS NOT NULL": 2, "after->>'expiresAt' IS NULL": 1,
		} {
			if n := w.Count("SELECT count(*) FROM audit_events WHERE action = 'TOKEN_UPDATED' AND program = 'start' AND " + sql); n != want {
				t.Errorf("%d entries where %s, want %d", n, sql, want)
			}
		}
	})

	t.Run("lets nobody rotate a given token, and ends no other token of its name", func(t *testing.T) {
		t.Parallel()
		w := newEmptyWorld(t)
		w.start(chosen)
		caller := w.signIn(chosen)
		_, err := w.users.RotateToken(t.Context(), caller.Viewer, user.RotateTokenInput{})
		worktest.Refused(t, "rotate", err, fault.CodeForbidden, "")
		namesake, err := w.users.CreateToken(t.Context(), caller.Viewer, user.CreateApiTokenInput{UserID: caller.User.ID, Name: "CLOSELOOP_ADMIN_TOKEN"})
		if err != nil {
			t.Fatal(err)
		}
		if w.start(other); w.signIn(namesake.Secret) == nil || w.signIn(chosen) != nil {
			t.Error("the token of the same name ended, or the one given before did not")
		}
	})

	t.Run("leaves a revoked token revoked", func(t *testing.T) {
		t.Parallel()
		w := newEmptyWorld(t)
		w.start(chosen)
		caller := w.signIn(chosen)
		if _, err := w.users.RevokeToken(t.Context(), caller.Viewer, user.RevokeApiTokenInput{TokenID: caller.TokenID}); err != nil {
			t.Fatal(err)
		}
		w.Time = worktest.Start.Add(time.Hour)
		if w.start(chosen); w.signIn(chosen) != nil {
			t.Error("a revoked token works again after a start")
		}
	})
}

func (w *world) start(given string) string {
	w.T.Helper()
	secret, err := w.users.FirstStart(w.T.Context(), auth.System("start"), given)
	if err != nil {
		w.T.Fatalf("first start: %v", err)
	}
	return secret
}
