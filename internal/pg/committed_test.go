package pg_test

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"strconv"
	"testing"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
)

func TestTxKnowsACommitWhoseConnectionBreaksAfterIt(t *testing.T) {
	t.Parallel()
	db := table(t)
	through, err := pg.Connect(t.Context(), breakAfterCommit(t, db), pg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer through.Close()
	for name, write := range map[string]func(tx *gorm.DB) error{
		"with other statements": func(tx *gorm.DB) error {
			return pg.Later(tx, func(p *pg.Pipeline) { p.Exec("insert", "INSERT INTO things (id) VALUES (1)") })
		},
		"alone": func(tx *gorm.DB) error { return insert(tx, 2) },
	} {
		if err := through.Tx(t.Context(), write); err != nil {
			t.Errorf("a COMMIT that is sent %s fails: %v", name, err)
		}
	}
	if n := count(t, db); n != 2 {
		t.Errorf("%d rows are written", n)
	}
}

// breakAfterCommit returns the URL of a proxy to the database that ends a connection right after PostgreSQL has said that a
// transaction is committed.
func breakAfterCommit(t *testing.T, db *pg.DB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	network, server := pgNetwork(db)
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			upstream, err := net.Dial(network, server)
			if err != nil {
				_ = client.Close()
				continue
			}
			go func() {
				_, _ = io.Copy(upstream, client)
				_ = upstream.Close()
			}()
			go func() {
				defer client.Close()
				defer upstream.Close()
				answer := make([]byte, 64<<10)
				for {
					n, err := upstream.Read(answer)
					if _, after, found := bytes.Cut(answer[:n], []byte("COMMIT\x00")); found {
						_, _ = client.Write(answer[:n-len(after)])
						return
					}
					if _, broken := client.Write(answer[:n]); err != nil || broken != nil {
						return
					}
				}
			}()
		}
	}()
	u, err := url.Parse(pgtest.URL(t, db))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Del("host")
	q.Del("port")
	q.Set("sslmode", "disable")
	u.Host, u.RawQuery = listener.Addr().String(), q.Encode()
	return u.String()
}

// pgNetwork returns where the database's server listens.
func pgNetwork(db *pg.DB) (network, address string) {
	config := db.Pool.Config().ConnConfig
	if config.Host[0] == '/' {
		return "unix", config.Host + "/.s.PGSQL." + strconv.Itoa(int(config.Port))
	}
	return "tcp", net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
}
