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
	uploadInMemory = 1 << 20         // larger files are kept in a temporary file until the import has stored them
)

func isUpload(r *http.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return r.Method == http.MethodPost && err == nil && media == "multipart/form-data"
}

// checkUpload refuses an upload before any of it is read, where the caller's role may not upload files, the length is
// unknown, or the request is too large.
func checkUpload(r *http.Request) (int, *gqlerror.Error) {
	v, err := auth.From(r.Context())
	switch {
	case err != nil:
		return http.StatusUnauthorized, withCode(fault.CodeUnauthenticated, err.Error())
	case !v.Has(model.Intake, model.Manager):
		return http.StatusForbidden, withCode(fault.CodeForbidden, "your role "+string(v.User.Role)+" may not upload files")
	case r.ContentLength < 0:
		return http.StatusLengthRequired, withCode(fault.CodeBadUserInput, "a request with a file must give its length in the header Content-Length")
	case r.ContentLength > uploadMax:
		return http.StatusRequestEntityTooLarge, withCode(fault.CodeBadUserInput, "the request is larger than 1 GiB; split the file, and repeat its header line in each part")
	}
	return 0, nil
}

func withCode(code fault.Code, message string) *gqlerror.Error {
	return &gqlerror.Error{Message: message, Extensions: map[string]any{"code": code}}
}
