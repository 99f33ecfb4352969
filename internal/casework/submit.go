package casework

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/keyword"
	"github.com/closeloop/closeloop/internal/praise"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/model"
)

// SubmitResponse takes one response in.
func (w *Work) SubmitResponse(ctx context.Context, viewer auth.Viewer, in SubmitResponseInput) (*SubmitResponsePayload, error) {
	p, err := prepare(Submission{SubmitResponseInput: in}, w.now().UTC().Truncate(time.Microsecond))
	if err != nil {
		return nil, fault.Within("input", err)
	}
	var out *SubmitResponsePayload
	err = once(ctx, w, viewer, call{"submitResponse", in.IdempotencyKey, in}, func(tx *gorm.DB, now time.Time) (submitted, error) {
		outcomes := make([]Outcome, 1)
		if err := w.takeIn(ctx, tx, now, viewer, []*prepared{p}, SubmitOptions{}, outcomes); err != nil {
			return submitted{}, err
		}
		out = outcomes[0].SubmitResponsePayload
		return out.submitted(), nil
	}, func(tx *gorm.DB, kept submitted) (err error) {
		if out, err = kept.payload(tx); err != nil {
			return err
		}
		return (&intake{tx: tx, now: w.now(), viewer: viewer}).within(out)
	})
	return payload(out, err)
}

// submitted is what a payload is made of again. A case that was opened for the response later is not of it.
type submitted struct {
	Response model.ResponseID `json:"response"`
	Case     *model.CaseID    `json:"case,omitempty"`
	Created  bool             `json:"created"`
}

func (p *SubmitResponsePayload) submitted() submitted {
	s := submitted{Response: p.Response.ID, Created: p.Created}
	if p.Case != nil {
		s.Case = &p.Case.ID
	}
	return s
}

func (s submitted) payload(tx *gorm.DB) (*SubmitResponsePayload, error) {
	out := &SubmitResponsePayload{Response: new(model.Response), Created: s.Created}
	if err := tx.Where("id = ?", s.Response).Take(out.Response).Error; err != nil {
		return nil, fmt.Errorf("read a response again: %w", err)
	}
	if s.Case == nil {
		return out, nil
	}
	out.Case = new(model.Case)
	return out, wrapped("read a case again", tx.Where("id = ?", *s.Case).Take(out.Case).Error)
}

// SubmitAll takes a batch of responses in, in their order and in one transaction. A submission that is wrong by
// itself is left out, with its fault in the outcome; the others go in.
func (w *Work) SubmitAll(ctx context.Context, viewer auth.Viewer, batch []Submission, o SubmitOptions) ([]Outcome, error) {
	outcomes := make([]Outcome, len(batch))
	good := make([]*prepared, len(batch))
	asked := w.now().UTC().Truncate(time.Microsecond)
	for i, s := range batch {
		good[i], outcomes[i].Fault = prepare(s, asked)
	}
	err := w.write(ctx, func(tx *gorm.DB, now time.Time) error {
		if err := w.takeIn(ctx, tx, now, viewer, good, o, outcomes); err != nil || o.Also == nil {
			return err
		}
		return o.Also(tx, outcomes)
	})
	if err != nil {
		return nil, err
	}
	return outcomes, nil
}

// takeIn takes those in that were found good, and writes what became of each to its place in the outcomes.
func (w *Work) takeIn(ctx context.Context, tx *gorm.DB, now time.Time, viewer auth.Viewer, good []*prepared, o SubmitOptions, outcomes []Outcome) error {
	if err := lockIdentities(tx, good); err != nil {
		return err
	}
	in := &intake{w: w, tx: tx, now: now, viewer: viewer, options: o}
	if err := in.readThemes(); err != nil {
		return err
	}
	if err := in.readRules(); err != nil {
		return err
	}
	for i, p := range good {
		if p == nil {
			continue
		}
		var err error
		if outcomes[i].SubmitResponsePayload, err = in.submit(ctx, p); err != nil {
			return err
		}
		if err := in.within(outcomes[i].SubmitResponsePayload); err != nil {
			return err
		}
	}
	return nil
}

// intake is one transaction that takes responses in.
type intake struct {
	w       *Work
	tx      *gorm.DB
	now     time.Time
	viewer  auth.Viewer
	options SubmitOptions
	themes  []*model.Theme
	words   *keyword.Set // of the themes
	rules   []rule.Rule
	central []string
}

// readRules reads what decides, once for the whole batch.
func (in *intake) readRules() error {
	if in.options.SkipRules {
		return nil
	}
	var rules []model.Rule
	if err := in.tx.Where("deleted_at IS NULL AND enabled").Order("position").Find(&rules).Error; err != nil {
		return fmt.Errorf("read the rules: %w", err)
	}
	if len(rules) == 0 {
		return nil
	}
	var recipients []model.Recipient
	if err := in.tx.Order("rule_id, ordinal").Find(&recipients).Error; err != nil {
		return fmt.Errorf("read the rules' recipients: %w", err)
	}
	for i := range rules {
		for _, r := range recipients {
			if r.RuleID == rules[i].ID {
				rules[i].Recipients = append(rules[i].Recipients, r)
			}
		}
	}
	var assignees []model.Assignee
	if err := in.tx.Order("rule_id, ordinal").Find(&assignees).Error; err != nil {
		return fmt.Errorf("read the rules' assignees: %w", err)
	}
	for i := range rules {
		for _, a := range assignees {
			if a.RuleID == rules[i].ID {
				rules[i].Assignees = append(rules[i].Assignees, a.UserID)
			}
		}
	}
	var settings model.Settings
	if err := in.tx.Take(&settings).Error; err != nil {
		return fmt.Errorf("read the settings: %w", err)
	}
	in.central = settings.CentralAddresses
	var err error
	in.rules, err = rule.Compile(rules)
	return err
}

func (in *intake) submit(ctx context.Context, p *prepared) (*SubmitResponsePayload, error) {
	if known, err := in.known(p); known != nil || err != nil {
		return known, err
	}
	customer, changed, err := findOrMake(in.tx, in.now, in.viewer, p)
	if err != nil {
		return nil, err
	}
	response, err := in.keep(p.response(customer, in.now))
	if err != nil {
		return nil, err
	}
	themes, err := in.tag(response)
	if err != nil {
		return nil, err
	}
	out := &SubmitResponsePayload{Response: response, Created: true}
	if d := rule.Match(in.rules, response, customer, in.now, themes...); len(d.Matched) > 0 {
		if out.Case, err = in.carryOut(ctx, d, response, customer, themes); err != nil {
			return nil, err
		}
	}
	if changed != nil {
		if err := changed.spread(in.tx, in.now, nil, out.Case); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// keep writes the response with its folded texts.
func (in *intake) keep(r *model.Response) (*model.Response, error) {
	row := r.Row()
	if err := in.tx.Omit(clause.Associations).Create(row).Error; err != nil {
		return nil, fmt.Errorf("keep a response: %w", err)
	}
	if texts := row.Texts(); texts != nil {
		if err := in.tx.Create(texts).Error; err != nil {
			return nil, fmt.Errorf("keep a response's texts: %w", err)
		}
	}
	row.Category = model.CategoryOf(row.Score)
	return &row.Response, nil
}

// known answers with the response that has this external id already. Nobody can be about to write one: the caller
// holds the lock of the id.
func (in *intake) known(p *prepared) (*SubmitResponsePayload, error) {
	if p.ExternalID == nil {
		return nil, nil
	}
	var responses []*model.Response
	// In one statement: between two, an erasure could take the id away behind the first and before the second.
	err := in.tx.Raw(`SELECT * FROM responses WHERE external_id = @id UNION ALL
		SELECT r.* FROM erased_response_ids e JOIN responses r ON r.id = e.response_id WHERE e.hash = erased_id(@id)`,
		map[string]any{"id": *p.ExternalID}).Scan(&responses).Error
	if err != nil {
		return nil, fmt.Errorf("look for a response: %w", err)
	}
	if len(responses) == 0 {
		return nil, nil
	}
	response := responses[0]
	out := &SubmitResponsePayload{Response: response}
	c := new(model.Case)
	err = in.tx.Where("response_id = ?", response.ID).Take(c).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
	case err != nil:
		return nil, fmt.Errorf("look for a response's case: %w", err)
	default:
		out.Case = c
	}
	return out, nil
}

func (p *prepared) response(c *model.Customer, now time.Time) *model.Response {
	r := &model.Response{
		ID: model.ResponseID{UUID: model.NewUUID()}, ExternalID: p.ExternalID, CustomerID: c.ID, Survey: p.Survey,
		Score: p.Score, Comment: p.Comment, Drivers: p.drivers,
		ContactRequested: p.ContactRequested != nil && *p.ContactRequested,
		QuoteConsent:     p.QuoteConsent, TestimonialLikelihood: p.TestimonialLikelihood, Attributes: p.attributes,
		RespondedAt: p.respondedAt, ReceivedAt: now,
	}
	r.CopyCustomer(c)
	if r.TestimonialLikelihood == nil {
		r.TestimonialLikelihood = praise.Likelihood(r)
		r.TestimonialEstimated = r.TestimonialLikelihood != nil
	}
	return r
}

// carryOut does what the matching rules ask for: one case at most, and each address told once.
func (in *intake) carryOut(ctx context.Context, d rule.Decision, r *model.Response, c *model.Customer, themes []model.Theme) (*model.Case, error) {
	for _, matched := range d.Matched {
		err := in.tx.Exec("INSERT INTO response_rules (response_id, rule_id) VALUES (?, ?)", r.ID, matched.ID).Error
		if err != nil {
			return nil, fmt.Errorf("count a rule's match: %w", err)
		}
	}
	people, err := in.people(d, c)
	if err != nil {
		return nil, err
	}
	var mails []model.Notification
	var opened *model.Case
	var assignee *model.User
	if d.Opens != nil {
		h := &held{Case: model.Case{Origin: model.OriginRule, Customer: c, Response: r, DueAt: d.DueAt(r)}, rules: d.CaseRules(), themes: themes}
		if h.CalendarID, err = keepCalendar(in.tx, d.Opens.Calendar); err != nil {
			return nil, err
		}
		entry := event.Entry{Rule: &d.Opens.ID}
		if _, err := h.open(in.tx, in.now, entry, nil); err != nil {
			return nil, err
		}
		if err := h.plan(in.tx, d.Steps(r, in.now)); err != nil {
			return nil, err
		}
		opened = &h.Case
		if assignee = d.Assignee(c, people); assignee != nil {
			logged, err := in.w.give(ctx, in.tx, in.now, h, assignee, entry, false)
			if err != nil {
				return nil, err
			}
			mails = assignedMail(h, assignee, logged)
		}
	}
	for _, a := range d.Alerts(c, assignee, people) {
		n := model.Notification{
			Kind: model.NotifyNewResponse, To: a.To, ResponseID: &r.ID, RuleID: &a.Rule, CreatedAt: in.now,
		}
		if opened != nil {
			n.CaseID = &opened.ID
		}
		mails = append(mails, n)
	}
	if in.options.SkipNotify || len(mails) == 0 {
		return opened, nil
	}
	return opened, in.w.queue.Mail(ctx, in.tx, mails)
}

// people looks up the users that the decision needs, and keeps them as they are until the transaction ends.
func (in *intake) people(d rule.Decision, c *model.Customer) (rule.People, error) {
	ids, emails := d.Needed(c)
	if len(ids)+len(emails) == 0 {
		return rule.Know(nil, in.central), nil
	}
	var users []*model.User
	query := in.tx.Clauses(clause.Locking{Strength: "SHARE"}).Order("id")
	switch {
	case len(emails) == 0:
		query = query.Where("id IN ?", ids)
	case len(ids) == 0:
		query = query.Where("email_fold IN ?", emails)
	default:
		query = query.Where("id IN ? OR email_fold IN ?", ids, emails)
	}
	if err := query.Find(&users).Error; err != nil {
		return rule.People{}, fmt.Errorf("look up users: %w", err)
	}
	people := rule.Know(users, in.central)
	return people, in.choice(d, &people)
}

// choice reads what a strategy that chooses among users needs. Who chooses by the same rule, or by anybody's load,
// waits until this transaction ends: two at once would see the same turn, or the same load, and choose the same user.
func (in *intake) choice(d rule.Decision, p *rule.People) error {
	if d.Opens == nil {
		return nil
	}
	switch d.Opens.Strategy {
	case model.RoundRobin:
		take, args := "UPDATE rules SET turn = turn + 1 WHERE id = ? RETURNING turn", []any{d.Opens.ID}
		if d.Step > 0 { // the steps of a rule take turns apart from the cases it opens
			take, args = `INSERT INTO escalation_turns AS t (rule_id, step, turn) VALUES (?, ?, 1)
				ON CONFLICT (rule_id, step) DO UPDATE SET turn = t.turn + 1 RETURNING turn`, []any{d.Opens.ID, d.Step}
		}
		if err := in.tx.Raw(take, args...).Scan(&p.Turn).Error; err != nil {
			return fmt.Errorf("take a turn: %w", err)
		}
	case model.LeastBusy:
		if err := in.tx.Exec("SELECT pg_advisory_xact_lock(hashtext('closeloop least busy'))").Error; err != nil {
			return fmt.Errorf("wait for others who choose: %w", err)
		}
		var rows []struct {
			AssigneeID model.UserID
			N          int
		}
		err := in.tx.Raw("SELECT assignee_id, count(*) AS n FROM cases WHERE assignee_id IN ? AND status <> 'CLOSED' GROUP BY assignee_id", d.Opens.Assignees).Scan(&rows).Error
		if err != nil {
			return fmt.Errorf("count users' cases: %w", err)
		}
		p.Busy = make(map[model.UserID]int, len(rows))
		for _, r := range rows {
			p.Busy[r.AssigneeID] = r.N
		}
	}
	return nil
}
