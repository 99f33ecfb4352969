package read_test

import (
	"slices"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

var eventRequest = event.Request{}

func TestNode(t *testing.T) {
	t.Parallel()
	t.Run("finds an object for the roles that may see it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		customer := w.customer(nil)
		response := w.response(customer, 3, moment)
		opened := w.open(customer, response, nil)
		note := w.note(opened, w.ann, "called", moment)
		rule := w.rule("rule", 1)
		token := &model.ApiToken{ID: model.ApiTokenID{UUID: model.NewUUID()}, UserID: w.ann.ID, Name: "token", Hash: make([]byte, 32), CreatedAt: moment}
		w.create(token)
		mail := &model.Notification{ID: model.NotificationID{UUID: model.NewUUID()}, Kind: model.NotifyNewResponse, To: "x@example.com", ToFold: "x@example.com",
			ResponseID: &response.ID, Status: model.NotificationQueued, CreatedAt: moment}
		w.create(mail)
		events, err := w.read.Events(t.Context(), viewer(w.ann), page.Args{}, eventRequest)
		w.must(err)
		everybody := []model.Role{model.Admin, model.Manager, model.Agent, model.Stakeholder, model.Partner}
		staff := everybody[:4]
		for _, c := range []struct {
			id    interface{ String() string }
			found func(read.Node) bool
			roles []model.Role
		}{
			{customer.ID, func(n read.Node) bool { x, ok := n.(*model.Customer); return ok && x.ID == customer.ID }, everybody},
			{response.ID, func(n read.Node) bool { x, ok := n.(*model.Response); return ok && x.ID == response.ID }, everybody},
			{opened.ID, func(n read.Node) bool { x, ok := n.(*model.Case); return ok && x.ID == opened.ID }, everybody},
			{note.ID, func(n read.Node) bool { x, ok := n.(*model.Note); return ok && x.ID == note.ID }, everybody},
			{events.Nodes()[0].Logged().ID, func(n read.Node) bool { x, ok := n.(*model.CaseOpened); return ok && x.CaseID == opened.ID }, everybody},
			{w.ann.ID, func(n read.Node) bool { x, ok := n.(*model.User); return ok && x.ID == w.ann.ID }, staff},
			{rule.ID, func(n read.Node) bool { x, ok := n.(*model.Rule); return ok && x.ID == rule.ID }, staff},
			{mail.ID, func(n read.Node) bool { x, ok := n.(*model.Notification); return ok && x.ID == mail.ID }, staff},
			{token.ID, func(n read.Node) bool { x, ok := n.(*model.ApiToken); return ok && x.ID == token.ID }, staff[:1]},
		} {
			for _, role := range everybody {
				got, err := w.read.Node(w.answer(), of(role), c.id.String())
				if err != nil {
					t.Errorf("Node(%s) for %s: %v", c.id, role, err)
				}
				if slices.Contains(c.roles, role) && !c.found(got) || !slices.Contains(c.roles, role) && got != nil {
					t.Errorf("Node(%s) for %s returned %v, want it found: %t", c.id, role, got, slices.Contains(c.roles, role))
				}
			}
		}
		partner := of(model.Partner)
		partner.User.ID = w.ann.ID
		if self, err := w.read.Node(w.answer(), partner, w.ann.ID.String()); self == nil || err != nil {
			t.Errorf("the viewer's own user: got %v, %v, want the user", self, err)
		}
		w.exec("UPDATE rules SET deleted_at = now()")
		if deleted, err := w.read.Node(w.answer(), of(model.Agent), rule.ID.String()); deleted == nil || err != nil {
			t.Errorf("a deleted rule: got %v, %v, want the rule, because deleted rules stay readable", deleted, err)
		}
	})

	t.Run("returns nil for an unknown ID and refuses an invalid one", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		u := model.NewUUID()
		for _, id := range []interface{ String() string }{model.CustomerID{UUID: u}, model.ResponseID{UUID: u}, model.CaseID{UUID: u}, model.NoteID{UUID: u},
			model.EventID{UUID: u}, model.UserID{UUID: u}, model.RuleID{UUID: u}, model.NotificationID{UUID: u}, model.ApiTokenID{UUID: u}} {
			if got, err := w.read.Node(w.answer(), of(model.Admin), id.String()); got != nil || err != nil {
				t.Errorf("the unknown ID %s: got %v, %v, want nil", id, got, err)
			}
		}
		for _, id := range []string{"", "7", "cas_", "cas_0", "xyz_0190163d8694739b9f6b1bdac25e4c4e", "CAS_0190163d8694739b9f6b1bdac25e4c4e", "0190163d8694739b9f6b1bdac25e4c4e"} {
			if _, err := w.read.Node(w.answer(), of(model.Admin), id); !is(err, fault.CodeBadUserInput, "id") {
				t.Errorf("the invalid ID %q: got %v, want BAD_USER_INPUT for id", id, err)
			}
			if _, err := w.read.Nodes(w.answer(), of(model.Admin), []string{w.ann.ID.String(), id}); !is(err, fault.CodeBadUserInput, "ids[1]") {
				t.Errorf("the invalid ID %q in a list: got %v, want BAD_USER_INPUT for ids[1]", id, err)
			}
		}
	})
}

func TestNodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	customer := w.customer(nil)
	opened := w.open(customer, nil, nil)
	nobody := model.CaseID{UUID: model.NewUUID()}
	ids := []string{opened.ID.String(), w.ann.ID.String(), nobody.String(), customer.ID.String(), opened.ID.String()}
	got, err := w.read.Nodes(w.answer(), of(model.Agent), ids)
	w.must(err)
	if len(got) != 5 || got[0].(*model.Case).ID != opened.ID || got[1].(*model.User).ID != w.ann.ID || got[2] != nil ||
		got[3].(*model.Customer).ID != customer.ID || got[4].(*model.Case).ID != opened.ID {
		t.Errorf("Nodes returned %v, want the case, Ann, nil, the customer and the case", got)
	}
	if got, err := w.read.Nodes(w.answer(), of(model.Partner), ids); err != nil || got[1] != nil || got[0] == nil {
		t.Errorf("for a partner: got %v, %v, want the case and no user", got, err)
	}
	if got, err := w.read.Nodes(w.answer(), of(model.Agent), nil); got == nil || len(got) != 0 || err != nil {
		t.Errorf("without IDs: got %v, %v, want an empty list", got, err)
	}
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if rules, err := w.read.Rules(t.Context()); rules == nil || len(rules) != 0 || err != nil {
		t.Errorf("without rules: got %v, %v, want an empty list", rules, err)
	}
	if tokens, err := w.read.APITokens(t.Context()); tokens == nil || len(tokens) != 0 || err != nil {
		t.Errorf("without tokens: got %v, %v, want an empty list", tokens, err)
	}
	w.rule("third", 3)
	w.rule("first", 1)
	deleted := w.rule("second", 2)
	w.exec("UPDATE rules SET deleted_at = now() WHERE id = ?", deleted.ID)
	rules, err := w.read.Rules(t.Context())
	w.must(err)
	if got := names(rules, func(r *model.Rule) string { return r.Name }); got != "first third " {
		t.Errorf("the rules are %s, want first third", got)
	}
	for i, name := range []string{"older", "newer"} {
		hash := make([]byte, 32)
		hash[0] = byte(i)
		w.create(&model.ApiToken{ID: model.ApiTokenID{UUID: model.NewUUID()}, UserID: w.ann.ID, Name: name, Hash: hash, CreatedAt: moment.Add(time.Duration(i) * time.Hour)})
	}
	tokens, err := w.read.APITokens(t.Context())
	w.must(err)
	if got := names(tokens, func(x *model.ApiToken) string { return x.Name }); got != "newer older " {
		t.Errorf("the tokens are %s, want newer older", got)
	}
	w.exec(`UPDATE settings SET currency = 'BRL', central_addresses = '["a@example.com"]'`)
	settings, err := w.read.Settings(t.Context())
	if err != nil || settings.Currency != "BRL" || !slices.Equal(settings.CentralAddresses, []string{"a@example.com"}) || settings.TimeZone != "UTC" {
		t.Errorf("got the settings %v, %v", settings, err)
	}
}
