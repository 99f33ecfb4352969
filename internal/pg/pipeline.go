package pg

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"
)

// Pipeline collects statements of a transaction, which Send sends together, so that they wait for the server once. Each
// statement sees what the ones before it did, and what others have committed by the time it begins. The first that fails
// ends the transaction, and the ones after it do not run; Send returns its error.
//
// Without a transaction the pipeline is that of a lane, and each Send is a transaction of its own.
type Pipeline struct {
	tx         *gorm.DB
	statements []queued
	reads      bool  // some statements have rows
	err        error // of what has failed before Send
}

// NewPipeline makes an empty pipeline of a transaction begun by Tx, or of a lane.
func NewPipeline(tx *gorm.DB) *Pipeline { return &Pipeline{tx: tx} }

// Tx is the transaction, for the queries of AddFind.
func (p *Pipeline) Tx() *gorm.DB { return p.tx }

// Pipelined sends the statements that add adds.
func Pipelined(tx *gorm.DB, add func(p *Pipeline)) error {
	p := NewPipeline(tx)
	add(p)
	return p.Send()
}

// Later leaves the statements that add adds to the transaction; see Pipeline.Later.
func Later(tx *gorm.DB, add func(p *Pipeline)) error {
	p := NewPipeline(tx)
	add(p)
	return p.Later()
}

// Exec adds a statement whose rows do not matter. Its error begins with what.
func (p *Pipeline) Exec(what, sql string, args ...any) {
	p.statements = append(p.statements, execute(what, sql, args...))
}

// Query adds a statement whose rows read reads. Its error begins with what.
func (p *Pipeline) Query(what, sql string, args []any, read func(pgx.Rows) error) {
	p.reads = true
	p.statements = append(p.statements, queued{sql, args, func(answers pgx.BatchResults) error {
		rows, err := answers.Query()
		if err == nil {
			err = read(rows)
			rows.Close()
		}
		if err == nil {
			err = rows.Err()
		}
		return WrapErr(what, err)
	}})
}

// AddFind adds a query, and sets into to its rows, as Find returns them. It knows nothing of PlanForValues.
func AddFind[T any](p *Pipeline, what string, query *gorm.DB, into *[]*T) {
	made, err := statementOf[T](query)
	if p.fail(what, err) {
		return
	}
	p.Query(what, made.SQL.String(), made.Vars, func(rows pgx.Rows) (err error) {
		*into, err = collect[T](rows, scannerOf(made.Schema))
		return err
	})
}

// Send sends the statements that were added since the last call, and waits for all of them.
func (p *Pipeline) Send() error {
	if p.err != nil || len(p.statements) == 0 {
		return p.err
	}
	statements := p.statements
	p.statements, p.reads = nil, false
	if lane, ok := p.tx.Statement.ConnPool.(lanePool); ok {
		p.err = lane.send(p.tx.Statement.Context, statements)
	} else {
		p.err = connOf(p.tx).send(p.tx.Statement.Context, statements...)
	}
	return p.err
}

// Later leaves the statements to the transaction, which sends them with the next ones, or with its COMMIT. So they take no
// wait of their own, and whoever sends them gets their error: a pipeline, another statement, or Tx itself. Rows must be read
// before the commit, so statements that have some are sent at once.
func (p *Pipeline) Later() error {
	if p.reads || p.err != nil {
		return p.Send()
	}
	conn := connOf(p.tx)
	conn.later = append(conn.later, p.statements...)
	p.statements = nil
	return nil
}

// fail keeps an error for Send, and reports whether there is one.
func (p *Pipeline) fail(what string, err error) bool {
	if p.err == nil {
		p.err = WrapErr(what, err)
	}
	return p.err != nil
}

// copyFrom is the number of rows from which one COPY costs less than as many INSERTs: a COPY waits for the server three
// times.
const copyFrom = 8

// updateFrom is the number of rows from which one statement updates them. Each statement goes through all locks of its
// transaction when it ends, and an import has thousands.
const updateFrom = 8

// AddInsert adds the rows of a table: a few by INSERTs, many by one COPY, before which it sends what was added. It writes
// all columns that GORM may write, and the others that are named. Unlike GORM's Create it applies no column default to a
// zero value, and does not read back the values that the database generates.
func AddInsert[T any](p *Pipeline, what string, rows []*T, others ...string) {
	if len(rows) == 0 {
		return
	}
	t, err := insertable[T](p.tx, others)
	if p.fail(what, err) {
		return
	}
	ctx := p.tx.Statement.Context
	if len(rows) < copyFrom {
		sql := t.insert()
		for _, row := range rows {
			values := make([]any, len(t.fields))
			read(ctx, values, t.fields, row)
			p.Exec(what, sql, values...)
		}
		return
	}
	if p.Send() != nil {
		return
	}
	values := make([]any, len(t.fields)) // reused: pgx has encoded a row before it asks for the next
	source := pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
		read(ctx, values, t.fields, rows[i])
		return values, nil
	})
	_, err = Raw(p.tx).CopyFrom(ctx, pgx.Identifier{t.table}, t.names, source)
	p.fail(what, err)
}

// AddUpdate adds the update of columns of existing rows, which it finds by their ids: a few by a statement for each row, many
// by one. Where a row is there twice, the last one counts. One statement updates the rows in any order, so the caller has
// locked them.
func AddUpdate[T any](p *Pipeline, what string, rows []*T, columns Columns) {
	if len(rows) == 0 {
		return
	}
	c, err := updatable[T](p.tx, columns)
	if p.fail(what, err) {
		return
	}
	ctx := p.tx.Statement.Context
	if sql, ok := c.many(); ok && len(rows) >= updateFrom {
		p.Exec(what, sql, c.arrays(ctx, len(rows), func(i int) any { return rows[i] })...)
		return
	}
	sql := c.one()
	for _, row := range rows {
		values := make([]any, len(c.fields))
		read(ctx, values, c.fields, row)
		p.Exec(what, sql, values...)
	}
}

// insert is the statement that inserts a row. An identity column that is named gets the given value.
func (t insertion) insert() string {
	columns, marks := make([]string, len(t.names)), make([]string, len(t.names))
	for i, name := range t.names {
		columns[i], marks[i] = pgx.Identifier{name}.Sanitize(), fmt.Sprintf("$%d", i+1)
	}
	return fmt.Sprintf("INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE VALUES (%s)", pgx.Identifier{t.table}.Sanitize(),
		strings.Join(columns, ", "), strings.Join(marks, ", "))
}
