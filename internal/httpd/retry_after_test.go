package httpd

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

func TestRespondNamesTheLongestWait(t *testing.T) {
	t.Parallel()
	wait := func(seconds ...int) (errs gqlerror.List) {
		for _, n := range seconds {
			errs = append(errs, &gqlerror.Error{Message: "busy", Extensions: map[string]any{"code": "UNAVAILABLE", "retryAfter": n}})
		}
		return errs
	}
	for want, errs := range map[string]gqlerror.List{"": {{Message: "wrong"}}, "1": wait(1), "7": wait(1, 7, 3)} {
		w := httptest.NewRecorder()
		respond(w, httptest.NewRequest(http.MethodPost, "/graphql", nil), mediaJSON, http.StatusOK, &graphql.Response{Errors: errs})
		if got := w.Header().Get("Retry-After"); got != want {
			t.Errorf("%v: Retry-After is %q, want %q", errs, got, want)
		}
	}
}
