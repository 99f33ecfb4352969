package rollup

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/pg"
)

// A line is a row of an answer. Its part says what it is.
const (
	partAt      = "at"      // where the answer stands: no figures
	partChanged = "changed" // a day that is counted again: no figures
	partDay     = "day"     // figures of a day
	partCut     = "cut"     // figures of a day in the question's range
)

type line struct {
	part                            string
	day                             int32
	key                             Key
	promoters, passives, detractors uint32
	oldest, newest                  int64 // microseconds since 1970
}

// answer is where the lines of an answer stand.
type answer struct {
	full    bool   // the reader stopped at the line that was too much
	life    string // empty: nobody notes the changes
	upto    uint64 // the effects of all transactions below this id are in it, and of later ones maybe
	good    bool   // all changes since the question's transaction are noted
	themes  bool   // a theme was deleted since
	changed int    // days since; if they are too many, they are not counted
}

// figures of the responses of one day and key. The times are in microseconds.
const figures = `count(*) FILTER (WHERE responses.category = 'PROMOTER') AS promoters,
	count(*) FILTER (WHERE responses.category = 'PASSIVE') AS passives,
	count(*) FILTER (WHERE responses.category = 'DETRACTOR') AS detractors,
	min(responses.responded_at) AS oldest, max(responses.responded_at) AS newest`

// horizon is where a statement stands. All of a statement is one snapshot: a transaction below its xmin had ended before it, and
// the effects of those that committed are in it. So nothing but the changes of transactions from xmin on is to be counted
// next time. Ids of transactions start from anew with a life: with another server or database, or after a crash.
const horizon = `horizon AS MATERIALIZED (SELECT concat_ws(' ', h.life, extract(epoch FROM pg_postmaster_start_time()), d.oid) AS life,
	CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS upto, h.complete_from
	FROM changed_hours_horizon h, pg_database d WHERE d.datname = current_database())`

// countSQL counts all days. One row more than may be is read, so that too many are noticed.
func (r *Rollup) countSQL(q Question) *gorm.DB {
	all := q.Rows.Where("EXISTS (SELECT FROM horizon)").Clauses(clause.Select{Expression: clause.Expr{
		SQL: "CAST(responses.responded_at AT TIME ZONE ? AS date) AS day, " + q.Key + " AS group_key, " + figures, Vars: []any{q.Zone}}}).
		Group("day, group_key").Limit(r.mostRows + 1)
	return r.db.Raw("WITH "+horizon+`, counted AS (?)
		SELECT 'at', life, upto, true, false, 0, 0, 0, 0, 0, NULL, NULL FROM horizon
		UNION ALL SELECT 'day', group_key, NULL, NULL, NULL, NULL, day - DATE '1970-01-01', promoters, passives, detractors, oldest, newest FROM counted`, all)
}

// lookSQL counts the days again that have changed, and the part of the days cut that is in the question's range.
//
// An hour of UTC lies in one date of a time zone or in two, and where clocks were changed in it, in another one for a moment:
// then the neighbours are counted too. A date is from midnight to midnight. Where clocks were changed nearby, more is read,
// and the date of each response decides.
func (r *Rollup) lookSQL(q Question, since uint64, cut []int32) *gorm.DB {
	one := func(conditions string, vars ...any) *gorm.DB {
		return q.Rows.Where("CAST(responses.responded_at AT TIME ZONE ? AS date) = d.day", q.Zone).Where(conditions, vars...).
			Select(q.Key + " AS group_key, " + figures).Group("group_key")
	}
	whole := one("responses.responded_at >= d.lo AND responses.responded_at < d.hi")
	inRange := one("responses.responded_at >= greatest(d.lo, CAST(? AS timestamptz)) AND responses.responded_at < least(d.hi, CAST(? AS timestamptz))", q.From, q.To)
	return r.db.Raw("WITH "+horizon+`, hours AS MATERIALIZED (
			SELECT DISTINCT hour FROM changed_hours WHERE xid >= CAST(CAST(@since AS text) AS xid8)),
		changed AS MATERIALIZED (
			SELECT DISTINCT CAST(day AS date) AS day FROM hours,
				LATERAL (SELECT hour AT TIME ZONE @zone AS first, (hour + interval '3599.999999 seconds') AT TIME ZONE @zone AS last) a,
				LATERAL (SELECT CASE WHEN last - first = interval '3599.999999 seconds' THEN 0 ELSE 1 END AS more) m,
				generate_series(CAST(least(first, last) AS date) - more, CAST(greatest(first, last) AS date) + more, interval '1 day') AS day
			WHERE isfinite(hour)),
		many AS MATERIALIZED (SELECT count(*) AS n FROM changed),
		ranges AS MATERIALIZED (
			SELECT day, cut_off, CAST(day AS timestamp) AT TIME ZONE @zone - margin AS lo, CAST(day + 1 AS timestamp) AT TIME ZONE @zone + margin AS hi
			FROM (SELECT day, false AS cut_off FROM changed, many WHERE n <= @most
				UNION ALL SELECT DATE '1970-01-01' + x, true FROM unnest(CAST(@cut AS int[])) AS x) d,
				LATERAL (SELECT CASE WHEN CAST(day + 2 AS timestamp) AT TIME ZONE @zone - CAST(day - 1 AS timestamp) AT TIME ZONE @zone = interval '72 hours'
					THEN interval '0' ELSE interval '25 hours' END AS margin) m)
		SELECT 'at', life, upto, complete_from <= CAST(CAST(@since AS text) AS xid8), EXISTS (SELECT FROM hours WHERE NOT isfinite(hour)),
			CAST(n AS int), 0, 0, 0, 0, CAST(NULL AS timestamptz), CAST(NULL AS timestamptz) FROM horizon, many
		UNION ALL SELECT 'changed', NULL, NULL, NULL, NULL, NULL, day - DATE '1970-01-01', 0, 0, 0, NULL, NULL FROM ranges WHERE NOT cut_off
		UNION ALL SELECT 'day', group_key, NULL, NULL, NULL, NULL, day - DATE '1970-01-01', promoters, passives, detractors, oldest, newest
			FROM ranges d CROSS JOIN LATERAL (@whole) c WHERE NOT cut_off
		UNION ALL SELECT 'cut', group_key, NULL, NULL, NULL, NULL, day - DATE '1970-01-01', promoters, passives, detractors, oldest, newest
			FROM ranges d CROSS JOIN LATERAL (@inRange) c WHERE cut_off`,
		map[string]any{"since": strconv.FormatUint(since, 10), "zone": q.Zone, "most": mostChanged, "cut": pg.Array(cut), "whole": whole, "inRange": inRange})
}

// read runs a statement. It hands on each line of figures, until take returns false.
func (r *Rollup) read(ctx context.Context, statement *gorm.DB, take func(line) bool) (a answer, err error) {
	rows, err := statement.WithContext(ctx).Rows()
	if err != nil {
		return a, err
	}
	defer rows.Close()
	for rows.Next() {
		var l line
		var text, upto sql.NullString
		var good, themes sql.NullBool
		var changed sql.NullInt64
		var oldest, newest *time.Time
		err := rows.Scan(&l.part, &text, &upto, &good, &themes, &changed, &l.day, &l.promoters, &l.passives, &l.detractors, &oldest, &newest)
		if err != nil {
			return a, err
		}
		if l.part == partAt {
			a.life, a.good, a.themes, a.changed = text.String, good.Bool, themes.Bool, int(changed.Int64)
			if a.upto, err = strconv.ParseUint(upto.String, 10, 64); err != nil {
				return a, fmt.Errorf("read a transaction's id: %w", err)
			}
			continue
		}
		l.key = Key{Text: text.String, None: !text.Valid}
		if oldest != nil && newest != nil {
			l.oldest, l.newest = oldest.UnixMicro(), newest.UnixMicro()
		}
		if !take(l) {
			a.full = true
			return a, nil
		}
	}
	return a, rows.Err()
}
