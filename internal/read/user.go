package read

import (
	"context"
	"strings"

	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// UserFilter says which users.
type UserFilter struct {
	Role   []model.Role
	Active *bool
	Search *string
}

// Users lists users by name.
func (r *Reader) Users(ctx context.Context, args page.Args, f *UserFilter) (*UserConnection, error) {
	query := r.db.WithContext(ctx)
	if f != nil {
		if f.Role != nil {
			query = query.Where("role = ANY(?)", pg.Array(f.Role))
		}
		if f.Active != nil {
			query = query.Where("active = ?", *f.Active)
		}
		if f.Search != nil {
			// Each word begins a word of the name, or the address, or one of its parts.
			for _, word := range strings.Fields(model.Fold(*f.Search)) {
				prefix := escapeLike(word) + "%"
				query = query.Where(`(name_fold LIKE ? OR name_fold LIKE ? OR email_fold LIKE ?
					OR translate(email_fold, '@.-_+', '     ') LIKE ?)`, prefix, "% "+prefix, prefix, "% "+prefix)
			}
		}
	}
	c, err := page.Read(query, userOrder, args, nil)
	return wrapErr(c, "list users", err)
}

var likeWildcards = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// escapeLike makes a text stand for itself in LIKE.
func escapeLike(s string) string { return likeWildcards.Replace(s) }
