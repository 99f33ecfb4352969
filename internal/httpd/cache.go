package httpd

import (
	"context"
	"math"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/lexer"
)

const (
	parsedBytes   = 16 << 20  // of all parsed documents that are kept
	parsedMost    = 512 << 10 // of one; a longer document is parsed each time
	bytesPerToken = 256
)

// cache keeps the values that were used last, up to a number of bytes. It is a graphql.Cache.
type cache[T any] struct {
	total, each int // bytes of all values, and of one; a larger value is not kept
	size        func(key string, value T) int

	mu     sync.Mutex
	values *simplelru.LRU[string, T]
	bytes  int
}

var _ graphql.Cache[string] = (*cache[string])(nil)

func newCache[T any](total, each int, size func(key string, value T) int) *cache[T] {
	c := &cache[T]{total: total, each: each, size: size}
	// The error is for a size below 1. The bytes bound the number.
	c.values, _ = simplelru.NewLRU(math.MaxInt, func(key string, value T) { c.bytes -= size(key, value) })
	return c
}

// Get implements graphql.Cache.
func (c *cache[T]) Get(_ context.Context, key string) (T, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.values.Get(key)
}

// Add implements graphql.Cache.
func (c *cache[T]) Add(_ context.Context, key string, value T) {
	size := c.size(key, value)
	if size > c.each {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.values.Contains(key) {
		return // two requests brought the same value at the same time
	}
	c.values.Add(key, value)
	for c.bytes += size; c.bytes > c.total; {
		c.values.RemoveOldest()
	}
}

// newParsed makes the cache of parsed documents.
func newParsed() *cache[*ast.QueryDocument] {
	return newCache(parsedBytes, parsedMost, func(document string, _ *ast.QueryDocument) int { return parsedSize(document) })
}

// parsedDocuments also hands a document that is too long to be kept from one reader to the next of the same request.
type parsedDocuments struct{ *cache[*ast.QueryDocument] }

// handed is the document of a request.
type handed struct {
	text   string
	parsed *ast.QueryDocument
}

const handedName = "ParsedDocument"

// Get implements graphql.Cache.
func (d parsedDocuments) Get(ctx context.Context, text string) (*ast.QueryDocument, bool) {
	if graphql.HasOperationContext(ctx) {
		if h, ok := graphql.GetOperationContext(ctx).Stats.GetExtension(handedName).(handed); ok && h.text == text {
			return h.parsed, true
		}
	}
	return d.cache.Get(ctx, text)
}

// Add implements graphql.Cache.
func (d parsedDocuments) Add(ctx context.Context, text string, parsed *ast.QueryDocument) {
	if graphql.HasOperationContext(ctx) {
		graphql.GetOperationContext(ctx).Stats.SetExtension(handedName, handed{text, parsed})
	}
	d.cache.Add(ctx, text, parsed)
}

// parsedSize is about the memory of a parsed document: its text, which the tree refers to, rounded up as the allocator
// does, and the tree. A list of numbers takes most, 218 bytes a token of two characters; an ordinary query takes 102.
func parsedSize(document string) int {
	l := lexer.New(&ast.Source{Input: document})
	tokens := 0
	for {
		if token, err := l.ReadToken(); err != nil || token.Kind == lexer.EOF {
			return len(document) + len(document)/8 + bytesPerToken*tokens
		}
		tokens++
	}
}
