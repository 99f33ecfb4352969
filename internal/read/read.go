// Package read owns the lists and single objects that resolvers return. A list takes one statement for its rows with the
// selected to-one relations, and one statement for each to-many relation of the whole page.
//
// No list or object contains rows that the viewer may not see: each query has .Where(viewer.Scope().…), as package
// auth's comment describes, and the loaders of an answer have the scope of the answer's viewer.
//
// It refuses to write. Package report owns aggregate figures, and package event owns the log.
package read

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// WarmUp makes PostgreSQL read the descriptions of the tables that lists need, which takes a new connection 30 ms.
var WarmUp = "SELECT FROM " + strings.Join([]string{"cases", "customers", "responses", "response_texts", "users", "notes", "case_events", "response_themes",
	"themes", "rules", "passives"}, " WHERE false UNION ALL SELECT FROM ") + " WHERE false"

// Reader reads one database.
type Reader struct {
	db      *gorm.DB
	log     *event.Log
	now     func() time.Time
	collect time.Duration
	caseOf  perEvent[model.Case]
	noteOf  perEvent[model.Note]
}

// New makes a reader. Its loaders collect IDs for the given time before they read.
func New(db *pg.DB, log *event.Log, now func() time.Time, collect time.Duration) *Reader {
	return &Reader{db: db.Gorm, log: log, now: now, collect: collect, caseOf: newPerEvent[model.Case](), noteOf: newPerEvent[model.Note]()}
}

// The page types of the API, with their GraphQL names.
type (
	ResponseConnection = page.Connection[model.Response]
	ResponseEdge       = page.Edge[model.Response]
	CustomerConnection = page.Connection[model.Customer]
	CustomerEdge       = page.Edge[model.Customer]
	CaseEdge           = page.Edge[model.Case]
	NoteConnection     = page.Connection[model.Note]
	NoteEdge           = page.Edge[model.Note]
	UserConnection     = page.Connection[model.User]
	UserEdge           = page.Edge[model.User]
	PageInfo           = page.Info
)

// CaseConnection is a page of cases with the feed's cursor from before the page was read.
type CaseConnection struct {
	*page.Connection[model.Case]
	FeedCursor string // empty if the query does not select it
}

// CaseList holds the arguments of a list of cases.
type CaseList struct {
	page.Args
	Filter     *filter.Case
	OrderBy    []*CaseOrder
	FeedCursor bool     // whether the query selects feedCursor
	Join       []string // the relations that the query selects: Customer, Response, Assignee
}

// Cases lists cases.
func (r *Reader) Cases(ctx context.Context, viewer auth.Viewer, q CaseList) (*CaseConnection, error) {
	order, err := caseOrder(q.OrderBy)
	if err != nil {
		return nil, err
	}
	out := new(CaseConnection)
	if q.FeedCursor { // read the cursor before the list, so that no event falls between list and feed
		if out.FeedCursor, err = r.log.Head(ctx); err != nil {
			return nil, err
		}
	}
	now := r.now()
	query := r.db.WithContext(ctx).Where(viewer.Scope().Cases(now)).Where(q.Filter.Where(viewer.User.ID, now))
	out.Connection, err = page.Read(query, order, q.Args, func(rows *gorm.DB) *gorm.DB {
		for _, relation := range q.Join {
			rows = rows.Joins(relation)
		}
		return rows
	})
	if err != nil {
		return nil, fmt.Errorf("list cases: %w", err)
	}
	return out, nil
}

// ResponseList holds the arguments of a list of responses.
type ResponseList struct {
	page.Args
	Filter  *filter.Response
	OrderBy []*ResponseOrder
	Join    []string // Customer if the query selects the customer
}

// Responses lists responses.
func (r *Reader) Responses(ctx context.Context, viewer auth.Viewer, q ResponseList) (*ResponseConnection, error) {
	order, err := responseOrder(q.OrderBy)
	if err != nil {
		return nil, err
	}
	now := r.now()
	query := r.db.WithContext(ctx).Where(viewer.Scope().Responses(now)).Where(q.Filter.Where(now))
	c, err := page.Read(query, order, q.Args, func(rows *gorm.DB) *gorm.DB {
		for _, relation := range q.Join {
			rows = rows.Joins(relation)
		}
		return rows
	})
	return wrapErr(c, "list responses", err)
}

// Customers lists customers.
func (r *Reader) Customers(ctx context.Context, viewer auth.Viewer, args page.Args, f *filter.Customer, orderBy []*CustomerOrder) (*CustomerConnection, error) {
	order, err := customerOrder(orderBy)
	if err != nil {
		return nil, err
	}
	now := r.now()
	c, err := page.Read(r.db.WithContext(ctx).Where(viewer.Scope().Customers(now)).Where(f.Where(now)), order, args, nil)
	return wrapErr(c, "list customers", err)
}

// NoteFilter selects notes. A nil field does not restrict the list.
type NoteFilter struct {
	Case      []model.CaseID
	Author    []model.UserID
	CreatedAt *filter.Time
	Search    *string
}

// Personal returns the name of the field that searches the text of notes, or an empty string. The text is personal data.
func (f *NoteFilter) Personal() string {
	if f != nil && f.Search != nil {
		return "search"
	}
	return ""
}

// Notes lists notes, oldest first.
func (r *Reader) Notes(ctx context.Context, viewer auth.Viewer, args page.Args, f *NoteFilter) (*NoteConnection, error) {
	query := r.db.WithContext(ctx).Where(viewer.Scope().Notes(r.now()))
	if f != nil {
		if f.Case != nil {
			query = query.Where("case_id = ANY(?)", pg.Array(model.UUIDs(f.Case)))
		}
		if f.Author != nil {
			query = query.Where("author_id = ANY(?)", pg.Array(model.UUIDs(f.Author)))
		}
		query = query.Where(f.CreatedAt.Where("notes.created_at", r.now()))
		if f.Search != nil {
			words, err := filter.ReadSearch(*f.Search)
			if err != nil {
				return nil, fault.WithPath("filter.search", err)
			}
			if strings.TrimSpace(words) != "" {
				query = query.Where(filter.FullText("notes.body"), words)
			}
		}
	}
	c, err := page.Read(query, noteOrder, args, nil)
	return wrapErr(c, "list notes", err)
}

// wrapErr returns c, or err wrapped with a phrase for the failed action.
func wrapErr[T any](c *T, doing string, err error) (*T, error) {
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	return c, nil
}

// Rules lists the rules, sorted by position.
func (r *Reader) Rules(ctx context.Context) ([]*model.Rule, error) {
	rules := []*model.Rule{}
	err := r.db.WithContext(ctx).Where("deleted_at IS NULL").Order("position").Find(&rules).Error
	if err != nil {
		return nil, fmt.Errorf("list rules: %w", err)
	}
	return rules, nil
}

// Settings reads the settings.
func (r *Reader) Settings(ctx context.Context) (*model.Settings, error) {
	s := new(model.Settings)
	if err := r.db.WithContext(ctx).Take(s).Error; err != nil {
		return nil, fmt.Errorf("read the settings: %w", err)
	}
	return s, nil
}

// APITokens lists all tokens, newest first.
func (r *Reader) APITokens(ctx context.Context) ([]*model.ApiToken, error) {
	tokens := []*model.ApiToken{}
	if err := r.db.WithContext(ctx).Order("created_at DESC, id DESC").Find(&tokens).Error; err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	return tokens, nil
}

// CaseByNumber reads a case by its number. It returns nil when no case has the number or the viewer may not see the case.
func (r *Reader) CaseByNumber(ctx context.Context, viewer auth.Viewer, number int) (*model.Case, error) {
	c := new(model.Case)
	err := r.db.WithContext(ctx).Where(viewer.Scope().Cases(r.now())).Where("number = ?", number).Take(c).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	return wrapErr(c, "read a case", err)
}

// notFound is the error for a row that does not exist or that the viewer may not see.
func notFound(what string) error {
	return fault.New(fault.CodeNotFound, "the %s was not found: it does not exist, or you may not see it", what)
}
