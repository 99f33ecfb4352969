package read

import (
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/model"
)

// OrderDirection is ASC or DESC.
type OrderDirection string

// The fields that lists can be sorted by.
type (
	CaseOrderField     string
	ResponseOrderField string
	CustomerOrderField string
)

// CaseOrder is one key of a list's order of cases.
type CaseOrder struct {
	Field     CaseOrderField
	Direction OrderDirection
}

// ResponseOrder is one key of a list's order of responses.
type ResponseOrder struct {
	Field     ResponseOrderField
	Direction OrderDirection
}

// CustomerOrder is one key of a list's order of customers.
type CustomerOrder struct {
	Field     CustomerOrderField
	Direction OrderDirection
}

func (o CaseOrder) parts() (string, bool)     { return string(o.Field), o.Direction == "DESC" }
func (o ResponseOrder) parts() (string, bool) { return string(o.Field), o.Direction == "DESC" }
func (o CustomerOrder) parts() (string, bool) { return string(o.Field), o.Direction == "DESC" }

// Personal returns the name of the input field that refers to personal data, or an empty string. The order of a list
// would reveal the data. A company is not personal data.
func (o CustomerOrder) Personal() string {
	if o.Field == "LAST_NAME" {
		return "field"
	}
	return ""
}

// deref returns the pointer's value, or an untyped nil: a nil pointer in an interface would not equal nil.
func deref[V any](v *V) any {
	if v == nil {
		return nil
	}
	return *v
}

var caseKeys = map[string]page.Key[model.Case]{
	"OPENED_AT":      {Column: "cases.opened_at", Kind: page.Time, Of: func(c *model.Case) any { return c.OpenedAt }},
	"UPDATED_AT":     {Column: "cases.updated_at", Kind: page.Time, Of: func(c *model.Case) any { return c.UpdatedAt }},
	"ASSIGNED_AT":    {Column: "cases.assigned_at", Kind: page.Time, Nullable: true, Of: func(c *model.Case) any { return deref[time.Time](c.AssignedAt) }},
	"DUE_AT":         {Column: "cases.due_at", Kind: page.Time, Nullable: true, Of: func(c *model.Case) any { return deref[time.Time](c.DueAt) }},
	"CLOSED_AT":      {Column: "cases.closed_at", Kind: page.Time, Nullable: true, Of: func(c *model.Case) any { return deref[time.Time](c.ClosedAt) }},
	"NUMBER":         {Column: "cases.number", Kind: page.Integer, Of: func(c *model.Case) any { return c.Number }},
	"SCORE":          {Column: "cases.score", Kind: page.Integer, Nullable: true, Of: func(c *model.Case) any { return deref[int](c.Score) }},
	"LIFETIME_VALUE": {Column: "cases.lifetime_value", Kind: page.Decimal, Nullable: true, Of: func(c *model.Case) any { return deref[decimal.Decimal](c.LifetimeValue) }},
	// As texts the statuses sort the other way round: CLOSED, IN_PROGRESS, OPEN.
	"STATUS": {Column: "cases.status", Kind: page.Text, Desc: true, Of: func(c *model.Case) any { return string(c.Status) }},
}

var responseKeys = map[string]page.Key[model.Response]{
	"RESPONDED_AT": {Column: "responses.responded_at", Kind: page.Time, Of: func(r *model.Response) any { return r.RespondedAt }},
	"SCORE":        {Column: "responses.score", Kind: page.Integer, Of: func(r *model.Response) any { return r.Score }},
	"SEGMENT":      {Column: "responses.segment_fold", Kind: page.Text, Nullable: true, Of: func(r *model.Response) any { return deref[string](r.SegmentFold) }},
	"EFFORT":       effortKey,
	"LIFETIME_VALUE": {Column: "responses.lifetime_value", Kind: page.Decimal, Nullable: true,
		Of: func(r *model.Response) any { return deref[decimal.Decimal](r.LifetimeValue) }},
	"TESTIMONIAL_LIKELIHOOD": {Column: "responses.testimonial_likelihood", Kind: page.Float, Nullable: true,
		Of: func(r *model.Response) any { return deref[float64](r.TestimonialLikelihood) }},
}

var customerKeys = map[string]page.Key[model.Customer]{
	"CREATED_AT": {Column: "customers.created_at", Kind: page.Time, Of: func(c *model.Customer) any { return c.CreatedAt }},
	"COMPANY": {Column: "customers.company_fold", Reads: "company", Kind: page.Text, Nullable: true,
		Of: func(c *model.Customer) any { return deref[string](model.FoldPointer(c.Company)) }},
	"LAST_NAME": {Column: "customers.last_name_fold", Reads: "last_name", Kind: page.Text, Nullable: true,
		Of: func(c *model.Customer) any { return deref[string](model.FoldPointer(c.LastName)) }},
	"LAST_CONTACTED_AT": {Column: "customers.last_contacted_at", Kind: page.Time, Nullable: true,
		Of: func(c *model.Customer) any { return deref[time.Time](c.LastContactedAt) }},
	"NEXT_SURVEY_AT": {Column: "customers.next_survey_at", Kind: page.Time, Nullable: true,
		Of: func(c *model.Customer) any { return deref[time.Time](c.NextSurveyAt) }},
	"LIFETIME_VALUE": {Column: "customers.lifetime_value", Kind: page.Decimal, Nullable: true, Of: func(c *model.Customer) any { return deref[decimal.Decimal](c.LifetimeValue) }},
}

// ties has the key that sorts rows which are equal in a column, before the id does. So the index of the list that is
// filtered by the column has the order as well.
var ties = map[string]string{
	"cases.status": "OPENED_AT", "cases.score": "OPENED_AT", "responses.segment_fold": "RESPONDED_AT", "responses.score": "RESPONDED_AT",
}

var noteOrder = page.Order[model.Note]{
	{Name: "CREATED_AT", Column: "notes.created_at", Kind: page.Time, Of: func(n *model.Note) any { return n.CreatedAt }},
	{Name: "ID", Column: "notes.id", Kind: page.ID, Of: func(n *model.Note) any { return n.ID.UUID }},
}

var userOrder = page.Order[model.User]{
	{Name: "NAME", Column: "name_fold", Kind: page.Text, Of: func(u *model.User) any { return u.NameFold }},
	{Name: "ID", Column: "id", Kind: page.ID, Of: func(u *model.User) any { return u.ID.UUID }},
}

func caseOrder(by []*CaseOrder) (page.Order[model.Case], error) {
	return newOrder(by, caseKeys, "OPENED_AT", "cases.id", func(c *model.Case) uuid.UUID { return c.ID.UUID })
}

func responseOrder(by []*ResponseOrder) (page.Order[model.Response], error) {
	return newOrder(by, responseKeys, "RESPONDED_AT", "responses.id", func(r *model.Response) uuid.UUID { return r.ID.UUID })
}

func customerOrder(by []*CustomerOrder) (page.Order[model.Customer], error) {
	return newOrder(by, customerKeys, "CREATED_AT", "customers.id", func(c *model.Customer) uuid.UUID { return c.ID.UUID })
}

// newOrder makes a page order from the caller's keys; without keys the newest row comes first. A key of the map with Desc is
// a column that runs against its field. Ties are sorted by ID, in the direction of the first key, so that one index serves
// all columns. The ID key is named with its table: cases and
// responses both have a SCORE, and a cursor of one list must not be valid in the other.
func newOrder[T any, O interface{ parts() (string, bool) }](by []O, keys map[string]page.Key[T], newest, id string, of func(*T) uuid.UUID) (page.Order[T], error) {
	var order page.Order[T]
	add := func(name string, desc bool) {
		key := keys[name]
		key.Name, key.Desc = name, desc != key.Desc
		order = append(order, key)
	}
	seen := map[string]bool{}
	for _, o := range by {
		name, desc := o.parts()
		if seen[name] {
			return nil, fault.Input("orderBy", fault.ListedTwice, name)
		}
		seen[name] = true
		add(name, desc)
	}
	if len(by) == 0 {
		add(newest, true)
	}
	if tie := ties[order[0].Column]; tie != "" && len(order) == 1 {
		add(tie, order[0].Desc)
	}
	return append(order, page.Key[T]{Name: id, Column: id, Kind: page.ID, Desc: order[0].Desc, Of: func(row *T) any { return of(row) }}), nil
}
