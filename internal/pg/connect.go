package pg

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/multitracer"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/schema"

	"github.com/closeloop/closeloop/internal/pg/cluster"
)

const (
	// answerTimeout is how long a server may take to answer before it counts as unreachable.
	answerTimeout = 10 * time.Second
	// minConns is the least that the lanes Lists and Writes have: a migration uses one connection for its lock and one for its work.
	minConns = 4
)

// Connect opens the lanes of a running PostgreSQL, and checks that it answers and is new enough.
func Connect(ctx context.Context, url string, o Options) (*DB, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, badURL(url, err)
	}
	configure(config, url, o)
	db, err := openLanes(ctx, config, o)
	if err != nil {
		return nil, err
	}
	if err := handshake(ctx, db.Pool); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// openLanes opens a pool for each lane. A pool connects when it is first used.
func openLanes(ctx context.Context, config *pgxpool.Config, o Options) (*DB, error) {
	all, limits := new([lanes]*DB), o.Limits.withDefaults()
	var connectors [lanes]*connector
	shared := &life{heavy: newGate(Reports.size(config.MaxConns), heavyQueue, limits)}
	for lane := range lanes {
		own := config.Copy()
		own.MaxConns = lane.size(config.MaxConns)
		own.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
			if err := prepare(ctx, conn, lane.settings(limits)); err != nil || o.WarmUp == "" || !lane.ofCallers() {
				return err
			}
			_, _ = conn.PgConn().Exec(ctx, o.WarmUp).ReadAll()
			return nil
		}
		own.MinConns, own.MinIdleConns = 0, 0
		if lane == Lists && o.WarmUp != "" {
			own.MinConns = own.MaxConns
		}
		pool, err := pgxpool.NewWithConfig(ctx, own)
		if err != nil { // the configuration is wrong, so the first lane fails already
			return nil, unreachable(config.ConnConfig, err)
		}
		connector := newConnector(pool, lane, limits)
		db := sql.OpenDB(connector)
		db.SetMaxIdleConns(0) // see connector
		all[lane] = &DB{Pool: pool, sql: db, lanes: all, life: shared}
		connectors[lane] = connector
		if all[lane].Gorm, err = openGorm(lanePool{db, connector}); err != nil {
			return nil, errors.Join(err, all[lane].Close())
		}
	}
	all[Lists].writes, all[Writes].write = all[Writes], limits.Write
	connectors[Lists].own, connectors[Writes].own = connectors[Background], connectors[Background]
	return all[Lists], nil
}

func openGorm(pool gorm.ConnPool) (*gorm.DB, error) {
	return gorm.Open(postgres.New(postgres.Config{Conn: pool}), &gorm.Config{
		// A single write is one statement, which is atomic by itself; several writes go through Tx.
		SkipDefaultTransaction: true,
		// pgx has checked the connection. It prepares statements itself; GORM's cache on top of pgx's
		// makes them about three times slower.
		DisableAutomaticPing: true,
		NamingStrategy:       namer{schema.NamingStrategy{IdentifierMaxLength: identifierMax}},
		// GORM's own logger shows values where rows are scanned; statementLog shows placeholders.
		Logger: logger.Discard,
		// PostgreSQL stores microseconds: a time must read back as it was written.
		NowFunc: func() time.Time { return Timestamp(time.Now()) },
	})
}

// identifierMax is the length of PostgreSQL's names in bytes.
const identifierMax = 63

// namer names tables and columns as GORM does by itself. GORM also asks it whether a text that a query selects names a field;
// for a text of many columns that takes longer than all the rest of the statement.
type namer struct{ schema.NamingStrategy }

// ColumnName returns the name of a field's column.
func (n namer) ColumnName(table, field string) string {
	if strings.ContainsAny(field, " .,") {
		return field
	}
	return n.NamingStrategy.ColumnName(table, field)
}

func configure(config *pgxpool.Config, url string, o Options) {
	switch {
	case o.MaxConns > 0:
		config.MaxConns = o.MaxConns
	case !strings.Contains(url, "pool_max_conns"):
		// Measured: 8 connections on 2 processors beat 16 and 32.
		config.MaxConns = int32(min(max(8, 4*runtime.NumCPU()), 32))
	}
	config.MaxConns = max(config.MaxConns, minConns)

	conn := config.ConnConfig
	if !strings.Contains(url, "connect_timeout") {
		conn.ConnectTimeout = answerTimeout
	}
	if conn.RuntimeParams["application_name"] == "" {
		conn.RuntimeParams["application_name"] = "closeloop"
	}
	conn.RuntimeParams["timezone"] = "UTC"
	statements := statementLog{o.Log, slowAfter}
	if o.SlowAfter > 0 {
		statements.slowAfter = o.SlowAfter
	}
	tracers := []pgx.QueryTracer{usageTracer{}, statements}
	if o.Tracer != nil {
		tracers = append(tracers, o.Tracer)
	}
	conn.Tracer = multitracer.New(tracers...)
}

// prepare sets up a new connection; settings are more statements.
func prepare(ctx context.Context, conn *pgx.Conn, settings string) error {
	utc := &pgtype.Type{
		Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	}
	conn.TypeMap().RegisterType(utc)
	conn.TypeMap().RegisterType(&pgtype.Type{
		Name: "_timestamptz", OID: pgtype.TimestamptzArrayOID, Codec: &pgtype.ArrayCodec{ElementType: utc},
	})
	conn.TypeMap().TryWrapEncodePlanFuncs = append([]pgtype.TryWrapEncodePlanFunc{planID}, conn.TypeMap().TryWrapEncodePlanFuncs...)
	conn.TypeMap().RegisterType(&pgtype.Type{Name: "numeric", OID: pgtype.NumericOID, Codec: textNumeric{}})
	// An event that was pushed must not be lost in a crash, so a commit waits for the disk. A stricter
	// setting of the server stays. The statement is sent below pgx's tracers, so that a test that
	// counts statements does not count the pool's; it is not a startup parameter, because PgBouncer
	// refuses that.
	return conn.PgConn().Exec(ctx, `SELECT set_config('synchronous_commit', 'on', false)
		WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write');`+settings).Close()
}

// textNumeric reads and writes numbers as text, in which they keep the digits that they have.
type textNumeric struct{ pgtype.NumericCodec }

// PreferredFormat implements pgtype.Codec.
func (textNumeric) PreferredFormat() int16 { return pgx.TextFormatCode }

// handshake makes a first connection. It waits up to answerTimeout for a server that starts or recovers.
func handshake(ctx context.Context, pool *pgxpool.Pool) error {
	for began := time.Now(); ; {
		conn, err := pool.Acquire(ctx)
		if err == nil {
			version := conn.Conn().PgConn().ParameterStatus("server_version")
			conn.Release()
			return checkVersion(version)
		}
		var refused *pgconn.PgError
		starting := errors.As(err, &refused) && refused.Code == "57P03" // cannot_connect_now
		if !starting || time.Since(began) > answerTimeout {
			return unreachable(pool.Config().ConnConfig, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// checkVersion reads, for example, "15.13 (Debian 15.13-0+deb12u1)" or "18beta1".
func checkVersion(version string) error {
	digits, _, _ := strings.Cut(version, ".")
	end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' })
	if end >= 0 {
		digits = digits[:end]
	}
	major, err := strconv.Atoi(digits)
	if err != nil {
		return nil // a server without a readable version may work all the same
	}
	if major < cluster.Oldest {
		return &Unusable{line: "closeloop needs PostgreSQL " + strconv.Itoa(cluster.Oldest) + " or newer, but this server is " + version}
	}
	return nil
}
