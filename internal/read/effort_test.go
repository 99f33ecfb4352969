package read_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

func TestEffortOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	efforts := []model.Effort{model.Easy, model.Easy, model.Medium, model.Hard, model.Medium, model.Easy}
	var themes []*model.Theme
	for i, effort := range efforts {
		theme := &model.Theme{ID: model.ThemeID{UUID: model.NewUUID()}, Name: fmt.Sprint("t", i), NameFold: fmt.Sprint("t", i), Keywords: model.Strings{}, Effort: effort, CreatedAt: moment, UpdatedAt: moment}
		if i == len(efforts)-1 {
			theme.DeletedAt = &moment
		}
		w.create(theme)
		themes = append(themes, theme)
	}
	ana := w.customer(nil)
	all := []*model.Response{}
	effort := map[model.ResponseID]int{}
	for i := range 60 {
		r := w.response(ana, i%11, moment)
		least := 4 // no theme
		for n, theme := range themes {
			if random.IntN(5) > 0 {
				continue
			}
			w.create(&model.Tag{ResponseID: r.ID, ThemeID: theme.ID})
			if theme.DeletedAt == nil {
				least = min(least, 1+slices.Index([]model.Effort{model.Easy, model.Medium, model.Hard}, efforts[n]))
			}
		}
		effort[r.ID] = least
		all = append(all, r)
	}
	for _, desc := range []bool{false, true} {
		for _, text := range []string{`{}`, `{"score": {"gte": 4}}`, `{"themeEffort": ["HARD"]}`, `{"score": {"gte": 11}}`} {
			want := slices.DeleteFunc(slices.Clone(all), func(r *model.Response) bool {
				return text == `{"score": {"gte": 4}}` && r.Score < 4 || text == `{"score": {"gte": 11}}`
			})
			if text == `{"themeEffort": ["HARD"]}` {
				c, err := w.read.Responses(t.Context(), everybody, read.ResponseList{Args: page.Args{First: number(100)}, Filter: responseFilter(t, text)})
				w.must(err)
				want = c.Nodes()
			}
			slices.SortFunc(want, func(a, b *model.Response) int {
				x, y, tie := effort[a.ID], effort[b.ID], bytes.Compare(a.ID.UUID[:], b.ID.UUID[:])
				switch {
				case desc && x != 4 && y != 4:
					x, y, tie = y, x, -tie
				case desc:
					tie = -tie
				}
				return cmp.Or(cmp.Compare(x, y), tie)
			})
			order := []*read.ResponseOrder{{Field: "EFFORT", Direction: map[bool]read.OrderDirection{false: "ASC", true: "DESC"}[desc]}}
			got := walk(t, text, func(r *model.Response) model.ResponseID { return r.ID }, len(want), func(args page.Args) (*page.Connection[model.Response], error) {
				return w.read.Responses(t.Context(), everybody, read.ResponseList{Args: args, Filter: responseFilter(t, text), OrderBy: order, Select: joined("customer")})
			})
			below := walk(t, text+" below a customer", func(r *model.Response) model.ResponseID { return r.ID }, len(want), func(args page.Args) (*page.Connection[model.Response], error) {
				return read.ResponsesOf(w.answer(), ana.ID, read.ResponseList{Args: args, Filter: responseFilter(t, text), OrderBy: order})
			})
			byScore := walk(t, text+" and by score", func(r *model.Response) model.ResponseID { return r.ID }, len(want), func(args page.Args) (*page.Connection[model.Response], error) {
				return w.read.Responses(t.Context(), everybody, read.ResponseList{Args: args, Filter: responseFilter(t, text), OrderBy: append(order, &read.ResponseOrder{Field: "SCORE", Direction: "DESC"})})
			})
			for i := range want {
				if got[i].ID != want[i].ID || below[i].ID != want[i].ID || effort[byScore[i].ID] != effort[want[i].ID] || i > 0 && effort[byScore[i].ID] == effort[byScore[i-1].ID] && byScore[i].Score > byScore[i-1].Score {
					t.Errorf("%s, descending %t: the order is wrong at row %d", text, desc, i)
					break
				}
			}
		}
	}
}
