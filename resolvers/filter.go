package resolvers

import "github.com/closeloop/closeloop/graph"

// Filters decode themselves (internal/filter), so gqlgen never resolves their fields. Its interface requires these
// methods nevertheless.

func (r *Resolver) CaseFilter() graph.CaseFilterResolver               { return nil }
func (r *Resolver) CustomerFilter() graph.CustomerFilterResolver       { return nil }
func (r *Resolver) ResponseFilter() graph.ResponseFilterResolver       { return nil }
func (r *Resolver) IntFilter() graph.IntFilterResolver                 { return nil }
func (r *Resolver) DecimalFilter() graph.DecimalFilterResolver         { return nil }
func (r *Resolver) FloatFilter() graph.FloatFilterResolver             { return nil }
func (r *Resolver) StringFilter() graph.StringFilterResolver           { return nil }
func (r *Resolver) StringListFilter() graph.StringListFilterResolver   { return nil }
func (r *Resolver) IdListFilter() graph.IdListFilterResolver           { return nil }
func (r *Resolver) AttributeFilter() graph.AttributeFilterResolver     { return nil }
func (r *Resolver) TimeFilter() graph.TimeFilterResolver               { return nil }
func (r *Resolver) ExternalRefFilter() graph.ExternalRefFilterResolver { return nil }
func (r *Resolver) OutreachFilter() graph.OutreachFilterResolver       { return nil }
