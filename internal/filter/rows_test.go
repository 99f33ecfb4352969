package filter

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

// rows is a database of made-up rows, and the same rows in Go as snapshots hold them.
type rows struct {
	db        *gorm.DB
	users     []model.UserID
	ids       map[string][]string
	customers []model.Customer
	responses []*Subject
	cases     []*Subject
}

// newRows writes rows as the writers do, copies and folded columns with them, and reads them back.
func newRows(t testing.TB, r *rand.Rand) *rows {
	t.Helper()
	made := &rows{db: pgtest.New(t).Gorm, ids: map[string][]string{
		"cus": {model.CustomerID{UUID: model.NewUUID()}.String()}, "res": {model.ResponseID{UUID: model.NewUUID()}.String()},
		"cas": {model.CaseID{UUID: model.NewUUID()}.String()}, "usr": {model.UserID{UUID: model.NewUUID()}.String()},
		"rul": {model.RuleID{UUID: model.NewUUID()}.String()},
	}}
	create := func(row any) {
		t.Helper()
		if err := made.db.Omit(clause.Associations).Create(row).Error; err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"Ann", "Bob", "Cyd"} {
		u := model.User{ID: model.UserID{UUID: model.NewUUID()}, Name: name, Email: name + "@example.com", Role: model.Agent, Active: true, CreatedAt: moment}
		u.Fold()
		create(&u)
		made.users = append(made.users, u.ID)
		made.ids["usr"] = append(made.ids["usr"], u.ID.String())
	}
	rules := make([]model.RuleID, 4)
	for i := range rules {
		rules[i].UUID = model.NewUUID()
		create(&model.Rule{ID: rules[i], Name: "rule", Position: i + 1, Scores: []int{}, Strategy: model.Unassigned, CreatedAt: moment, UpdatedAt: moment})
		made.ids["rul"] = append(made.ids["rul"], rules[i].String())
	}
	for range 40 {
		c := model.Customer{ID: model.CustomerID{UUID: model.NewUUID()}, Company: maybe(r, texts), Country: maybe(r, countries),
			Segment: maybe(r, texts), Attributes: map[string]string{}, CreatedAt: moments[r.IntN(len(moments))]}
		c.Fold()
		create(&c)
		made.customers = append(made.customers, c)
		made.ids["cus"] = append(made.ids["cus"], c.ID.String())
	}
	var responses []model.Response
	for range 60 {
		of := made.customers[r.IntN(len(made.customers))]
		x := model.Response{ID: model.ResponseID{UUID: model.NewUUID()}, CustomerID: of.ID, Score: r.IntN(11), ContactRequested: r.IntN(2) == 0,
			Drivers: []string{}, Attributes: map[string]string{}, RespondedAt: moments[r.IntN(len(moments))], ReceivedAt: moment}
		x.CopyCustomer(&of)
		create(&x)
		responses = append(responses, x)
		made.ids["res"] = append(made.ids["res"], x.ID.String())
		made.responses = append(made.responses, &Subject{Response: &x, Customer: &of})
	}
	for i := range 80 {
		var about *model.Response
		of := made.customers[r.IntN(len(made.customers))]
		if i < 45 {
			about = &responses[i]
			of = *made.responses[i].Customer
		}
		c := made.newCase(r, of, about)
		if i%10 == 0 { // waits for its follow-up, which is due just now, or just before or after
			c.Status, c.ClosedAt, c.FirstFollowUpAt, c.DueAt = model.Open, nil, nil, &moments[i/10%3]
		}
		create(c)
		snapshot := &model.Snapshot{Customer: of, Response: about}
		for ordinal, rule := range rules {
			if r.IntN(3) == 0 {
				exec(t, made.db, "INSERT INTO case_rules VALUES (?, ?, ?)", c.ID, rule, ordinal)
				snapshot.RuleIDs = append(snapshot.RuleIDs, rule)
			}
		}
		if err := made.db.Take(&snapshot.Case, "id = ?", c.ID).Error; err != nil {
			t.Fatal(err)
		}
		made.ids["cas"] = append(made.ids["cas"], c.ID.String())
		made.cases = append(made.cases, Of(roundTrip(t, snapshot), moment))
	}
	return made
}

func (made *rows) newCase(r *rand.Rand, of model.Customer, about *model.Response) *model.Case {
	at := func() int { return r.IntN(len(moments)) }
	c := &model.Case{ID: model.CaseID{UUID: model.NewUUID()}, Origin: model.OriginRule, CustomerID: of.ID,
		Status:   []model.CaseStatus{model.Open, model.InProgress, model.Closed}[r.IntN(3)],
		OpenedAt: moments[at()], UpdatedAt: moments[at()], DueAt: maybe(r, moments), FirstFollowUpAt: maybe(r, moments), Version: 1 + r.IntN(5)}
	if c.Status == model.Closed {
		c.ClosedAt = &moments[at()]
	}
	if r.IntN(2) == 0 {
		c.AssigneeID, c.AssignedAt = &made.users[r.IntN(len(made.users))], &moments[at()]
	}
	if about == nil {
		c.Origin, c.OpenedByID = model.OriginManual, &made.users[0]
	} else {
		c.ResponseID = &about.ID
		c.CopyResponse(about)
	}
	c.CopyCustomer(&of)
	return c
}

// roundTrip is what the log keeps: Match must not look at what a snapshot leaves out.
func roundTrip(t testing.TB, s *model.Snapshot) *model.Snapshot {
	t.Helper()
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	back := new(model.Snapshot)
	if err := json.Unmarshal(raw, back); err != nil {
		t.Fatal(err)
	}
	return back
}

func maybe[T any](r *rand.Rand, from []T) *T {
	if r.IntN(4) == 0 {
		return nil
	}
	return &from[r.IntN(len(from))]
}

func exec(t testing.TB, db *gorm.DB, sql string, vars ...any) {
	t.Helper()
	if err := db.Exec(sql, vars...).Error; err != nil {
		t.Fatal(err)
	}
}
