package httpd

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/cost"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/live/wire"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/source"
	"github.com/closeloop/closeloop/model"
)

// intake takes the deliveries of survey tools at /intake/NAME. A delivery has the limits of a mutation that submits a
// response: the size of its body, and its price.
type intake struct {
	Options
	price int
}

func newIntake(o Options) http.Handler {
	document, err := gqlparser.LoadQueryWithRules(graph.Schema(), `mutation {submitResponse(input: {score: 1, customer: {}}) {created}}`, nil)
	if err != nil {
		panic(err) // the schema lacks the mutation: a programming error
	}
	return intake{o, cost.Of(document.Operations[0], nil, time.Now()).Points}
}

func (i intake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		write(w, http.StatusMethodNotAllowed, only(withCode(fault.CodeBadUserInput, "deliveries come by POST")))
		return
	}
	if query := r.URL.Query(); query.Has("token") || query.Has("access_token") {
		i.refuseErr(w, r, fault.New(fault.CodeBadUserInput, "a token must not stand in the address, because addresses are kept in logs: "+
			"send it in the header Authorization, and have this one revoked"))
		return
	}
	if wire.IsEncoded(r.Header) {
		w.Header().Set("Accept-Encoding", "identity")
		write(w, http.StatusUnsupportedMediaType, only(withCode(fault.CodeBadUserInput, wire.Encoded)))
		return
	}
	to, viewer, body, err := i.admit(w, r)
	if err != nil {
		i.refuseErr(w, r, err)
		return
	}
	ctx := auth.With(r.Context(), viewer)
	i.Rate.Pace.Wait(ctx, viewer.TokenID)
	if _, err := i.Rate.Take(viewer.TokenID, i.price); err != nil {
		i.refuseErr(w, r, err)
		return
	}
	var used usage
	if len(body) > longBody {
		defer i.Readings.Begin(ctx, viewer.TokenID)()
	}
	answer, err := i.Sources.Deliver(pg.WithUsage(ctx, used.add), viewer, to, body)
	i.Rate.Settle(viewer.TokenID, used.points()-i.price)
	if err != nil {
		i.refuseErr(w, r, err)
		return
	}
	respondDelivery(w, answer)
}

// admit finds the source of a delivery, reads the delivery, and finds as whom it is stored. Before the body of a stranger is
// read, it must have what looks like a signature of a source that has a user.
func (i intake) admit(w http.ResponseWriter, r *http.Request) (*source.Source, auth.Viewer, []byte, error) {
	secret, signed := wire.Bearer(r.Header.Get("Authorization"), nil)
	var viewer auth.Viewer
	if signed {
		caller, err := i.Gate.SignIn(r.Context(), r.RemoteAddr, secret)
		if err != nil {
			return nil, viewer, nil, err
		}
		if viewer = caller.Viewer; !viewer.Has(model.Intake) {
			return nil, viewer, nil, fault.New(fault.CodeForbidden, "your role %s may not submit responses: use a token of a user with the role INTAKE", viewer.Role())
		}
	}
	to, err := i.Sources.Named(r.Context(), r.PathValue("source"))
	if err != nil {
		return nil, viewer, nil, err
	}
	if !signed {
		user, ok := auth.Viewer{}, false
		if to != nil && to.HasSignature(r.Header) {
			user, ok = to.Signer()
		}
		if !ok {
			return nil, viewer, nil, fault.New(fault.CodeUnauthenticated, "send the header 'Authorization: Bearer <API token>', or the signature of a source that has a secret and a user")
		}
		viewer = user
	}
	if to == nil {
		return nil, viewer, nil, fault.NotFound("", "there is no such source")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMax))
	if tooLarge := (*http.MaxBytesError)(nil); err != nil && !errors.As(err, &tooLarge) {
		err = fault.New(fault.CodeBadUserInput, "%s", cut(err).Error())
	}
	if err != nil {
		return nil, viewer, nil, err
	}
	if !to.Verify(r.Header, body) {
		pause(r.Context())
		return nil, viewer, nil, fault.New(fault.CodeUnauthenticated, "the signature is missing or wrong: the secret of the source and the secret in the tool must be the same")
	}
	return to, viewer, body, nil
}

// statuses are those of refused deliveries.
var statuses = map[fault.Code]int{
	fault.CodeUnauthenticated: http.StatusUnauthorized, fault.CodeForbidden: http.StatusForbidden, fault.CodeNotFound: http.StatusNotFound,
	fault.CodeConflict: http.StatusConflict, fault.CodeBadUserInput: http.StatusBadRequest, fault.CodeRateLimited: http.StatusTooManyRequests,
	fault.CodeUnavailable: http.StatusServiceUnavailable, fault.CodeTimeout: http.StatusServiceUnavailable, fault.CodeInternal: http.StatusInternalServerError,
}

func (i intake) refuseErr(w http.ResponseWriter, r *http.Request, err error) {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		write(w, http.StatusRequestEntityTooLarge, only(withCode(fault.CodeBadUserInput, "the delivery is larger than 1 MiB")))
		return
	}
	if tooMany := (*auth.TooManyRefusals)(nil); errors.As(err, &tooMany) {
		pause(r.Context())
	}
	shown := i.Present(r.Context(), err)
	if seconds := retryAfterOf(gqlerror.List{shown}); seconds > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
	code, _ := shown.Extensions["code"].(fault.Code)
	i.refuse(w, r, statuses[code], shown)
}

// respondDelivery answers a delivery of which is known what became.
func respondDelivery(w http.ResponseWriter, a *source.Answer) {
	status, text := http.StatusOK, []byte(nil)
	if len(a.Faults) == 0 {
		answer := map[string]string{"status": strings.ToLower(string(a.Fate))}
		if a.Response != nil {
			answer["responseId"] = a.Response.String()
		}
		text, _ = json.Marshal(answer) // texts always marshal
	} else {
		var errs gqlerror.List
		for _, f := range a.Faults {
			e := withCode(fault.Code(f.Code), f.Message)
			if f.Field != nil {
				e.Extensions["argument"] = *f.Field
			}
			if f.Path != nil {
				e.Extensions["path"] = *f.Path
			}
			errs = append(errs, e)
		}
		status = statuses[fault.Code(a.Faults[0].Code)]
		text = wire.AppendRefusal(nil, wire.Refusal(&graphql.Response{Errors: errs}))
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// usage adds up what the statements of a delivery take.
type usage struct {
	mu sync.Mutex
	pg.Usage
}

func (u *usage) add(more pg.Usage) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.Time += more.Time
	u.Rows += more.Rows
}

func (u *usage) points() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return cost.Used(u.Usage)
}
