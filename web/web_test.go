package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"
)

func get(t *testing.T, at string) (*http.Response, string) {
	t.Helper()
	w := httptest.NewRecorder()
	Handler(http.NotFound).ServeHTTP(w, httptest.NewRequest(http.MethodGet, at, nil))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), string(body)
}

// sources returns the embedded files by name.
func sources(t *testing.T) map[string]string {
	t.Helper()
	entries, err := files.ReadDir("static")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, entry := range entries {
		content, err := files.ReadFile(path.Join("static", entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[entry.Name()] = string(content)
	}
	return found
}

func TestHandler(t *testing.T) {
	t.Parallel()
	t.Run("gives each file its content type and the headers", func(t *testing.T) {
		t.Parallel()
		for at, contentType := range map[string]string{
			"/":              "text/html; charset=utf-8",
			"/cases/42":      "text/html; charset=utf-8",
			"/wallboard.js":  "text/javascript; charset=utf-8",
			"/api.js":        "text/javascript; charset=utf-8",
			"/wallboard.css": "text/css; charset=utf-8",
			"/icon.svg":      "image/svg+xml",
		} {
			response, body := get(t, at)
			if response.StatusCode != http.StatusOK || body == "" {
				t.Errorf("GET %s: status %d with %d bytes, want 200 with a body", at, response.StatusCode, len(body))
			}
			if got := response.Header.Get("Content-Type"); got != contentType {
				t.Errorf("GET %s: Content-Type is %q, want %q", at, got, contentType)
			}
			for name, value := range headers {
				if got := response.Header.Get(name); got != value {
					t.Errorf("GET %s: %s is %q, want %q", at, name, got, value)
				}
			}
		}
	})

	t.Run("serves a case as the page one level deeper", func(t *testing.T) {
		t.Parallel()
		_, board := get(t, "/")
		_, one := get(t, "/cases/42")
		if !strings.Contains(board, `<base href="./">`) || strings.Replace(board, `<base href="./">`, `<base href="../">`, 1) != one {
			t.Error("/cases/42 is not the page of / with the base ../")
		}
	})

	t.Run("answers 404 for other paths", func(t *testing.T) {
		t.Parallel()
		for _, at := range []string{
			"/nope", "/index.html", "/static/", "/static/index.html", "/wallboard.js/", "/web.go",
			"/cases", "/cases/", "/cases/x", "/cases/42/", "/cases/42/edit", "/cases/-1", "/cases/0", "/cases/042", "/cases/4294967297", "/cases/42%2F..",
		} {
			response, body := get(t, at)
			if response.StatusCode != http.StatusNotFound || strings.Contains(body, "<html") {
				t.Errorf("GET %s: status %d, want 404 without a page", at, response.StatusCode)
			}
			if response.Header.Get("Content-Security-Policy") == "" {
				t.Errorf("GET %s: no Content-Security-Policy", at)
			}
		}
	})

	t.Run("refuses methods that write", func(t *testing.T) {
		t.Parallel()
		for method, status := range map[string]int{http.MethodHead: http.StatusOK, http.MethodPost: http.StatusMethodNotAllowed, http.MethodDelete: http.StatusMethodNotAllowed} {
			w := httptest.NewRecorder()
			Handler(http.NotFound).ServeHTTP(w, httptest.NewRequest(method, "/", nil))
			if w.Code != status {
				t.Errorf("%s /: status %d, want %d", method, w.Code, status)
			}
		}
	})

	t.Run("does not send an unchanged file again", func(t *testing.T) {
		t.Parallel()
		first, _ := get(t, "/wallboard.js")
		other, _ := get(t, "/wallboard.css")
		tag := first.Header.Get("ETag")
		if tag == "" || tag == other.Header.Get("ETag") {
			t.Fatalf("the ETags of two files are %q and %q, want different ones", tag, other.Header.Get("ETag"))
		}
		for sent, status := range map[string]int{tag: http.StatusNotModified, `"another"`: http.StatusOK} {
			r := httptest.NewRequest(http.MethodGet, "/wallboard.js", nil)
			r.Header.Set("If-None-Match", sent)
			w := httptest.NewRecorder()
			Handler(http.NotFound).ServeHTTP(w, r)
			if w.Code != status {
				t.Errorf("If-None-Match %s: status %d, want %d", sent, w.Code, status)
			}
		}
	})

	t.Run("serves everything that the pages refer to", func(t *testing.T) {
		t.Parallel()
		reference := regexp.MustCompile(`(?:src|href)="([^"]*)"|from "([^"]*)"|url\(([^)]*)\)`)
		count := 0
		for name, text := range sources(t) {
			for _, match := range reference.FindAllStringSubmatch(text, -1) {
				to := path.Join("/", match[1]+match[2]+match[3])
				if match[1] == "../" {
					continue
				}
				count++
				if response, _ := get(t, to); response.StatusCode != http.StatusOK {
					t.Errorf("%s refers to %s, which answers %d, want 200", name, to, response.StatusCode)
				}
			}
		}
		if count < 10 {
			t.Errorf("found only %d references, want at least 10", count)
		}
	})
}

func TestContentSecurityPolicy(t *testing.T) {
	t.Parallel()
	response, _ := get(t, "/")
	directives := map[string]string{}
	for directive := range strings.SplitSeq(response.Header.Get("Content-Security-Policy"), ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), " ")
		directives[name] = value
	}
	for name, value := range map[string]string{
		"default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self'", "connect-src": "'self'",
		"base-uri": "'self'", "form-action": "'none'", "frame-ancestors": "'none'",
		"require-trusted-types-for": "'script'", "trusted-types": "'none'",
	} {
		if directives[name] != value {
			t.Errorf("%s is %q, want %q", name, directives[name], value)
		}
		delete(directives, name)
	}
	if len(directives) > 0 {
		t.Errorf("the policy has more directives: %v", directives)
	}
}

// svgNamespace looks like an address, but browsers do not load it.
const svgNamespace = `xmlns="http://www.w3.org/2000/svg"`

// foreignHost finds addresses with a host, with or without a scheme. A comment's // has a space after it.
var foreignHost = regexp.MustCompile(`(?i)\b(https?|wss?|ftp):/*[\w\[]?|//[\w\[]`)

func TestFiles(t *testing.T) {
	t.Parallel()
	t.Run("refer to no other host", func(t *testing.T) {
		t.Parallel()
		for text, foreign := range map[string]bool{
			`src="https://cdn.example/x.js"`: true, `url(//fonts.example/a)`: true, "`wss://${host}/`": true, `"http:" + host`: true,
			`// a comment`: false, `href="../wallboard.css"`: false, `replace("http", "ws")`: false,
		} {
			if foreignHost.MatchString(text) != foreign {
				t.Errorf("foreignHost matches %s: %t, want %t", text, !foreign, foreign)
			}
		}
		for name, text := range sources(t) {
			if found := foreignHost.FindString(strings.ReplaceAll(text, svgNamespace, "")); found != "" {
				t.Errorf("%s refers to %q", name, found)
			}
		}
	})

	t.Run("have no inline script or style, which the policy refuses", func(t *testing.T) {
		t.Parallel()
		page := sources(t)["index.html"]
		if found := inline.FindString(page); found != "" {
			t.Errorf("the page has %q", found)
		}
		scripts := script.FindAllString(page, -1)
		if len(scripts) == 0 {
			t.Error("found no script")
		}
		for _, found := range scripts {
			if !strings.Contains(found, " src=") || !strings.HasSuffix(strings.TrimSpace(found), ">") {
				t.Errorf("the page has %q", found)
			}
		}
	})

	t.Run("parse no text as HTML", func(t *testing.T) {
		t.Parallel()
		for name, text := range sources(t) {
			if found := htmlParser.FindString(text); found != "" {
				t.Errorf("%s uses %s", name, found)
			}
		}
	})
}

// The content security policy refuses all of these at run time, and a page that has one would not work.
var (
	inline     = regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|javascript:`)
	script     = regexp.MustCompile(`(?i)<script[^>]*>[^<]*`)
	htmlParser = regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|setHTML|createContextualFragment|DOMParser|document\.write|\beval\(|new Function`)
)
