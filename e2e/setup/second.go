package setup

import (
	"context"
	"log/slog"
	"maps"
	"net/http/httptest"
	"testing"

	"github.com/closeloop/closeloop/internal/app"
	"github.com/closeloop/closeloop/internal/config"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
)

// Second starts another server on the same database, with connections and a memory of its own. Nothing runs there in the
// background.
func (s *Server) Second(t testing.TB) *Server {
	t.Helper()
	db, err := pg.Connect(t.Context(), pgtest.URL(t, s.App.DB), pg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	log := &Journal{}
	a, err := app.Open(t.Context(), &config.Config{Listen: "127.0.0.1:8080", MailFrom: "closeloop <care@example.com>", RateLimit: endless, RateRestore: endless},
		app.Options{DB: db, Log: slog.New(log)})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(a.Handler())
	t.Cleanup(func() {
		ending, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		if err := a.CloseSockets(ending); err != nil {
			t.Error(err)
		}
		web.Close()
		a.Close()
	})
	return &Server{T: t, App: a, URL: web.URL, Tokens: maps.Clone(s.Tokens), Users: maps.Clone(s.Users), Log: log}
}
