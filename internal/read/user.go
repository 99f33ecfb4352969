package read

import (
	"context"
	"strings"

	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// UserFilter selects users. A nil field does not restrict the list.
type UserFilter struct {
	Role   []model.Role
	Active *bool
	Search *string
}

// UserList holds the arguments of a list of users.
type UserList struct {
	page.Args
	Filter *UserFilter
	Select Selection // of each user
}

// Users lists users, sorted by name.
func (r *Reader) Users(ctx context.Context, q UserList) (*UserConnection, error) {
	query := r.db.WithContext(ctx)
	if f := q.Filter; f != nil {
		if f.Role != nil {
			query = query.Where("role = ANY(?)", pg.Array(f.Role))
		}
		if f.Active != nil {
			query = query.Where("active = ?", *f.Active)
		}
		if f.Search != nil {
			// Each word of the search must be a prefix of a word of the name, of the address, or of a part of the address.
			for _, word := range strings.Fields(model.Fold(*f.Search)) {
				prefix := pg.EscapeLike(word) + "%"
				query = query.Where(`(name_fold LIKE ? OR name_fold LIKE ? OR email_fold LIKE ?
					OR translate(email_fold, '@.-_+', '     ') LIKE ?)`, prefix, "% "+prefix, prefix, "% "+prefix)
			}
		}
	}
	c, err := readPage(query, userOrder, q.Args, userObject, q.Select)
	return wrapErr(c, "list users", err)
}
