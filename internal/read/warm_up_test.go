package read_test

import (
	"testing"

	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/read"
)

func TestWarmUp(t *testing.T) {
	t.Parallel()
	if err := pgtest.New(t).Gorm.Exec(read.WarmUp).Error; err != nil {
		t.Error(err)
	}
}
