package intake_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/privacy"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

// twin is one of two worlds with the same users, rules and themes.
type twin struct{ *world }

func newTwin(t *testing.T) *twin {
	t.Helper()
	w := newWorld(t)
	am, ag := w.User("am@care.example", model.Manager), w.User("agent@care.example", model.Agent)
	inactive := w.User("gone@care.example", model.Agent, worktest.Inactive)
	assignees := []*model.User{w.User("a@care.example", model.Agent), inactive, w.User("b@care.example", model.Agent), w.User("c@care.example", model.Agent)}
	late, crew := w.Theme("Late", "late", "delay*"), w.Theme("Crew", "crew", "cabin crew")
	w.Must(`UPDATE settings SET central_addresses = '["desk@care.example", "Am@care.example"]'`)
	recipients := func(kinds ...model.RecipientKind) (list []model.Recipient) {
		for _, k := range kinds {
			r := model.Recipient{Kind: k}
			switch k {
			case model.RecipientAddress:
				r.Address = new("Boss@Care.Example")
			case model.RecipientUser:
				r.UserID = &inactive.ID
			}
			list = append(list, r)
		}
		return list
	}
	filtered := func(r *model.Rule, filter string, args ...any) {
		r.Filter = json.RawMessage(fmt.Sprintf(filter, args...))
	}
	w.Rule("theme", func(r *model.Rule) {
		filtered(r, `{"themes":{"any":[%q]}}`, late.ID.String())
		r.OpensCase, r.Recipients = false, recipients(model.RecipientCentral, model.RecipientAssignee)
	})
	w.Rule("times", func(r *model.Rule) {
		filtered(r, `{"or":[{"respondedAt":{"withinLast":"PT10M"},"customer":{"country":{"in":["DE","FR"]}}},{"customer":{"lastContactedAt":{"withinLast":"P30D"}}}]}`)
		r.OpensCase, r.Recipients = false, recipients(model.RecipientAccountManager, model.RecipientAgent)
	})
	for i, strategy := range []model.AssignmentStrategy{model.RoundRobin, model.LeastBusy} {
		r := w.Rule(string(strategy), func(r *model.Rule) {
			r.Strategy, r.Scores, r.Recipients = strategy, []int{2 * i, 2*i + 1}, recipients(model.RecipientAssignee)
			r.FollowUpTarget = new(model.Duration(48 * time.Hour))
		})
		for n, u := range assignees {
			w.Create(&model.Assignee{RuleID: r.ID, Ordinal: n, UserID: u.ID})
		}
	}
	w.Rule("user", func(r *model.Rule) {
		r.Strategy, r.UserID, r.Scores, r.Recipients = model.ToUser, &ag.ID, []int{4, 8}, recipients(model.RecipientAddress, model.RecipientUser)
		r.Calendar, r.FollowUpTarget = worktest.Office("Europe/Berlin"), new(model.Duration(16*time.Hour))
		r.Escalations = []model.Escalation{{After: model.Duration(8 * time.Hour), Notify: recipients(model.RecipientCentral)}, {After: model.Duration(20 * time.Hour)}}
	})
	w.Rule("account manager", func(r *model.Rule) {
		r.Strategy, r.FallbackUserID, r.Scores = model.ToAccountManager, &am.ID, []int{5}
		filtered(r, `{"or":[{"customer":{"segment":{"eq":"gold"}}},{"themes":{"any":[%q]}}]}`, crew.ID.String())
	})
	w.Rule("agent", func(r *model.Rule) {
		r.Strategy, r.ContactRequested, r.Calendar = model.ToAgent, new(true), worktest.Office("Europe/Berlin")
	})
	w.Rule("nobody", func(r *model.Rule) { r.Scores = []int{0, 5, 7} })
	w.Rule("off", func(r *model.Rule) { r.Enabled = false })
	return &twin{w}
}

// submitOne submits one response with Submit, or with SubmitAll if it has a name key, which Submit does not take.
func (w *twin) submitOne(s intake.Submission) intake.Outcome {
	w.T.Helper()
	if s.NameKey != "" {
		outcomes, err := intake.New(w.Work).SubmitAll(w.T.Context(), w.Agent, []intake.Submission{s}, intake.SubmitOptions{})
		if err != nil {
			w.T.Fatal(err)
		}
		return outcomes[0]
	}
	out, err := intake.New(w.Work).Submit(w.T.Context(), w.Agent, s.SubmitResponseInput)
	return intake.Outcome{SubmitResponsePayload: out, Fault: err}
}

// act does a random action to a case and erases a random customer, as users do between two batches.
func (w *twin) act(random *rand.Rand) {
	w.T.Helper()
	ctx := w.T.Context()
	pick := func(table string, into any) bool {
		err := w.DB.Pool.QueryRow(ctx, "SELECT id FROM "+table+" ORDER BY number OFFSET $1 % greatest(1, (SELECT count(*) FROM "+table+")) LIMIT 1",
			random.IntN(1_000_000)).Scan(into)
		return err == nil
	}
	var c model.CaseID
	if pick("cases", &c) {
		in := casework.UpdateCaseStatusInput{CaseID: c, Status: []model.CaseStatus{model.InProgress, model.Closed}[random.IntN(2)], Note: "Called them."}
		if random.IntN(2) == 0 {
			in.Outreach = &casework.OutreachInput{Channel: "PHONE", Outcome: "REACHED"}
		}
		_, err := w.Work.UpdateCaseStatus(ctx, w.Agent, in)
		var expected *fault.Error // the status may be the current one
		if err != nil && !errors.As(err, &expected) {
			w.T.Fatal(err)
		}
	}
	var id model.CustomerID
	if pick("customers", &id) {
		if _, err := privacy.New(w.DB, w.Work).EraseCustomer(ctx, auth.Viewer{User: w.Agent.User}, privacy.EraseCustomerInput{CustomerID: id}); err != nil {
			w.T.Fatal(err)
		}
	}
}

// anyResponse returns a random response of one of a few customers, who are identified by id, by address, by name, or by id
// and address. Some responses are up to two hours old, some are repeated, and some are invalid.
func anyResponse(random *rand.Rand, i, n int, now time.Time) intake.Submission {
	person := min(random.IntN(1+n/8), random.IntN(1+n/4)) // some customers respond often
	maybe := func(values ...string) graphql.Omittable[*string] {
		switch i := random.IntN(len(values) + 6); {
		case i < len(values):
			return worktest.Given(values[i])
		case i == len(values):
			return worktest.Null[string]()
		}
		return graphql.Omittable[*string]{}
	}
	responded := now.Add(-time.Duration(random.IntN(7200)) * time.Second)
	s := intake.Submission{SubmitResponseInput: intake.SubmitResponseInput{
		Score: random.IntN(11), RespondedAt: &responded, ContactRequested: new(random.IntN(8) == 0),
		Customer: &customer.CustomerInput{
			FirstName: maybe("Ana", "Bo"), Company: maybe("ACME", "Acme", "Straße"), Country: maybe("BR", "DE", "FR"), Segment: maybe("gold", "GOLD", "silver"),
			AccountManagerEmail: maybe("AM@care.example", "nobody@care.example"), AgentEmail: maybe("agent@care.example", "gone@care.example"),
		},
	}}
	in := s.Customer
	id, address := fmt.Sprintf("c-%d", person), fmt.Sprintf("C%d@x.example", person)
	switch random.IntN(10) {
	case 0: // no identity
	case 1:
		s.NameKey = fmt.Sprintf("name %d\x1fDE", person)
		in.LastName = worktest.Given(fmt.Sprint("Name ", person))
	case 2, 3, 4:
		in.ExternalID = &id
	case 5, 6, 7:
		in.Email = worktest.Given(address)
	case 8:
		in.ExternalID, in.Email = &id, worktest.Given(address)
	case 9: // customers share an address, or change theirs
		in.Email = worktest.Given(fmt.Sprintf("shared-%d@x.example", person%(1+n/100)))
		if random.IntN(2) == 0 {
			in.ExternalID = &id
		}
	}
	if random.IntN(5) == 0 { // customers share a number, or change theirs
		in.Phone = worktest.Given(fmt.Sprintf("+49 30 %d", 100_000+min(person, random.IntN(1+n/40))))
	}
	if random.IntN(40) == 0 {
		in.Email = worktest.Null[string]()
	}
	if random.IntN(6) == 0 {
		value := decimal.New(int64(random.IntN(50_000)), -2)
		in.LifetimeValue = graphql.OmittableOf(&value)
	}
	for k := range random.IntN(3) {
		s.Drivers = append(s.Drivers, []string{"Crew", `A "b" \c, {d}`}[k])
		s.Attributes = append(s.Attributes, &customer.AttributeInput{Key: fmt.Sprint(k), Value: "Straße\t\\N\n\""})
	}
	if random.IntN(8) == 0 {
		in.Attributes = []*customer.AttributeInput{{Key: "Plan", Value: fmt.Sprint("GOLD ", random.IntN(3))}}
	}
	s.Comment = []*string{nil, nil, new("Too LATE, and delayed again"), new("The cabin crew was kind"), new("Ὀδυσσεύς"), new(" ")}[random.IntN(6)]
	s.Survey = []*string{nil, new("Relationship"), new("FLIGHT")}[random.IntN(3)]
	if random.IntN(3) == 0 {
		s.QuoteConsent, s.TestimonialLikelihood = new(random.IntN(2) == 0), new(float64(random.IntN(5))/4)
	}
	switch random.IntN(4) {
	case 0:
	case 1:
		s.ExternalID = new(fmt.Sprint("r-", random.IntN(1+i))) // may revise an earlier response
		if random.IntN(3) > 0 {
			s.OnConflict = new(intake.OnConflictUpdate)
		}
	case 2: // may complete an earlier response of the customer, or correct its score
		own := rand.New(rand.NewPCG(7, uint64(random.IntN(1+i))))
		s.ExternalID, s.Survey, s.Score = new(fmt.Sprint("s-", own.Uint64())), nil, own.IntN(11)
		in.ExternalID, in.Email, s.NameKey = new(fmt.Sprintf("c-%d", own.IntN(1+n/8))), graphql.Omittable[*string]{}, ""
		if random.IntN(3) == 0 {
			s.Score, s.OnConflict = random.IntN(11), new(intake.OnConflictUpdate)
		}
	default:
		s.ExternalID = new(fmt.Sprint("r-", i))
	}
	switch random.IntN(60) {
	case 0:
		s.Score = 11
	case 1:
		in.Email = worktest.Given("nonsense")
	}
	return s
}

// describe returns the caller's result as text without the ids, which differ between the two worlds.
func describe(o intake.Outcome) string {
	if o.SubmitResponsePayload == nil {
		return strings.ReplaceAll(fmt.Sprint(o.Fault), "input.", "")
	}
	r := *o.Response
	text := fmt.Sprint("created ", o.Created, ", changed ", o.Changed, ", score ", r.Score, r.Category, r.ContactStatus, ", at ", r.RespondedAt, r.ReceivedAt, ", drivers ", r.Drivers, len(r.Attributes))
	if c := o.Case; c != nil {
		text += fmt.Sprint(", case ", c.Number, c.Status, c.Version, c.AssigneeID != nil, c.DueAt, c.UpdatedAt)
	}
	return text
}

// tables returns the rows of all tables by name, except tables of random values and of the queue and the migrations. Each
// id is replaced by its rank in its table, so that two databases can be compared.
func (w *twin) tables() map[string][]string {
	w.T.Helper()
	list := func(sql string) []string {
		rows, err := w.DB.Pool.Query(w.T.Context(), sql)
		if err != nil {
			w.T.Fatalf("%s: %v", sql, err)
		}
		texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			w.T.Fatalf("%s: %v", sql, err)
		}
		return texts
	}
	names := list(`SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'
		AND table_name NOT LIKE 'river%' AND table_name NOT LIKE 'goose%' AND table_name NOT IN ('changed_hours', 'configuration', 'erasure_key', 'erased_response_ids', 'feed_epochs')`)
	ids := map[string]string{}
	for _, name := range list(`SELECT table_name::text FROM information_schema.columns WHERE table_schema = current_schema() AND column_name = 'id' AND data_type = 'uuid'`) {
		for i, id := range list("SELECT id::text FROM " + name + " ORDER BY id") {
			ids[id] = fmt.Sprint(name, " ", i)
			ids[strings.ReplaceAll(id, "-", "")] = ids[id]
		}
	}
	tables := map[string][]string{}
	add := func(name, sql string) {
		rows := list(sql)
		for i, row := range rows {
			rows[i] = anyID.ReplaceAllStringFunc(row, func(id string) string {
				if rank := ids[id]; rank != "" {
					return rank
				}
				return id
			})
		}
		slices.Sort(rows)
		tables[name] = rows
	}
	for _, name := range names {
		row := "to_jsonb(t)"
		if name == "audit_events" {
			row += " - 'at'" // the audit has the time of the machine, not of the test's clock
		}
		add(name, "SELECT ("+row+")::text FROM "+pgx.Identifier{name}.Sanitize()+" t")
	}
	add("the queue", "SELECT kind || args::text FROM river_job")
	add("the changed hours", "SELECT DISTINCT hour::text FROM changed_hours")
	return tables
}

var anyID = regexp.MustCompile(`[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}`)

func compareTables(t *testing.T, a, b map[string][]string) {
	t.Helper()
	if len(a) != len(b) || len(a) < 20 {
		t.Errorf("want the same number of tables, at least 20; got %d and %d", len(a), len(b))
	}
	for name, rows := range a {
		if slices.Equal(rows, b[name]) {
			continue
		}
		t.Errorf("%s: %d rows from single responses, %d from batches", name, len(rows), len(b[name]))
		for i, row := range rows {
			if i >= len(b[name]) || row != b[name][i] {
				other := "no row"
				if i < len(b[name]) {
					other = b[name][i]
				}
				t.Errorf("first difference:\nsingle  %s\nbatched %s", row, other)
				break
			}
		}
	}
}
