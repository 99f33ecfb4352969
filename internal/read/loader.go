package read

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/vikstrous/dataloadgen"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/calendar"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// Loaders read objects by ID. They read the objects of one answer together, and each object once. Loaders live as long
// as one answer: of a query, or of one event of a subscription. Loaders that lived longer would return stale objects.
type Loaders struct {
	// Now is the time of the answer, the same at every call, so that all that an answer measures until now agrees. It is
	// the time of the first call, which comes after the list was read: a case of a list of overdue cases is overdue.
	Now func() time.Time

	Customers *Loader[model.CustomerID, *model.Customer]
	Responses *Loader[model.ResponseID, *model.Response]
	Cases     *Loader[model.CaseID, *model.Case]
	NextOf    *Loader[model.ResponseID, *model.Response]
	CaseOf    *Loader[model.ResponseID, *model.Case]
	Notes     *Loader[model.NoteID, *model.Note]
	Users     *Loader[model.UserID, *model.User]
	Rules     *Loader[model.RuleID, *model.Rule]
	Tokens    *Loader[model.ApiTokenID, *model.ApiToken]
	Events    *Loader[model.EventID, *model.LoggedEvent]
	Calendars *Loader[model.CalendarID, *calendar.Calendar]

	RulesOf         *Loader[model.CaseID, []*model.Rule]
	ExternalRefsOf  *Loader[model.CaseID, []*model.ExternalRef]
	NotificationsOf *Loader[model.CaseID, []*model.Notification]
	RecipientsOf    *Loader[model.RuleID, []*model.Recipient]
	AssigneesOf     *Loader[model.RuleID, []*model.User]
	ThemesOf        *Loader[model.ResponseID, []*model.Theme]
	TaggingOf       *Loader[model.ThemeID, *model.ThemeRun]
	MatchCounts     *Loader[model.RuleID, int]

	Notifications *Loader[model.NotificationID, *model.Notification]

	lists     *Loader[listKey, any]
	readLists func(context.Context, []listKey) (map[listKey]any, error) // what lists does, without a wait
	put       sync.Map                                                  // listKey → list that was read together with its parent
}

type loadersKey struct{}

// WithLoaders adds loaders to the context of one answer. The loaders return only rows that the answer's viewer may see,
// and no rows when the context has no viewer.
func (r *Reader) WithLoaders(ctx context.Context) context.Context {
	var scope *filter.Scope
	if viewer, err := auth.From(ctx); err == nil {
		scope = viewer.Scope()
	}
	wait := r.collect
	if takesTurns(ctx) {
		wait = max(wait, turnsWait)
	}
	return context.WithValue(ctx, loadersKey{}, r.loaders(scope, wait))
}

// LoadersFrom returns the loaders of the current answer.
func LoadersFrom(ctx context.Context) *Loaders { return ctx.Value(loadersKey{}).(*Loaders) }

func (r *Reader) loaders(scope *filter.Scope, wait time.Duration) *Loaders {
	readLists := withScope(scope, r.readLists)
	return &Loaders{
		Now: sync.OnceValue(r.now),

		Customers: newLoader(wait, loadByID(r, scope.Customers, func(c *model.Customer) model.CustomerID { return c.ID })),
		Responses: newLoader(wait, loadByID(r, scope.Responses, func(c *model.Response) model.ResponseID { return c.ID })),
		Cases:     newLoader(wait, loadByID(r, scope.Cases, func(c *model.Case) model.CaseID { return c.ID })),
		CaseOf: newLoader(wait, loadBy(r, "response_id", scope.Cases, func(c *model.Case) model.ResponseID {
			return *c.ResponseID
		})),
		Notes:         newLoader(wait, loadByID(r, scope.Notes, func(n *model.Note) model.NoteID { return n.ID })),
		Notifications: newLoader(wait, loadByID(r, scope.Notifications, func(n *model.Notification) model.NotificationID { return n.ID })),
		Users:         newLoader(wait, loadByID(r, unscoped, func(u *model.User) model.UserID { return u.ID })),
		Rules:         newLoader(wait, loadByID(r, unscoped, func(x *model.Rule) model.RuleID { return x.ID })),
		Tokens:        newLoader(wait, loadByID(r, unscoped, func(t *model.ApiToken) model.ApiTokenID { return t.ID })),
		Calendars:     newLoader(wait, r.calendars),

		Events: newLoader(wait, withScope(scope, r.events)),

		RulesOf:         newLoader(wait, r.rulesOf),
		ExternalRefsOf:  newLoader(wait, withScope(scope, r.externalRefsOf)),
		NotificationsOf: newLoader(wait, withScope(scope, r.notificationsOf)),
		RecipientsOf:    newLoader(wait, r.recipientsOf),
		AssigneesOf:     newLoader(wait, r.assigneesOf),
		NextOf:          newLoader(wait, withScope(scope, r.nextOf)),
		ThemesOf:        newLoader(wait, r.themesOf),
		TaggingOf:       newLoader(wait, loadBy(r, "theme_id", unscoped, func(t *model.ThemeRun) model.ThemeID { return t.ThemeID })),
		MatchCounts:     newLoader(wait, withScope(scope, r.matchCounts)),

		lists: newLoader(wait, readLists), readLists: readLists,
	}
}

// unscoped is the condition for tables without a scope, such as users and rules: it is always true.
func unscoped(time.Time) clause.Expression { return clause.Expr{SQL: "true"} }

// withScope binds the scope of an answer's viewer to a fetch.
func withScope[K comparable, V any](scope *filter.Scope, fetch func(context.Context, *filter.Scope, []K) (map[K]V, error)) func(context.Context, []K) (map[K]V, error) {
	return func(ctx context.Context, keys []K) (map[K]V, error) { return fetch(ctx, scope, keys) }
}

// BatchWait is how long a loader collects IDs before it reads. GraphQL resolves the rows of one page concurrently, so
// their IDs arrive within this time.
const BatchWait = 500 * time.Microsecond

// turnsWait is the same for an operation whose goroutines run one after the other.
const turnsWait = 10 * BatchWait

// Loader reads objects by their keys. Its methods that wait let the operation's other goroutines run meanwhile.
type Loader[K comparable, V any] struct {
	wait  time.Duration
	fetch func(context.Context, []K) (map[K]V, error)
	once  sync.Once // most answers need few of the loaders, so each is made when it is used first
	made  *dataloadgen.Loader[K, V]
	next  queue // of the goroutines that wait for a batch
}

func newLoader[K comparable, V any](wait time.Duration, fetch func(context.Context, []K) (map[K]V, error)) *Loader[K, V] {
	return &Loader[K, V]{wait: wait, fetch: fetch}
}

func (l *Loader[K, V]) loader() *dataloadgen.Loader[K, V] {
	l.once.Do(func() {
		l.made, l.next = dataloadgen.NewMappedLoader(l.fetch, dataloadgen.WithWait(l.wait)), newQueue()
	})
	return l.made
}

// Load returns the object with the key.
func (l *Loader[K, V]) Load(ctx context.Context, key K) (V, error) {
	wait := l.loader().LoadThunk(ctx, key)
	defer l.next.await(ctx)()
	return wait()
}

// LoadAll returns the objects with the keys, in their order.
func (l *Loader[K, V]) LoadAll(ctx context.Context, keys []K) ([]V, error) {
	wait := l.loader().LoadAllThunk(ctx, keys)
	defer l.next.await(ctx)()
	return wait()
}

// Put makes Load return an object without reading it, in place of what it has read.
func (l *Loader[K, V]) Put(key K, object V) {
	l.loader().Clear(key)
	l.loader().Prime(key, object)
}

// rowScope is the condition for the rows that an answer may show.
type rowScope func(now time.Time) clause.Expression

func loadByID[K model.AnyID, T any](r *Reader, see rowScope, id func(*T) K) func(context.Context, []K) (map[K]*T, error) {
	return loadBy(r, "id", see, id)
}

func loadBy[K model.AnyID, T any](r *Reader, column string, see rowScope, key func(*T) K) func(context.Context, []K) (map[K]*T, error) {
	return func(ctx context.Context, ids []K) (map[K]*T, error) {
		rows, err := pg.Find[T](r.db.WithContext(ctx).Where(column+" = ANY(?)", pg.Array(model.UUIDs(ids))).Where(see(r.now())))
		if err != nil {
			return nil, fmt.Errorf("load by %s: %w", column, err)
		}
		found := make(map[K]*T, len(ids))
		for _, id := range ids { // nil for an ID without a row
			found[id] = nil
		}
		for _, row := range rows {
			found[key(row)] = row
		}
		return found, nil
	}
}

func (r *Reader) rulesOf(ctx context.Context, ids []model.CaseID) (map[model.CaseID][]*model.Rule, error) {
	var rows []struct {
		OfCase model.CaseID
		model.Rule
	}
	err := r.db.WithContext(ctx).Raw(`SELECT x.case_id AS of_case, rules.* FROM case_rules x JOIN rules ON rules.id = x.rule_id
		WHERE x.case_id = ANY(?) ORDER BY x.case_id, x.ordinal`, pg.Array(model.UUIDs(ids))).Scan(&rows).Error
	found := emptyLists[model.CaseID, *model.Rule](ids)
	for i := range rows {
		found[rows[i].OfCase] = append(found[rows[i].OfCase], &rows[i].Rule)
	}
	return found, err
}

func (r *Reader) externalRefsOf(ctx context.Context, scope *filter.Scope, ids []model.CaseID) (map[model.CaseID][]*model.ExternalRef, error) {
	rows, err := pg.Find[model.ExternalRef](r.db.WithContext(ctx).Where("case_id = ANY(?)", pg.Array(model.UUIDs(ids))).
		Where(scope.OfCase("case_external_refs.case_id", r.now())).Order("case_id, system"))
	found := emptyLists[model.CaseID, *model.ExternalRef](ids)
	for _, ref := range rows {
		found[ref.CaseID] = append(found[ref.CaseID], ref)
	}
	return found, err
}

func (r *Reader) notificationsOf(ctx context.Context, scope *filter.Scope, ids []model.CaseID) (map[model.CaseID][]*model.Notification, error) {
	rows, err := pg.Find[model.Notification](r.db.WithContext(ctx).Where("case_id = ANY(?)", pg.Array(model.UUIDs(ids))).
		Where(scope.Notifications(r.now())).Order("created_at, id"))
	found := emptyLists[model.CaseID, *model.Notification](ids)
	for _, n := range rows {
		found[*n.CaseID] = append(found[*n.CaseID], n)
	}
	return found, err
}

func (r *Reader) recipientsOf(ctx context.Context, ids []model.RuleID) (map[model.RuleID][]*model.Recipient, error) {
	rows, err := pg.Find[model.Recipient](r.db.WithContext(ctx).Where("rule_id = ANY(?)", pg.Array(model.UUIDs(ids))).Order("rule_id, ordinal"))
	found := emptyLists[model.RuleID, *model.Recipient](ids)
	for _, to := range rows {
		found[to.RuleID] = append(found[to.RuleID], to)
	}
	return found, err
}

func (r *Reader) assigneesOf(ctx context.Context, ids []model.RuleID) (map[model.RuleID][]*model.User, error) {
	var rows []struct {
		OfRule model.RuleID
		model.User
	}
	err := r.db.WithContext(ctx).Raw(`SELECT x.rule_id AS of_rule, users.* FROM rule_assignees x JOIN users ON users.id = x.user_id
		WHERE x.rule_id = ANY(?) ORDER BY x.rule_id, x.ordinal`, pg.Array(model.UUIDs(ids))).Scan(&rows).Error
	found := emptyLists[model.RuleID, *model.User](ids)
	for i := range rows {
		found[rows[i].OfRule] = append(found[rows[i].OfRule], &rows[i].User)
	}
	return found, err
}

func (r *Reader) matchCounts(ctx context.Context, scope *filter.Scope, ids []model.RuleID) (map[model.RuleID]int, error) {
	var rows []struct {
		RuleID model.RuleID
		N      int
	}
	query := r.db.WithContext(ctx).Table("response_rules").Select("rule_id, count(*) AS n").Where("rule_id = ANY(?)", pg.Array(model.UUIDs(ids)))
	if scope.Restricted() {
		query = query.Joins("JOIN responses ON responses.id = response_rules.response_id").Where(scope.Responses(r.now()))
	}
	err := query.Group("rule_id").Scan(&rows).Error
	found := make(map[model.RuleID]int, len(ids))
	for _, id := range ids {
		found[id] = 0
	}
	for _, row := range rows {
		found[row.RuleID] = row.N
	}
	return found, err
}

func emptyLists[K comparable, V any](ids []K) map[K][]V {
	m := make(map[K][]V, len(ids))
	for _, id := range ids {
		m[id] = []V{}
	}
	return m
}

// Customer loads a customer by ID. It returns NOT_FOUND when the customer does not exist or the viewer may not see it.
func Customer(ctx context.Context, id model.CustomerID) (*model.Customer, error) {
	c, err := LoadersFrom(ctx).Customers.Load(ctx, id)
	if err == nil && c == nil {
		err = notFound("customer")
	}
	return c, err
}

// Case loads a case by ID. It returns NOT_FOUND when the case does not exist or the viewer may not see it.
func Case(ctx context.Context, id model.CaseID) (*model.Case, error) {
	c, err := LoadersFrom(ctx).Cases.Load(ctx, id)
	if err == nil && c == nil {
		err = notFound("case")
	}
	return c, err
}

// PrimeCase puts a case into the loaders as a write has left it. A viewer who has just assigned the case to another user
// may be unable to load the case now, but still gets it in the mutation's answer.
func PrimeCase(ctx context.Context, c *model.Case) {
	if c != nil {
		LoadersFrom(ctx).Cases.Put(c.ID, c) // an earlier write of the same request may have put another state there
	}
}

// Optional loads the object with the ID, or returns nil when id is nil.
func Optional[K comparable, T any](ctx context.Context, l *Loader[K, *T], id *K) (*T, error) {
	if id == nil {
		return nil, nil
	}
	return l.Load(ctx, *id)
}

// listKey identifies one nested list: its parent, its kind and the request. Loader keys must be comparable, so request
// is JSON.
type listKey struct {
	parent  uuid.UUID
	kind    string
	request string
}
