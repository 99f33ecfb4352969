package passive_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/shopspring/decimal"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/passive"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

// passives submits n responses of passives, each with a higher lifetime value than the one before, between responses of
// detractors and promoters. It returns the passives by lifetime value, the highest first.
func (w *world) passives(n int) (list []*model.Response) {
	w.T.Helper()
	for i := range n {
		value := decimal.NewFromInt(int64(i))
		in := worktest.From(fmt.Sprint("p", i), 7+i%2)
		in.Customer.LifetimeValue = graphql.OmittableOf(&value)
		list = append([]*model.Response{w.Submit(in).Response}, list...)
		w.Submit(worktest.From(fmt.Sprint("d", i), i%7))
		w.Submit(worktest.From(fmt.Sprint("m", i), 9+i%2))
	}
	return list
}

func (w *world) allocate(in passive.AllocatePassivesInput) *passive.AllocatePassivesPayload {
	w.T.Helper()
	out, err := passive.NewAllocator(w.Work).Allocate(w.T.Context(), w.Agent, in)
	if err != nil {
		w.T.Fatal(err)
	}
	return out
}

func idsOf(users []*model.User) (ids []model.UserID) {
	for _, u := range users {
		ids = append(ids, u.ID)
	}
	return ids
}

func TestAllocatePassives(t *testing.T) {
	t.Parallel()
	t.Run("assigns a share in turn and continues in the next run", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		list, users := w.passives(25), w.Agents(3)
		w.Later(time.Minute)
		in := passive.AllocatePassivesInput{Percent: 20, UserIDs: idsOf(users), PrioritizeBy: []passive.Priority{passive.LifetimeValue}, Note: new("Thank them.")}
		out := w.allocate(in)
		if out.Considered != 25 || out.Allocated != 5 || len(out.Cases) != 5 {
			t.Fatalf("the payload is %+v", out)
		}
		for i, c := range out.Cases {
			stored := worktest.Read[model.Case](w.T, w.DB, c.ID)
			if *c.ResponseID != list[i].ID || *c.AssigneeID != users[i%3].ID || c.Origin != model.OriginAllocation || *c.OpenedByID != w.Agent.User.ID ||
				*c.AssignedByID != w.Agent.User.ID || c.DueAt != nil || stored.Version != 2 || *stored.AssigneeID != users[i%3].ID {
				t.Errorf("case %d is %+v", i, c)
			}
			events := w.Events(c.ID)
			if len(events) != 2 || events[0].Type != model.EventOpened || *events[0].ActorID != w.Agent.User.ID || events[1].Type != model.EventAssigned ||
				*events[1].ActorID != w.Agent.User.ID || worktest.Read[model.Note](w.T, w.DB, *events[1].NoteID).Body != "Thank them." {
				t.Errorf("the events of case %d are %+v", i, events)
			}
			w.CheckLog(c.ID)
		}
		mails := w.Mails()
		slices.Sort(mails)
		want := []string{"CASE_ASSIGNED " + users[0].Email, "CASE_ASSIGNED " + users[0].Email, "CASE_ASSIGNED " + users[1].Email, "CASE_ASSIGNED " + users[1].Email, "CASE_ASSIGNED " + users[2].Email}
		slices.Sort(want)
		if !slices.Equal(mails, want) {
			t.Errorf("the mails are %v, want %v", mails, want)
		}
		w.CheckJobs()
		if next := w.allocate(in); next.Considered != 20 || next.Allocated != 4 || *next.Cases[0].ResponseID != list[5].ID {
			t.Errorf("the second call returns %+v", next)
		}
		if n := w.Count("SELECT count(*) FROM cases WHERE category <> 'PASSIVE'"); n != 0 {
			t.Errorf("%d cases are of responses that are not passive, want 0", n)
		}
		// A tiny share is one row; 100 percent are all rows; then the queue is empty.
		for _, c := range []struct {
			percent               float64
			considered, allocated int
		}{{0.001, 16, 1}, {100, 15, 15}, {100, 0, 0}} {
			in.Percent = c.percent
			if out := w.allocate(in); out.Considered != c.considered || out.Allocated != c.allocated || len(out.Cases) != c.allocated {
				t.Errorf("with %v percent the payload is %+v", c.percent, out)
			}
		}
		w.recountQueue()
	})

	t.Run("takes unassigned open cases and leaves others", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		bo := w.User("bo@care.example", model.Agent)
		w.Rule("sevens", func(r *model.Rule) { r.Scores = []int{7} })
		opened := w.Submit(worktest.From("open", 7)).Case
		w.Later(time.Second)
		assigned, moved, closed := w.Submit(worktest.From("assigned", 7)).Case, w.Submit(worktest.From("moved", 7)).Case, w.Submit(worktest.From("closed", 7)).Case
		if _, err := w.Work.AssignCase(t.Context(), w.Agent, casework.AssignCaseInput{CaseID: assigned.ID, AssigneeID: &w.Agent.User.ID}); err != nil {
			t.Fatal(err)
		}
		w.Move(moved.ID, model.InProgress)
		w.Move(closed.ID, model.Closed)
		w.Submit(worktest.From("contacted", 7))
		w.Outreach(*w.followUpOf("contacted"), &casework.OutreachInput{Channel: "PHONE", Outcome: model.Reached})
		eight := w.Submit(worktest.From("eight", 8)).Response

		out := w.allocate(passive.AllocatePassivesInput{Percent: 100, UserIDs: []model.UserID{bo.ID}, PrioritizeBy: []passive.Priority{passive.Score}})
		if out.Considered != 2 || out.Allocated != 2 || *out.Cases[0].ResponseID != eight.ID || out.Cases[1].ID != opened.ID {
			t.Fatalf("the payload is %+v", out)
		}
		c := worktest.Read[model.Case](w.T, w.DB, opened.ID)
		if c.Origin != model.OriginRule || c.OpenedByID != nil || *c.AssigneeID != bo.ID || c.Version != 2 {
			t.Errorf("the case that the rule opened is %+v", c)
		}
		w.recountQueue()
		// An unassigned response returns to the queue; a contacted customer returns with the next response.
		if _, err := w.Work.AssignCase(t.Context(), w.Agent, casework.AssignCaseInput{CaseID: assigned.ID}); err != nil {
			t.Fatal(err)
		}
		w.Later(time.Hour)
		w.Submit(worktest.From("contacted", 8))
		w.Submit(worktest.From("moved", 10))
		w.recountQueue()
		if n := w.Count("SELECT count(*) FROM passives WHERE NOT taken"); n != 2 {
			t.Errorf("%d responses are in the queue, want 2", n)
		}
	})

	t.Run("refuses bad input and changes nothing", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.passives(3)
		bo := w.User("bo@care.example", model.Agent)
		good := func(change func(*passive.AllocatePassivesInput)) passive.AllocatePassivesInput {
			in := passive.AllocatePassivesInput{Percent: 50, UserIDs: []model.UserID{bo.ID}}
			change(&in)
			return in
		}
		users := func(ids ...model.UserID) passive.AllocatePassivesInput {
			return good(func(in *passive.AllocatePassivesInput) { in.UserIDs = ids })
		}
		percent := func(p float64) passive.AllocatePassivesInput {
			return good(func(in *passive.AllocatePassivesInput) { in.Percent = p })
		}
		for name, c := range map[string]struct {
			in       passive.AllocatePassivesInput
			code     fault.Code
			argument string
		}{
			"zero percent":          {percent(0), fault.CodeBadUserInput, "input.percent"},
			"a negative percent":    {percent(-1), fault.CodeBadUserInput, "input.percent"},
			"more than 100 percent": {percent(100.5), fault.CodeBadUserInput, "input.percent"},
			"not a number":          {percent(math.NaN()), fault.CodeBadUserInput, "input.percent"},
			"no users":              {users(), fault.CodeBadUserInput, "input.userIds"},
			"a duplicate user":      {users(bo.ID, bo.ID), fault.CodeBadUserInput, "input.userIds[1]"},
			"an unknown user":       {users(bo.ID, model.UserID{UUID: model.NewUUID()}), fault.CodeNotFound, "input.userIds[1]"},
			"a stakeholder":         {users(w.User("st@care.example", model.Stakeholder).ID), fault.CodeBadUserInput, "input.userIds[0]"},
			"an inactive agent":     {users(bo.ID, w.User("in@care.example", model.Agent, worktest.Inactive).ID), fault.CodeBadUserInput, "input.userIds[1]"},
			"a blank note":          {good(func(in *passive.AllocatePassivesInput) { in.Note = new(" ") }), fault.CodeBadUserInput, "input.note"},
			"no segments":           {good(func(in *passive.AllocatePassivesInput) { in.PrioritizeBy = []passive.Priority{passive.Segment} }), fault.CodeBadUserInput, "input.segments"},
			"a duplicate priority": {good(func(in *passive.AllocatePassivesInput) {
				in.PrioritizeBy = []passive.Priority{passive.Score, passive.Score}
			}), fault.CodeBadUserInput, "input.prioritizeBy[1]"},
		} {
			out, err := passive.NewAllocator(w.Work).Allocate(t.Context(), w.Agent, c.in)
			worktest.Refused(t, name, err, c.code, c.argument)
			if out != nil {
				t.Errorf("%s: answers %+v", name, out)
			}
		}
		w.Counts(map[string]int{"cases": 0, "case_events": 0, "notes": 0, "notifications": 0})
	})

	t.Run("considers only what the filter matches", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.passives(10)
		f := new(filter.Response)
		if err := f.UnmarshalGQL(map[string]any{"score": map[string]any{"eq": int64(8)}}); err != nil {
			t.Fatal(err)
		}
		out := w.allocate(passive.AllocatePassivesInput{Percent: 40, UserIDs: idsOf(w.Agents(1)), Filter: f})
		if out.Considered != 5 || out.Allocated != 2 || *out.Cases[0].Score != 8 {
			t.Errorf("the payload is %+v", out)
		}
	})

	t.Run("assigns no customer twice when several managers call at once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.passives(60)
		users := w.Agents(3)
		var mu sync.Mutex
		seen := map[model.ResponseID]int{}
		var considered []int
		worktest.AtOnce(4, func(i int) {
			out, err := passive.NewAllocator(w.Work).Allocate(t.Context(), w.Agent, passive.AllocatePassivesInput{Percent: 25, UserIDs: idsOf(users)})
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			considered = append(considered, out.Considered)
			for _, c := range out.Cases {
				seen[*c.ResponseID]++
			}
		})
		slices.Sort(considered)
		// Each call assigns a quarter of the rest: 15 of 60, 11 of 45, 8 of 34 and 6 of 26.
		if !slices.Equal(considered, []int{26, 34, 45, 60}) || len(seen) != 40 {
			t.Errorf("%d responses were assigned, want 40; the calls considered %v, want 26, 34, 45 and 60", len(seen), considered)
		}
		w.Counts(map[string]int{"cases": 40, "case_events": 80, "notifications": 40})
		w.recountQueue()
	})

	t.Run("assigns nothing more when it is repeated with its key", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.passives(10)
		in := passive.AllocatePassivesInput{Percent: 30, UserIDs: idsOf(w.Agents(2)), IdempotencyKey: new("monday")}
		first, repeated := w.allocate(in), w.allocate(in)
		if first.Allocated != 3 || repeated.Allocated != 3 || repeated.Considered != 10 {
			t.Errorf("the first payload is %+v, the repeated %+v", first, repeated)
		}
		for i := range first.Cases {
			if first.Cases[i].ID != repeated.Cases[i].ID {
				t.Errorf("the repeated call returns another case %d", i)
			}
		}
		w.Counts(map[string]int{"cases": 3, "notifications": 3})
		user := *w.Agent.User
		user.ScopeCustomer = json.RawMessage(`{"country": {"eq": "GB"}}`)
		_, err := passive.NewAllocator(w.Work).Allocate(t.Context(), auth.Viewer{User: &user}, in)
		worktest.Refused(t, "the key from a narrower token", err, fault.CodeNotFound, "input.idempotencyKey")
		in.Percent = 40
		_, err = passive.NewAllocator(w.Work).Allocate(t.Context(), w.Agent, in)
		worktest.Refused(t, "the key with another input", err, fault.CodeBadUserInput, "input.idempotencyKey")
	})
}

func (w *world) followUpOf(customer string) *model.CaseID {
	w.T.Helper()
	var id model.CaseID
	if err := w.DB.Gorm.Raw("SELECT k.id FROM cases k JOIN customers c ON c.id = k.customer_id WHERE c.external_id = ?", customer).Scan(&id).Error; err != nil {
		w.T.Fatal(err)
	}
	return &id
}
