package report_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

// now is finer than PostgreSQL's microseconds, as a real clock's time is.
var now = time.Date(2026, 3, 1, 9, 30, 0, 123456789, time.UTC)

// rows holds random customers, responses and cases, which are stored in the database as well.
type rows struct {
	t         *testing.T
	r         *rand.Rand
	pg        *pg.DB
	db        *gorm.DB
	log       *event.Log
	users     []*model.User
	rules     []*model.Rule
	themes    []*model.Theme
	tagged    map[model.ResponseID][]*model.Theme // without deleted themes
	customers []*model.Customer
	responded []*filter.Subject // responses
	all       []*filter.Subject // cases

	status model.CaseStatus // of the cases that addCase makes; empty means a random status
}

func newRows(t *testing.T, n int) *rows {
	t.Helper()
	db := pgtest.New(t)
	made := &rows{t: t, pg: db, db: db.Gorm, log: event.New(db, slog.New(slog.DiscardHandler)), tagged: map[model.ResponseID][]*model.Theme{}}
	t.Cleanup(made.log.Close)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	made.r = rand.New(rand.NewPCG(seed, 0))
	for _, name := range []string{"Ann", "Bob"} {
		u := &model.User{ID: model.UserID{UUID: model.NewUUID()}, Name: name, Email: name + "@example.com", Role: model.Agent, Active: true, CreatedAt: now}
		u.Fold()
		made.create(u)
		made.users = append(made.users, u)
	}
	for i, name := range []string{"Seats", "Food", "Fees", "Gone"} {
		theme := &model.Theme{ID: model.ThemeID{UUID: model.NewUUID()}, Name: name, NameFold: model.Fold(name), Keywords: model.Strings{},
			Effort: []model.Effort{model.Easy, model.Medium, model.Hard}[i%3], CreatedAt: now, UpdatedAt: now}
		if name == "Gone" {
			theme.DeletedAt = &now
		}
		made.create(theme)
		made.themes = append(made.themes, theme)
		rule := &model.Rule{ID: model.RuleID{UUID: model.NewUUID()}, Name: "Rule " + name, Enabled: true, Position: i + 1, Scores: []int{},
			OpensCase: true, Strategy: model.Unassigned, CreatedAt: now, UpdatedAt: now}
		made.create(rule)
		made.rules = append(made.rules, rule)
	}
	for range n/4 + 1 {
		made.addCustomer()
	}
	for range n {
		made.addCase()
	}
	return made
}

func (made *rows) create(row any) {
	made.t.Helper()
	if err := made.db.Omit(clause.Associations).Create(row).Error; err != nil {
		made.t.Fatal(err)
	}
}

func maybe[T any](r *rand.Rand, values ...T) *T {
	if r.IntN(5) == 0 {
		return nil
	}
	return &values[r.IntN(len(values))]
}

// randomTime returns now, or a time that is microseconds, hours or months away from now.
func (made *rows) randomTime() *time.Time {
	t := now.Truncate(time.Microsecond).Add([]time.Duration{0, time.Microsecond, -time.Microsecond, time.Hour, -time.Hour, -48 * time.Hour,
		-time.Duration(made.r.IntN(200*24)) * time.Hour}[made.r.IntN(7)])
	return &t
}

func (made *rows) addCustomer() {
	made.t.Helper()
	c := &model.Customer{ID: model.CustomerID{UUID: model.NewUUID()}, Country: maybe(made.r, "DE", "BR", "TR"), Segment: maybe(made.r, "Economy", "Straße", "First"),
		Company: maybe(made.r, "Acme", "Élan", "Ümit & Söhne"), Attributes: map[string]string{}, CreatedAt: now}
	if value := maybe(made.r, made.r.IntN(100000)); value != nil {
		exact := decimal.New(int64(*value), -2)
		c.LifetimeValue = &exact
	}
	c.Fold()
	made.create(c.Row())
	made.customers = append(made.customers, c)
}

func (made *rows) addResponse(customer *model.Customer) *filter.Subject {
	made.t.Helper()
	about := &model.Response{ID: model.ResponseID{UUID: model.NewUUID()}, CustomerID: customer.ID, Score: made.r.IntN(11), Drivers: []string{},
		Survey: maybe(made.r, "Cabin", "Ground"), Comment: maybe(made.r, "Fine.", "Narrow seats."), Attributes: map[string]string{}, RespondedAt: *made.randomTime(), ReceivedAt: now}
	for _, driver := range []string{"Price", "Staff", "straße"} {
		if made.r.IntN(3) == 0 {
			about.Drivers = append(about.Drivers, driver)
		}
	}
	about.CopyCustomer(customer)
	made.create(about.Row())
	if texts := about.Texts(); texts != nil {
		made.create(texts)
	}
	x := &filter.Subject{Response: about, Customer: customer, Now: now}
	for _, theme := range made.themes {
		if made.r.IntN(4) > 0 {
			continue
		}
		made.create(&model.Tag{ResponseID: about.ID, ThemeID: theme.ID})
		if theme.DeletedAt == nil {
			made.tagged[about.ID] = append(made.tagged[about.ID], theme)
			x.Themes = append(x.Themes, *theme)
		}
	}
	made.responded = append(made.responded, x)
	return x
}

// addCase makes a random case: with or without a response, a target near now, a follow-up, an assignee and a closing.
func (made *rows) addCase() {
	made.t.Helper()
	r := made.r
	customer := made.customers[r.IntN(len(made.customers))]
	c := &model.Case{ID: model.CaseID{UUID: model.NewUUID()}, Status: []model.CaseStatus{model.Open, model.Open, model.InProgress, model.Closed}[r.IntN(4)],
		Origin: model.OriginRule, CustomerID: customer.ID, OpenedAt: *made.randomTime(), UpdatedAt: *made.randomTime(), Version: 1}
	if made.status != "" {
		c.Status = made.status
	}
	c.CopyCustomer(customer)
	if c.Status == model.Closed {
		c.ClosedAt = made.randomTime()
	}
	if r.IntN(4) > 0 {
		c.DueAt = made.randomTime()
	}
	if r.IntN(3) == 0 {
		c.FirstFollowUpAt = made.randomTime()
	}
	if r.IntN(3) == 0 {
		c.FirstContactAt = made.randomTime()
	}
	if r.IntN(2) == 0 {
		c.AssigneeID, c.AssignedAt = &made.users[r.IntN(2)].ID, made.randomTime()
	}
	x := &filter.Subject{Case: c, Customer: customer, Now: now}
	if r.IntN(3) > 0 {
		answer := made.addResponse(customer)
		x.Response, x.Themes, answer.Case = answer.Response, answer.Themes, c
		c.ResponseID = &answer.Response.ID
		c.CopyResponse(answer.Response)
	}
	made.create(c)
	for i, rule := range made.rules {
		if r.IntN(4) == 0 {
			made.db.Exec("INSERT INTO case_rules (case_id, rule_id, ordinal) VALUES (?, ?, ?)", c.ID, rule.ID, i)
			x.RuleIDs = append(x.RuleIDs, rule.ID)
		}
	}
	made.all = append(made.all, x)
}

// cases parses a CaseFilter. An empty text means no filter.
func (made *rows) cases(text string) *filter.Case {
	made.t.Helper()
	if text == "" {
		return nil
	}
	f := new(filter.Case)
	made.parse(text, f.UnmarshalGQL)
	return f
}

// responses parses a ResponseFilter. An empty text means no filter.
func (made *rows) responses(text string) *filter.Response {
	made.t.Helper()
	if text == "" {
		return nil
	}
	f := new(filter.Response)
	made.parse(text, f.UnmarshalGQL)
	return f
}

func (made *rows) parse(text string, into func(any) error) {
	made.t.Helper()
	v, err := filter.Decode(json.RawMessage(text))
	if err == nil {
		err = into(v)
	}
	if err != nil {
		made.t.Fatal(fmt.Errorf("%s: %w", text, err))
	}
}
