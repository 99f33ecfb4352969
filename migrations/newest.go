package migrations

import (
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// Newest is the number of the newest migration: the version of the schema that this program works with.
func Newest() (int64, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return 0, fmt.Errorf("list the migrations: %w", err)
	}
	var newest int64
	for _, name := range names {
		number, err := goose.NumericComponent(name)
		if err != nil {
			return 0, fmt.Errorf("read the number of migration %s: %w", name, err)
		}
		newest = max(newest, number)
	}
	return newest, nil
}
