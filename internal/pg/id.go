package pg

import (
	"slices"
	"strings"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// ID is a UUID with a type of its own, such as model.CaseID.
type ID interface {
	comparable
	~struct{ uuid.UUID }
}

// In selects rows by a key. A single key is compared with =: for a list of keys PostgreSQL prefers to read a small table
// as a whole, and keeps that plan when the table grows.
func In[T ID](column string, ids []T) clause.Expr {
	if len(ids) == 1 {
		return gorm.Expr(column+" = ?", ids[0])
	}
	list := make([]uuid.UUID, len(ids))
	for i, id := range ids {
		list[i] = struct{ uuid.UUID }(id).UUID
	}
	return gorm.Expr(column+" = ANY(?)", Array(list))
}

// LockOrder returns each id once, in the order in which rows are locked. All transactions lock in this order, so that
// no two wait for each other in a circle.
func LockOrder[T ID](ids []T) []T {
	sorted := slices.Clone(ids)
	slices.SortFunc(sorted, CompareIDs)
	return slices.Compact(sorted)
}

// CompareIDs orders ids as PostgreSQL orders them.
func CompareIDs[T ID](a, b T) int {
	return strings.Compare(struct{ uuid.UUID }(a).String(), struct{ uuid.UUID }(b).String())
}
