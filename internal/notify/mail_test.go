package notify

import (
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"github.com/closeloop/closeloop/model"
)

func TestMail(t *testing.T) {
	t.Parallel()
	t.Run("alerts in text and HTML", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		w.Must("UPDATE settings SET time_zone = 'Europe/Amsterdam'")
		events := w.start(w.mailer("smtp://" + s.listen()))
		customer := w.customer(model.Customer{
			FirstName: new("Ana"), LastName: new("Souza"), Email: new("ana@acme.example"), Company: new("ACME"), Country: new("BR"),
		})
		response := w.response(customer, model.Response{
			Score: 3, ContactRequested: true, Drivers: []string{"Billing", "Support"},
			Comment: new("Too <script>alert('x')</script> slow\r\nand \"dear\" & sad 😢\n\nbye = 100%"),
		})
		due := at.Add(48 * time.Hour)
		opened, rule := w.open(response, nil, &due), w.rule("Detractors <of> Brazil")
		id := w.mail(model.Notification{
			Kind: model.NotifyNewResponse, To: "Lead@Example.com", ResponseID: &response.ID, CaseID: &opened.ID, RuleID: &rule.ID,
		})

		got := s.one()
		w.until(events, river.EventKindJobCompleted)
		if got.from != "care@example.com" || got.to != "Lead@Example.com" {
			t.Errorf("sent from %q to %q", got.from, got.to)
		}
		header, plain, html := read(t, got.data)
		for name, want := range map[string]string{
			"Subject":        "Detractor (3) from Ana Souza, ACME – case 1",
			"From":           `"closeloop" <care@example.com>`,
			"To":             "<Lead@Example.com>",
			"Message-Id":     "<" + id.String() + "@example.com>",
			"Auto-Submitted": "auto-generated",
		} {
			if has := decoded(t, header.Get(name)); has != want {
				t.Errorf("%s is %q, want %q", name, has, want)
			}
		}
		if _, err := header.Date(); err != nil {
			t.Errorf("the date is invalid: %v", err)
		}
		const wantPlain = `Detractor (3) from Ana Souza, ACME

> Too <script>alert('x')</script> slow
> and "dear" & sad 😢
> 
> bye = 100%

Customer     Ana Souza
E-mail       ana@acme.example
Company      ACME
Country      BR
Score        3 of 10, detractor
Drivers      Billing, Support
Contact      The customer asks to be contacted
Responded    Mon 2 Mar 2026, 10:30 (Europe/Amsterdam)
Case         1
Due          Wed 4 Mar 2026, 10:30 (Europe/Amsterdam)
Rule         Detractors <of> Brazil

Open case 1:
https://closeloop.example.com/cases/1

-- 
You get this mail because a rule alerts you to such responses.
`
		if plain != wantPlain {
			t.Errorf("the text is\n%s\nwant\n%s", plain, wantPlain)
		}
		for _, want := range []string{
			"Too &lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; slow<br>\nand &#34;dear&#34; &amp; sad 😢<br>\n<br>\nbye = 100%",
			"Detractors &lt;of&gt; Brazil", `<a href="https://closeloop.example.com/cases/1">Open case 1</a>`,
			"ana@acme.example", "Billing, Support", "Wed 4 Mar 2026, 10:30 (Europe/Amsterdam)",
		} {
			if !strings.Contains(html, want) {
				t.Errorf("the HTML has no %q:\n%s", want, html)
			}
		}
		if strings.Contains(html, "<script") {
			t.Errorf("the HTML does not escape the comment:\n%s", html)
		}
		n := w.row(id)
		if n.Status != model.NotificationSent || n.SentAt == nil || n.Attempts != 1 || n.LastError != nil {
			t.Errorf("the row is %+v", n)
		}
	})

	t.Run("links to the program without a case", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		w.start(w.mailer("smtp://" + s.listen()))
		response := w.response(w.customer(model.Customer{Email: new("pro@example.com")}), model.Response{Score: 9})
		w.mail(model.Notification{Kind: model.NotifyNewResponse, To: "lead@example.com", ResponseID: &response.ID})
		header, plain, html := read(t, s.one().data)
		if got := decoded(t, header.Get("Subject")); got != "Promoter (9) from pro@example.com" {
			t.Errorf("the subject is %q", got)
		}
		if !strings.Contains(plain, "\nhttps://closeloop.example.com/\n") || !strings.Contains(html, `href="https://closeloop.example.com/"`) {
			t.Errorf("there is no link to the program:\n%s\n%s", plain, html)
		}
		if strings.Contains(html, "blockquote") || strings.Contains(plain, "\n> ") {
			t.Errorf("the mail has a comment although the response has none:\n%s\n%s", plain, html)
		}
	})

	t.Run("reports an assignment", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		w.start(w.mailer("smtp://" + s.listen()))
		bo, lead := w.user("Bo Berg", "bo@example.com"), w.user("Lea Lead", "lea@example.com")
		response := w.response(w.customer(model.Customer{FirstName: new("Ana"), LastName: new("Souza")}), model.Response{Score: 3})
		opened := w.open(response, bo, nil)
		event := w.event(opened, model.Event{Version: 2, Type: model.EventAssigned, ActorID: &lead.ID, AssigneeID: &bo.ID})
		w.mail(model.Notification{Kind: model.NotifyCaseAssigned, To: bo.Email, CaseID: &opened.ID, EventID: &event.ID})
		header, plain, html := read(t, s.one().data)
		if got := decoded(t, header.Get("Subject")); got != "Case 1 is yours: Ana Souza, score 3" {
			t.Errorf("the subject is %q", got)
		}
		for _, body := range []string{plain, html} {
			if !strings.Contains(body, "https://closeloop.example.com/cases/1") || !strings.Contains(body, "Lea Lead") {
				t.Errorf("the link or the user who assigned the case is missing:\n%s", body)
			}
			if strings.Contains(body, "Now with") {
				t.Errorf("the mail reports another assignee:\n%s", body)
			}
		}
	})

	t.Run("reports an overdue case with its target", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		w.start(w.mailer("smtp://" + s.listen()))
		bo := w.user("Bo Berg", "bo@example.com")
		response := w.response(w.customer(model.Customer{FirstName: new("Ana"), LastName: new("Souza")}), model.Response{Score: 3})
		opened := w.open(response, bo, new(at.Add(48*time.Hour)))
		event := w.event(opened, model.Event{Version: 2, Type: model.EventOverdue})
		w.mail(model.Notification{Kind: model.NotifyCaseOverdue, To: bo.Email, CaseID: &opened.ID, EventID: &event.ID})
		header, plain, _ := read(t, s.one().data)
		if got := decoded(t, header.Get("Subject")); got != "Case 1 is overdue: Ana Souza, score 3" {
			t.Errorf("the subject is %q", got)
		}
		if !strings.Contains(plain, "https://closeloop.example.com/cases/1") || !strings.Contains(plain, "Due") || !strings.Contains(plain, "its target passed") {
			t.Errorf("the link, the target or the reason is missing:\n%s", plain)
		}
	})

	t.Run("reports an escalation with step and assignee", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		w.start(w.mailer("smtp://" + s.listen()))
		bo := w.user("Bo <Berg>", "bo@example.com")
		response := w.response(w.customer(model.Customer{FirstName: new("Ana"), LastName: new("Souza")}), model.Response{Score: 3, Comment: new("Late again.")})
		opened, rule := w.open(response, bo, nil), w.rule("Detractors")
		event := w.event(opened, model.Event{Version: 2, Type: model.EventEscalated, RuleID: &rule.ID, Step: new(2), After: new(model.Duration(36*time.Hour + 30*time.Minute))})
		send := func() (subject, plain, html string) {
			w.mail(model.Notification{Kind: model.NotifyCaseEscalated, To: "boss@example.com", CaseID: &opened.ID, EventID: &event.ID})
			header, plain, html := read(t, s.one().data)
			return decoded(t, header.Get("Subject")), plain, html
		}
		subject, plain, html := send()
		if subject != "Case 1 has had no follow-up: Ana Souza, score 3" {
			t.Errorf("the subject is %q", subject)
		}
		for _, want := range []string{"https://closeloop.example.com/cases/1", "\n> Late again.", "\nEscalation   Step 2, after 36 hours 30 minutes\n",
			"\nAssigned to  Bo <Berg>\n", "\nRule         Detractors\n", "nobody has followed up 36 hours 30 minutes after the response."} {
			if !strings.Contains(plain, want) {
				t.Errorf("the text lacks %q:\n%s", want, plain)
			}
		}
		if !strings.Contains(html, "Step 2, after 36 hours 30 minutes") || !strings.Contains(html, "Bo &lt;Berg&gt;") {
			t.Errorf("the HTML differs:\n%s", html)
		}

		// A case with a calendar and without an assignee.
		w.Must("DELETE FROM notifications")
		w.Must(`INSERT INTO calendars (id, calendar) VALUES ('00000000-0000-0000-0000-000000000001', '{}')`)
		w.Must("UPDATE cases SET calendar_id = '00000000-0000-0000-0000-000000000001', assignee_id = NULL, assigned_at = NULL")
		w.Must("UPDATE case_events SET after = 57600000000, step = 1")
		if _, plain, _ = send(); !strings.Contains(plain, "Step 1, after 16 business hours\n") || !strings.Contains(plain, "\nAssigned to  nobody\n") {
			t.Errorf("the second text:\n%s", plain)
		}
	})

	t.Run("names the assignee now where it differs", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		w.start(w.mailer("smtp://" + s.listen()))
		bo, cy := w.user("Bo Berg", "bo@example.com"), w.user("Cy Cole", "cy@example.com")
		response := w.response(w.customer(model.Customer{FirstName: new("Ana")}), model.Response{Score: 3})
		opened := w.open(response, cy, nil)
		event := w.event(opened, model.Event{Version: 1, Type: model.EventOpened, AssigneeID: &bo.ID})
		w.mail(model.Notification{Kind: model.NotifyCaseAssigned, To: bo.Email, CaseID: &opened.ID, EventID: &event.ID})
		if _, plain, _ := read(t, s.one().data); !strings.Contains(plain, "Now with     Cy Cole\n") {
			t.Errorf("the mail does not name the assignee now:\n%s", plain)
		}
	})

	t.Run("reports the assignment of a case without a response", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		w.start(w.mailer("smtp://" + s.listen()))
		bo := w.user("Bo Berg", "bo@example.com")
		customer := w.customer(model.Customer{FirstName: new("Ana")})
		opened := model.Case{
			ID: model.CaseID{UUID: model.NewUUID()}, Status: model.Open, Origin: model.OriginManual, CustomerID: customer.ID,
			OpenedByID: &bo.ID, OpenedAt: at, UpdatedAt: at, Version: 1,
		}
		opened.AssignTo(bo, &bo.ID, at)
		w.Create(&opened)
		event := w.event(&opened, model.Event{Version: 1, Type: model.EventOpened, ActorID: &bo.ID, AssigneeID: &bo.ID})
		w.mail(model.Notification{Kind: model.NotifyCaseAssigned, To: bo.Email, CaseID: &opened.ID, EventID: &event.ID})
		header, _, _ := read(t, s.one().data)
		if got := decoded(t, header.Get("Subject")); got != "Case 1 is yours: Ana" {
			t.Errorf("the subject is %q", got)
		}
	})

	// The event of the mails has a note. No kind of mail contains a word of the note, or even reads the table.
	t.Run("never contains a note", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		const secret = "confidentialmarker"
		bo := w.user("Bo Berg", "bo@example.com")
		response := w.response(w.customer(model.Customer{FirstName: new("Ana")}), model.Response{Score: 3, Comment: new("slow")})
		opened := w.open(response, bo, nil)
		note := model.Note{ID: model.NoteID{UUID: model.NewUUID()}, CaseID: opened.ID, AuthorID: bo.ID, Body: secret, CreatedAt: at}
		w.Create(&note)
		event := model.Event{
			ID: model.EventID{UUID: model.NewUUID()}, CaseID: opened.ID, Version: 2, Type: model.EventAssigned, At: at, ActorID: &bo.ID,
			AssigneeID: &bo.ID, NoteID: &note.ID, Snapshot: []byte(`{"note":"` + secret + `"}`), Before: []byte(`{"note":"` + secret + `"}`),
		}
		w.Create(&event)
		// Without the table, a mail that reads notes fails.
		w.Must("ALTER TABLE notes RENAME TO notes_gone")
		w.mail(model.Notification{Kind: model.NotifyCaseAssigned, To: "bo@example.com", CaseID: &opened.ID, EventID: &event.ID})
		w.mail(model.Notification{Kind: model.NotifyNewResponse, To: "cy@example.com", ResponseID: &response.ID, CaseID: &opened.ID, EventID: &event.ID})
		w.start(w.mailer("smtp://" + s.listen()))
		for range 2 {
			got := s.one()
			_, plain, html := read(t, got.data)
			for _, body := range []string{got.data, plain, html} {
				if strings.Contains(strings.ToLower(body), secret) {
					t.Errorf("a note's text is in the mail to %s:\n%s", got.to, body)
				}
			}
		}
	})

	t.Run("keeps names within one line", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		w.start(w.mailer("smtp://" + s.listen()))
		customer := w.customer(model.Customer{
			FirstName: new("Ana\r\nBcc: all@example.com\r\n\r\n<b>body</b>"), LastName: new("S\u202eouza\x1b[31m\u2028Rule         forged"),
			Company: new(strings.Repeat("Großhandel ", 60)), Email: new("a\r\nDue: never"),
		})
		response := w.response(customer, model.Response{Score: 3, Comment: new("one\r\ntwo\rthree\u2028four\x07")})
		w.mail(model.Notification{Kind: model.NotifyNewResponse, To: "lead@example.com", ResponseID: &response.ID})
		got := s.one()
		header, plain, html := read(t, got.data)
		if header.Get("Bcc") != "" || got.to != "lead@example.com" {
			t.Errorf("a customer's name added a header: %v", header)
		}
		subject := decoded(t, header.Get("Subject"))
		if !strings.HasPrefix(subject, "Detractor (3) from Ana Bcc: all@example.com <b>body</b> Souza [31m Rule forged, Großhandel ") {
			t.Errorf("the subject is %q", subject)
		}
		for text := range strings.SplitSeq(got.data, "\r\n") {
			if len(text) > 998 {
				t.Errorf("a line has %d bytes, more than RFC 5322, section 2.1.1, allows", len(text))
			}
		}
		for _, forged := range []string{"\nRule ", "\nDue", "\x1b", "\x07", "\u202e"} {
			if strings.Contains(plain, forged) {
				t.Errorf("the text has %q:\n%s", forged, plain)
			}
		}
		if !strings.Contains(plain, "\n> one\n> two\n> three\n> four\n") || !strings.Contains(html, "one<br>\ntwo<br>\nthree<br>\nfour\n") {
			t.Errorf("the lines of the comment are lost:\n%s\n%s", plain, html)
		}
		if strings.Contains(html, "<b>") {
			t.Errorf("the HTML does not escape the name:\n%s", html)
		}
	})
}
