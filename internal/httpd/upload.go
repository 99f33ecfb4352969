package httpd

import (
	"mime"
	"net/http"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

const (
	uploadMax      = 1<<30 + bodyMax // bytes of a request with a file
	uploadInMemory = 1 << 20         // a larger one lies in a temporary file until it is taken in
)

func isUpload(r *http.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return r.Method == http.MethodPost && err == nil && media == "multipart/form-data"
}

// checkUpload refuses a file before any of it is read: from who may not send one, and where nobody can tell how much
// is to come.
func checkUpload(r *http.Request) (int, *gqlerror.Error) {
	v, err := auth.From(r.Context())
	switch {
	case err != nil:
		return http.StatusUnauthorized, coded(fault.CodeUnauthenticated, err.Error())
	case !v.Has(model.Intake, model.Manager):
		return http.StatusForbidden, coded(fault.CodeForbidden, "your role "+string(v.User.Role)+" may not send files")
	case r.ContentLength < 0:
		return http.StatusLengthRequired, coded(fault.CodeBadUserInput, "a request with a file says how long it is, by Content-Length")
	case r.ContentLength > uploadMax:
		return http.StatusRequestEntityTooLarge, coded(fault.CodeBadUserInput, "the request has more than 1 GiB; send the file in parts, each with its header line")
	}
	return 0, nil
}

func coded(code fault.Code, words string) *gqlerror.Error {
	return &gqlerror.Error{Message: words, Extensions: map[string]any{"code": code}}
}
