package notify

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/closeloop/closeloop/model"
)

// view is the content of a mail for the templates. The text and the HTML share one view, so that they never differ.
type view struct {
	Subject  string
	Headline string
	Comment  []string // the lines of the comment
	Facts    []fact
	Link     string
	LinkText string
	Why      string // why the recipient receives the mail
}

type fact struct{ Label, Value string }

func (m *mailData) view(public string) *view {
	switch m.notification.Kind {
	case model.NotifyWebhookDisabled:
		return m.webhookView(public)
	case model.NotifyOldResponses:
		return m.oldView(public)
	}
	v := &view{Comment: m.comment(), Facts: m.facts(), Link: public + "/", LinkText: "Open closeloop"}
	if m.caseRow != nil {
		number := strconv.Itoa(m.caseRow.Number)
		v.Link, v.LinkText = public+"/cases/"+number, "Open case "+number
	}
	name := line(m.customer.DisplayName(), 80)
	switch m.notification.Kind {
	case model.NotifyCaseAssigned:
		v.Headline = fmt.Sprintf("Case %d is yours", m.caseRow.Number)
		v.Subject = v.Headline + ": " + name
		if m.response != nil {
			v.Subject += ", score " + strconv.Itoa(m.response.Score)
		}
		v.Why = "You get this mail because the case was assigned to you."
	case model.NotifyCaseOverdue:
		v.Headline = fmt.Sprintf("Case %d is overdue", m.caseRow.Number)
		v.Subject = v.Headline + ": " + name
		if m.response != nil {
			v.Subject += ", score " + strconv.Itoa(m.response.Score)
		}
		v.Why = "You get this mail because the case is assigned to you, or unassigned, and its target passed without a follow-up."
	case model.NotifyCaseEscalated:
		v.Headline = fmt.Sprintf("Case %d has had no follow-up", m.caseRow.Number)
		v.Subject = v.Headline + ": " + name
		if m.response != nil {
			v.Subject += ", score " + strconv.Itoa(m.response.Score)
		}
		v.Why = "You get this mail because a rule alerts you to cases that nobody has followed up " + m.waited() + " after the response."
	case model.NotifyNewResponse:
		if m.customer.Company != nil {
			name = joinNonEmpty(", ", name, line(*m.customer.Company, 80))
		}
		v.Headline = fmt.Sprintf("%s (%d) from %s", categoryTitle(m.response.Score), m.response.Score, name)
		v.Subject = v.Headline
		if m.caseRow != nil {
			v.Subject += " – case " + strconv.Itoa(m.caseRow.Number)
		}
		v.Why = "You get this mail because a rule alerts you to such responses."
	}
	return v
}

func (m *mailData) facts() []fact {
	c := m.customer
	facts := []fact{{"Customer", c.DisplayName()}, {"E-mail", text(c.Email)}, {"Company", text(c.Company)}, {"Country", text(c.Country)}}
	if r := m.response; r != nil {
		facts = append(facts,
			fact{"Score", fmt.Sprintf("%d of 10, %s", r.Score, strings.ToLower(categoryTitle(r.Score)))},
			fact{"Drivers", strings.Join(r.Drivers, ", ")})
		if r.ContactRequested {
			facts = append(facts, fact{"Contact", "The customer asks to be contacted"})
		}
		facts = append(facts, fact{"Responded", m.time(&r.RespondedAt)})
	}
	if m.caseRow != nil {
		facts = append(facts, fact{"Case", strconv.Itoa(m.caseRow.Number)}, fact{"Due", m.time(m.caseRow.DueAt)})
	}
	if m.step != nil {
		facts = append(facts, fact{"Escalation", "Step " + strconv.Itoa(*m.step.Step) + ", after " + m.waited()})
	}
	facts = append(facts, fact{"Assigned to", m.assignee}, fact{"Assigned by", m.assignedBy}, fact{"Now with", m.currentAssignee}, fact{"Rule", m.rule})

	known := facts[:0]
	for _, f := range facts {
		if f.Value = line(f.Value, 500); f.Value != "" {
			known = append(known, f)
		}
	}
	return known
}

// waited returns the wait of an escalation step, such as '36 hours', '1 hour 30 minutes' and '16 business hours'.
func (m *mailData) waited() string {
	business := ""
	if m.caseRow.CalendarID != nil {
		business = "business "
	}
	d := time.Duration(*m.step.After)
	var parts []string
	for _, unit := range []struct {
		name string
		of   time.Duration
	}{{"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second}} {
		n := d / unit.of
		if d -= n * unit.of; n == 0 {
			continue
		}
		if n > 1 {
			unit.name += "s"
		}
		parts = append(parts, fmt.Sprintf("%d %s%s", n, business, unit.name))
	}
	if len(parts) == 0 {
		return "less than a second"
	}
	return strings.Join(parts, " ")
}

// comment returns the lines of the response's comment without control characters, which could control a terminal.
func (m *mailData) comment() []string {
	if m.response == nil {
		return nil
	}
	var lines []string
	whole := strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n", "\t", "    ").
		Replace(text(m.response.Comment))
	for part := range strings.SplitSeq(strings.TrimSpace(whole), "\n") {
		lines = append(lines, strings.TrimRightFunc(printable(part), unicode.IsSpace))
	}
	if len(lines) == 1 && lines[0] == "" {
		return nil
	}
	return lines
}

func (m *mailData) time(t *time.Time) string {
	if t == nil {
		return ""
	}
	return fmt.Sprintf("%s (%s)", t.In(m.zone).Format("Mon 2 Jan 2006, 15:04"), m.zone)
}

// categoryTitle returns the name of the score's category.
func categoryTitle(score int) string {
	switch model.CategoryOf(score) {
	case model.Detractor:
		return "Detractor"
	case model.Passive:
		return "Passive"
	}
	return "Promoter"
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func joinNonEmpty(separator string, parts ...string) string {
	var known []string
	for _, p := range parts {
		if p != "" {
			known = append(known, p)
		}
	}
	return strings.Join(known, separator)
}

// line makes a single line of a text, with at most `most` characters. Otherwise a line end in a name could begin a header
// of the mail, or a fact in the text.
func line(s string, most int) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	s = printable(s)
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}

// printable removes control characters, and characters that change the direction of the text after them, because their
// effect would extend beyond the name that contains them.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069' {
			return -1
		}
		return r
	}, s)
}
