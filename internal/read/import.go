package read

import (
	"context"

	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/model"
)

// The page types of imports, with their GraphQL names.
type (
	ImportConnection = page.Connection[model.Import]
	ImportEdge       = page.Edge[model.Import]
)

var importOrder = page.Order[model.Import]{
	{Name: "CREATED_AT", Column: "created_at", Kind: page.Time, Desc: true, Of: func(i *model.Import) any { return i.CreatedAt }},
	{Name: "ID", Column: "id", Kind: page.ID, Desc: true, Of: func(i *model.Import) any { return i.ID.UUID }},
}

// Imports lists the files that were uploaded over the API, newest first.
func (r *Reader) Imports(ctx context.Context, args page.Args) (*ImportConnection, error) {
	c, err := page.Read(r.db.WithContext(ctx), importOrder, args, nil)
	return wrapErr(c, "list imports", err)
}
