package model_test

import (
	"errors"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/model"
)

func TestUnmarshalUpload(t *testing.T) {
	t.Parallel()
	for _, v := range []any{"a.csv", 5, map[string]any{}, nil} {
		var wrong *model.ScalarError
		if _, err := model.UnmarshalUpload(v); !errors.As(err, &wrong) {
			t.Errorf("%v: %v, not an error that the caller can mend", v, err)
		}
	}
	if f, err := model.UnmarshalUpload(graphql.Upload{Filename: "a.csv"}); err != nil || f.Filename != "a.csv" {
		t.Errorf("a file: %v, %v", f, err)
	}
}
