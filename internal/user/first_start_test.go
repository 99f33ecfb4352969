package user_test

import (
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/user"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

const chosen, other = "a-token-of-their-own", "another-token-of-theirs"

func TestTheFirstStartMakesAnAdministratorWithASecret(t *testing.T) {
	t.Parallel()
	w := newEmptyWorld(t)
	secret := w.start("")
	in := w.signIn(secret)
	if in == nil || in.User.Role != model.Admin || !in.User.Active || in.User.Email != "admin@localhost" || !in.User.CreatedAt.Equal(worktest.Start) || in.Expires != nil {
		t.Fatalf("signed in as %+v", in)
	}
	w.Time = worktest.Start.Add(time.Hour)
	if again := w.start(""); again != "" {
		t.Error("a later worktest.Start gave a secret out")
	}
	if users, tokens := w.Count("SELECT count(*) FROM users"), w.Count("SELECT count(*) FROM api_tokens"); users != 1 || tokens != 1 || w.signIn(secret) == nil {
		t.Errorf("%d users, %d tokens", users, tokens)
	}
}

func TestWhereThereIsAnAdministratorNoneIsMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if secret := w.start(""); secret != "" || w.Count("SELECT count(*) FROM users") != 1 || w.Count("SELECT count(*) FROM api_tokens") != 0 {
		t.Error("somebody else was let in")
	}
}

func TestServersThatStartAtOnceMakeOneAdministrator(t *testing.T) {
	t.Parallel()
	w := newEmptyWorld(t)
	secrets := make(chan string, 6)
	worktest.AtOnce(cap(secrets), func(int) {
		secret, err := w.users.FirstStart(t.Context(), auth.System("first worktest.Start"), "")
		if err != nil {
			t.Errorf("worktest.Start: %v", err)
		} else if secret != "" {
			secrets <- secret
		}
	})
	if len(secrets) != 1 {
		t.Fatalf("%d secrets were given out", len(secrets))
	}
	if users, tokens := w.Count("SELECT count(*) FROM users"), w.Count("SELECT count(*) FROM api_tokens"); users != 1 || tokens != 1 || w.signIn(<-secrets) == nil {
		t.Errorf("%d users, %d tokens", users, tokens)
	}
}

func TestAGivenTokenIsTheAdministratorsAndIsNotShown(t *testing.T) {
	t.Parallel()
	w := newEmptyWorld(t)
	for range 2 { // on later starts too
		if secret := w.start(chosen); secret != "" {
			t.Errorf("it gave %q out", secret)
		}
	}
	if in := w.signIn(chosen); in == nil || in.User.Role != model.Admin || w.Count("SELECT count(*) FROM api_tokens") != 1 {
		t.Errorf("signed in as %+v", in)
	}
}

func TestAGivenTokenIsMadeToWorkOnALaterStartAndTheOneBeforeItStopsTo(t *testing.T) {
	t.Parallel()
	w := newEmptyWorld(t)
	printed := w.start("")
	w.start(chosen)
	if w.signIn(chosen) == nil || w.signIn(printed) == nil {
		t.Fatal("the given one and the printed one are to work")
	}
	w.Time = worktest.Start.Add(time.Hour)
	w.start(other)
	if w.signIn(other) == nil || w.signIn(chosen) != nil || w.signIn(printed) == nil {
		t.Error("the given one is to work, the one before it not, and the printed one still")
	}
	w.start("")
	if w.signIn(other) == nil {
		t.Error("without one, the one that was given is to work still")
	}
}

func TestAGivenTokenThatIsGivenAgainAfterAnotherWorksAgain(t *testing.T) {
	t.Parallel()
	w := newEmptyWorld(t)
	for i, given := range []string{chosen, other, chosen, other} {
		w.Time = worktest.Start.Add(time.Duration(i) * time.Hour)
		w.start(given)
		if w.signIn(given) == nil {
			t.Errorf("worktest.Start %d: the token that was given does not work: nobody can sign in", i+1)
		}
	}
}

func TestAGivenTokenThatWasRevokedByHandStaysRevoked(t *testing.T) {
	t.Parallel()
	w := newEmptyWorld(t)
	w.start(chosen)
	caller := w.signIn(chosen)
	if _, err := w.users.RevokeToken(t.Context(), caller.Viewer, user.RevokeApiTokenInput{ID: caller.TokenID}); err != nil {
		t.Fatal(err)
	}
	w.Time = worktest.Start.Add(time.Hour)
	if w.start(chosen); w.signIn(chosen) != nil {
		t.Error("the worktest.Start let it in again")
	}
}

func (w *world) start(given string) string {
	w.T.Helper()
	secret, err := w.users.FirstStart(w.T.Context(), auth.System("first worktest.Start"), given)
	if err != nil {
		w.T.Fatalf("worktest.Start: %v", err)
	}
	return secret
}
