package read_test

import (
	"strings"
	"testing"

	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

func TestListsOfAuditAndWebhooksUseTheirIndexes(t *testing.T) {
	t.Parallel()
	last := new(lastQuery)
	w := newWorld(t, pgtest.WithTracer(last))
	busy := w.user("Bea", "bea@example.com", model.Admin)
	for _, sql := range []string{
		`INSERT INTO audit_events (id, at, action, actor_id, object_type, object_id, times)
			SELECT gen_random_uuid(), timestamptz '2025-01-01 00:00Z' + i * interval '1 minute', CASE WHEN i % 500 = 0 THEN 'USER_UPDATED' ELSE 'SIGNED_IN' END,
				CASE WHEN i % 300 = 0 THEN '` + w.ann.ID.UUID.String() + `' ELSE '` + busy.ID.UUID.String() + `' END::uuid, 'USER', 'usr_' || i % 4000, 1 FROM generate_series(1, 20000) i`,
		`INSERT INTO webhooks (id, url, owner_id, events, secret, position, created_at, updated_at)
			SELECT gen_random_uuid(), 'https://hooks.example.com/x', CASE WHEN i % 300 = 0 THEN '` + w.ann.ID.UUID.String() + `' ELSE '` + busy.ID.UUID.String() + `' END::uuid, '["OPENED"]', 's', 0,
				timestamptz '2025-01-01 00:00Z' + i * interval '1 minute', now() FROM generate_series(1, 5000) i`,
		`ANALYZE audit_events`, `ANALYZE webhooks`,
	} {
		w.must(w.db.Gorm.Exec(sql).Error)
	}
	second := func(f *read.AuditEventFilter) page.Args {
		c, err := w.read.AuditEvents(t.Context(), page.Args{First: number(50)}, f)
		w.must(err)
		return page.Args{First: number(50), After: c.PageInfo.EndCursor}
	}
	list := func(args page.Args, f *read.AuditEventFilter) func() error {
		return func() error { return failed(w.read.AuditEvents(t.Context(), args, f)) }
	}
	for name, c := range map[string]struct {
		index string
		call  func() error
	}{
		"everything":           {"audit_events_newest", list(page.Args{}, nil)},
		"the second page":      {"audit_events_newest", list(second(nil), nil)},
		"from the end":         {"audit_events_newest", list(page.Args{Last: number(50)}, nil)},
		"of one user":          {"audit_events_actor", list(page.Args{}, &read.AuditEventFilter{Actor: []string{w.ann.ID.String()}})},
		"of one object":        {"audit_events_object", list(page.Args{}, &read.AuditEventFilter{Object: []string{model.UserID{UUID: w.ann.ID.UUID}.String()}})},
		"of a rare action":     {"audit_events_action", list(page.Args{}, &read.AuditEventFilter{Action: []model.AuditAction{model.AuditUserUpdated}})},
		"a partner's webhooks": {"webhooks_owner", func() error { _, err := w.read.Webhooks(t.Context(), viewer(w.ann)); return err }},
	} {
		plan := w.plan(last, c.call)
		if !strings.Contains(plan, "using "+c.index+" on") && !strings.Contains(plan, "Bitmap Index Scan on "+c.index) {
			t.Errorf("%s: the plan does not use %s:\n%s", name, c.index, plan)
		}
		if strings.Contains(plan, "Seq Scan") {
			t.Errorf("%s: the plan reads the whole table:\n%s", name, plan)
		}
	}
}
