package answer

import (
	"context"
	"fmt"

	"github.com/closeloop/closeloop/internal/pg"
)

// state is what the database shows: in equal states, all tables have the same rows.
type state struct {
	life     int64  // of the connection: PostgreSQL may repeat snapshots after a crash, and another server may
	snapshot string // xmin:xmax:xip
}

// look looks at the state of the database. Calls at the same time share a statement, which is sent after they came.
func (a *Answers) look(ctx context.Context) (state, error) {
	return a.looking.Ask(ctx, func() (state, error) {
		now, err := a.read(ctx)
		if err != nil {
			now = state{life: now.life + 1} // no look sees it, so that nothing is given from before
		}
		a.enter(now)
		return now, err
	})
}

// read reads the state. The caller is the only one who does. A standby tells nothing, because its snapshots do not name the
// transactions that it has not replayed to their ends.
func (a *Answers) read(ctx context.Context) (state, error) {
	// A caller that leaves must not close the connection, nor pay for what all share.
	ctx, cancel := context.WithTimeout(pg.WithUsage(context.WithoutCancel(ctx), func(pg.Usage) {}), lookTimeout)
	defer cancel()
	now := state{life: a.life()}
	conn, err := a.db.Pool.Acquire(ctx)
	if err != nil {
		return now, fmt.Errorf("get a connection: %w", err)
	}
	defer conn.Release()
	if conn.Conn() != a.connection {
		a.connection = conn.Conn()
		now.life++
	}
	err = conn.QueryRow(ctx, "SELECT pg_current_snapshot()::text WHERE NOT pg_is_in_recovery()").Scan(&now.snapshot)
	if err != nil {
		return now, fmt.Errorf("read the snapshot: %w", err)
	}
	return now, nil
}

func (a *Answers) life() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.current.life
}

// enter drops all answers if the state is a new one: the old one does not come back.
func (a *Answers) enter(now state) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now != a.current {
		a.current = now
		a.kept.Purge()
	}
}
