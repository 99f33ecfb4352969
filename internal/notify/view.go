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

func (l *mailData) view(public string) *view {
	if l.notification.Kind == model.NotifyWebhookDisabled {
		return l.webhookView(public)
	}
	v := &view{Comment: l.comment(), Facts: l.facts(), Link: public + "/", LinkText: "Open closeloop"}
	if l.theCase != nil {
		number := strconv.Itoa(l.theCase.Number)
		v.Link, v.LinkText = public+"/cases/"+number, "Open case "+number
	}
	name := line(l.customer.DisplayName(), 80)
	switch l.notification.Kind {
	case model.NotifyCaseAssigned:
		v.Headline = fmt.Sprintf("Case %d is yours", l.theCase.Number)
		v.Subject = v.Headline + ": " + name
		if l.response != nil {
			v.Subject += ", score " + strconv.Itoa(l.response.Score)
		}
		v.Why = "You get this mail because the case was assigned to you."
	case model.NotifyCaseOverdue:
		v.Headline = fmt.Sprintf("Case %d is overdue", l.theCase.Number)
		v.Subject = v.Headline + ": " + name
		if l.response != nil {
			v.Subject += ", score " + strconv.Itoa(l.response.Score)
		}
		v.Why = "You get this mail because the case is assigned to you, or unassigned, and its target passed without a follow-up."
	case model.NotifyCaseEscalated:
		v.Headline = fmt.Sprintf("Case %d has had no follow-up", l.theCase.Number)
		v.Subject = v.Headline + ": " + name
		if l.response != nil {
			v.Subject += ", score " + strconv.Itoa(l.response.Score)
		}
		v.Why = "You get this mail because a rule alerts you to cases that nobody has followed up " + l.waited() + " after the response."
	case model.NotifyNewResponse:
		if l.customer.Company != nil {
			name = joinNonEmpty(", ", name, line(*l.customer.Company, 80))
		}
		v.Headline = fmt.Sprintf("%s (%d) from %s", categoryTitle(l.response.Score), l.response.Score, name)
		v.Subject = v.Headline
		if l.theCase != nil {
			v.Subject += " – case " + strconv.Itoa(l.theCase.Number)
		}
		v.Why = "You get this mail because a rule alerts you to such responses."
	}
	return v
}

func (l *mailData) facts() []fact {
	c := l.customer
	facts := []fact{{"Customer", c.DisplayName()}, {"E-mail", text(c.Email)}, {"Company", text(c.Company)}, {"Country", text(c.Country)}}
	if r := l.response; r != nil {
		facts = append(facts,
			fact{"Score", fmt.Sprintf("%d of 10, %s", r.Score, strings.ToLower(categoryTitle(r.Score)))},
			fact{"Drivers", strings.Join(r.Drivers, ", ")})
		if r.ContactRequested {
			facts = append(facts, fact{"Contact", "The customer asks to be contacted"})
		}
		facts = append(facts, fact{"Responded", l.time(&r.RespondedAt)})
	}
	if l.theCase != nil {
		facts = append(facts, fact{"Case", strconv.Itoa(l.theCase.Number)}, fact{"Due", l.time(l.theCase.DueAt)})
	}
	if l.step != nil {
		facts = append(facts, fact{"Escalation", "Step " + strconv.Itoa(*l.step.Step) + ", after " + l.waited()})
	}
	facts = append(facts, fact{"Assigned to", l.assignee}, fact{"Assigned by", l.assignedBy}, fact{"Now with", l.currentAssignee}, fact{"Rule", l.rule})

	known := facts[:0]
	for _, f := range facts {
		if f.Value = line(f.Value, 500); f.Value != "" {
			known = append(known, f)
		}
	}
	return known
}

// waited returns the wait of an escalation step, such as '36 hours', '1 hour 30 minutes' and '16 business hours'.
func (l *mailData) waited() string {
	business := ""
	if l.theCase.CalendarID != nil {
		business = "business "
	}
	d := time.Duration(*l.step.After)
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
func (l *mailData) comment() []string {
	if l.response == nil {
		return nil
	}
	var lines []string
	whole := strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n", "\t", "    ").
		Replace(text(l.response.Comment))
	for part := range strings.SplitSeq(strings.TrimSpace(whole), "\n") {
		lines = append(lines, strings.TrimRightFunc(printable(part), unicode.IsSpace))
	}
	if len(lines) == 1 && lines[0] == "" {
		return nil
	}
	return lines
}

func (l *mailData) time(t *time.Time) string {
	if t == nil {
		return ""
	}
	return fmt.Sprintf("%s (%s)", t.In(l.zone).Format("Mon 2 Jan 2006, 15:04"), l.zone)
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
