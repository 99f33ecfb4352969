package resolvers

import "github.com/closeloop/closeloop/graph"

// Filters read themselves (internal/filter), so gqlgen never asks for their fields; its interface wants these all
// the same.

func (r *Resolver) CaseFilter() graph.CaseFilterResolver         { return nil }
func (r *Resolver) CustomerFilter() graph.CustomerFilterResolver { return nil }
func (r *Resolver) ResponseFilter() graph.ResponseFilterResolver { return nil }
func (r *Resolver) IntFilter() graph.IntFilterResolver           { return nil }
func (r *Resolver) StringFilter() graph.StringFilterResolver     { return nil }
func (r *Resolver) TimeFilter() graph.TimeFilterResolver         { return nil }
