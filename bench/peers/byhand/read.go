package byhand

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

type (
	caseAnswer struct {
		Case *oneCase `json:"case"`
	}
	oneCase struct {
		Number   int64      `json:"number"`
		Status   string     `json:"status"`
		OpenedAt time.Time  `json:"openedAt"`
		DueAt    *time.Time `json:"dueAt"`
		Customer customerOf `json:"customer"`
		Response *response  `json:"response"`
		Assignee *named     `json:"assignee"`
		Notes    nodes      `json:"notes"`
	}
	customerOf struct {
		DisplayName string  `json:"displayName"`
		Company     *string `json:"company"`
		Country     *string `json:"country"`
	}
	response struct {
		Score       int        `json:"score"`
		Comment     *string    `json:"comment"`
		RespondedAt *time.Time `json:"respondedAt"`
	}
	named struct {
		Name string `json:"name"`
	}
	nodes struct {
		Nodes []note `json:"nodes"`
	}
	note struct {
		Body      string    `json:"body"`
		CreatedAt time.Time `json:"createdAt"`
		Author    named     `json:"author"`
	}
)

// findCase answers with the case of the number, null if there is none.
func (s *Server) findCase(r *http.Request) (a caseAnswer, err error) {
	number, err := strconv.ParseInt(r.URL.Query().Get("number"), 10, 64)
	if err != nil {
		return a, err
	}
	batch := &pgx.Batch{} // both statements in one round trip
	batch.Queue(Case, number).Query(func(rows pgx.Rows) error {
		defer rows.Close()
		for rows.Next() {
			c := &oneCase{Notes: nodes{[]note{}}}
			var score *int
			var assignee, comment *string
			var responded *time.Time
			if err := rows.Scan(&c.Number, &c.Status, &c.OpenedAt, &c.DueAt, &c.Customer.DisplayName, &c.Customer.Company, &c.Customer.Country,
				&score, &comment, &responded, &assignee); err != nil {
				return err
			}
			if score != nil {
				c.Response = &response{*score, comment, responded}
			}
			c.Assignee = name(assignee)
			a.Case = c
		}
		return rows.Err()
	})
	batch.Queue(Notes, number).Query(func(rows pgx.Rows) error {
		defer rows.Close()
		for rows.Next() {
			var n note
			if err := rows.Scan(&n.Body, &n.CreatedAt, &n.Author.Name); err != nil {
				return err
			}
			if a.Case != nil {
				a.Case.Notes.Nodes = append(a.Case.Notes.Nodes, n)
			}
		}
		if a.Case != nil {
			slices.Reverse(a.Case.Notes.Nodes)
		}
		return rows.Err()
	})
	err = s.pool.SendBatch(r.Context(), batch).Close()
	return a, err
}

func name(n *string) *named {
	if n == nil {
		return nil
	}
	return &named{*n}
}

type (
	casesAnswer struct {
		Cases casePage `json:"cases"`
	}
	casePage struct {
		Nodes    []listedCase `json:"nodes"`
		PageInfo pageInfo     `json:"pageInfo"`
	}
	listedCase struct {
		Number   int64      `json:"number"`
		OpenedAt time.Time  `json:"openedAt"`
		DueAt    *time.Time `json:"dueAt"`
		Customer customerOf `json:"customer"`
		Response *score     `json:"response"`
		Assignee *named     `json:"assignee"`
	}
	score struct {
		Score int `json:"score"`
	}
	pageInfo struct {
		HasNextPage bool   `json:"hasNextPage"`
		EndCursor   string `json:"endCursor"`
	}
)

const pageSize = 50

func (s *Server) openCases(r *http.Request) (casesAnswer, error) { return s.page(r.Context(), Open) }

// filteredCases answers with the page after a cursor, or the first one.
func (s *Server) filteredCases(r *http.Request) (a casesAnswer, err error) {
	q := r.URL.Query()
	low, err := strconv.Atoi(q.Get("low"))
	if err != nil {
		return a, err
	}
	high, err := strconv.Atoi(q.Get("high"))
	if err != nil {
		return a, err
	}
	at, id := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), uuid.Max
	if after := q.Get("after"); after != "" {
		if at, id, err = readCursor(after); err != nil {
			return a, err
		}
	}
	return s.page(r.Context(), Filtered, q.Get("country"), low, high, at, id)
}

// page reads one row more than the page has.
func (s *Server) page(ctx context.Context, sql string, arguments ...any) (a casesAnswer, err error) {
	rows, err := s.pool.Query(ctx, sql, arguments...)
	if err != nil {
		return a, err
	}
	defer rows.Close()
	a.Cases.Nodes = make([]listedCase, 0, pageSize)
	for rows.Next() {
		if len(a.Cases.Nodes) == pageSize {
			a.Cases.PageInfo.HasNextPage = true
			continue
		}
		var c listedCase
		var id uuid.UUID
		var points *int
		var assignee *string
		if err := rows.Scan(&id, &c.Number, &c.OpenedAt, &c.DueAt, &c.Customer.DisplayName, &c.Customer.Company, &c.Customer.Country, &points, &assignee); err != nil {
			return a, err
		}
		if points != nil {
			c.Response = &score{*points}
		}
		c.Assignee = name(assignee)
		a.Cases.Nodes = append(a.Cases.Nodes, c)
		a.Cases.PageInfo.EndCursor = cursor(c.OpenedAt, id)
	}
	return a, rows.Err()
}

func cursor(at time.Time, id uuid.UUID) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d,%s", at.UnixMicro(), id))
}

func readCursor(text string) (at time.Time, id uuid.UUID, err error) {
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return at, id, err
	}
	micro, rest, _ := strings.Cut(string(decoded), ",")
	n, err := strconv.ParseInt(micro, 10, 64)
	if err != nil {
		return at, id, err
	}
	id, err = uuid.Parse(rest)
	return time.UnixMicro(n).UTC(), id, err
}

type (
	summaryAnswer struct {
		All  counts `json:"all"`
		Open groups `json:"open"`
	}
	counts struct {
		Open       int `json:"open"`
		InProgress int `json:"inProgress"`
		Closed     int `json:"closed"`
	}
	groups struct {
		Groups []group `json:"groups"`
	}
	group struct {
		Label string `json:"label"`
		Open  int    `json:"open"`
	}
)

func (s *Server) summary(r *http.Request) (a summaryAnswer, err error) {
	batch := &pgx.Batch{}
	batch.Queue(Statuses).Query(func(rows pgx.Rows) error {
		defer rows.Close()
		for rows.Next() {
			var status string
			var n int
			if err := rows.Scan(&status, &n); err != nil {
				return err
			}
			switch status {
			case "OPEN":
				a.All.Open = n
			case "IN_PROGRESS":
				a.All.InProgress = n
			case "CLOSED":
				a.All.Closed = n
			}
		}
		return rows.Err()
	})
	batch.Queue(Assignees).Query(func(rows pgx.Rows) (err error) {
		a.Open.Groups, err = pgx.CollectRows(rows, pgx.RowToStructByPos[group])
		return err
	})
	err = s.pool.SendBatch(r.Context(), batch).Close()
	return a, err
}
