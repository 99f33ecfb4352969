package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/bench/program"
)

// list is one list in one order. Its first page of fifty rows is read, and a page half way down.
type list struct {
	name  string
	field string // with its arguments; `%s` stands for first and after
	rows  string // the fields that a screen shows of each row
	// SQL finds the cursor half way down: the values of keys in the middle row of `from`, in the order `by`. Without keys,
	// the pages are read one after the other, at most 200 of the passives and 20 of a search, and the middle one is taken.
	keys, from, by string
}

const (
	caseRows     = `id number status openedAt dueAt overdue response {score comment} customer {displayName country company} assignee {name}`
	responseRows = `id score category comment respondedAt survey contactStatus customer {displayName country company}`
	customerRows = `id displayName country company segment lifetimeValue lastContactedAt`
	mailRows     = `id kind to status createdAt sentAt`
)

// unshared is the setting by which each answer is computed anew. Nothing changes between the questions, so that the program would
// otherwise answer most of them from memory.
const unshared = "CLOSELOOP_SHARE_ANSWERS=no"

// order is one order of a list: its name, and the column or expression by which PostgreSQL sorts.
type order struct {
	name, key string
	time      bool   // the key is a time
	tie       string // the time that sorts rows with equal keys, before the id does
	reversed  bool   // the column runs against the order
}

// effort is the lowest effort among a response's themes, 1 to 3.
const effort = "(SELECT min(array_position(ARRAY['EASY', 'MEDIUM', 'HARD'], t.effort)) FROM response_themes x JOIN themes t ON t.id = x.theme_id WHERE x.response_id = responses.id)"

// allLists returns all lists in each of their orders, and with the filters that screens use. The agent must have cases.
func allLists(agent, customer string) (all []list) {
	cases := func(name, arguments, keys, where, by string) {
		all = append(all, list{"cases " + name, "cases(%s " + arguments + ")", caseRows, keys, "cases WHERE " + where, by})
	}
	written := func(column string) string {
		return "to_char(" + column + " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
	}
	micro := func(column string) string { return written(column) + ", id::text" }
	inOrders := func(add func(name, arguments, keys, where, by string), orders []order) {
		for _, o := range orders {
			keys := o.key + "::text"
			if o.time {
				keys = written(o.key)
			}
			if o.tie != "" {
				keys += ", " + written(o.tie)
			}
			for i, direction := range []string{"ASC", "DESC"} {
				by := direction
				if o.reversed {
					by = []string{"DESC", "ASC"}[i]
				}
				sorted := o.key + " " + by + " NULLS LAST, "
				if o.tie != "" {
					sorted += o.tie + " " + by + ", "
				}
				add("by "+o.name+" "+direction, "orderBy: {field: "+o.name+", direction: "+direction+"}", keys+", id::text", "true", sorted+"id "+by)
			}
		}
	}
	inOrders(cases, []order{
		{name: "OPENED_AT", key: "opened_at", time: true}, {name: "UPDATED_AT", key: "updated_at", time: true}, {name: "ASSIGNED_AT", key: "assigned_at", time: true},
		{name: "DUE_AT", key: "due_at", time: true}, {name: "CLOSED_AT", key: "closed_at", time: true}, {name: "NUMBER", key: "number"},
		{name: "SCORE", key: "score", tie: "opened_at"}, {name: "LIFETIME_VALUE", key: "lifetime_value"}, {name: "STATUS", key: "status", tie: "opened_at", reversed: true},
	})
	newest, newestBy := micro("opened_at"), "opened_at DESC, id DESC"
	cases("that are open", "filter: {status: [OPEN]}", newest, "status = 'OPEN'", newestBy)
	cases("that are open, the next due first", "filter: {status: [OPEN]} orderBy: {field: DUE_AT, direction: ASC}", micro("due_at"), "status = 'OPEN'", "due_at, id")
	cases("that are not closed, the most valuable first", "filter: {status: [OPEN, IN_PROGRESS]} orderBy: {field: LIFETIME_VALUE, direction: DESC}", "lifetime_value::text, id::text",
		"status <> 'CLOSED'", "lifetime_value DESC NULLS LAST, id DESC")
	cases("of one agent that are not closed", `filter: {assignee: ["`+agent+`"], status: [OPEN, IN_PROGRESS]}`, "", "", "")
	cases("of one agent", `filter: {assignee: ["`+agent+`"]}`, "", "", "")
	cases("of Germany", `filter: {customer: {country: {eq: "DE"}}}`, newest, "country = 'DE'", newestBy)
	cases("of Korea, where few are", `filter: {customer: {country: {eq: "KR"}}}`, newest, "country = 'KR'", newestBy)
	cases("of enterprises with a score below 4", `filter: {customer: {segment: {eq: "enterprise"}}, response: {score: {lte: 3}}}`, newest, "segment_fold = 'enterprise' AND score <= 3", newestBy)
	cases("that are overdue", "filter: {overdue: true}", newest, "due_at < now() AND first_follow_up_at IS NULL AND status <> 'CLOSED'", newestBy)
	cases("whose comment has 'legroom'", `filter: {response: {comment: {contains: "legroom"}}}`, "", "", "")

	responses := func(name, arguments, keys, where, by string) {
		all = append(all, list{"responses " + name, "responses(%s " + arguments + ")", responseRows, keys, "responses WHERE " + where, by})
	}
	inOrders(responses, []order{
		{name: "RESPONDED_AT", key: "responded_at", time: true}, {name: "SCORE", key: "score", tie: "responded_at"}, {name: "SEGMENT", key: "segment_fold", tie: "responded_at"},
		{name: "LIFETIME_VALUE", key: "lifetime_value"}, {name: "EFFORT", key: effort}, {name: "TESTIMONIAL_LIKELIHOOD", key: "testimonial_likelihood"},
	})
	said, saidBy := micro("responded_at"), "responded_at DESC, id DESC"
	responses("of passives", "filter: {category: [PASSIVE]}", said, "category = 'PASSIVE'", saidBy)
	responses("of Brazil's detractors", `filter: {category: [DETRACTOR], customer: {country: {eq: "BR"}}}`, said, "category = 'DETRACTOR' AND country = 'BR'", saidBy)
	responses("that ask for a call", `filter: {contactRequested: true}`, said, "contact_requested", saidBy)
	responses("that search for 'wifi late'", `filter: {search: "wifi late"}`, "", "", "")
	responses("of one customer", `filter: {customer: {id: ["`+customer+`"]}}`, "", "", "")

	customers := func(name, arguments, keys, where, by string) {
		all = append(all, list{"customers " + name, "customers(%s " + arguments + ")", customerRows, keys, "customers WHERE " + where, by})
	}
	inOrders(customers, []order{
		{name: "CREATED_AT", key: "created_at", time: true}, {name: "LAST_NAME", key: "last_name_fold"}, {name: "COMPANY", key: "company_fold"},
		{name: "LIFETIME_VALUE", key: "lifetime_value"}, {name: "LAST_CONTACTED_AT", key: "last_contacted_at", time: true}, {name: "NEXT_SURVEY_AT", key: "next_survey_at", time: true},
	})
	all = append(all, list{"customers called 'mari sou'", `customers(%s filter: {search: "mari sou"})`, customerRows, "", "", ""})

	for _, by := range []string{"", "LIFETIME_VALUE", "SCORE", "EASY_WINS", "SEGMENT", "TESTIMONIAL", "RESOLVED_THEMES", "SCORE, LIFETIME_VALUE, TESTIMONIAL", "EASY_WINS, SEGMENT, LIFETIME_VALUE"} {
		arguments := "prioritizeBy: [" + by + "]"
		if strings.Contains(by, "SEGMENT") {
			arguments += ` segments: ["enterprise", "mid-market"]`
		}
		all = append(all, list{"passives by " + by, "passives(%s " + arguments + ")", responseRows, "", "", ""})
	}
	all = append(all,
		list{"passives of Germany by LIFETIME_VALUE", `passives(%s prioritizeBy: [LIFETIME_VALUE] filter: {customer: {country: {eq: "DE"}}})`, responseRows, "", "", ""},
		list{"notes", "notes(%s)", "id body createdAt author {name}", micro("created_at"), "notes", "created_at, id"},
		list{"notifications", "notifications(%s)", mailRows, micro("created_at"), "notifications", "created_at DESC, id DESC"},
		list{"notifications that failed", "notifications(%s filter: {status: [FAILED]})", mailRows, micro("created_at"), "notifications WHERE status = 'FAILED'", "created_at DESC, id DESC"},
	)
	return slices.DeleteFunc(all, func(l list) bool { return !strings.Contains(l.name, *only) })
}

func (l list) query(first int, rows string) string {
	return "query ($after: String) {list: " + fmt.Sprintf(l.field, fmt.Sprintf("first: %d after: $after", first)) + " {nodes {" + rows + "} pageInfo {hasNextPage endCursor}}}"
}

type connection struct {
	List struct {
		Nodes    []struct{ ID string }
		PageInfo struct {
			HasNextPage bool
			EndCursor   *string
		}
	}
}

// halfwayCursor returns a cursor half way down the list; nil where the list has one page.
func (l list) halfwayCursor(ctx context.Context, conn *pgx.Conn, d *data) *string {
	first := program.Get[connection](d.server, l.query(50, "id"), nil)
	if !first.List.PageInfo.HasNextPage {
		return nil
	}
	if l.keys == "" {
		cursors := []*string{first.List.PageInfo.EndCursor}
		far := 20 // pages of a search
		if strings.HasPrefix(l.name, "passives by") {
			far = 200
		}
		for page := first; page.List.PageInfo.HasNextPage && len(cursors) < far; cursors = append(cursors, page.List.PageInfo.EndCursor) {
			page = program.Get[connection](d.server, l.query(100, "id"), program.Vars{"after": page.List.PageInfo.EndCursor})
		}
		return cursors[(len(cursors)-1)/2]
	}
	raw, err := base64.RawURLEncoding.DecodeString(*first.List.PageInfo.EndCursor)
	check(err)
	var cursor []*string
	check(json.Unmarshal(raw, &cursor))
	where := l.from
	var n int
	check(conn.QueryRow(ctx, "SELECT count(*) FROM "+where).Scan(&n))
	sql := fmt.Sprintf("SELECT %s FROM %s ORDER BY %s OFFSET %d LIMIT 1", l.keys, where, l.by, n/2)
	keys := cursor[1:]
	into := make([]any, len(keys))
	for i := range keys {
		into[i] = &keys[i]
	}
	if err := conn.QueryRow(ctx, sql).Scan(into...); err != nil {
		log.Panicf("%s: %v", sql, err)
	}
	raw, err = json.Marshal(cursor)
	check(err)
	return new(base64.RawURLEncoding.EncodeToString(raw))
}

// timedList holds the times of a list in ms, by size: of the first page and of a page half way down.
type timedList struct {
	list
	fields      []string // by size, because the ids in the arguments differ
	halfway     []*string
	first, deep [][]float64
}

func prepareLists(ctx context.Context, all []*data) (out []*timedList) {
	for i, d := range all {
		conn, err := pgx.Connect(ctx, d.url)
		check(err)
		var agent, customer string
		check(conn.QueryRow(ctx, "SELECT assignee_id FROM cases WHERE assignee_id IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 OFFSET 5 LIMIT 1").Scan(&agent))
		check(conn.QueryRow(ctx, "SELECT customer_id FROM responses GROUP BY 1 HAVING count(*) = 4 LIMIT 1").Scan(&customer))
		for j, l := range allLists(globalUser(agent), globalCustomer(customer)) {
			if i == 0 {
				out = append(out, &timedList{list: l, first: make([][]float64, len(all)), deep: make([][]float64, len(all))})
			}
			out[j].list = l // ids differ
			out[j].fields = append(out[j].fields, l.field)
			out[j].halfway = append(out[j].halfway, l.halfwayCursor(ctx, conn, d))
		}
		check(conn.Close(ctx))
	}
	return out
}

// timeLists times every list, taking the sizes in turn, so that other load on the machine affects all sizes alike.
func timeLists(ctx context.Context, all []*data) {
	began := time.Now()
	measured := prepareLists(ctx, all)
	log.Printf("the cursors half way down were found in %.0f s", time.Since(began).Seconds())
	for round := range *rounds + 1 {
		for _, m := range measured {
			for i, d := range all {
				l := m.list
				l.field = m.fields[i]
				_, took := d.server.Ask(l.query(50, l.rows), nil)
				if round > 0 { // the first round warms the caches
					m.first[i] = append(m.first[i], took.Seconds()*1000)
				}
				if m.halfway[i] != nil {
					_, took = d.server.Ask(l.query(50, l.rows), program.Vars{"after": *m.halfway[i]})
					if round > 0 {
						m.deep[i] = append(m.deep[i], took.Seconds()*1000)
					}
				}
			}
		}
	}
	head, line := "| list, 50 rows; ms |", "| --- |"
	for _, part := range []string{"first", "half way"} {
		for _, d := range all {
			head += fmt.Sprintf(" %s, %d |", part, d.n)
			line += " ---: |"
		}
		head += " ratio |"
		line += " ---: |"
	}
	fmt.Println(head + "\n" + line)
	worst := 0.0
	for _, m := range measured {
		row := "| " + m.name + " |"
		for _, times := range [][][]float64{m.first, m.deep} {
			for _, t := range times {
				if len(t) == 0 {
					row += " – |"
					continue
				}
				row += fmt.Sprintf(" %.1f |", median(t))
			}
			if small, large := times[0], times[len(times)-1]; len(small) == 0 || len(large) == 0 {
				row += " – |"
			} else {
				ratio := median(large) / median(small)
				worst = max(worst, ratio)
				row += fmt.Sprintf(" %.2f |", ratio)
			}
		}
		fmt.Println(row)
	}
	fmt.Printf("\nThe worst ratio is %.2f.\n\n", worst)
}

func median(t []float64) float64 {
	sorted := slices.Sorted(slices.Values(t))
	return sorted[len(sorted)/2]
}

var scan = regexp.MustCompile(`Seq Scan on (cases|responses|customers|case_events|notes|notifications|response_texts|response_themes|response_rules|case_rules|passives)\b`)

// text matches a statement in the log, to shorten it.
var text = regexp.MustCompile(`(Query Text: .{40}).*`)

// checkPlans lets PostgreSQL explain the program's statements while it executes them, on the largest size. It returns true
// when no list reads a whole large table.
func checkPlans(ctx context.Context, logfile string, all []*data) (good bool) {
	d := *all[len(all)-1]
	d.server = program.Start(*binary, d.url+"&options=-c%20session_preload_libraries%3Dauto_explain%20-c%20auto_explain.log_min_duration%3D0", unshared)
	defer d.server.Stop()
	explained, bad := 0, false
	for _, m := range prepareLists(ctx, []*data{&d}) {
		for _, after := range []*string{nil, m.halfway[0]} {
			before := size(logfile)
			d.server.Ask(m.query(50, m.rows), program.Vars{"after": after})
			output := textSince(logfile, before)
			explained += strings.Count(output, "Query Text:")
			if found := scan.FindString(output); found != "" {
				bad = true
				log.Printf("%s: %s\n%s", m.name, found, text.ReplaceAllString(output, "$1 …"))
			}
		}
	}
	if explained == 0 {
		log.Panic("PostgreSQL explained nothing: install its contrib package, which has auto_explain")
	}
	log.Printf("%d statements of lists were explained; sequential scans of large tables among them: %t", explained, bad)
	return !bad
}

// textSince returns the text of a file after an offset.
func textSince(name string, offset int64) string {
	f, err := os.Open(name)
	check(err)
	defer f.Close()
	_, err = f.Seek(offset, io.SeekStart)
	check(err)
	all, err := io.ReadAll(f)
	check(err)
	return string(all)
}

func size(name string) int64 {
	info, err := os.Stat(name)
	check(err)
	return info.Size()
}
