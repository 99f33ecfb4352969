package notify

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/closeloop/closeloop/model"
)

// view is what the templates show: one for the text and the HTML, so that the two never differ.
type view struct {
	Subject  string
	Headline string
	Comment  []string // its lines
	Facts    []fact
	Link     string
	LinkText string
	Why      string // why the recipient gets it
}

type fact struct{ Label, Value string }

func (l *letter) view(public string) *view {
	if l.notification.Kind == model.NotifyWebhookDisabled {
		return l.webhookView(public)
	}
	v := &view{Comment: l.comment(), Facts: l.facts(), Link: public + "/", LinkText: "Open closeloop"}
	if l.opened != nil {
		number := strconv.Itoa(l.opened.Number)
		v.Link, v.LinkText = public+"/cases/"+number, "Open case "+number
	}
	name := line(l.customer.DisplayName(), 80)
	switch l.notification.Kind {
	case model.NotifyCaseAssigned:
		v.Headline = fmt.Sprintf("Case %d is yours", l.opened.Number)
		v.Subject = v.Headline + ": " + name
		if l.response != nil {
			v.Subject += ", score " + strconv.Itoa(l.response.Score)
		}
		v.Why = "You get this mail because the case was assigned to you."
	case model.NotifyCaseOverdue:
		v.Headline = fmt.Sprintf("Case %d is overdue", l.opened.Number)
		v.Subject = v.Headline + ": " + name
		if l.response != nil {
			v.Subject += ", score " + strconv.Itoa(l.response.Score)
		}
		v.Why = "You get this mail because the case is yours, or nobody's, and its target passed with no follow-up."
	case model.NotifyCaseEscalated:
		v.Headline = fmt.Sprintf("Case %d has had no follow-up", l.opened.Number)
		v.Subject = v.Headline + ": " + name
		if l.response != nil {
			v.Subject += ", score " + strconv.Itoa(l.response.Score)
		}
		v.Why = "You get this mail because a rule asks to tell you of cases that nobody has followed up " + l.waited() + " after the response."
	case model.NotifyNewResponse:
		if l.customer.Company != nil {
			name = joined(", ", name, line(*l.customer.Company, 80))
		}
		v.Headline = fmt.Sprintf("%s (%d) from %s", title(l.response.Score), l.response.Score, name)
		v.Subject = v.Headline
		if l.opened != nil {
			v.Subject += " – case " + strconv.Itoa(l.opened.Number)
		}
		v.Why = "You get this mail because a rule asks to tell you of such responses."
	}
	return v
}

func (l *letter) facts() []fact {
	c := l.customer
	facts := []fact{{"Customer", c.DisplayName()}, {"E-mail", text(c.Email)}, {"Company", text(c.Company)}, {"Country", text(c.Country)}}
	if r := l.response; r != nil {
		facts = append(facts,
			fact{"Score", fmt.Sprintf("%d of 10, %s", r.Score, strings.ToLower(title(r.Score)))},
			fact{"Drivers", strings.Join(r.Drivers, ", ")})
		if r.ContactRequested {
			facts = append(facts, fact{"Contact", "The customer asks to be contacted"})
		}
		facts = append(facts, fact{"Responded", l.time(&r.RespondedAt)})
	}
	if l.opened != nil {
		facts = append(facts, fact{"Case", strconv.Itoa(l.opened.Number)}, fact{"Due", l.time(l.opened.DueAt)})
	}
	if l.step != nil {
		facts = append(facts, fact{"Escalation", "Step " + strconv.Itoa(*l.step.Step) + ", after " + l.waited()})
	}
	facts = append(facts, fact{"Assigned to", l.assignee}, fact{"Assigned by", l.assignedBy}, fact{"Now with", l.movedTo}, fact{"Rule", l.rule})

	known := facts[:0]
	for _, f := range facts {
		if f.Value = line(f.Value, 500); f.Value != "" {
			known = append(known, f)
		}
	}
	return known
}

// waited is how long the step of an escalation waits: 36 hours, 1 hour 30 minutes, 16 business hours.
func (l *letter) waited() string {
	business := ""
	if l.opened.CalendarID != nil {
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

// comment is the response's in lines, without control characters: those of a terminal are nobody's opinion.
func (l *letter) comment() []string {
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

func (l *letter) time(t *time.Time) string {
	if t == nil {
		return ""
	}
	return fmt.Sprintf("%s (%s)", t.In(l.zone).Format("Mon 2 Jan 2006, 15:04"), l.zone)
}

// title is the category's name in a sentence.
func title(score int) string {
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

func joined(separator string, parts ...string) string {
	var known []string
	for _, p := range parts {
		if p != "" {
			known = append(known, p)
		}
	}
	return strings.Join(known, separator)
}

// line makes one line of a text, of that many characters at most: a line end in a name must not begin a header of
// its own, nor a fact in the text.
func line(s string, most int) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	s = printable(s)
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}

// printable leaves out control characters, and those that turn the direction of all text that follows: they would
// reach beyond the name that holds them.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069' {
			return -1
		}
		return r
	}, s)
}
