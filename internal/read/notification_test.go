package read_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

func (w *world) mail(n model.Notification) *model.Notification {
	w.t.Helper()
	n.ID, n.ToFold = model.NotificationID{UUID: model.NewUUID()}, model.Fold(n.To)
	if n.Status == model.NotificationSent {
		n.SentAt = &n.CreatedAt
	}
	w.create(&n)
	if n.Status == model.NotificationQueued {
		w.exec(fmt.Sprintf(`INSERT INTO river_job (kind, args, max_attempts) VALUES ('send_mail', '{"notificationId": "%s"}', 300)`, n.ID.UUID))
	}
	return &n
}

func text(t *testing.T, raw string) *filter.Text {
	t.Helper()
	f := new(filter.Text)
	v, err := filter.Decode(json.RawMessage(raw))
	if err == nil {
		err = f.UnmarshalGQL(v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestNotifications(t *testing.T) {
	t.Parallel()
	t.Run("are listed newest first by every filter", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		customer := w.customer(nil)
		var opened []*model.Case
		for range 2 {
			opened = append(opened, w.open(customer, w.response(customer, 3, moment), nil))
		}
		statuses := []model.NotificationStatus{model.NotificationQueued, model.NotificationSent, model.NotificationFailed, model.NotificationNotSent}
		failed := map[model.NotificationStatus]*string{model.NotificationFailed: new("550 no such user")}
		var all []*model.Notification
		for i := range 24 {
			about := opened[i%2]
			all = append(all, w.mail(model.Notification{
				Kind: model.NotifyNewResponse, To: fmt.Sprintf("Lead%d@Example.com", i), CaseID: &about.ID, Status: statuses[i%4], LastError: failed[statuses[i%4]],
				ResponseID: about.ResponseID, CreatedAt: moment.Add(time.Duration(i/3) * time.Minute), // three at each time: ties are sorted by ID
			}))
		}
		kinds := []model.NotificationKind{model.NotifyNewResponse}
		created := new(filter.Time)
		w.must(created.UnmarshalGQL(map[string]any{"gte": moment.Add(5 * time.Minute).Format(time.RFC3339)}))
		for name, c := range map[string]struct {
			filter *read.NotificationFilter
			want   func(i int) bool
		}{
			"no filter":       {nil, func(int) bool { return true }},
			"an empty filter": {&read.NotificationFilter{}, func(int) bool { return true }},
			"queued":          {&read.NotificationFilter{Status: statuses[:1]}, func(i int) bool { return i%4 == 0 }},
			"queued or sent":  {&read.NotificationFilter{Status: statuses[:2]}, func(i int) bool { return i%4 < 2 }},
			"sent":            {&read.NotificationFilter{Status: statuses[1:2]}, func(i int) bool { return i%4 == 1 }},
			"not sent":        {&read.NotificationFilter{Status: statuses[3:]}, func(i int) bool { return i%4 == 3 }},
			"one status":      {&read.NotificationFilter{Status: statuses[2:3]}, func(i int) bool { return i%4 == 2 }},
			"two statuses":    {&read.NotificationFilter{Status: statuses[1:3]}, func(i int) bool { return i%4 == 1 || i%4 == 2 }},
			"no status":       {&read.NotificationFilter{Status: statuses[:0]}, func(int) bool { return false }},
			"a kind":          {&read.NotificationFilter{Kind: kinds}, func(int) bool { return true }},
			"another kind":    {&read.NotificationFilter{Kind: []model.NotificationKind{model.NotifyCaseOverdue}}, func(int) bool { return false }},
			"a case":          {&read.NotificationFilter{Case: []model.CaseID{opened[1].ID}}, func(i int) bool { return i%2 == 1 }},
			"an address":      {&read.NotificationFilter{To: text(t, `{"eq": "LEAD7@example.COM"}`)}, func(i int) bool { return i == 7 }},
			"addresses":       {&read.NotificationFilter{To: text(t, `{"in": ["lead7@example.com", "lead9@example.com", "x"]}`)}, func(i int) bool { return i == 7 || i == 9 }},
			"a beginning":     {&read.NotificationFilter{To: text(t, `{"startsWith": "lEAD1"}`)}, func(i int) bool { return i == 1 || i >= 10 && i < 20 }},
			"a part":          {&read.NotificationFilter{To: text(t, `{"contains": "3@EXAMPLE"}`)}, func(i int) bool { return i%10 == 3 }},
			"a wildcard":      {&read.NotificationFilter{To: text(t, `{"contains": "lead_@"}`)}, func(int) bool { return false }},
			"no address":      {&read.NotificationFilter{To: text(t, `{"isNull": true}`)}, func(int) bool { return false }},
			"since":           {&read.NotificationFilter{CreatedAt: created}, func(i int) bool { return i >= 15 }},
			"all together":    {&read.NotificationFilter{Status: statuses[3:], Kind: kinds, Case: []model.CaseID{opened[1].ID}, CreatedAt: created}, func(i int) bool { return i >= 15 && i%4 == 3 }},
		} {
			var want []model.NotificationID
			for i := len(all) - 1; i >= 0; i-- {
				if c.want(i) {
					want = append(want, all[i].ID)
				}
			}
			got := walk(t, name, func(n *model.Notification) model.NotificationID { return n.ID }, len(want), func(args page.Args) (*page.Connection[model.Notification], error) {
				return w.read.Notifications(t.Context(), viewer(w.ann), args, c.filter)
			})
			var ids []model.NotificationID
			for _, n := range got {
				ids = append(ids, n.ID)
			}
			if !slices.Equal(ids, want) {
				t.Errorf("%s: got %v, want %v", name, ids, want)
			}
		}
	})

	t.Run("are read from an index in order", func(t *testing.T) {
		t.Parallel()
		last := new(lastQuery)
		w := newWorld(t, pgtest.WithTracer(last))
		for sql := range strings.SplitSeq(crowd, ";") {
			w.exec(sql)
		}
		// Of 8,000 mails, 160 are FAILED, 3 QUEUED and 8 about an assignment; four of five alert of a response, and one of five is overdue.
		w.exec(`INSERT INTO case_events (id, case_id, version, type, at, snapshot) SELECT gen_random_uuid(), id, 1, 'OPENED', opened_at, '{}' FROM cases`)
		w.exec(`INSERT INTO notifications (id, kind, "to", to_fold, case_id, response_id, event_id, status, created_at, sent_at, last_error)
		SELECT gen_random_uuid(), CASE WHEN n % 1000 = 1 THEN 'CASE_ASSIGNED' WHEN n % 5 = 1 AND e.id IS NOT NULL THEN 'CASE_OVERDUE' ELSE 'NEW_RESPONSE' END,
			'lead' || n % 300 || '@example.com', 'lead' || n % 300 || '@example.com', e.case_id, r.id, CASE WHEN n % 5 = 1 THEN e.id END, s.status, r.responded_at,
			CASE WHEN s.status = 'SENT' THEN r.responded_at END, CASE WHEN s.status = 'FAILED' THEN '550' END
		FROM (SELECT *, row_number() OVER (ORDER BY id) AS n FROM responses) r LEFT JOIN cases c ON c.response_id = r.id LEFT JOIN case_events e ON e.case_id = c.id,
			LATERAL (SELECT CASE WHEN n % 50 = 0 THEN 'FAILED' WHEN n % 3000 = 7 THEN 'QUEUED' ELSE 'SENT' END AS status) s
		WHERE n % 1000 <> 1 OR e.id IS NOT NULL`)
		w.exec(`INSERT INTO river_job (kind, args, max_attempts) SELECT 'send_mail', jsonb_build_object('notificationId', id), 300 FROM notifications WHERE status = 'QUEUED'`)
		w.exec("ANALYZE notifications, river_job")
		var busy model.CaseID
		w.must(w.db.Gorm.Raw("SELECT id FROM cases LIMIT 1").Scan(&busy).Error)
		for name, c := range map[string]struct {
			index  string
			filter *read.NotificationFilter
		}{
			"mails":                   {"notifications_newest", nil},
			"mails that were sent":    {"notifications_newest", &read.NotificationFilter{Status: []model.NotificationStatus{model.NotificationSent}}},
			"mails that failed":       {"notifications_trouble", &read.NotificationFilter{Status: []model.NotificationStatus{model.NotificationFailed}}},
			"mails that are queued":   {"notifications_pkey", &read.NotificationFilter{Status: []model.NotificationStatus{model.NotificationQueued}}},
			"mails that are overdue":  {"notifications_kind", &read.NotificationFilter{Kind: []model.NotificationKind{model.NotifyCaseOverdue}}},
			"mails of a common kind":  {"notifications_newest", &read.NotificationFilter{Kind: []model.NotificationKind{model.NotifyNewResponse}}},
			"mails of a rare kind":    {"notifications_event_key", &read.NotificationFilter{Kind: []model.NotificationKind{model.NotifyCaseAssigned}}},
			"mails to one address":    {"notifications_to", &read.NotificationFilter{To: text(t, `{"eq": "Lead7@example.com"}`)}},
			"mails to some addresses": {"notifications_to", &read.NotificationFilter{To: text(t, `{"startsWith": "Lead7@example.com"}`)}},
			"mails of a case":         {"notifications_case", &read.NotificationFilter{Case: []model.CaseID{busy}}},
		} {
			var after *string
			for _, page2 := range []bool{false, true} {
				if page2 && after == nil {
					continue
				}
				plan := w.plan(last, func() error {
					c, err := w.read.Notifications(t.Context(), viewer(w.ann), page.Args{First: number(10), After: after}, c.filter)
					if err == nil && c.PageInfo.HasNextPage {
						after = c.PageInfo.EndCursor
					}
					return err
				})
				// PostgreSQL sorts the mails to several addresses and the few of a condition, or of an address behind its first page, and may
				// find so few with a bitmap.
				found := strings.Contains(plan, "using "+c.index+" on") && !strings.Contains(plan, "Sort")
				if slices.Contains([]string{"mails to one address", "mails to some addresses", "mails that are queued", "mails of a rare kind"}, name) {
					found = strings.Contains(plan, c.index)
				}
				if !found || strings.Contains(plan, "Seq Scan on notifications") {
					t.Errorf("%s: does not use %s alone:\n%s", name, c.index, plan)
				}
			}
		}
	})

	t.Run("are visible with their case or else with their response", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		gb := w.customer(func(c *model.Customer) { c.Country = pointer("GB") })
		br := w.customer(func(c *model.Customer) { c.Country = pointer("BR") })
		var seen []model.NotificationID
		for _, c := range []*model.Customer{gb, br} {
			about, alone := w.response(c, 3, moment), w.response(c, 9, moment)
			opened := w.open(c, about, nil)
			for _, n := range []model.Notification{
				{Kind: model.NotifyNewResponse, To: "a@example.com", ResponseID: &about.ID, CaseID: &opened.ID},
				{Kind: model.NotifyNewResponse, To: "a@example.com", ResponseID: &alone.ID},
			} {
				n.Status, n.CreatedAt = model.NotificationQueued, moment
				if made := w.mail(n); c == gb {
					seen = append(seen, made.ID)
				}
			}
		}
		partner := of(model.Stakeholder)
		partner.User.ScopeCustomer = json.RawMessage(`{"country": {"eq": "GB"}}`)
		masked := of(model.Stakeholder)
		masked.User.PersonalDataHidden = true
		for name, c := range map[string]struct {
			viewer auth.Viewer
			want   int
		}{"a viewer without a scope": {viewer(w.ann), 4}, "a partner": {partner, 2}, "a viewer without personal data": {masked, 0}} {
			got, err := w.read.Notifications(t.Context(), c.viewer, page.Args{}, nil)
			w.must(err)
			total, err := got.TotalCount(t.Context())
			w.must(err)
			if len(got.Edges) != c.want || total != c.want {
				t.Errorf("%s sees %d mails of %d, want %d", name, len(got.Edges), total, c.want)
			}
			for _, n := range got.Nodes() {
				if c.want == 2 && !slices.Contains(seen, n.ID) {
					t.Errorf("%s sees the mail %+v of another country", name, n)
				}
			}
		}
	})
}
