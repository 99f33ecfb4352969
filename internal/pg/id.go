package pg

import (
	"reflect"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
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

// idPlan encodes an ID, a plain UUID, or a pointer to one of them as its 16 bytes. Without it pgx takes the text of each and
// reads that again, which allocates 19 times.
type idPlan struct{ next pgtype.EncodePlan }

var _ pgtype.WrappedEncodePlanNextSetter = (*idPlan)(nil)

// planID is a pgtype.TryWrapEncodePlanFunc.
func planID(value any) (plan pgtype.WrappedEncodePlanNextSetter, nextValue any, ok bool) {
	if value == nil {
		return nil, nil, false
	}
	t := reflect.TypeOf(value)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return new(idPlan), [16]byte{}, isID(t)
}

// isID reports whether a type is UUID, or a type of its own around it.
func isID(t reflect.Type) bool {
	return t == uuidType || t.Kind() == reflect.Struct && t.NumField() == 1 && t.Field(0).Type == uuidType
}

// SetNext implements pgtype.WrappedEncodePlanNextSetter.
func (p *idPlan) SetNext(next pgtype.EncodePlan) { p.next = next }

// Encode implements pgtype.EncodePlan.
func (p *idPlan) Encode(value any, buf []byte) ([]byte, error) {
	v := reflect.ValueOf(value)
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil, nil
		}
		v = v.Elem()
	}
	if v.Kind() == reflect.Struct {
		v = v.Field(0)
	}
	return p.next.Encode([16]byte(v.Interface().(uuid.UUID)), buf)
}
