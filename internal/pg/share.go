package pg

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/closeloop/closeloop/internal/pg/fair"
)

// Busy reports whether the error means that a statement has waited for a connection of its lane for as long as
// Limits.Wait. It ran nothing, and a retry may succeed in a moment.
func Busy(err error) bool { return errors.Is(err, fair.ErrBusy) }

// connector gives database/sql the connections of a pool. Every statement and every transaction of a lane passes it:
// database/sql keeps no idle connection, so that each takes one and gives it back.
type connector struct {
	driver.Connector
	pool *pgxpool.Pool
	gate *fair.Gate // nil where callers have no shares
	own  *connector // takes the place of this one for closeloop's own work; nil where there is no other
}

func newConnector(pool *pgxpool.Pool, l Lane, limits Limits) *connector {
	c := &connector{Connector: stdlib.GetPoolConnector(pool), pool: pool}
	if l.ofCallers() {
		c.gate = newGate(pool.Config().MaxConns, math.MaxInt, limits)
	}
	return c
}

// heavyQueue is how many heavy operations of a caller wait at most: each keeps its variables in memory.
const heavyQueue = 16

func newGate(places int32, queue int, limits Limits) *fair.Gate {
	return fair.New(int(places), max(1, int(places)*limits.Share/100), queue, limits.Wait)
}

// HeavyTurn waits until the context's caller may run one more heavy operation: one that keeps a processor busy for long, of
// the database or of this server. As many run at a time as there are connections for reports, and a caller has the same
// share of them. Whoever got a turn calls leave once. Busy recognises the error of a wait that took too long, or of a queue
// that is full.
func (d *DB) HeavyTurn(ctx context.Context) (leave func(), err error) {
	return d.heavy.Enter(ctx, clientOf(ctx))
}

type oneByOneKey struct{}

// OneByOne makes the statements of a context wait for each other, so that they occupy one processor of the database. Whatever
// holds a connection, such as a transaction, must not wait for another one with the same context.
func OneByOne(ctx context.Context) context.Context {
	return context.WithValue(ctx, oneByOneKey{}, make(chan struct{}, 1))
}

// enter waits until the context may have a connection of the lane.
func (c *connector) enter(ctx context.Context, name string) (leave func(), err error) {
	next := func() {}
	if turn, ok := ctx.Value(oneByOneKey{}).(chan struct{}); ok {
		select {
		case turn <- struct{}{}:
			next = func() { <-turn }
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if c.gate == nil {
		return next, nil
	}
	place, err := c.gate.Enter(ctx, name)
	if err != nil {
		next()
		return nil, fmt.Errorf("wait for a connection: %w", err)
	}
	return func() { place(); next() }, nil
}

// Connect implements driver.Connector.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	name := clientOf(ctx)
	if name == "" && c.own != nil {
		return c.own.Connect(ctx)
	}
	leave, err := c.enter(ctx, name)
	if err != nil {
		return nil, err
	}
	taken, err := c.Connector.Connect(ctx)
	if err != nil {
		leave()
		return nil, err
	}
	return &placed{Conn: taken.(*stdlib.Conn), leave: sync.OnceFunc(leave)}, nil
}

// lend lends do a connection, as Connect does, without database/sql.
func (c *connector) lend(ctx context.Context, do func(*pgx.Conn) error) error {
	name := clientOf(ctx)
	if name == "" && c.own != nil {
		return c.own.lend(ctx, do)
	}
	leave, err := c.enter(ctx, name)
	if err != nil {
		return err
	}
	defer leave()
	conn, err := c.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	return do(conn.Conn())
}

// placed is a connection that has a place at its lane's gate.
type placed struct {
	*stdlib.Conn
	leave func()
}

// Close gives the connection and then the place back.
func (c *placed) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
