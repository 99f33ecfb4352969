package setup

import (
	"strconv"
	"strings"
)

// Tree is decoded JSON. A path consists of names and indexes with dots between them. What is missing, or of another
// type, reads as the zero value.
type Tree struct{ V any }

// At is the part of the tree at the path.
func (n Tree) At(path string) Tree {
	v := n.V
	for step := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[step]
		case []any:
			if i, err := strconv.Atoi(step); err == nil && i < len(in) {
				v = in[i]
				continue
			}
			v = nil
		default:
			v = nil
		}
	}
	return Tree{v}
}

// Text is the string at the path.
func (n Tree) Text(path string) string { s, _ := n.At(path).V.(string); return s }

// Number is the number at the path, without its fraction.
func (n Tree) Number(path string) int { f, _ := n.At(path).V.(float64); return int(f) }

// Bool is the truth value at the path.
func (n Tree) Bool(path string) bool { b, _ := n.At(path).V.(bool); return b }

// Missing reports whether nothing, or null, is at the path.
func (n Tree) Missing(path string) bool { return n.At(path).V == nil }

// List is the list at the path.
func (n Tree) List(path string) []Tree {
	items, _ := n.At(path).V.([]any)
	list := make([]Tree, len(items))
	for i, item := range items {
		list[i] = Tree{item}
	}
	return list
}
