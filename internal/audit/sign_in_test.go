package audit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/audit"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

// world has an administrator with a token.
type world struct {
	*worktest.World
	signIns *audit.SignIns
	viewer  auth.Viewer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{World: worktest.New(t)}
	w.signIns = audit.NewSignIns(w.DB, w.Now)
	token := &model.ApiToken{ID: model.ApiTokenID{UUID: model.NewUUID()}, UserID: w.Admin.User.ID, Name: "a", Hash: auth.Hash("a"), CreatedAt: worktest.Start}
	w.Create(token)
	w.viewer = auth.Viewer{User: w.Admin.User, TokenID: token.ID, Address: "192.0.2.7"}
	return w
}

func (w *world) write() {
	w.T.Helper()
	if err := w.signIns.Write(w.T.Context()); err != nil {
		w.T.Fatal(err)
	}
}

func TestSignIns(t *testing.T) {
	t.Parallel()
	t.Run("are recorded once an hour for each token, and each as the last use", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for minutes, want := range []int{0: 1, 1: 1, 30: 1, 59: 1, 60: 2, 61: 2, 119: 2, 121: 3} {
			if want == 0 {
				continue
			}
			w.At(worktest.Start.Add(time.Duration(minutes) * time.Minute))
			w.signIns.Accepted(w.viewer)
			w.signIns.Accepted(w.viewer)
			w.write()
			if n := w.Count("SELECT count(*) FROM audit_events WHERE action = 'SIGNED_IN'"); n != want {
				t.Errorf("after %d minutes there are %d entries, not %d", minutes, n, want)
			}
			if k := worktest.Read[model.ApiToken](w.T, w.DB, w.viewer.TokenID); k.LastUsedAt == nil || !k.LastUsedAt.Equal(w.Now()) {
				t.Errorf("after %d minutes the last use is %v", minutes, k.LastUsedAt)
			}
		}
		if n := w.Count("SELECT count(*) FROM audit_events WHERE token_id = $1 AND actor_id = $2 AND object_id = $3 AND address = '192.0.2.7'",
			w.viewer.TokenID.UUID, w.viewer.User.ID.UUID, w.viewer.TokenID.String()); n != 3 {
			t.Errorf("%d entries name the user, the token and the address", n)
		}
	})

	t.Run("of two servers are one", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		other := audit.NewSignIns(w.DB, w.Now)
		w.signIns.Accepted(w.viewer)
		w.Later(-time.Minute)
		other.Accepted(w.viewer)
		w.write()
		if err := other.Write(t.Context()); err != nil {
			t.Fatal(err)
		}
		if k := worktest.Read[model.ApiToken](w.T, w.DB, w.viewer.TokenID); !k.LastUsedAt.Equal(worktest.Start) {
			t.Errorf("the older use replaced the newer one: %v", k.LastUsedAt)
		}
	})

	t.Run("that are refused are counted, and cannot fill the table", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for i := range 5_000 {
			w.signIns.Refused(auth.Refusal{Address: fmt.Sprint("address ", i%1_000)})
		}
		w.write()
		if rows, n := w.Count("SELECT count(*) FROM audit_events"), w.Count("SELECT sum(times) FROM audit_events WHERE action = 'SIGN_IN_REFUSED'"); rows != 101 || n != 5_000 {
			t.Errorf("%d refused sign-ins make %d entries", n, rows)
		}
		w.write()
		if rows := w.Count("SELECT count(*) FROM audit_events"); rows != 101 {
			t.Errorf("they are written again: %d entries", rows)
		}
	})

	t.Run("that are refused name the token and its user", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for range 3 {
			w.signIns.Refused(auth.Refusal{Address: "192.0.2.9", Token: w.viewer.TokenID, User: w.viewer.User.ID})
		}
		w.signIns.Refused(auth.Refusal{Address: "192.0.2.9"})
		w.write()
		if n := w.Count("SELECT sum(times) FROM audit_events WHERE action = 'SIGN_IN_REFUSED' AND token_id = $1 AND actor_id = $2 AND object_id = $3",
			w.viewer.TokenID.UUID, w.viewer.User.ID.UUID, w.viewer.TokenID.String()); n != 3 || w.Count("SELECT count(*) FROM audit_events") != 2 {
			t.Errorf("%d of 3 name them", n)
		}
	})

	t.Run("wait for a database that does not answer", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.signIns.Accepted(w.viewer)
		w.signIns.Refused(auth.Refusal{Address: "192.0.2.9"})
		if _, err := w.DB.Pool.Exec(t.Context(), "ALTER TABLE audit_events RENAME TO gone"); err != nil {
			t.Fatal(err)
		}
		if w.signIns.Write(t.Context()) == nil {
			t.Error("nothing failed")
		}
		if _, err := w.DB.Pool.Exec(t.Context(), "ALTER TABLE gone RENAME TO audit_events"); err != nil {
			t.Fatal(err)
		}
		w.signIns.Refused(auth.Refusal{Address: "192.0.2.9"})
		w.write()
		if rows, n := w.Count("SELECT count(*) FROM audit_events"), w.Count("SELECT max(times) FROM audit_events"); rows != 2 || n != 2 {
			t.Errorf("%d entries, of which one counts %d", rows, n)
		}
	})
}

func TestPrune(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for days := range 5 {
		w.At(worktest.Start.AddDate(0, 0, 100*days))
		w.signIns.Refused(auth.Refusal{Address: "192.0.2.7"})
		w.write()
	}
	now := worktest.Start.AddDate(0, 0, 500)
	if n, err := audit.Prune(t.Context(), w.DB, now); err != nil || n != 1 {
		t.Errorf("with 400 days, %d entries are deleted: %v", n, err)
	}
	if _, err := w.DB.Pool.Exec(t.Context(), "UPDATE settings SET audit_retention_days = 250"); err != nil {
		t.Fatal(err)
	}
	if n, err := audit.Prune(t.Context(), w.DB, now); err != nil || n != 2 || w.Count("SELECT count(*) FROM audit_events") != 2 {
		t.Errorf("with 250 days, %d entries are deleted: %v", n, err)
	}
}
