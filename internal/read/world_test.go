package read_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

// moment is the current time for the reader.
var moment = time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)

// world is a database and its reader.
type world struct {
	t    testing.TB
	db   *pg.DB
	log  *event.Log
	read *read.Reader
	ann  *model.User
	made int // the number of cases; each is opened a minute after the previous one
}

func newWorld(t testing.TB, opts ...pgtest.Option) *world {
	t.Helper()
	w := &world{t: t, db: pgtest.New(t, opts...)}
	w.log = event.New(w.db, slog.New(slog.DiscardHandler))
	t.Cleanup(w.log.Close)
	// Tests count statements, so loaders wait longer than in production: a busy machine, too, requests all rows of a page
	// within this time.
	w.read = read.New(w.db, w.log, func() time.Time { return moment }, 25*time.Millisecond)
	w.ann = w.user("Ann", "ann@example.com", model.Agent)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) create(row any) {
	w.t.Helper()
	w.must(w.db.Gorm.Omit(clause.Associations).Create(row).Error)
}

func (w *world) exec(sql string, vars ...any) {
	w.t.Helper()
	w.must(w.db.Gorm.Exec(sql, vars...).Error)
}

// answer returns the context of one answer, with new loaders.
func (w *world) answer() context.Context {
	return w.read.WithLoaders(auth.With(w.t.Context(), everybody))
}

// everybody is a viewer without a scope.
var everybody = auth.Viewer{User: &model.User{Role: model.Stakeholder}}

func viewer(u *model.User) auth.Viewer { return auth.Viewer{User: u} }

func of(role model.Role) auth.Viewer {
	return viewer(&model.User{ID: model.UserID{UUID: model.NewUUID()}, Role: role})
}

func (w *world) user(name, email string, role model.Role) *model.User {
	w.t.Helper()
	u := &model.User{ID: model.UserID{UUID: model.NewUUID()}, Name: name, Email: email, Role: role, Active: true, CreatedAt: moment}
	u.Fold()
	w.create(u)
	return u
}

func (w *world) rule(name string, position int) *model.Rule {
	w.t.Helper()
	r := &model.Rule{ID: model.RuleID{UUID: model.NewUUID()}, Name: name, Enabled: true, Position: position, Scores: []int{}, Strategy: model.Unassigned,
		CreatedAt: moment, UpdatedAt: moment}
	w.create(r)
	return r
}

func (w *world) customer(change func(*model.Customer)) *model.Customer {
	w.t.Helper()
	c := &model.Customer{ID: model.CustomerID{UUID: model.NewUUID()}, Attributes: map[string]string{}, CreatedAt: moment}
	if change != nil {
		change(c)
	}
	c.Fold()
	w.create(c)
	return c
}

func (w *world) response(customer *model.Customer, score int, at time.Time) *model.Response {
	w.t.Helper()
	x := &model.Response{ID: model.ResponseID{UUID: model.NewUUID()}, CustomerID: customer.ID, Score: score, Drivers: []string{},
		Attributes: map[string]string{}, RespondedAt: at, ReceivedAt: at}
	x.CopyCustomer(customer)
	w.create(x)
	return x
}

// open creates a case with the first event of its history. A case without a response counts as opened manually.
func (w *world) open(customer *model.Customer, response *model.Response, change func(*model.Case)) *model.Case {
	w.t.Helper()
	at := moment.Add(time.Duration(w.made) * time.Minute)
	w.made++
	c := &model.Case{ID: model.CaseID{UUID: model.NewUUID()}, Status: model.Open, Origin: model.OriginRule, CustomerID: customer.ID,
		OpenedAt: at, UpdatedAt: at, Version: 1}
	if response == nil {
		c.Origin, c.OpenedByID = model.OriginManual, &w.ann.ID
	} else {
		c.ResponseID = &response.ID
		c.CopyResponse(response)
	}
	c.CopyCustomer(customer)
	if change != nil {
		change(c)
	}
	w.must(w.db.Tx(w.t.Context(), func(tx *gorm.DB) error {
		if err := tx.Omit(clause.Associations).Create(c).Error; err != nil {
			return err
		}
		_, err := event.Append(tx, event.Entry{Type: model.EventOpened, After: &model.Snapshot{Case: *c, Customer: *customer, Response: response}})
		return err
	}))
	return c
}

// logAssignment appends an assignment to the case's history. It does not change the case's assignee.
func (w *world) logAssignment(c *model.Case, to *model.User) {
	w.t.Helper()
	w.must(w.db.Tx(w.t.Context(), func(tx *gorm.DB) error {
		before := &model.Snapshot{Case: *c}
		c.Version++
		_, err := event.Append(tx, event.Entry{Type: model.EventAssigned, Assignee: &to.ID, Before: before, After: &model.Snapshot{Case: *c}})
		return err
	}))
}

func (w *world) note(on *model.Case, by *model.User, body string, at time.Time) *model.Note {
	w.t.Helper()
	n := &model.Note{ID: model.NoteID{UUID: model.NewUUID()}, CaseID: on.ID, AuthorID: by.ID, CreatedAt: at}
	n.Write(body)
	w.create(n)
	return n
}

// loadAll calls load for every item concurrently, as GraphQL resolves the fields of siblings.
func loadAll[T, R any](t testing.TB, list []T, load func(T) (R, error)) []R {
	t.Helper()
	results, errs := make([]R, len(list)), make([]error, len(list))
	var group sync.WaitGroup
	start := make(chan struct{})
	for i, x := range list {
		group.Go(func() {
			<-start
			results[i], errs[i] = load(x)
		})
	}
	close(start)
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return results
}

// fewestStatements runs call ten times and returns the statements of the run with the fewest. A loader collects the IDs
// that arrive within its wait, and on a busy machine some IDs arrive too late and cost a further statement.
func fewestStatements(counter *pgtest.Counter, call func()) (statements []string) {
	for try := range 10 {
		counter.Reset()
		call()
		if sent := counter.Statements(); try == 0 || len(sent) < len(statements) {
			statements = sent
		}
	}
	return statements
}

func caseFilter(t testing.TB, text string) *filter.Case { return parsed(t, text, new(filter.Case)) }

func responseFilter(t testing.TB, text string) *filter.Response {
	return parsed(t, text, new(filter.Response))
}

// parsed parses a filter from JSON, with numbers decoded as in a request.
func parsed[F interface{ UnmarshalGQL(any) error }](t testing.TB, text string, f F) F {
	t.Helper()
	v, err := filter.Decode(json.RawMessage(text))
	if err == nil {
		err = f.UnmarshalGQL(v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// joined selects an object with all its columns, and joins relations.
func joined(relations ...string) read.Selection {
	s := read.Selection{"everything": nil} // is no field, so all columns are read
	for _, field := range relations {
		s[field] = nil
	}
	return s
}

func number(n int) *int     { return &n }
func pointer[T any](v T) *T { return &v }
func names[T any](list []T, name func(T) string) string {
	text := ""
	for _, x := range list {
		text += name(x) + " "
	}
	return text
}

func is(err error, code fault.Code, argument string) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Code == code && f.Argument == argument
}

func failed[T any](_ T, err error) error { return err }
