// Package byhand answers the questions of bench/peers as somebody would who writes a server for them alone: net/http, pgx,
// one function for each question. It knows no callers, scopes, prices and rules other than the one of the question.
package byhand

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
)

// connections is how many connections to PostgreSQL the server has. With two processors, 8 were faster than 16 and 32.
const connections = 8

// Server has the answers.
type Server struct {
	pool   *pgxpool.Pool
	agents []user
	turn   atomic.Uint64
}

type user struct {
	ID   uuid.UUID
	Name string
}

// Run serves the database at an address until its standard input ends, as it does when the process that started it ends.
func Run(address, database string) error {
	ctx := context.Background()
	config, err := pgxpool.ParseConfig(database)
	if err != nil {
		return err
	}
	config.MaxConns = connections
	s := new(Server)
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return err
	}
	defer s.pool.Close()
	if err := s.readAgents(ctx); err != nil {
		return err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: s.routes()} //nolint:gosec // only the measuring process connects
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (s *Server) readAgents(ctx context.Context) error {
	rows, err := s.pool.Query(ctx, "SELECT u.id, u.name FROM peers.plain_agents a JOIN users u USING (id) ORDER BY a.n")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var u user
		if err := rows.Scan(&u.ID, &u.Name); err != nil {
			return err
		}
		s.agents = append(s.agents, u)
	}
	return rows.Err()
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /case", answer(s.findCase))
	mux.HandleFunc("GET /open", answer(s.openCases))
	mux.HandleFunc("GET /filtered", answer(s.filteredCases))
	mux.HandleFunc("GET /summary", answer(s.summary))
	mux.HandleFunc("POST /responses", answer(s.submit))
	return mux
}

// answer writes what a question returns in the form of GraphQL's answers.
func answer[T any](ask func(*http.Request) (T, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		data, err := ask(r)
		var text []byte
		if err == nil {
			text, err = json.Marshal(struct {
				Data T `json:"data"`
			}{data})
		}
		if err != nil {
			log.Printf("%s: %v", r.URL, err)
			http.Error(w, "it did not work", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(text)
	}
}
