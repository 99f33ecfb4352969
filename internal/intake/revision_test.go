package intake_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

// answer is a response with an id in a survey, of the customer with an address.
func answer(id, survey, email string, score int, change ...func(*intake.SubmitResponseInput)) intake.SubmitResponseInput {
	in := intake.SubmitResponseInput{ExternalID: &id, Score: score, Customer: &customer.CustomerInput{Email: worktest.Given(email)}}
	if survey != "" {
		in.Survey = &survey
	}
	for _, c := range change {
		c(&in)
	}
	return in
}

func correct(in *intake.SubmitResponseInput) { in.OnConflict = new(intake.OnConflictUpdate) }

func (w *world) conflict(in intake.SubmitResponseInput, argument, message string) {
	w.T.Helper()
	before := w.Fingerprint()
	_, err := intake.New(w.Work).Submit(w.T.Context(), w.Agent, in)
	faults := fault.All(err)
	if len(faults) != 1 || faults[0].Code != fault.CodeConflict || faults[0].Argument != "input."+argument || !strings.Contains(faults[0].Message, message) {
		w.T.Errorf("want one CONFLICT at input.%s that says %q, got %v", argument, message, err)
	}
	if w.Fingerprint() != before {
		w.T.Error("a refused response changed rows")
	}
}

// The same id in two surveys is two responses: a survey that numbers its answers 1, 2, 3 … loses none.
func TestAnExternalIDCountsWithinItsSurvey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	spring := w.Submit(answer("n1", "Spring", "ana@x.example", 9))
	for _, in := range []intake.SubmitResponseInput{
		answer("n1", "Autumn", "bo@x.example", 0), answer("n1", "", "cy@x.example", 0), answer("N1", "Spring", "di@x.example", 0), answer("n1", "Spring 2", "ed@x.example", 0),
	} {
		if out := w.Submit(in); !out.Created || out.Response.Score != 0 {
			t.Errorf("%v of survey %v is not a new response", *in.ExternalID, in.Survey)
		}
	}
	if again := w.Submit(answer("n1", "SPRING", "ana@x.example", 9)); again.Created || again.Response.ID != spring.Response.ID {
		t.Error("a survey that is spelled in capitals is another one")
	}
	w.Counts(map[string]int{"responses": 5, "customers": 5})
	outcomes := w.SubmitAll(intake.SubmitOptions{}, intake.Submission{SubmitResponseInput: answer("n2", "a", "ana@x.example", 1)},
		intake.Submission{SubmitResponseInput: answer("n2", "b", "ana@x.example", 2)}, intake.Submission{SubmitResponseInput: answer("n2", "A", "ana@x.example", 1)})
	if !outcomes[0].Created || !outcomes[1].Created || outcomes[2].Created || outcomes[2].Response.ID != outcomes[0].Response.ID {
		t.Errorf("in one batch: %+v", outcomes)
	}
	if err := w.Exec("INSERT INTO responses (id, external_id, external_id_fold, survey, survey_fold, customer_id, score, responded_at, received_at) SELECT gen_random_uuid(), external_id, external_id_fold, survey, survey_fold, customer_id, score, responded_at, received_at FROM responses WHERE survey = 'Spring'"); err == nil {
		t.Error("PostgreSQL accepts the id of a survey twice")
	}
}

// A survey that sends the score first and the rest later loses nothing, and the rules see the rest.
func TestALaterSubmissionCompletesTheResponse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Rule("call", func(r *model.Rule) { r.ContactRequested = new(true) })
	late := w.Theme("Punctuality", "late")
	first := w.Submit(answer("e1", "", "ana@x.example", 3))
	if first.Case != nil {
		t.Fatal("the rule matched too early")
	}
	w.Later(2 * time.Minute)
	full := answer("e1", "", "ana@x.example", 3, func(in *intake.SubmitResponseInput) {
		in.Comment, in.ContactRequested, in.Drivers, in.QuoteConsent = new("Too late"), new(true), []string{"crew"}, new(true)
		in.RespondedAt, in.Attributes = new(w.Now()), []*customer.AttributeInput{{Key: "seat", Value: "3A"}}
		in.Customer.FirstName, in.Customer.Country = worktest.Given("Ana"), worktest.Given("BR")
	})
	out := w.Submit(full)
	r := worktest.Read[model.Response](t, w.DB, first.Response.ID)
	if out.Created || out.Response.ID != first.Response.ID || *r.Comment != "Too late" || !r.ContactRequested || !slices.Equal(r.Drivers, []string{"crew"}) ||
		!*r.QuoteConsent || r.Attributes["seat"] != "3A" || !r.RespondedAt.Equal(first.Response.RespondedAt) || r.TestimonialLikelihood == nil {
		t.Errorf("the completed response is wrong: %+v", r)
	}
	if want := []string{"response.comment", "response.contactRequested", "response.drivers", "response.quoteConsent", "response.attributes"}; !slices.Equal(out.Changed, want) {
		t.Errorf("changed: %q, want %q", out.Changed, want)
	}
	if out.Case == nil || out.Case.ResponseID == nil || *out.Case.ResponseID != r.ID {
		t.Fatalf("the rule on 'please contact me' opened no case: %+v", out.Case)
	}
	if c := worktest.Read[model.Customer](t, w.DB, r.CustomerID); *c.FirstName != "Ana" || *c.Country != "BR" {
		t.Errorf("the customer lacks what came later: %+v", c)
	}
	if w.Count("SELECT count(*) FROM response_themes WHERE theme_id = $1", late.ID) != 1 {
		t.Error("the comment is not tagged")
	}
	w.CheckCopies()

	before := w.Fingerprint()
	for _, again := range []intake.SubmitResponseInput{full, answer("e1", "", "ana@x.example", 3)} {
		if out := w.Submit(again); out.Created || len(out.Changed) > 0 || out.Case == nil {
			t.Errorf("a repeat: %+v", out)
		}
	}
	if w.Fingerprint() != before {
		t.Error("a repeat changed rows")
	}
	w.Counts(map[string]int{"responses": 1, "cases": 1, "customers": 1})
}

// What is added to a response that has a case stands in the case's history, and no rule opens a second one.
func TestACompletedResponseKeepsItsCase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Rule("detractors", func(r *model.Rule) { r.Scores = []int{0, 1, 2, 3} })
	first := w.Submit(answer("e1", "", "ana@x.example", 3))
	w.Rule("call", func(r *model.Rule) {
		r.ContactRequested, r.Recipients = new(true), []model.Recipient{{Kind: model.RecipientAddress, Address: new("boss@care.example")}}
	})
	out := w.Submit(answer("e1", "", "ana@x.example", 3, func(in *intake.SubmitResponseInput) { in.ContactRequested, in.Comment = new(true), new("Call me") }))
	if out.Case == nil || out.Case.ID != first.Case.ID || out.Case.Version != first.Case.Version+1 || !*out.Case.ContactRequested {
		t.Fatalf("the case: %+v", out.Case)
	}
	events := w.Events(first.Case.ID)
	if last := events[len(events)-1]; last.Type != model.EventDetailsChanged || !slices.Equal(last.Changed, []string{"response.comment", "response.contactRequested"}) {
		t.Errorf("the last event: %+v", last)
	}
	if then := w.Snapshot(first.Case.ID); then.Response.Comment == nil || *then.Response.Comment != "Call me" {
		t.Errorf("the snapshot: %+v", then.Response)
	}
	if to := w.MailsOf("NEW_RESPONSE"); !slices.Equal(to, []string{"boss@care.example"}) {
		t.Errorf("mails go to %q", to)
	}
	w.Counts(map[string]int{"cases": 1, "response_rules": 2})
	w.CheckCopies()
}

// A contradiction is refused, and nothing changes; or it corrects, where the caller says so.
func TestAContradictionIsRefusedOrCorrects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Rule("all", func(r *model.Rule) { r.Scores = []int{0, 1, 2, 3, 7} })
	full := func(in *intake.SubmitResponseInput) {
		in.Comment, in.ContactRequested, in.Drivers, in.QuoteConsent, in.TestimonialLikelihood = new("Fine"), new(true), []string{"crew", "food"}, new(true), new(0.5)
	}
	first := w.Submit(answer("e1", "s", "ana@x.example", 7, full))
	w.conflict(answer("e1", "s", "ana@x.example", 3), "score", "the stored response has the score 7, not 3")
	w.conflict(answer("e1", "s", "bo@x.example", 7), "customer", "another customer's")
	for argument, change := range map[string]func(*intake.SubmitResponseInput){
		"comment":               func(in *intake.SubmitResponseInput) { in.Comment = new("Not fine") },
		"contactRequested":      func(in *intake.SubmitResponseInput) { in.ContactRequested = new(false) },
		"drivers":               func(in *intake.SubmitResponseInput) { in.Drivers = []string{"crew", "seat"} },
		"quoteConsent":          func(in *intake.SubmitResponseInput) { in.QuoteConsent = new(false) },
		"testimonialLikelihood": func(in *intake.SubmitResponseInput) { in.TestimonialLikelihood = new(0.75) },
	} {
		w.conflict(answer("e1", "s", "ana@x.example", 7, change), argument, "the stored response")
	}
	if out := w.Submit(answer("e1", "s", "ana@x.example", 7, func(in *intake.SubmitResponseInput) { in.Drivers = []string{"food"} })); len(out.Changed) > 0 {
		t.Errorf("fewer drivers change %q", out.Changed)
	}

	w.Later(time.Hour)
	out := w.Submit(answer("e1", "s", "ana@x.example", 3, correct, func(in *intake.SubmitResponseInput) { in.Drivers, in.RespondedAt = []string{"food"}, new(w.Now()) }))
	r := worktest.Read[model.Response](t, w.DB, first.Response.ID)
	if r.Score != 3 || r.Category != model.Detractor || *r.Comment != "Fine" || !r.ContactRequested || !slices.Equal(r.Drivers, []string{"food"}) || !r.RespondedAt.Equal(w.Now()) {
		t.Errorf("the corrected response: %+v", r)
	}
	if want := []string{"response.score", "response.drivers", "response.respondedAt"}; !slices.Equal(out.Changed, want) || *out.Case.Score != 3 || *out.Case.Category != model.Detractor {
		t.Errorf("changed %q, case %+v", out.Changed, out.Case)
	}
	events := w.Events(first.Case.ID)
	if was := worktest.Decoded(t, events[len(events)-1].Snapshot, events[len(events)-1].Before); was.Response.Score != 7 {
		t.Errorf("the history forgot the score 7: %+v", was.Response)
	}
	w.conflict(answer("e1", "s", "bo@x.example", 3, correct), "customer", "its case 1 is under way")
	if old := w.Submit(answer("e1", "s", "ana@x.example", 7, full)); len(old.Changed) > 0 || old.Response.Score != 3 {
		t.Errorf("an old submission that came again took the correction back: %q", old.Changed)
	}
	if old := w.Submit(answer("e1", "s", "ana@x.example", 7, full, correct)); !slices.Contains(old.Changed, "response.score") || old.Response.Score != 7 {
		t.Errorf("a correction was not taken back: %q", old.Changed)
	}
	w.CheckCopies()
}

// A response without a case moves to the customer whose it is.
func TestACorrectionMovesAResponse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.Submit(answer("e1", "", "ana@x.example", 8))
	w.Later(time.Hour)
	w.Submit(answer("e2", "", "bo@x.example", 9))
	w.Counts(map[string]int{"passives": 1})
	for email, passives := range map[string]int{"bo@x.example": 0, "new@x.example": 1} {
		out := w.Submit(answer("e1", "", email, 8, correct))
		if c := worktest.Read[model.Customer](t, w.DB, out.Response.CustomerID); out.Response.ID != first.Response.ID || *c.Email != email || !slices.Equal(out.Changed, []string{"response.customer"}) {
			t.Errorf("moved to %v: %q", c.Email, out.Changed)
		}
		w.Counts(map[string]int{"passives": passives, "responses": 2})
		w.CheckCopies()
	}
}

// The passives queue follows a corrected score and time.
func TestThePassivesQueueFollowsCorrections(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Submit(answer("e1", "", "ana@x.example", 9))
	for _, c := range []struct{ score, rows int }{{8, 1}, {7, 1}, {2, 0}, {7, 1}, {10, 0}} {
		w.Submit(answer("e1", "", "ana@x.example", c.score, correct))
		w.Counts(map[string]int{"passives": c.rows})
		if cell := w.Count("SELECT coalesce(max(cell), 0) FROM passives"); (cell == 4) != (c.score == 8) {
			t.Errorf("score %d is in cell %d", c.score, cell)
		}
	}
	w.Later(time.Hour)
	w.Submit(answer("e2", "", "ana@x.example", 7))
	w.Later(time.Hour)
	w.Submit(answer("e1", "", "ana@x.example", 10, correct, func(in *intake.SubmitResponseInput) { in.RespondedAt = new(w.Now()) }))
	w.Counts(map[string]int{"passives": 0}) // e1 is the latest answer now
	w.CheckCopies()
}

// A response whose customer has another address now, or is erased, is recognised when it comes again.
func TestARepeatIsRecognisedWhateverBecameOfTheCustomer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := answer("e1", "", "ana@x.example", 5, func(in *intake.SubmitResponseInput) { in.Customer.Phone = worktest.Given("123") })
	first := w.Submit(in)
	w.Must("UPDATE customers SET email = 'new@x.example', email_fold = 'new@x.example', phone = NULL, phone_fold = NULL WHERE id = $1", first.Response.CustomerID)
	before := w.Fingerprint()
	for range 2 {
		if out := w.Submit(in); out.Created || len(out.Changed) > 0 || out.Response.ID != first.Response.ID {
			t.Errorf("a repeat: %+v", out)
		}
	}
	if w.Fingerprint() != before {
		t.Error("a repeat changed rows")
	}
}

// The address may come later than the score, too.
func TestASubmissionNamesTheCustomerLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nobody := intake.SubmitResponseInput{ExternalID: new("e1"), Score: 3}
	named := intake.SubmitResponseInput{ExternalID: new("e2"), Score: 3, Customer: &customer.CustomerInput{FirstName: worktest.Given("Ana")}}
	for id, first := range map[string]intake.SubmitResponseInput{"e1": nobody, "e2": named} {
		stored := w.Submit(first)
		out := w.Submit(answer(id, "", id+"@x.example", 3))
		if c := worktest.Read[model.Customer](t, w.DB, stored.Response.CustomerID); out.Created || c.Email == nil || *c.Email != id+"@x.example" {
			t.Errorf("%s: %+v", id, c)
		}
		w.conflict(answer(id, "", "other@x.example", 3), "customer", "another customer's")
	}
	w.Submit(answer("e3", "", "bo@x.example", 3))
	w.Submit(intake.SubmitResponseInput{ExternalID: new("e4"), Score: 3})
	w.conflict(answer("e4", "", "bo@x.example", 3), "customer", "another customer's") // bo is known already
	w.Counts(map[string]int{"customers": 4, "responses": 4})
	w.CheckCopies()
}

// What was added with a later time is recognised when it comes again, whatever became of the customer.
func TestARepeatedCompletionChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.Submit(answer("e1", "", "ana@x.example", 3)).Response
	w.Later(time.Hour)
	later := answer("e1", "", "ana@x.example", 3, func(in *intake.SubmitResponseInput) { in.Comment, in.RespondedAt = new("Late"), new(w.Now()) })
	w.Submit(later)
	w.Must("UPDATE customers SET email = 'new@x.example', email_fold = 'new@x.example' WHERE id = $1", first.CustomerID)
	before := w.Fingerprint()
	if out := w.Submit(later); out.Created || len(out.Changed) > 0 || out.Response.ID != first.ID {
		t.Errorf("the repeat: %+v", out)
	}
	if w.Fingerprint() != before {
		t.Error("the repeat changed rows")
	}
}

// A batch applies what revises a response in its order, and refuses only what contradicts.
func TestABatchThatRevises(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Rule("call", func(r *model.Rule) { r.ContactRequested = new(true) })
	comment := func(in *intake.SubmitResponseInput) { in.Comment = new("Late") }
	call := func(in *intake.SubmitResponseInput) { in.ContactRequested = new(true) }
	batch := []intake.Submission{}
	for _, in := range []intake.SubmitResponseInput{
		answer("a", "", "ana@x.example", 3), answer("b", "", "bo@x.example", 9), answer("a", "", "ana@x.example", 3, comment), answer("b", "", "bo@x.example", 2),
		answer("a", "", "ana@x.example", 3, comment, call), answer("c", "", "cy@x.example", 1), answer("b", "", "bo@x.example", 2, correct), answer("a", "", "ana@x.example", 3, call),
	} {
		batch = append(batch, intake.Submission{SubmitResponseInput: in})
	}
	outcomes, err := intake.New(w.Work).SubmitAll(t.Context(), w.Agent, batch, intake.SubmitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range outcomes {
		switch {
		case o.Fault != nil:
			got = append(got, "refused")
		case o.Created:
			got = append(got, "created")
		default:
			got = append(got, strings.Join(o.Changed, " "))
		}
	}
	want := []string{"created", "created", "response.comment", "refused", "response.contactRequested", "created", "response.score", ""}
	if !slices.Equal(got, want) {
		t.Errorf("outcomes:\n%q, want\n%q", got, want)
	}
	if !fault.Is(outcomes[3].Fault, fault.CodeConflict) {
		t.Errorf("the contradiction: %v", outcomes[3].Fault)
	}
	w.Counts(map[string]int{"responses": 3, "cases": 1})
	w.CheckCopies()
}
