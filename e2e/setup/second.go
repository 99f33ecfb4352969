package setup

import (
	"log/slog"
	"maps"
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
	return &Server{T: t, App: a, URL: serve(t, a), Tokens: maps.Clone(s.Tokens), Users: maps.Clone(s.Users), Log: log}
}
