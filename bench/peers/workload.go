package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/bench/peers/byhand"
)

// workload is one question, as each peer is asked it.
type workload struct {
	name, title  string
	closeloop    string // operations of GraphQL
	postgraphile string
	path         string // of the server written by hand
	writes       bool
	// variants are the values that the requests have in turn.
	variants []variant
}

type variant struct {
	Number  int64
	Country string
	Low     int
	High    int
	After   string // the cursor of the page before; each peer has its own
	// What the cursor says, for pgbench.
	at time.Time
	id uuid.UUID
}

const (
	variantsOfCase = 4096
	// pageSize is the number of cases on a page. A variant of the filter has two full pages at least.
	pageSize           = 50
	variantsOfFiltered = 8
)

// workloads reads what the requests need from the database.
func workloads(ctx context.Context, url string) []*workload {
	const listed = `number openedAt dueAt customer {displayName company country} response {score} assignee {name}`
	const listedOfTables = `number openedAt dueAt customer: customerByCustomerId {displayName company country} response: responseByResponseId {score} assignee: userByAssigneeId {name}`
	all := []*workload{
		{
			name: "case", title: "a case by its number, with customer, response, assignee and the last 10 notes with their authors", path: "/case",
			closeloop: `query ($number: Int!) {case(number: $number) {number status openedAt dueAt customer {displayName company country}
				response {score comment respondedAt} assignee {name} notes(last: 10) {nodes {body createdAt author {name}}}}}`,
			postgraphile: `query ($number: BigInt!) {case: caseByNumber(number: $number) {number status openedAt dueAt customer: customerByCustomerId {displayName company country}
				response: responseByResponseId {score comment respondedAt} assignee: userByAssigneeId {name}
				notes: notesByCaseId(last: 10, orderBy: [CREATED_AT_ASC, ROW_ID_ASC]) {nodes {body createdAt author: userByAuthorId {name}}}}}`,
		},
		{
			name: "list", title: "the 50 newest open cases, with customer, score, assignee and pageInfo", path: "/open",
			closeloop:    `{cases(first: 50, filter: {status: [OPEN]}) {nodes {` + listed + `} pageInfo {hasNextPage endCursor}}}`,
			postgraphile: `{cases: allCases(first: 50, filter: {status: {equalTo: "OPEN"}}, orderBy: [OPENED_AT_DESC, ROW_ID_DESC]) {nodes {` + listedOfTables + `} pageInfo {hasNextPage endCursor}}}`,
			variants:     []variant{{}},
		},
		{
			name: "filtered", title: "the same, of one country and a range of scores, the second page", path: "/filtered",
			closeloop: `query ($country: String!, $low: Int!, $high: Int!, $after: String) {cases(first: 50, after: $after,
				filter: {status: [OPEN], customer: {country: {eq: $country}}, response: {score: {gte: $low, lte: $high}}}) {nodes {` + listed + `} pageInfo {hasNextPage endCursor}}}`,
			postgraphile: `query ($country: String!, $low: Int!, $high: Int!, $after: Cursor) {cases: allCases(first: 50, after: $after, orderBy: [OPENED_AT_DESC, ROW_ID_DESC],
				filter: {status: {equalTo: "OPEN"}, country: {equalTo: $country}, score: {greaterThanOrEqualTo: $low, lessThanOrEqualTo: $high}}) {nodes {` + listedOfTables + `} pageInfo {hasNextPage endCursor}}}`,
		},
		{
			name: "summary", title: "how many cases have each status, and the ten assignees with the most open cases", path: "/summary",
			closeloop:    `{all: caseSummary {open inProgress closed} open: caseSummary(filter: {status: [OPEN]}) {groups(groupBy: ASSIGNEE, first: 10) {label open}}}`,
			postgraphile: `{all: peersCountCases {open inProgress closed} open: peersBusiestAssignees(most: 10) {groups: nodes {label open}}}`,
			variants:     []variant{{}},
		},
		{
			name: "response", title: "a response comes in, and a rule opens a case", path: "/responses", writes: true,
			closeloop: `mutation ($input: SubmitResponseInput!) {submitResponse(input: $input) {created response {score} case {number dueAt assignee {name}}}}`,
			postgraphile: `mutation ($input: PeersSubmitResponseInput!) {submitResponse: peersSubmitResponse(input: $input) {case: result {number dueAt
				response: peersPlainResponseByResponseId {score} assignee: userByAssigneeId {name}}}}`,
		},
	}
	conn, err := pgx.Connect(ctx, url)
	check(err)
	defer conn.Close(ctx)
	cases := one[int64](ctx, url, "SELECT max(number) FROM cases")
	r := rand.New(rand.NewPCG(1, 1))
	for range variantsOfCase {
		all[0].variants = append(all[0].variants, variant{Number: 1 + r.Int64N(cases)})
	}
	all[2].variants = filters(ctx, conn)
	return all
}

// filters chooses countries and ranges of scores that have two full pages of open cases, frequent and rare ones.
func filters(ctx context.Context, conn *pgx.Conn) (all []variant) {
	rows, err := conn.Query(ctx, `SELECT c.country, s.low, s.high FROM cases c JOIN (VALUES (0, 3), (0, 6), (2, 5), (4, 8)) AS s (low, high) ON c.score BETWEEN s.low AND s.high
		WHERE c.status = 'OPEN' AND c.country IS NOT NULL GROUP BY 1, 2, 3 HAVING count(*) > $1 ORDER BY md5(c.country || s.low) LIMIT $2`, 2*pageSize, variantsOfFiltered)
	check(err)
	all, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (v variant, err error) {
		err = row.Scan(&v.Country, &v.Low, &v.High)
		return v, err
	})
	check(err)
	if len(all) == 0 {
		check(fmt.Errorf("no country has %d open cases: generate more responses", 2*pageSize))
	}
	for i, v := range all {
		rows, err := conn.Query(ctx, "SELECT opened_at, id FROM ("+byhand.Filtered+") AS page OFFSET $6 LIMIT 1", v.Country, v.Low, v.High,
			time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), uuid.Max, pageSize-1)
		check(err)
		defer rows.Close()
		for rows.Next() {
			check(rows.Scan(&all[i].at, &all[i].id))
		}
		check(rows.Err())
	}
	return all
}

// submissions are responses of customers who are known. Each has its own id, in all runs.
type submissions struct {
	prefix string
	list   []byhand.Submission
}

func newSubmissions(ctx context.Context, url string) *submissions {
	conn, err := pgx.Connect(ctx, url)
	check(err)
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, `SELECT c.external_id, c.first_name, c.last_name, c.email, c.country, r.score, coalesce(r.comment, 'No words.')
		FROM responses r JOIN customers c ON c.id = r.customer_id
		WHERE r.score <= 6 AND c.external_id IS NOT NULL AND c.erased_at IS NULL AND NOT r.contact_requested ORDER BY md5(r.id::text) LIMIT 4096`)
	check(err)
	s := &submissions{prefix: fmt.Sprintf("bench-%d-", time.Now().UnixNano())}
	s.list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (in byhand.Submission, err error) {
		c := &in.Customer
		err = row.Scan(&c.ExternalID, &c.FirstName, &c.LastName, &c.Email, &c.Country, &in.Score, &in.Comment)
		return in, err
	})
	check(err)
	return s
}

// nth is the nth response that comes in.
func (s *submissions) nth(n int) byhand.Submission {
	in := s.list[n%len(s.list)]
	in.ExternalID = fmt.Sprint(s.prefix, n)
	return in
}
