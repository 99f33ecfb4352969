package model_test

import (
	"testing"

	"github.com/closeloop/closeloop/model"
)

func TestCategoryOf(t *testing.T) {
	t.Parallel()
	want := []model.Category{
		model.Detractor, model.Detractor, model.Detractor, model.Detractor, model.Detractor, model.Detractor, model.Detractor,
		model.Passive, model.Passive, model.Promoter, model.Promoter,
	}
	for score, category := range want {
		if got := model.CategoryOf(score); got != category {
			t.Errorf("a score of %d is a %s", score, got)
		}
	}
}
