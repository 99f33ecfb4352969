package pg_test

import (
	"bytes"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

// An ID that pgx encodes by its text costs five allocations, and an error that is thrown away.
func TestIDsAreEncodedAsBytes(t *testing.T) {
	db := pgtest.New(t, pgtest.Empty())
	conn, err := db.Pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	types, id := conn.Conn().TypeMap(), model.NewUUID()
	var none *model.CaseID
	for name, value := range map[string]any{"an ID": model.CaseID{UUID: id}, "a pointer to an ID": &model.CaseID{UUID: id}, "a UUID": id, "a pointer to a UUID": &id} {
		encoded, err := types.Encode(pgtype.UUIDOID, pgtype.BinaryFormatCode, value, nil)
		if err != nil || !bytes.Equal(encoded, id[:]) {
			t.Errorf("%s becomes %x, %v; want %x", name, encoded, err, id[:])
		}
		buf := make([]byte, 0, 16)
		if n := testing.AllocsPerRun(100, func() { _, _ = types.Encode(pgtype.UUIDOID, pgtype.BinaryFormatCode, value, buf) }); n > 3 {
			t.Errorf("%s is encoded with %.0f allocations", name, n)
		}
	}
	if encoded, err := types.Encode(pgtype.UUIDOID, pgtype.BinaryFormatCode, none, nil); err != nil || encoded != nil {
		t.Errorf("no ID becomes %x, %v; want null", encoded, err)
	}
	var back []uuid.UUID
	list := []uuid.UUID{id, uuid.Nil}
	if err := conn.QueryRow(t.Context(), "SELECT $1::uuid[]", list).Scan(&back); err != nil || len(back) != 2 || back[0] != id || back[1] != uuid.Nil {
		t.Errorf("a list of UUIDs becomes %v, %v; want %v", back, err, list)
	}
}
