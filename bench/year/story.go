package year

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/internal/theme"
	"github.com/closeloop/closeloop/model"
)

// story generates everything that happens to one customer, in order, as the program itself would have written it.
type story struct {
	w    *world
	team *team
	out  *spools
	r    *rand.Rand
	line []byte

	customer  *model.Customer
	responses []*model.Response
	cases     []*caseState
	agenda    []action
}

// action is something that happens at a time.
type action struct {
	at time.Time
	do func(at time.Time)
}

// caseState is a case with everything that its snapshots contain.
type caseState struct {
	model.Case
	rules      []model.RuleID
	themes     []model.Theme
	outreaches []model.Outreach
}

func (h *caseState) snapshot() *model.Snapshot {
	s := &model.Snapshot{Case: h.Case, Customer: *h.Customer, Response: h.Response, RuleIDs: h.rules, Themes: h.themes, Outreaches: slices.Clone(h.outreaches)}
	if h.Assignee != nil {
		s.AssigneeName = &h.Assignee.Name
	}
	return s
}

func (s *story) write(to *spool, at time.Time, row any, extra ...[]byte) {
	s.line = s.line[:0]
	for _, e := range extra {
		s.line = append(s.line, e...)
	}
	s.line = to.t.line(s.line, row)
	to.add(at, s.line)
}

// run generates the customer's responses and the team's work, up to now.
func (s *story) run(customer int) {
	s.r = rand.New(rand.NewPCG(uint64(customer), 5))
	s.customer = s.w.person(customer)
	s.customer.Fold()
	s.responses, s.cases, s.agenda = s.responses[:0], s.cases[:0], s.agenda[:0]
	first := time.UnixMicro(s.w.receivedAt[s.w.responsesOf[customer][0]]).UTC()
	s.customer.ID, s.customer.CreatedAt = model.CustomerID{UUID: idAt(s.r, first)}, first
	for _, i := range s.w.responsesOf[customer] {
		s.plan(time.UnixMicro(s.w.receivedAt[i]).UTC(), func(at time.Time) { s.respond(int(i), at) })
	}
	for len(s.agenda) > 0 {
		next := s.agenda[0]
		s.agenda = slices.Delete(s.agenda, 0, 1)
		next.do(next.at)
	}
	for _, r := range s.responses {
		row := r.Row()
		s.write(s.out.responses, r.ReceivedAt, row)
		if texts := r.Texts(); texts != nil {
			s.write(s.out.texts, r.ReceivedAt, texts)
		}
	}
	for _, h := range s.cases {
		s.write(s.out.cases, h.OpenedAt, &h.Case, number(h.Number))
	}
	s.write(s.out.customers, first, s.customer.Row(), number(customer+1))
}

// plan adds an action to the agenda, unless it lies in the future.
func (s *story) plan(at time.Time, do func(time.Time)) {
	if at.After(s.w.now) {
		return
	}
	i, _ := slices.BinarySearchFunc(s.agenda, at, func(a action, t time.Time) int {
		if a.at.After(t) {
			return 1
		}
		return -1
	})
	s.agenda = slices.Insert(s.agenda, i, action{at.Truncate(time.Microsecond), do})
}

func (s *story) respond(i int, at time.Time) {
	c, r := *s.customer, s.r
	responded := at.Add(-time.Duration(1+r.IntN(20)) * time.Second)
	if r.IntN(20) == 0 { // imported from a file
		responded = at.Add(-time.Duration(r.IntN(40)) * time.Hour)
	}
	score := int(s.w.score[i])
	response := &model.Response{
		ID: model.ResponseID{UUID: idAt(r, at)}, CustomerID: c.ID, Score: score, Category: model.CategoryOf(score), Drivers: []string{}, ContactRequested: s.w.callRequested[i],
		Attributes: map[string]string{"channel": pick(r, []string{"E-mail", "E-mail", "App", "Text message"})}, RespondedAt: responded, ReceivedAt: at,
		ContactStatus: model.NotContacted, Survey: new(pick(r, surveys)),
	}
	if r.IntN(2) == 0 {
		response.ExternalID = new("r-" + response.ID.UUID.String()[24:])
	}
	if r.IntN(10) < 7 {
		response.Comment = new(comment(r, score))
	}
	for n := r.IntN(3); n > 0; n-- {
		if d := zipf(r, drivers); !slices.Contains(response.Drivers, d) {
			response.Drivers = append(response.Drivers, d)
		}
	}
	if score >= 9 && r.IntN(3) == 0 {
		response.QuoteConsent = new(r.IntN(4) > 0)
	}
	response.TestimonialLikelihood = theme.Testimonial(response)
	response.TestimonialEstimated = response.TestimonialLikelihood != nil
	response.CopyCustomer(&c)
	if c.LastResponseAt == nil || c.LastResponseAt.Before(responded) {
		c.LastResponseAt = &responded
	}
	s.customer = &c
	for _, h := range s.cases {
		h.Customer = s.customer
	}
	s.responses = append(s.responses, response)

	var themes []model.Theme
	if response.Comment != nil {
		for _, id := range s.team.words.Match(*response.Comment) {
			s.write(s.out.tags, at, &model.Tag{ResponseID: response.ID, ThemeID: id})
			themes = append(themes, *s.team.themes[slices.IndexFunc(s.team.themes, func(t *model.Theme) bool { return t.ID == id })])
		}
		slices.SortFunc(themes, func(a, b model.Theme) int { return cmp.Compare(a.NameFold, b.NameFold) })
	}
	decision := rule.Match(s.team.rules, response, s.customer, at, themes...)
	for _, matched := range decision.Matched {
		s.write(s.out.matches, at, &match{response.ID, matched.ID})
	}
	if (decision.Opens != nil) != (s.w.caseNumber[i] > 0) {
		panic("the rules do not open the cases that the world expects")
	}
	if decision.Opens != nil {
		s.open(i, at, decision, response, themes)
	}
	for _, matched := range decision.Matched {
		if !matched.OpensCase {
			n := &model.Notification{Kind: model.NotifyNewResponse, To: "desk@example.com", ResponseID: &response.ID, RuleID: &matched.ID}
			if decision.Opens != nil {
				n.CaseID = &s.cases[len(s.cases)-1].ID
			}
			s.mail(at, n)
		}
	}
}

// mail writes a notification that was sent within seconds; one in 200 failed.
func (s *story) mail(at time.Time, n *model.Notification) {
	n.ID, n.ToFold, n.CreatedAt, n.Attempts, n.Status = model.NotificationID{UUID: idAt(s.r, at)}, model.Fold(n.To), at, 1, model.NotificationSent
	n.SentAt = new(at.Add(time.Duration(1+s.r.IntN(5)) * time.Second))
	if s.r.IntN(200) == 0 {
		n.Status, n.Attempts, n.SentAt, n.LastError = model.NotificationFailed, 10, nil, new("550 no such user")
	}
	s.write(s.out.notifications, at, n)
}

// wait returns a random time, mostly near the median and sometimes many times as long.
func (s *story) wait(median time.Duration) time.Duration {
	return time.Duration(float64(median) * math.Exp(0.9*s.r.NormFloat64()))
}
