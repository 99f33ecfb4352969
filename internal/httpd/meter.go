package httpd

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/cost"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/live"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/rate"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

// meter charges operations to the buckets of their tokens. It takes the estimated price before an operation begins, and
// settles it by what the operation really used: a query or a mutation when it has ended, a subscription once it has begun,
// and from then on with each statement that runs for it. It refuses what no bucket could pay. Every answer says what was
// charged, in `extensions.cost`.
//
// The meter must be the last extension, because an operation that another extension refuses must cost no more than reading it.
type meter struct {
	buckets  *rate.Buckets
	refusals *rate.Refusals
	refused  *cache[refusal]                                 // by bill.key
	heavy    func(context.Context) (leave func(), err error) // waits for the turn of a heavy operation
	sharing  sharing
}

var (
	_ graphql.HandlerExtension        = meter{}
	_ graphql.OperationContextMutator = meter{}
	_ graphql.OperationInterceptor    = meter{}
	_ graphql.ResponseInterceptor     = meter{}
)

const meterName = "Meter"

// ExtensionName implements graphql.HandlerExtension.
func (meter) ExtensionName() string { return meterName }

// Validate implements graphql.HandlerExtension.
func (meter) Validate(graphql.ExecutableSchema) error { return nil }

// bill is what one operation is charged.
type bill struct {
	token     model.ApiTokenID
	requested int
	heavy     bool
	given     bool // an answer from before, or of another's run
	state     state
	read      int         // points that reading it has cost, until an answer says so
	input     int         // of these, for its variables
	key       string      // of a long operation; "" for others
	told      bool        // the refusal tells the caller to wait, or that a retry never helps, or took long to find, or is one of many
	left      *rate.Limit // of a refusal whose message says so; nil for others
	leave     func()      // ends the turn to be read, or that of a heavy operation; nil: it has none

	mu   sync.Mutex
	used pg.Usage // since the last answer
}

// state is how far an operation has come.
type state int

const (
	refused state = iota // or a dry run: nothing was taken
	paid                 // the estimate was taken
	running
	settled // the estimate was settled
)

// charges is `extensions.cost` of an answer.
type charges struct {
	Requested   int     `json:"requested"`
	Actual      int     `json:"actual"`
	Remaining   *int    `json:"remaining"` // null where several tokens share the answer
	Limit       int     `json:"limit"`
	RestoreRate float64 `json:"restoreRate"`
}

// MutateOperationContext implements graphql.OperationContextMutator.
func (m meter) MutateOperationContext(ctx context.Context, oc *graphql.OperationContext) *gqlerror.Error {
	v, err := auth.From(ctx)
	if err != nil {
		return gqlerror.Wrap(err)
	}
	dry, err := dryRun(oc)
	if err != nil {
		return gqlerror.Wrap(err)
	}
	b := billOf(oc)
	if b == nil {
		b = &bill{token: v.TokenID}
		oc.Stats.SetExtension(meterName, b)
	}
	price := cost.Of(oc.Operation, oc.Variables, time.Now())
	b.requested, b.heavy = price.Points, price.Heavy()
	if err := tooCostly(price); err != nil {
		b.told = true
		if b.key != "" {
			m.refused.Add(ctx, b.key, refusal{b.requested, err})
		}
		return gqlerror.Wrap(err)
	}
	if dry {
		return nil
	}
	left, err := m.buckets.Take(b.token, b.requested)
	if err != nil {
		b.exceeded(err)
		return gqlerror.Wrap(err)
	}
	if back := min(b.input, b.requested); back > 0 {
		left = m.buckets.Settle(b.token, -back)
		left.Cost = b.requested
		b.read, b.input = b.read-back, 0
	}
	b.state = paid
	rate.Keep(&oc.Stats, left)
	return nil
}

// tooCostly refuses what no operation may cost.
func tooCostly(price cost.Price) error {
	switch {
	case price.Points > cost.Max:
		return fault.New(fault.CodeQueryTooCostly, "this operation costs %d points, and no operation may cost more than %d: request fewer rows, figures or conditions, or split it",
			price.Points, cost.Max)
	case price.Fields > cost.FieldsMax:
		return fault.New(fault.CodeQueryTooCostly, "the answer to this operation may have %d fields, and no answer may have more than %d: request fewer fields or rows, or split it",
			price.Fields, cost.FieldsMax)
	}
	return nil
}

// InterceptOperation implements graphql.OperationInterceptor.
func (m meter) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	oc := graphql.GetOperationContext(ctx)
	b := billOf(oc)
	if b == nil {
		return next(ctx)
	}
	if b.state == refused { // a dry run
		b.endTurn()
		return graphql.OneShot(m.answer(ctx, b, &graphql.Response{Data: json.RawMessage("null")}))
	}
	b.state = running
	if oc.Operation.Operation != ast.Subscription {
		b.endTurn() // it has been read
		m.buckets.Pace.Wait(ctx, b.token)
		answers := next(pg.WithUsage(ctx, b.add))
		return func(ctx context.Context) *graphql.Response { return m.answer(ctx, b, answers(ctx)) }
	}
	answers := next(pg.WithUsage(ctx, func(used pg.Usage) {
		b.add(used)
		m.charge(ctx, b, cost.Used(used))
	}))
	m.settle(b, 0) // statements are charged as they run
	b.endTurn()
	return func(ctx context.Context) *graphql.Response { return m.answer(ctx, b, answers(ctx)) }
}

// execute executes an operation. A heavy one waits for its turn first.
func (m meter) execute(ctx context.Context, b *bill, next graphql.ResponseHandler) *graphql.Response {
	if !b.heavy {
		return next(ctx)
	}
	if err := b.takeTurn(ctx, m.heavy); err != nil {
		graphql.AddError(ctx, err)
		return &graphql.Response{Errors: graphql.GetErrors(ctx)}
	}
	defer b.endTurn()
	if graphql.GetOperationContext(ctx).Operation.Operation == ast.Query {
		ctx = pg.OneByOne(ctx)
	}
	ctx, done := read.InTurn(ctx)
	defer done()
	return next(ctx)
}

// takeTurn waits for the turn of a heavy operation.
func (b *bill) takeTurn(ctx context.Context, heavy func(context.Context) (leave func(), err error)) error {
	leave, err := heavy(ctx)
	if err != nil {
		return err
	}
	b.inTurn(ctx, leave)
	return nil
}

// inTurn begins a turn, which endTurn ends, or the operation's context.
func (b *bill) inTurn(ctx context.Context, leave func()) {
	b.leave = sync.OnceFunc(leave)
	context.AfterFunc(ctx, b.leave)
}

func (b *bill) endTurn() {
	if b.leave != nil {
		b.leave()
	}
}

// InterceptResponse implements graphql.ResponseInterceptor. It executes an operation that runs, and adds the charges to the
// answer to one that does not.
func (m meter) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	var b *bill
	if graphql.HasOperationContext(ctx) {
		b = billOf(graphql.GetOperationContext(ctx))
	}
	if b == nil { // nothing was charged
		v, err := auth.From(ctx)
		if err != nil {
			return next(ctx) // a stranger has no bucket
		}
		b = &bill{token: v.TokenID}
		if graphql.HasOperationContext(ctx) {
			graphql.GetOperationContext(ctx).Stats.SetExtension(meterName, b)
		}
	}
	switch b.state {
	case running:
		ran := false
		response := m.sharing.execute(ctx, b.requested, func() *graphql.Response {
			ran = true
			return m.execute(ctx, b, next)
		})
		b.given = response != nil && !ran
		return response
	case settled: // a subscription, or an operation that was answered
		if b.given { // the run that a stream would go on with has not begun
			return nil
		}
		response := next(ctx)
		if response == nil || len(response.Data) > 0 {
			return response
		}
		return m.answer(ctx, b, response) // it ends, maybe outside of what InterceptOperation returns
	}
	b.endTurn() // it is refused
	b.told = m.refusals.Often(b.token) || b.told || cost.Long(b.read)
	return m.answer(ctx, b, next(ctx))
}

func billOf(oc *graphql.OperationContext) *bill {
	b, _ := oc.Stats.GetExtension(meterName).(*bill)
	return b
}

// exceeded keeps what the refusal of a bucket says, so that nothing in the answer says otherwise.
func (b *bill) exceeded(err error) {
	b.told = true
	if e := (*rate.Exceeded)(nil); errors.As(err, &e) {
		e.AddReading(b.read) // the client sends the operation again
		b.left = &e.Limit
	}
}

// add adds up what the operation uses. Loaders run statements at the same time.
func (b *bill) add(used pg.Usage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used.Time += used.Time
	b.used.Rows += used.Rows
}

// actual returns the points of what was used since the last call.
func (b *bill) actual() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	used := b.used
	b.used = pg.Usage{}
	if used == (pg.Usage{}) {
		return 0
	}
	return cost.Used(used)
}

// settle charges what was used instead of the estimate.
func (m meter) settle(b *bill, actual int) *rate.Limit {
	if b.left != nil {
		return b.left
	}
	if b.state != paid && b.state != running {
		return m.buckets.State(b.token)
	}
	b.state = settled
	return m.buckets.Settle(b.token, actual-b.requested)
}

// charge takes points for a statement of a subscription. Tokens whose equal subscriptions are executed together pay equal
// parts.
func (m meter) charge(ctx context.Context, b *bill, points int) {
	sharers := live.Sharers(ctx)
	if len(sharers) == 0 {
		m.buckets.Settle(b.token, points)
		return
	}
	part := (points + len(sharers) - 1) / len(sharers)
	for _, session := range sharers {
		if token, err := auth.TokenOf(session); err == nil {
			m.buckets.Settle(token, part)
		}
	}
}

// answer settles the operation and adds the charges to its answer. An error message of a socket has room for errors only,
// so the first error of an operation that did not run has the charges too.
func (m meter) answer(ctx context.Context, b *bill, response *graphql.Response) *graphql.Response {
	if response == nil || response.Extensions["cost"] != nil {
		return response
	}
	actual := b.actual()
	left := m.settle(b, actual)
	c := charges{Requested: b.requested, Actual: actual + b.read, Limit: left.Limit, RestoreRate: left.RestoreRate}
	b.read = 0
	if !live.Shared(ctx) {
		c.Remaining = &left.Remaining
	}
	if response.Extensions == nil {
		response.Extensions = map[string]any{}
	}
	response.Extensions["cost"] = c
	if len(response.Data) == 0 && len(response.Errors) > 0 {
		first := *response.Errors[0]
		first.Extensions = maps.Clone(first.Extensions)
		if first.Extensions == nil {
			first.Extensions = map[string]any{}
		}
		first.Extensions["cost"] = c
		response.Errors = slices.Clone(response.Errors)
		response.Errors[0] = &first
	}
	return response
}
