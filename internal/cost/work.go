package cost

import (
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/internal/filter"
)

// place is where a selection stands: the objects that it is selected of. There are two numbers of everything, because the
// estimate may be wrong, and the bound of answers must hold: what is likely, and what the arguments allow.
type place struct {
	objects, atMost float64
	items           span    // of the lists without arguments that each object has, such as the nodes of a connection
	scan            float64 // microseconds to read all rows that the object's own filter leaves
	counted         float64 // rows that the report counts
}

// span is a likely number and the highest.
type span struct{ likely, most float64 }

// each is the place of the children of a field, so many for each object.
func (at place) each(n span) place {
	return place{objects: at.objects * n.likely, atMost: at.atMost * n.most, counted: at.counted}
}

// ofType is the place of a fragment: "" is for one that all objects fit.
func (at place) ofType(on string) place {
	if on != "" {
		at.objects *= oneOfTypes
	}
	return at
}

// work is what a selection makes the database do for all its objects.
type work struct {
	micros float64
	fields float64 // of the answer, at most
}

func (w work) plus(x work) work { return work{w.micros + x.micros, w.fields + x.fields} }

// or is the work of one of two selections: an object has one type.
func (w work) or(x work) work { return work{max(w.micros, x.micros), max(w.fields, x.fields)} }

// pricer prices one operation.
type pricer struct {
	variables  map[string]any
	now        time.Time
	fragments  map[spread]work
	weighed    map[weighKey]filter.Weight
	conditions int // of filters, weighed so far
}

// spread is a fragment at a place.
type spread struct {
	fragment string
	at       place
}

// selections adds up the selections of objects. Of fragments on the types that an interface or union may have, the dearest
// counts, because each object has one type.
func (p *pricer) selections(set ast.SelectionSet, at place) (sum work) {
	var byType map[string]work
	for _, s := range set {
		of, on := p.selection(s, at)
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

// selection returns the work of one selection, and the type that it is for if the objects may have others.
func (p *pricer) selection(s ast.Selection, at place) (of work, on string) {
	switch s := s.(type) {
	case *ast.Field:
		if p.included(s.Directives) && s.Definition != nil {
			of = p.field(s, at)
		}
	case *ast.InlineFragment:
		if p.included(s.Directives) {
			on = narrows(s.ObjectDefinition, s.TypeCondition)
			of = p.selections(s.SelectionSet, at.ofType(on))
		}
	case *ast.FragmentSpread:
		if p.included(s.Directives) && s.Definition != nil {
			on = narrows(s.ObjectDefinition, s.Definition.TypeCondition)
			of = p.fragment(s.Definition, at.ofType(on))
		}
	}
	return of, on
}

func (p *pricer) fragment(f *ast.FragmentDefinition, at place) work {
	key := spread{f.Name, at}
	w, known := p.fragments[key]
	if !known {
		w = p.selections(f.SelectionSet, at)
		p.fragments[key] = w
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
