package cost

import (
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/internal/filter"
)

// work is what a selection makes the database do for the object that it is selected of, its parent. A loader reads a
// field for all parents of a page with one statement, so that a part of the work does not grow with their number.
type work struct {
	once    float64 // microseconds, whatever the number of parents
	each    float64 // microseconds, for each parent
	scans   float64 // for each parent, how often all rows are read that the parent's own filter leaves
	perItem float64 // microseconds, for each parent and each of the items that the parent's own arguments ask for

	fields        float64 // of the answer, for each parent
	fieldsPerItem float64 // of the answer, for each parent and item
}

func (w work) plus(x work) work {
	return work{w.once + x.once, w.each + x.each, w.scans + x.scans, w.perItem + x.perItem, w.fields + x.fields, w.fieldsPerItem + x.fieldsPerItem}
}

// or is the work of one of two selections for each parent: a parent has one type.
func (w work) or(x work) work {
	return work{w.once + x.once, max(w.each, x.each), max(w.scans, x.scans), max(w.perItem, x.perItem), max(w.fields, x.fields), max(w.fieldsPerItem, x.fieldsPerItem)}
}

// settled is the work with all that the parent's arguments decide: how many items there are, and what a scan takes.
func (w work) settled(items, scan float64) work {
	return work{once: w.once, each: w.each + w.scans*scan + w.perItem*items, fields: w.fields + w.fieldsPerItem*items}
}

// asItem is the work of a list whose length the arguments of the parent decide.
func (w work) asItem() work {
	return work{once: w.once, perItem: w.each, fields: 1, fieldsPerItem: w.fields}
}

// times is the work for n children of each parent.
func (w work) times(n float64) work {
	return work{once: w.once, each: w.each * n, fields: 1 + w.fields*n}
}

// pricer prices one operation.
type pricer struct {
	variables  map[string]any
	fragments  map[string]work
	weighed    map[weighKey]filter.Weight
	conditions int // of filters, weighed so far
}

// selections adds up the selections of an object. Of fragments on the types that an interface or union may have, the
// dearest counts, because each object has one type.
func (p *pricer) selections(set ast.SelectionSet) (sum work) {
	var byType map[string]work
	for _, s := range set {
		of, on := p.selection(s)
		if on == "" {
			sum = sum.plus(of)
			continue
		}
		if byType == nil {
			byType = map[string]work{}
		}
		byType[on] = byType[on].plus(of)
	}
	var dearest work
	for _, of := range byType {
		dearest = dearest.or(of)
	}
	return sum.plus(dearest)
}

// selection returns the work of one selection, and the type that it is for if the parent may have others.
func (p *pricer) selection(s ast.Selection) (of work, on string) {
	switch s := s.(type) {
	case *ast.Field:
		if p.included(s.Directives) && s.Definition != nil {
			of = p.field(s)
		}
	case *ast.InlineFragment:
		if p.included(s.Directives) {
			of, on = p.selections(s.SelectionSet), narrows(s.ObjectDefinition, s.TypeCondition)
		}
	case *ast.FragmentSpread:
		if p.included(s.Directives) && s.Definition != nil {
			of, on = p.fragment(s.Definition), narrows(s.ObjectDefinition, s.Definition.TypeCondition)
		}
	}
	return of, on
}

func (p *pricer) fragment(f *ast.FragmentDefinition) work {
	w, known := p.fragments[f.Name]
	if !known {
		w = p.selections(f.SelectionSet)
		p.fragments[f.Name] = w
	}
	return w
}

// narrows returns the type of a fragment where the parent may have other types.
func narrows(parent *ast.Definition, condition string) string {
	if parent == nil || !parent.IsAbstractType() || condition == parent.Name {
		return ""
	}
	return condition
}

// included reports whether @skip and @include leave a selection in the operation (GraphQL specification, section 3.13).
func (p *pricer) included(directives ast.DirectiveList) bool {
	return !p.condition(directives.ForName("skip"), false) && p.condition(directives.ForName("include"), true)
}

func (p *pricer) condition(d *ast.Directive, otherwise bool) bool {
	if d == nil {
		return otherwise
	}
	if arg := d.Arguments.ForName("if"); arg != nil {
		if v, err := arg.Value.Value(p.variables); err == nil {
			if value, ok := v.(bool); ok {
				return value
			}
		}
	}
	return otherwise
}
