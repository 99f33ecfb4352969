package httpd

import (
	"net/http"
	"net/url"
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
	c := cors.New(cors.Options{
		AllowedOrigins: origins,
		AllowedMethods: []string{http.MethodGet, http.MethodPost},
		AllowedHeaders: []string{"*"},
		ExposedHeaders: []string{"Retry-After"},
		MaxAge:         86400, // seconds
	})
	return c.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch origin := r.Header.Get("Origin"); {
		case r.Method == http.MethodOptions:
			w.Header().Set("Allow", allowedMethods)
			w.WriteHeader(http.StatusNoContent)
		case websocket.IsWebSocketUpgrade(r) && origin != "" && !c.OriginAllowed(r) && !sameOrigin(r, origin):
			write(w, http.StatusForbidden, withCode(fault.CodeForbidden, "pages of this origin may not open a WebSocket here; CLOSELOOP_ALLOWED_ORIGINS lists the origins that may"))
		default:
			next.ServeHTTP(w, r)
		}
	}))
}

// sameOrigin reports whether a page of this server sent the request.
func sameOrigin(r *http.Request, origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}
