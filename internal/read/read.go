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
	FeedCursor bool      // whether the query selects feedCursor
	Select     Selection // of each case
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
	out.Connection, err = readPage(planned(query, viewer, q.Filter, len(q.OrderBy) > 0), order, q.Args, caseObject, q.Select)
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
	Select  Selection // of each response
}

// Responses lists responses.
func (r *Reader) Responses(ctx context.Context, viewer auth.Viewer, q ResponseList) (*ResponseConnection, error) {
	order, err := responseOrder(q.OrderBy)
	if err != nil {
		return nil, err
	}
	now := r.now()
	query := r.db.WithContext(ctx).Where(viewer.Scope().Responses(now)).Where(q.Filter.Where(now))
	c, err := readPage(planned(query, viewer, q.Filter, len(q.OrderBy) > 0), order, q.Args, responseObject, q.Select)
	return wrapErr(c, "list responses", err)
}

// CustomerList holds the arguments of a list of customers.
type CustomerList struct {
	page.Args
	Filter  *filter.Customer
	OrderBy []*CustomerOrder
	Select  Selection // of each customer
}

// Customers lists customers.
func (r *Reader) Customers(ctx context.Context, viewer auth.Viewer, q CustomerList) (*CustomerConnection, error) {
	order, err := customerOrder(q.OrderBy)
	if err != nil {
		return nil, err
	}
	now := r.now()
	query := r.db.WithContext(ctx).Where(viewer.Scope().Customers(now)).Where(q.Filter.Where(now))
	c, err := readPage(planned(query, viewer, q.Filter, len(q.OrderBy) > 0), order, q.Args, customerObject, q.Select)
	return wrapErr(c, "list customers", err)
}

// readPage reads a page of what is selected of an object's rows.
func readPage[T any](query *gorm.DB, order page.Order[T], args page.Args, o *object, s Selection) (*page.Connection[T], error) {
	return page.Read(query, order, args, func(rows *gorm.DB) *gorm.DB { return o.read(rows, s, order.Reads()...) })
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

// notFound is the error for a row that does not exist or that the viewer may not see.
func notFound(what string) error {
	return fault.New(fault.CodeNotFound, "the %s was not found: it does not exist, or you may not see it", what)
}
