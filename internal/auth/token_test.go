package auth_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/configuration"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

var start = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)

func TestNewSecret(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		s := auth.NewSecret()
		random, ok := strings.CutPrefix(s, "closeloop_")
		if bits, err := base64.RawURLEncoding.DecodeString(random); !ok || err != nil || len(bits) != 32 || seen[s] {
			t.Fatalf("%q: %d bytes, %v, seen before is %t", s, len(bits), err, seen[s])
		}
		seen[s] = true
	}
	if sum := sha256.Sum256([]byte("closeloop_x")); !bytes.Equal(auth.Hash("closeloop_x"), sum[:]) {
		t.Error("Hash is not SHA-256, so existing tokens would stop working")
	}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	t.Run("accepts the owner of a secret", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		expires := start.Add(time.Hour)
		user := w.user(model.Agent)
		lasting, ending := w.token(user), w.token(user, func(k *model.ApiToken) { k.ExpiresAt = &expires })
		for _, k := range []*token{lasting, ending} {
			in, err := w.tokens.SignIn(t.Context(), k.secret)
			if err != nil {
				t.Fatal(err)
			}
			if in.User.ID != user.ID || in.User.Role != model.Agent || in.TokenID != k.ID || (in.Expires == nil) != (k.ExpiresAt == nil) || in.Expires != nil && !in.Expires.Equal(expires) {
				t.Errorf("SignIn returned %+v, want user %s, role AGENT, token %s and expiry %v", in, user.ID, k.ID, k.ExpiresAt)
			}
		}
	})

	t.Run("refuses every invalid token in the same way", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		agent := w.user(model.Agent)
		good := w.token(agent)
		secrets := map[string]string{
			"unknown":          auth.NewSecret(),
			"empty":            "",
			"cut short":        good.secret[:len(good.secret)-1],
			"in another case":  strings.ToUpper(good.secret),
			"with a space":     good.secret + " ",
			"the hash itself":  string(auth.Hash(good.secret)),
			"revoked":          w.token(agent, func(k *model.ApiToken) { k.RevokedAt = new(start.Add(-time.Hour)) }).secret,
			"revoked later":    w.token(agent, func(k *model.ApiToken) { k.RevokedAt = new(start.Add(time.Hour)) }).secret,
			"expired":          w.token(agent, func(k *model.ApiToken) { k.ExpiresAt = new(start.Add(-time.Hour)) }).secret,
			"expired just now": w.token(agent, func(k *model.ApiToken) { k.ExpiresAt = new(start) }).secret,
			"inactive user":    w.token(w.user(model.Admin, func(u *model.User) { u.Active = false })).secret,
		}
		messages := map[string]bool{}
		for name, secret := range secrets {
			in, err := w.tokens.SignIn(t.Context(), secret)
			if code(err) != fault.CodeUnauthenticated || in != nil {
				t.Errorf("%s: got %+v, %v, want UNAUTHENTICATED", name, in, err)
				continue
			}
			messages[err.Error()] = true
		}
		if len(messages) != 1 {
			t.Errorf("a caller can tell the reasons apart: %v", messages)
		}
		if n := w.count("SELECT count(*) FROM api_tokens WHERE last_used_at IS NOT NULL"); n != 0 {
			t.Errorf("%d refused tokens count as used", n)
		}
	})

	t.Run("tells who watches the gate, and writes nothing", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		k := w.token(w.user(model.Agent))
		var accepted []auth.Viewer
		var refused []auth.Refusal
		gate := auth.NewGate(w.tokens, auth.Watch{
			Accepted: func(v auth.Viewer) { accepted = append(accepted, v) }, Refused: func(r auth.Refusal) { refused = append(refused, r) },
		})
		if _, err := gate.SignIn(t.Context(), "192.0.2.1:4711", k.secret); err != nil {
			t.Fatal(err)
		}
		for range 100 { // the last ones wait
			if _, err := gate.SignIn(t.Context(), "192.0.2.2:4711", "closeloop_unknown"); err == nil {
				t.Error("an unknown token signs in")
			}
		}
		if len(accepted) != 1 || accepted[0].TokenID != k.ID || accepted[0].Address != "192.0.2.1" || len(refused) != 100 || refused[99] != (auth.Refusal{Address: "192.0.2.2"}) {
			t.Errorf("accepted %v, refused %v", accepted, refused)
		}
		if n := w.count("SELECT count(*) FROM api_tokens WHERE last_used_at IS NOT NULL"); n != 0 {
			t.Error("a sign-in wrote the last use on the way of the request")
		}
		w.must("UPDATE api_tokens SET revoked_at = now()")
		w.now = w.now.Add(time.Second)
		if _, err := gate.SignIn(t.Context(), "192.0.2.3:4711", k.secret); err == nil || refused[100] != (auth.Refusal{Address: "192.0.2.3", Token: k.ID, User: k.UserID}) {
			t.Errorf("a revoked token is refused (%v) as %v", err, refused[100:])
		}
	})
}

func TestEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	expires := start.Add(time.Hour)
	names := map[string]string{}
	users := map[string]*model.User{}
	var keys []string
	for _, name := range []string{"stays", "stays too", "revoked", "expires", "deactivated", "promoted", "deleted"} {
		users[name] = w.user(model.Agent)
		k := w.token(users[name], func(k *model.ApiToken) {
			if name == "expires" {
				k.ExpiresAt = &expires
			}
		})
		in, err := w.tokens.SignIn(t.Context(), k.secret)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, in.Key())
		names[in.Key()] = name
	}
	changed := 0
	ended := func() (list []string) {
		t.Helper()
		found, others, err := w.tokens.Ended(t.Context(), keys)
		changed = len(others)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range found {
			list = append(list, names[key])
		}
		slices.Sort(list)
		return list
	}
	if got := ended(); got != nil {
		t.Errorf("ended before any change: %v", got)
	}
	w.must("UPDATE api_tokens SET revoked_at = now() WHERE user_id = $1", users["revoked"].ID.UUID)
	w.must("UPDATE users SET active = false WHERE id = $1", users["deactivated"].ID.UUID)
	w.must("UPDATE users SET role = 'MANAGER' WHERE id = $1", users["promoted"].ID.UUID)
	w.must("DELETE FROM api_tokens WHERE user_id = $1", users["deleted"].ID.UUID)
	if got := ended(); !slices.Equal(got, []string{"deactivated", "deleted", "revoked"}) || changed != 1 { // that of the promoted user
		t.Errorf("ended after the changes: %v", got)
	}
	w.now = expires
	if got := ended(); !slices.Equal(got, []string{"deactivated", "deleted", "expires", "revoked"}) {
		t.Errorf("ended at the expiry: %v", got)
	}
	if got, _, err := w.tokens.Ended(t.Context(), nil); err != nil || len(got) > 0 {
		t.Errorf("Ended without keys returned %v, %v, want nothing", got, err)
	}
}

// world is a database, a sign-in that uses it, and a clock that tests set.
type world struct {
	t         *testing.T
	db        *pg.DB
	revisions *configuration.Revisions
	tokens    *auth.Tokens
	now       time.Time
}

func newWorld(t *testing.T, with ...pgtest.Option) *world {
	t.Helper()
	w := &world{t: t, db: pgtest.New(t, with...), now: start}
	w.revisions, w.tokens = w.server()
	return w
}

// server makes the sign-in of one server on the database.
func (w *world) server() (*configuration.Revisions, *auth.Tokens) {
	now := func() time.Time { return w.now }
	revisions := configuration.New(w.db, now)
	return revisions, auth.NewTokens(w.db.Gorm, revisions, now)
}

type token struct {
	model.ApiToken
	secret string
}

func (w *world) user(role model.Role, change ...func(*model.User)) *model.User {
	w.t.Helper()
	id := model.NewUUID()
	u := &model.User{ID: model.UserID{UUID: id}, Name: "Ana", Email: id.String() + "@care.example", Role: role, Active: true, CreatedAt: start}
	for _, c := range change {
		c(u)
	}
	u.Fold()
	w.create(u)
	return u
}

func (w *world) token(owner *model.User, change ...func(*model.ApiToken)) *token {
	w.t.Helper()
	k := &token{secret: auth.NewSecret()}
	k.ApiToken = model.ApiToken{ID: model.ApiTokenID{UUID: model.NewUUID()}, UserID: owner.ID, Name: "test", Hash: auth.Hash(k.secret), CreatedAt: start}
	for _, c := range change {
		c(&k.ApiToken)
	}
	w.create(&k.ApiToken)
	return k
}

func (w *world) create(row any) {
	w.t.Helper()
	if err := w.db.Gorm.Create(row).Error; err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) must(sql string, args ...any) {
	w.t.Helper()
	if _, err := w.db.Pool.Exec(w.t.Context(), sql, args...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) count(sql string) (n int) {
	w.t.Helper()
	if err := w.db.Pool.QueryRow(w.t.Context(), sql).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}
