package intake_test

import (
	"strings"
	"testing"

	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

// The most that a response of a known customer takes that opens a case with an assignee and a mail: statements, and times
// that the transaction waits for the database.
const (
	mostStatements = 17
	mostTrips      = 3
)

func TestStatementsOfAResponse(t *testing.T) {
	t.Parallel()
	var counter pgtest.Counter
	w := &world{worktest.NewWithAgent(t, pgtest.WithTracer(&counter))}
	w.Log.Close() // its NOTIFY would be counted
	w.Rule("Detractors", func(r *model.Rule) {
		r.Strategy, r.UserID = model.ToUser, &w.Agent.User.ID
		r.Recipients = []model.Recipient{{Kind: model.RecipientAddress, Address: new("lead@care.example")}}
	})
	w.Theme("Seats", "seat")
	in := worktest.From("C-1", 2)
	in.Comment = new("My seat was broken.")
	one := intake.New(w.Work)
	submit := func() *intake.SubmitResponsePayload {
		out, err := one.Submit(t.Context(), w.Agent, in)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	submit() // the intake reads the configuration once
	counter.Reset()
	in.ExternalID = new("R-2")
	out := submit()
	sent, trips := counter.Statements(), counter.Trips()
	if out.Case == nil || out.Case.AssigneeID == nil || w.Count("SELECT count(*) FROM notifications WHERE response_id = $1", out.Response.ID.UUID) == 0 {
		t.Fatalf("the response opened %+v", out.Case)
	}
	if len(sent) > mostStatements {
		t.Errorf("%d statements:\n%s", len(sent), strings.Join(sent, "\n"))
	}
	if trips > mostTrips {
		t.Errorf("%d waits for the database", trips)
	}
}
