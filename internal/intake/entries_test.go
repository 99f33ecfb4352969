package intake_test

import (
	"testing"

	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

// The most index entries that the transaction of a response writes that opens a case with an assignee and two mails. A new
// index needs a query that no other index can serve, and a higher number here.
const mostEntries = 62

// entries counts what a part of PostgreSQL's own log has written into this database's indexes, by table and index.
const entries = `SELECT coalesce(c.relname, '?'), count(*) FROM pg_get_wal_records_info($1::text::pg_lsn, pg_current_wal_flush_lsn()) w
	JOIN pg_class c ON w.block_ref ~ ('rel \d+/' || (SELECT oid FROM pg_database WHERE datname = current_database()) || '/' || c.relfilenode || ' ')
	WHERE c.relnamespace = 'public'::regnamespace AND (w.resource_manager = 'Btree' AND w.record_type LIKE 'INSERT_LEAF%' OR w.record_type = 'UPDATE_META_PAGE')
	GROUP BY 1 ORDER BY 1`

func TestIndexEntriesOfAResponse(t *testing.T) {
	t.Parallel()
	w := &world{worktest.NewWithAgent(t)}
	if w.Count(`SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_walinspect'`) == 0 {
		t.Skip("needs pg_walinspect, which PostgreSQL has from version 15 on")
	}
	w.Must("CREATE EXTENSION pg_walinspect")
	w.Rule("Detractors", func(r *model.Rule) {
		r.Strategy, r.UserID = model.ToUser, &w.Agent.User.ID
		r.Recipients = []model.Recipient{{Kind: model.RecipientAddress, Address: new("lead@care.example")}}
	})
	w.Theme("Seats", "seat")
	w.Log.Close() // a stamp would write more
	one, in := intake.New(w.Work), worktest.From("C-1", 2)
	in.Comment = new("My seat was broken.")
	submit := func(id string) {
		in.ExternalID = &id
		if out, err := one.Submit(t.Context(), w.Agent, in); err != nil || out.Case == nil || out.Case.AssigneeID == nil {
			t.Fatalf("the response opened %+v, %v", out, err)
		}
	}
	submit("R-1") // the customer is new
	var from string
	if err := w.DB.Pool.QueryRow(t.Context(), "SELECT pg_current_wal_insert_lsn()::text").Scan(&from); err != nil {
		t.Fatal(err)
	}
	submit("R-2")
	w.Must("SELECT pg_switch_wal()") // writes out the rest
	rows, err := w.DB.Pool.Query(t.Context(), entries, from)
	if err != nil {
		t.Fatal(err)
	}
	byIndex, all := map[string]int{}, 0
	var index string
	var n int
	for rows.Next() {
		if err := rows.Scan(&index, &n); err != nil {
			t.Fatal(err)
		}
		byIndex[index] = n
		all += n
	}
	if rows.Err() != nil || byIndex["responses_pkey"] != 1 || byIndex["cases_pkey"] != 1 || byIndex["notifications_pkey"] != 2 {
		t.Fatalf("the log says %v, %v", byIndex, rows.Err())
	}
	if all > mostEntries {
		t.Errorf("%d entries, %d at most: %v", all, mostEntries, byIndex)
	}
}
