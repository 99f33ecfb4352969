// Package web owns the pages that the program serves: the wallboard, which shows events of cases as they happen, and the
// page of one case, which mails link to. All files are embedded, and no page loads anything from another host.
//
// It refuses to read data: the pages get theirs from the GraphQL API, like every other client.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"time"

	"github.com/closeloop/closeloop/model"
)

//go:embed static
var files embed.FS

// headers are set on every response. The pages may use only their own scripts and styles, and the API of their own host,
// over HTTP or WebSocket ('self' covers both: CSP 3, section 6.7.2.8). Browsers that support trusted types refuse to
// parse a text as HTML, because the texts of customers are hostile.
var headers = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"base-uri 'self'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), geolocation=(), microphone=()",
	"Referrer-Policy":              "no-referrer",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Cache-Control":                "no-cache", // browsers may store a file, but must revalidate it: a new version shows at once
}

// contentTypes replaces the operating system's table, which may have wrong entries; with nosniff, browsers obey them.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
}

type file struct {
	name, contentType, tag string
	content                []byte
}

// casePath matches the path of one case's page. Nine digits always fit an Int of the API.
var casePath = regexp.MustCompile(`^/cases/[1-9][0-9]{0,8}$`)

// Handler serves the pages. Requests for anything else are for missing.
func Handler(missing http.HandlerFunc) http.Handler {
	pages, err := load()
	if err != nil {
		panic(err) // the files are embedded, so the tests of this package find every error of load
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		at := r.URL.Path
		if casePath.MatchString(at) {
			at = "/cases/"
		}
		page, ok := pages[at]
		switch {
		case !ok || at == "/cases/" && r.URL.Path == at:
			missing(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "405 method not allowed", http.StatusMethodNotAllowed)
		default:
			w.Header().Set("Content-Type", page.contentType)
			w.Header().Set("ETag", page.tag)
			http.ServeContent(w, r, page.name, time.Time{}, bytes.NewReader(page.content))
		}
	})
}

// load returns the files by the path at which each is served.
func load() (map[string]file, error) {
	entries, err := fs.ReadDir(files, "static")
	if err != nil {
		return nil, fmt.Errorf("read the pages: %w", err)
	}
	types, err := eventTypes(model.EventTypes())
	if err != nil {
		return nil, err
	}
	pages := map[string]file{"/event-types.js": newFile("event-types.js", contentTypes[".js"], types)}
	for _, entry := range entries {
		name := entry.Name()
		content, err := files.ReadFile(path.Join("static", name))
		if err != nil {
			return nil, fmt.Errorf("read a page: %w", err)
		}
		contentType, ok := contentTypes[path.Ext(name)]
		if !ok {
			return nil, fmt.Errorf("web/static/%s has no content type", name)
		}
		if name != "index.html" {
			pages["/"+name] = newFile(name, contentType, content)
			continue
		}
		pages["/"] = newFile(name, contentType, content)
		// All addresses in the page are relative, so that it works under any path of a proxy.
		pages["/cases/"] = newFile(name, contentType, bytes.Replace(content, []byte(`<base href="./">`), []byte(`<base href="../">`), 1))
	}
	return pages, nil
}

func newFile(name, contentType string, content []byte) file {
	sum := sha256.Sum256(content)
	return file{name: name, contentType: contentType, tag: `"` + hex.EncodeToString(sum[:16]) + `"`, content: content}
}
