package httpd

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gorilla/websocket"
	"github.com/rs/cors"

	"github.com/closeloop/closeloop/internal/fault"
)

// allowOrigins lets pages of the origins call the API, by default those of every host, because anyone may host a
// dashboard. Only a bearer token identifies a caller, never a cookie, so that a foreign page can do no more than the token
// that the page already has allows. For the same reason any header passes the preflight.
//
// Browsers do not ask before they open a WebSocket: the handshake of a page that may not is refused.
func allowOrigins(origins []string, next http.Handler) http.Handler {
	o := cors.Options{
		AllowedMethods: []string{http.MethodGet, http.MethodPost},
		AllowedHeaders: []string{"*"},
		ExposedHeaders: []string{"ETag", "Retry-After"},
		MaxAge:         86400, // seconds
	}
	if slices.Contains(origins, "*") {
		o.AllowedOrigins = []string{"*"}
	} else { // the library would compare the ends of texts, whatever is between them
		o.AllowOriginFunc = func(origin string) bool {
			return slices.ContainsFunc(origins, func(pattern string) bool { return matchesOrigin(pattern, origin) })
		}
	}
	c := cors.New(o)
	return c.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch origin := r.Header.Get("Origin"); {
		case r.Method == http.MethodOptions:
			w.Header().Set("Allow", allowedMethods)
			w.WriteHeader(http.StatusNoContent)
		case websocket.IsWebSocketUpgrade(r) && origin != "" && !c.OriginAllowed(r) && !sameOrigin(r, origin):
			write(w, http.StatusForbidden, only(withCode(fault.CodeForbidden, "pages of this origin may not open a WebSocket here; CLOSELOOP_ALLOWED_ORIGINS lists the origins that may")))
		default:
			next.ServeHTTP(w, r)
		}
	}))
}

// matchesOrigin reports whether an origin is the pattern's. A * in the host of the pattern stands for one label or several,
// or for a part of one.
func matchesOrigin(pattern, origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || !strings.EqualFold(u.Scheme+"://"+u.Host, origin) {
		return false
	}
	pattern, origin = strings.ToLower(pattern), strings.ToLower(origin)
	before, after, wild := strings.Cut(pattern, "*")
	if !wild {
		return origin == pattern
	}
	rest, ok := strings.CutPrefix(origin, before)
	if !ok {
		return false
	}
	labels, ok := strings.CutSuffix(rest, after)
	return ok && labels != "" && strings.Trim(labels, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
}

// sameOrigin reports whether a page of this server sent the request.
func sameOrigin(r *http.Request, origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}
