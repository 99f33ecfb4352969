package intake

import (
	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// draw takes numbers from the sequences of two tables.
const draw = `SELECT ARRAY(SELECT nextval(pg_get_serial_sequence('customers', 'number')) FROM generate_series(1, $1)),
	ARRAY(SELECT nextval(pg_get_serial_sequence('cases', 'number')) FROM generate_series(1, $2))`

// addNumbers takes the numbers of the customers and cases that are to be inserted. So they are known when the events are
// prepared, whose snapshots contain them, and the rows and the events are written together.
func (b *batch) addNumbers(p *pg.Pipeline) {
	created := map[model.CustomerID][]*model.Customer{} // each version of each new customer
	var ids []model.CustomerID
	cases := 0
	for _, it := range b.items {
		if it.person != nil && it.person.Stored == nil {
			if created[it.customer.ID] == nil {
				ids = append(ids, it.customer.ID)
			}
			created[it.customer.ID] = append(created[it.customer.ID], it.customer)
		}
		if it.Opens != nil {
			cases++
		}
	}
	if b.options.unsaved { // a number that is drawn never comes back
		b.numbers = make([]int, cases)
		return
	}
	if len(ids)+cases == 0 {
		return
	}
	var ofCustomers []int64
	p.Query("draw numbers", draw, []any{len(ids), cases}, func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&ofCustomers, &b.numbers}, func() error {
			for i, id := range ids {
				for _, version := range created[id] {
					version.Number = ofCustomers[i]
				}
			}
			return nil
		})
		return err
	})
}
