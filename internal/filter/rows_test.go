package filter

import (
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"strconv"
	"testing"

	"github.com/shopspring/decimal"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

// rows is a database of random rows, and the same rows in Go as snapshots contain them.
type rows struct {
	db        *gorm.DB
	byTable   *gorm.DB // reads tables from end to end
	byIndex   *gorm.DB // reads what an index finds, wherever there is one
	queries   int
	corpus    []string
	users     []model.UserID
	ids       map[string][]string
	customers []model.Customer
	responses []*Subject
	cases     []*Subject
}

// newRows writes rows with their copies and folded columns, as production code does, and reads them back.
func newRows(t testing.TB, r *rand.Rand) *rows {
	t.Helper()
	db := pgtest.New(t)
	made := &rows{db: db.Gorm, ids: map[string][]string{
		"cus": {model.CustomerID{UUID: model.NewUUID()}.String()}, "res": {model.ResponseID{UUID: model.NewUUID()}.String()},
		"cas": {model.CaseID{UUID: model.NewUUID()}.String()}, "usr": {model.UserID{UUID: model.NewUUID()}.String()},
		"rul": {model.RuleID{UUID: model.NewUUID()}.String()}, "thm": {model.ThemeID{UUID: model.NewUUID()}.String()},
	}}
	made.byTable, made.byIndex = without(t, db, "enable_indexscan", "enable_bitmapscan"), without(t, db, "enable_seqscan")
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
	themes := made.newThemes(r, create)
	taken := map[string]bool{} // external ids
	for range 40 {
		c := model.Customer{ID: model.CustomerID{UUID: model.NewUUID()}, ExternalID: made.unique(r, taken), Email: made.text(r), FirstName: made.text(r),
			LastName: made.text(r), Phone: made.text(r), Company: made.text(r), Country: maybe(r, countries), Segment: made.text(r),
			AccountManagerEmail: made.text(r), AgentEmail: made.text(r), Attributes: made.attributes(r), LastContactedAt: maybe(r, moments),
			NextSurveyAt: maybe(r, moments), CreatedAt: moments[r.IntN(len(moments))]}
		if text := maybe(r, decimals); text != nil {
			c.LifetimeValue = new(decimal.RequireFromString(*text))
		}
		row := c.Row()
		create(row)
		made.customers = append(made.customers, row.Customer)
		made.ids["cus"] = append(made.ids["cus"], c.ID.String())
	}
	taken = map[string]bool{}
	var responses []model.Response
	for range 60 {
		of := made.customers[r.IntN(len(made.customers))]
		x := model.Response{ID: model.ResponseID{UUID: model.NewUUID()}, ExternalID: made.unique(r, taken), CustomerID: of.ID, Survey: made.text(r),
			Score: r.IntN(11), Comment: made.text(r), ContactRequested: r.IntN(2) == 0, QuoteConsent: maybe(r, []bool{true, false}),
			TestimonialLikelihood: maybe(r, likelihoods), Drivers: []string{}, Attributes: made.attributes(r), RespondedAt: moments[r.IntN(len(moments))],
			ReceivedAt: moments[r.IntN(len(moments))], ContactStatus: model.ContactStatus(contactStatuses[r.IntN(3)])}
		for range r.IntN(4) {
			if text := made.text(r); text != nil {
				x.Drivers = append(x.Drivers, *text)
			}
		}
		x.CopyCustomer(&of)
		create(x.Row())
		if texts := x.Texts(); texts != nil {
			create(texts)
		}
		responses = append(responses, x)
		made.ids["res"] = append(made.ids["res"], x.ID.String())
		made.responses = append(made.responses, &Subject{Response: &x, Customer: &of, Themes: made.tag(r, &x, themes, create)})
	}
	for i := range 80 {
		var about *model.Response
		var tags []model.Theme
		of := made.customers[r.IntN(len(made.customers))]
		if i < 45 {
			about, tags = &responses[i], made.responses[i].Themes
			of = *made.responses[i].Customer
		}
		c := made.newCase(r, of, about)
		if i%10 == 0 { // without a follow-up; due now, or a microsecond before or after
			c.Status, c.ClosedAt, c.FirstFollowUpAt, c.DueAt = model.Open, nil, nil, &moments[i/10%3]
		}
		create(c)
		snapshot := &model.Snapshot{Customer: of, Response: about, Themes: tags, Outreaches: made.outreaches(t, r, c.ID)}
		for ordinal, rule := range rules {
			if r.IntN(3) == 0 {
				exec(t, made.db, "INSERT INTO case_rules VALUES (?, ?, ?)", c.ID, rule, ordinal)
				snapshot.RuleIDs = append(snapshot.RuleIDs, rule)
			}
		}
		for _, system := range systems {
			if r.IntN(4) == 0 {
				ref := model.ExternalRef{CaseID: c.ID, System: system, ExternalID: externals[r.IntN(len(externals))]}
				create(&ref)
				snapshot.ExternalRefs = append(snapshot.ExternalRefs, ref)
			}
		}
		if err := made.db.Take(&snapshot.Case, "id = ?", c.ID).Error; err != nil {
			t.Fatal(err)
		}
		made.ids["cas"] = append(made.ids["cas"], c.ID.String())
		stored := roundTrip(t, snapshot)
		made.cases = append(made.cases, Of(stored, moment))
		if about != nil {
			made.responses[i].Case = &stored.Case
		}
	}
	return made
}

// text is a row's text, or nil.
func (made *rows) text(r *rand.Rand) *string {
	if len(made.corpus) < 30 {
		made.corpus = append(made.corpus, composed(r))
	}
	if r.IntN(4) == 0 {
		return maybe(r, texts)
	}
	return maybe(r, made.corpus)
}

// unique is a text that no other row has. Folded, two rows may have the same text.
func (made *rows) unique(r *rand.Rand, taken map[string]bool) *string {
	text := made.text(r)
	if text == nil || taken[*text] {
		return nil
	}
	taken[*text] = true
	return text
}

func (made *rows) attributes(r *rand.Rand) map[string]string {
	m := map[string]string{}
	for _, key := range keysOfAttributes {
		if r.IntN(2) == 0 {
			if text := made.text(r); text != nil {
				m[key] = *text
			}
		}
	}
	if r.IntN(4) == 0 {
		clear(m)
	}
	return m
}

// newThemes creates themes, of which every fourth is deleted.
func (made *rows) newThemes(r *rand.Rand, create func(any)) []model.Theme {
	themes := make([]model.Theme, 8)
	for i := range themes {
		themes[i] = model.Theme{ID: model.ThemeID{UUID: model.NewUUID()}, Name: "theme", NameFold: strconv.Itoa(i), Keywords: model.Strings{},
			Effort: model.Effort(efforts[r.IntN(3)]), CreatedAt: moment, UpdatedAt: moment}
		if i%4 == 0 {
			themes[i].DeletedAt = &moment
		}
		create(&themes[i])
		made.ids["thm"] = append(made.ids["thm"], themes[i].ID.String())
	}
	return themes
}

// tag gives a response some themes, and returns the themes that are not deleted.
func (made *rows) tag(r *rand.Rand, x *model.Response, themes []model.Theme, create func(any)) (tags []model.Theme) {
	if r.IntN(4) == 0 {
		return nil
	}
	for _, t := range themes {
		if r.IntN(3) == 0 {
			create(&model.Tag{ResponseID: x.ID, ThemeID: t.ID})
			if t.DeletedAt == nil {
				tags = append(tags, t)
			}
		}
	}
	return tags
}

// outreaches writes outreaches into the case's log.
func (made *rows) outreaches(t testing.TB, r *rand.Rand, id model.CaseID) (list []model.Outreach) {
	for i := range r.IntN(4) {
		o := model.Outreach{Channel: model.OutreachChannel(channels[r.IntN(len(channels))]), Outcome: model.OutreachOutcome(outcomes[r.IntN(len(outcomes))])}
		if text := maybe(r, offers); text != nil {
			o.Offer = new(model.OutreachOffer(*text))
		}
		note := model.NewUUID()
		exec(t, made.db, "INSERT INTO notes (id, case_id, author_id, body, body_fold, created_at) VALUES (?, ?, ?, 'Called.', 'called.', ?)", note, id, made.users[0], moment)
		exec(t, made.db, `INSERT INTO case_events (id, case_id, version, type, at, note_id, channel, offer, outcome, snapshot, before)
			VALUES (?, ?, ?, 'OUTREACH_RECORDED', ?, ?, ?, ?, ?, '{}', '{}')`, model.NewUUID(), id, 10+i, moment, note, o.Channel, o.Offer, o.Outcome)
		list = append(list, o)
	}
	return list
}

// without is the same database with the planner settings (ways) off.
func without(t testing.TB, db *pg.DB, ways ...string) *gorm.DB {
	t.Helper()
	at, err := url.Parse(pgtest.URL(t, db))
	if err != nil {
		t.Fatal(err)
	}
	settings := at.Query()
	for _, way := range ways {
		settings.Set(way, "off")
	}
	at.RawQuery = settings.Encode()
	limited, err := pg.Connect(t.Context(), at.String(), pg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := limited.Close(); err != nil {
			t.Error(err)
		}
	})
	return limited.Gorm
}

func (made *rows) newCase(r *rand.Rand, of model.Customer, about *model.Response) *model.Case {
	at := func() int { return r.IntN(len(moments)) }
	c := &model.Case{ID: model.CaseID{UUID: model.NewUUID()}, Origin: model.OriginRule, CustomerID: of.ID,
		Status:   []model.CaseStatus{model.Open, model.InProgress, model.Closed}[r.IntN(3)],
		OpenedAt: moments[at()], UpdatedAt: moments[at()], DueAt: maybe(r, moments), FirstFollowUpAt: maybe(r, moments), FirstContactAt: maybe(r, moments), Version: 1 + r.IntN(5)}
	if c.Status == model.Closed {
		c.ClosedAt = &moments[at()]
	}
	if r.IntN(2) == 0 {
		c.AssigneeID, c.AssignedAt = &made.users[r.IntN(len(made.users))], &moments[at()]
	}
	if about == nil {
		c.Origin, c.OpenedByID = model.OriginManual, &made.users[0]
	} else {
		if r.IntN(3) == 0 {
			c.Origin, c.OpenedByID = model.OriginAllocation, &made.users[0]
		}
		c.ResponseID = &about.ID
		c.CopyResponse(about)
	}
	c.CopyCustomer(&of)
	return c
}

// roundTrip is the snapshot as the log stores it: Match must not read a field that a stored snapshot lacks.
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
