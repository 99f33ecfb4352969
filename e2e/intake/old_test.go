package intake

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

// Old responses open their cases, and each person who is told gets one mail of all of them. A recent response has its mails.
func TestOldResponses(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(filepath.Join(caseFiles, "history.csv"))
	if err != nil {
		t.Fatal(err)
	}
	file := string(content) + fmt.Sprintf("1,%s,new@example.com,just now,rr\n", time.Now().UTC().Format("2006-01-02 15:04"))
	for _, by := range []string{"the command", "the API"} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			server := setup.NewMailServer(t)
			server.Listen()
			s := setup.NewServer(t, setup.Options{SMTPURL: server.URL})
			s.AddRule(vars{
				"assignment": vars{"strategy": "USER", "userId": s.Users[model.Agent]},
				"notify":     []vars{{"kind": "ADDRESS", "address": "desk@example.com"}, {"kind": "ASSIGNEE"}},
			})
			s.AddRule(vars{"name": "Only told", "notify": []vars{{"kind": "ADDRESS", "address": "DESK@example.com"}, {"kind": "ADDRESS", "address": "quality@example.com"}}, "opensCase": false})
			if by == "the command" {
				path := filepath.Join(t.TempDir(), "history.csv")
				if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
					t.Fatal(err)
				}
				p := setup.StartProgram(t, []string{"DATABASE_URL=" + pgtest.URL(t, s.App.DB)}, "import", path, "--time-zone", "UTC")
				if code := p.Exit(); code != 0 || !strings.Contains(p.Output(), "40 cases past the target already") || !strings.Contains(p.Output(), "--no-rules") {
					t.Errorf("the exit status is %d", code)
				}
			} else {
				importEnded(s, model.Manager, s.OK(model.Manager, uploads, vars{"input": vars{"file": setup.CSV(file), "timeZone": "UTC"}}).Text("importResponses.import.id"))
			}
			i := s.OK(model.Manager, `{imports {nodes {status casesOpened casesPastTarget responsesCreated}}}`, nil).At("imports.nodes.0")
			if i.Text("status") != "DONE" || i.Number("casesOpened") != 41 || i.Number("casesPastTarget") != 40 || i.Number("responsesCreated") != 41 {
				t.Errorf("the import is %v", i.V)
			}
			got := map[string]int{}
			for _, m := range s.OK(model.Manager, `{notifications(first: 100) {nodes {kind to}}}`, nil).List("notifications.nodes") {
				got[m.Text("kind")+" "+strings.ToLower(m.Text("to"))]++
			}
			want := map[string]int{
				"OLD_RESPONSES agent@example.com": 1, "OLD_RESPONSES desk@example.com": 1, "OLD_RESPONSES quality@example.com": 1,
				"CASE_ASSIGNED agent@example.com": 1, "NEW_RESPONSE agent@example.com": 1, "NEW_RESPONSE desk@example.com": 1, "NEW_RESPONSE quality@example.com": 1,
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("the mails are %v, want %v", got, want)
			}
			for range 7 {
				var m setup.Mail
				select {
				case m = <-server.Got:
				case <-time.After(setup.Patience):
					t.Fatal("a mail is missing")
				}
				switch {
				case !strings.HasPrefix(m.Subject, "An import brought old responses"):
				case strings.HasPrefix(m.To, "agent") && (!strings.Contains(m.Body, "40 cases were assigned to you") || m.Subject != "An import brought old responses: 40 cases are yours"),
					!strings.Contains(m.Body, "40 responses match a rule that alerts you"), !strings.Contains(m.Body, "40 cases were past their target"):
					t.Errorf("the mail to %s is %s:\n%s", m.To, m.Subject, m.Body)
				}
			}
		})
	}
}

// A server ends the account of a command that was killed, and sends the mails of what it has imported.
func TestImportOfAKilledCommand(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	s.AddRule(vars{"notify": []vars{{"kind": "ADDRESS", "address": "desk@example.com"}}})
	importFile(s, "history.csv").Exit()
	db := s.App.DB.Gorm
	for _, sql := range []string{
		"DELETE FROM notifications WHERE kind = 'OLD_RESPONSES'",
		"UPDATE imports SET status = 'RUNNING', finished_at = NULL, rows = NULL, owner = gen_random_uuid(), leased_until = now() - interval '1 second'",
	} {
		if err := db.Exec(sql).Error; err != nil {
			t.Fatal(err)
		}
	}
	const asked = `{imports {nodes {status error responsesCreated}} notifications(filter: {kind: [OLD_RESPONSES]}) {nodes {to}}}`
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		a := s.OK(model.Manager, asked, nil)
		i := a.At("imports.nodes.0")
		if i.Text("status") != "RUNNING" {
			if i.Text("status") != "FAILED" || !strings.Contains(i.Text("error"), "run it again") || i.Number("responsesCreated") != 40 || len(a.List("notifications.nodes")) != 1 {
				t.Errorf("%v", a.V)
			}
			return
		}
		if time.Since(began) > setup.Patience {
			t.Fatal("no server has ended it")
		}
	}
}
