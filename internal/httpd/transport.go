package httpd

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/live/wire"
	"github.com/closeloop/closeloop/internal/rate"
)

// transport serves requests for a single answer as the draft "GraphQL over HTTP" describes: GET for queries, POST for
// every operation. It takes every request that no other transport takes, so that each refusal is JSON with a code.
type transport struct {
	knowing
	readings *rate.Readings
	sharing  sharing
}

var _ graphql.Transport = transport{}

// Supports implements graphql.Transport.
func (transport) Supports(*http.Request) bool { return true }

// Do implements graphql.Transport.
func (t transport) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	media := negotiate(r.Header.Values("Accept"))
	if media == "" {
		refuseMedia(w, r, exec)
		return
	}
	start := graphql.Now()
	params, status, err := t.readParams(w, r)
	if err != nil {
		switch status {
		case http.StatusMethodNotAllowed:
			w.Header().Set("Allow", allowedMethods)
		case http.StatusUnsupportedMediaType:
			if errors.Is(err, errEncoded) {
				w.Header().Set("Accept-Encoding", "identity")
				break
			}
			w.Header().Set("Accept", "application/json, multipart/form-data")
		}
		refuseRequest(w, r, exec, status, err.Error())
		return
	}
	if r.Method == http.MethodGet && t.IsMutation(r.Context(), params) {
		refuseMethod(w, r, exec)
		return
	}
	if kept := t.answerKept(r, params); kept != nil {
		respond(w, r, media, http.StatusOK, kept)
		return
	}
	params.Headers = r.Header
	params.ReadTime = graphql.TraceTiming{Start: start, End: graphql.Now()}
	execute(w, r, exec, params, media)
}

func refuseMedia(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	refuseRequest(w, r, exec, http.StatusNotAcceptable, "this address answers application/json, application/graphql-response+json and, for subscriptions, text/event-stream: name one of them in the header Accept")
}

// execute runs an operation and writes its answer.
func execute(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor, params *graphql.RawParams, media string) {
	ctx := r.Context()
	oc, errs := exec.CreateOperationContext(ctx, params)
	if errs != nil {
		refusal := exec.DispatchError(graphql.WithOperationContext(ctx, oc), errs)
		pauseIfTold(ctx, oc)
		respond(w, r, media, statusOfRefusal(media, refusal.Errors), refusal)
		return
	}
	if r.Method == http.MethodGet && oc.Operation.Operation != ast.Query {
		exec.DispatchError(graphql.WithOperationContext(ctx, oc), nil) // the meter gives back what it took
		refuseMethod(w, r, exec)
		return
	}
	responses, ctx := exec.DispatchOperation(ctx, oc)
	if response := responses(ctx); response != nil { // nil: the client has gone
		respond(w, r, media, http.StatusOK, response)
	}
}

func refuseMethod(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	w.Header().Set("Allow", http.MethodPost)
	refuseRequest(w, r, exec, http.StatusMethodNotAllowed, "GET is for queries: send this operation by POST")
}

const allowedMethods = "GET, POST, OPTIONS"

const (
	mediaJSON     = "application/json"
	mediaResponse = "application/graphql-response+json"
)

// negotiate chooses the media type of the answer by the header Accept; "" if the client accepts none that there is. Of
// equal preferences the first counts. A client that does not care gets application/json, which every client understands.
func negotiate(accept []string) (media string) {
	all := strings.Join(accept, ",")
	if strings.TrimSpace(all) == "" {
		return mediaJSON
	}
	best := 0.0
	for part := range strings.SplitSeq(all, ",") {
		name, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		switch name {
		case "*/*", "application/*":
			name = mediaJSON
		case mediaJSON, mediaResponse:
		default:
			continue
		}
		if q := quality(params["q"]); q > best && isUTF8(params["charset"]) {
			media, best = name, q
		}
	}
	return media
}

// quality reads a weight of RFC 9110, section 12.4.2; a missing or malformed weight counts as 1.
func quality(q string) float64 {
	weight, err := strconv.ParseFloat(q, 64)
	if err != nil || weight < 0 || weight > 1 {
		return 1
	}
	return weight
}

func isUTF8(charset string) bool { return charset == "" || strings.EqualFold(charset, "utf-8") }

var (
	errEncoded = errors.New(wire.Encoded)
	errAddress = errors.New("the address is not well-formed after its question mark: write % as %25, ; as %3B, and & in a value as %26")
)

// readParams reads the operation of a request; with an error it returns the status of the refusal.
func (t transport) readParams(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, int, error) {
	switch r.Method {
	case http.MethodGet:
		values, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return nil, http.StatusBadRequest, errAddress
		}
		if !slices.ContainsFunc([]string{"query", wire.DocumentID, "id", "extensions"}, values.Has) {
			return nil, http.StatusBadRequest, errors.New("the request has no query: send it as ?query=…, or in the body of a POST")
		}
		params, err := wire.ParseQuery("the request", values)
		return params, http.StatusBadRequest, err
	case http.MethodPost:
	default:
		return nil, http.StatusMethodNotAllowed, errors.New("send the operation by POST, or a query by GET")
	}
	if wire.IsEncoded(r.Header) {
		return nil, http.StatusUnsupportedMediaType, errEncoded
	}
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != mediaJSON || !isUTF8(params["charset"]) {
		return nil, http.StatusUnsupportedMediaType, errors.New("send the body as JSON, with the header Content-Type: application/json")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMax))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, http.StatusRequestEntityTooLarge, errors.New("the request is larger than 1 MiB; split it into several requests")
	case err != nil:
		return nil, http.StatusBadRequest, cut(err)
	}
	if len(body) > longBody {
		if v, err := auth.From(r.Context()); err == nil {
			defer t.readings.Begin(r.Context(), v.TokenID)()
		}
	}
	operation, err := wire.ParseBody(body)
	return operation, http.StatusBadRequest, err
}

// longBody is the number of bytes from which a token's bodies are parsed one after the other.
const longBody = 16 << 10

// statusOfRefusal is the status of an operation that was refused before it ran. The older media type has 200 for every
// well-formed request, because its clients take any other status for a failure of HTTP (GraphQL over HTTP, section 6.4.1).
func statusOfRefusal(media string, errs gqlerror.List) int {
	limited := func(err *gqlerror.Error) bool { return err.Extensions["code"] == fault.CodeRateLimited }
	switch {
	case media != mediaResponse:
		return http.StatusOK
	case slices.ContainsFunc(errs, limited):
		return http.StatusTooManyRequests
	}
	return http.StatusBadRequest
}

// respond writes an answer. An answer to a request that did not run has no entry "data".
func respond(w http.ResponseWriter, r *http.Request, media string, status int, response *graphql.Response) {
	if r.Method == http.MethodGet && len(response.Errors) == 0 && string(response.Data) != "null" { // a dry run has no data
		tag := tagOf(media, response.Data)
		w.Header().Set("ETag", tag)
		if matches(r.Header.Values("If-None-Match"), tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	var text []byte
	var err error
	if response.Data == nil {
		text, err = json.Marshal(struct {
			Errors     gqlerror.List  `json:"errors"`
			Extensions map[string]any `json:"extensions,omitempty"`
		}{response.Errors, response.Extensions})
	} else {
		text, err = wire.AppendResponse(make([]byte, 0, len(response.Data)+bytesAround), response)
	}
	if err != nil {
		panic(err) // a resolver's extensions are not JSON: a programming error
	}
	if seconds := retryAfterOf(response.Errors); seconds > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
	w.Header().Set("Content-Type", media+"; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// bytesAround is about how many bytes an answer has around its data.
const bytesAround = 256

// retryAfterOf is the longest wait that an error names, in seconds.
func retryAfterOf(errs gqlerror.List) (longest int) {
	for _, err := range errs {
		if seconds, ok := err.Extensions["retryAfter"].(int); ok {
			longest = max(longest, seconds)
		}
	}
	return longest
}

func refuseRequest(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor, status int, message string) {
	refuse(w, r, exec, status, withCode(fault.CodeBadUserInput, message))
}

// refuse answers the request of a caller who is signed in, so that the answer has its charges.
func refuse(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor, status int, err *gqlerror.Error) {
	write(w, status, exec.DispatchError(r.Context(), gqlerror.List{err}))
}
