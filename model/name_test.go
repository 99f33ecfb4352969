package model_test

import (
	"strings"
	"testing"

	"github.com/closeloop/closeloop/model"
)

func TestCheckName(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in, want string
		refused  bool
	}{
		"trims blanks":              {in: " Ana\t", want: "Ana"},
		"takes 200 characters":      {in: strings.Repeat("é", 200), want: strings.Repeat("é", 200)},
		"refuses 201 characters":    {in: strings.Repeat("é", 201), refused: true},
		"refuses an empty name":     {in: "", refused: true},
		"refuses blanks alone":      {in: " \n", refused: true},
		"refuses U+0000":            {in: "a\x00b", refused: true},
		"refuses what is not UTF-8": {in: "a\xffb", refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := model.CheckName(c.in)
			if (err != nil) != c.refused || err == nil && got != c.want {
				t.Errorf("answered %q and %v", got, err)
			}
		})
	}
}
