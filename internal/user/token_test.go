package user_test

import (
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/user"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestToken(t *testing.T) {
	t.Parallel()
	t.Run("works until it is revoked", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		ana, expires := w.User("ana@care.example", model.Agent), worktest.Start.Add(time.Hour)
		out, err := w.users.CreateToken(t.Context(), w.Admin, user.CreateApiTokenInput{UserID: ana.ID, Name: " dashboard ", ExpiresAt: graphql.OmittableOf(&expires)})
		if err != nil {
			t.Fatal(err)
		}
		if k := worktest.Read[model.ApiToken](w.T, w.DB, out.Token.ID); k.UserID != ana.ID || k.Name != "dashboard" || !k.CreatedAt.Equal(worktest.Start) || !k.ExpiresAt.Equal(expires) ||
			k.RevokedAt != nil || k.LastUsedAt != nil || string(k.Hash) != string(auth.Hash(out.Secret)) {
			t.Errorf("%+v", k)
		}
		if in := w.signIn(out.Secret); in == nil || in.User.ID != ana.ID {
			t.Fatalf("the caller is %+v", in)
		}
		w.Time = worktest.Start.Add(time.Minute)
		revoked, err := w.users.RevokeToken(t.Context(), w.Admin, user.RevokeApiTokenInput{TokenID: out.Token.ID})
		if err != nil || revoked.Token.RevokedAt == nil || !revoked.Token.RevokedAt.Equal(w.Time) {
			t.Fatalf("%+v: %v", revoked, err)
		}
		if in := w.signIn(out.Secret); in != nil {
			t.Errorf("the caller is %+v", in)
		}
		w.Time = worktest.Start.Add(2 * time.Minute)
		again, err := w.users.RevokeToken(t.Context(), w.Admin, user.RevokeApiTokenInput{TokenID: out.Token.ID})
		if err != nil || !again.Token.RevokedAt.Equal(worktest.Start.Add(time.Minute)) {
			t.Errorf("again: %+v: %v", again, err)
		}
	})

	t.Run("is stored without its secret", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		out, err := w.users.CreateToken(t.Context(), w.Admin, user.CreateApiTokenInput{UserID: w.Admin.User.ID, Name: "a"})
		if err != nil {
			t.Fatal(err)
		}
		if n := w.Count("SELECT count(*) FROM api_tokens k WHERE strpos(k::text, $1) > 0 OR strpos(k::text, encode($2, 'hex')) > 0",
			strings.TrimPrefix(out.Secret, "closeloop_"), []byte(out.Secret)); n != 0 {
			t.Error("the table contains the secret")
		}
	})

	t.Run("is refused for bad input", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for name, c := range map[string]struct {
			code     fault.Code
			argument string
			in       user.CreateApiTokenInput
		}{
			"no name":      {fault.CodeBadUserInput, "input.name", user.CreateApiTokenInput{UserID: w.Admin.User.ID, Name: " "}},
			"a long name":  {fault.CodeBadUserInput, "input.name", user.CreateApiTokenInput{UserID: w.Admin.User.ID, Name: strings.Repeat("a", 201)}},
			"no such user": {fault.CodeNotFound, "input.userId", user.CreateApiTokenInput{UserID: model.UserID{UUID: model.NewUUID()}, Name: "a"}},
			"in the past":  {fault.CodeBadUserInput, "input.expiresAt", user.CreateApiTokenInput{UserID: w.Admin.User.ID, Name: "a", ExpiresAt: graphql.OmittableOf(new(worktest.Start.Add(-time.Hour)))}},
			"now":          {fault.CodeBadUserInput, "input.expiresAt", user.CreateApiTokenInput{UserID: w.Admin.User.ID, Name: "a", ExpiresAt: graphql.OmittableOf(new(worktest.Start))}},
		} {
			out, err := w.users.CreateToken(t.Context(), w.Admin, c.in)
			worktest.Refused(t, name, err, c.code, c.argument)
			if out != nil {
				t.Errorf("%s: a secret was returned", name)
			}
		}
		_, err := w.users.RevokeToken(t.Context(), w.Admin, user.RevokeApiTokenInput{TokenID: model.ApiTokenID{UUID: model.NewUUID()}})
		worktest.Refused(t, "revoke an unknown token", err, fault.CodeNotFound, "input.tokenId")
		if n := w.Count("SELECT count(*) FROM api_tokens"); n != 0 {
			t.Errorf("%d tokens", n)
		}
	})

	t.Run("is unique, and revoked once by many calls at the same time", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		made := make([]*user.CreateApiTokenPayload, 10)
		worktest.AtOnce(len(made), func(i int) {
			var err error
			if made[i], err = w.users.CreateToken(t.Context(), w.Admin, user.CreateApiTokenInput{UserID: w.Admin.User.ID, Name: "same"}); err != nil {
				t.Errorf("make %d: %v", i, err)
			}
		})
		if t.Failed() {
			return
		}
		if n := w.Count("SELECT count(DISTINCT hash) FROM api_tokens"); n != len(made) {
			t.Errorf("%d tokens", n)
		}
		times := make([]time.Time, 10)
		worktest.AtOnce(len(times), func(i int) {
			out, err := w.users.RevokeToken(t.Context(), w.Admin, user.RevokeApiTokenInput{TokenID: made[0].Token.ID})
			if err != nil {
				t.Errorf("revoke %d: %v", i, err)
				return
			}
			times[i] = *out.Token.RevokedAt
		})
		for _, at := range times {
			if !at.Equal(worktest.Start) {
				t.Errorf("revoked at %v", at)
			}
		}
		if n := w.Count("SELECT count(*) FROM api_tokens WHERE revoked_at IS NOT NULL"); n != 1 {
			t.Errorf("%d tokens are revoked", n)
		}
	})
}

func TestIssueToken(t *testing.T) {
	t.Parallel()
	t.Run("makes the user where there is none", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		first, err := w.users.IssueToken(t.Context(), auth.System("token create"), " Feed@care.example ", model.Intake)
		if err != nil {
			t.Fatal(err)
		}
		in := w.signIn(first)
		if in == nil || in.User.Email != "Feed@care.example" || in.User.Name != "Feed@care.example" || in.User.Role != model.Intake || !in.User.Active {
			t.Fatalf("the caller is %+v", in)
		}
		second, err := w.users.IssueToken(t.Context(), auth.System("token create"), "FEED@care.example", model.Intake)
		if err != nil || second == first {
			t.Fatalf("a second token: %v", err)
		}
		if again := w.signIn(second); again == nil || again.User.ID != in.User.ID {
			t.Errorf("the caller is %+v", again)
		}
		if w.signIn(first) == nil {
			t.Error("the first token no longer works")
		}
	})

	t.Run("refuses another role, an inactive user and a bad address", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		left := w.User("left@care.example", model.Agent)
		w.Must("UPDATE users SET active = false WHERE id = $1", left.ID.UUID)
		for name, c := range map[string]struct {
			code           fault.Code
			argument, user string
		}{
			"another role": {fault.CodeConflict, "", "ROOT@care.example"}, "an inactive user": {fault.CodeConflict, "", "left@care.example"},
			"not an address": {fault.CodeBadUserInput, "user", "ana"}, "nothing": {fault.CodeBadUserInput, "user", ""},
		} {
			secret, err := w.users.IssueToken(t.Context(), auth.System("token create"), c.user, model.Agent)
			worktest.Refused(t, name, err, c.code, c.argument)
			if n := w.Count("SELECT count(*) FROM api_tokens"); n != 0 || w.signIn(secret) != nil {
				t.Errorf("%s: there is a token", name)
			}
		}
		if n := w.Count("SELECT count(*) FROM users"); n != 2 {
			t.Errorf("%d users", n)
		}
	})

	t.Run("makes one user for many calls at the same time", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		worktest.AtOnce(10, func(i int) {
			email := []string{"feed@care.example", "FEED@care.example"}[i%2]
			secret, err := w.users.IssueToken(t.Context(), auth.System("token create"), email, model.Intake)
			if err != nil || w.signIn(secret) == nil {
				t.Errorf("token %d: %v", i, err)
			}
		})
		if users, tokens := w.Count("SELECT count(*) FROM users"), w.Count("SELECT count(*) FROM api_tokens"); users != 2 || tokens != 10 {
			t.Errorf("%d users, %d tokens", users, tokens)
		}
	})
}

// signIn returns the caller with the secret; nil where the secret does not work.
func (w *world) signIn(secret string) *auth.SignedIn {
	w.T.Helper()
	in, err := auth.NewTokens(w.DB.Gorm, w.Revisions, func() time.Time { return w.Time }).SignIn(w.T.Context(), secret)
	if err != nil && !fault.Is(err, fault.CodeUnauthenticated) {
		w.T.Errorf("sign in: %v", err)
	}
	return in
}
