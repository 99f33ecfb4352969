package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/keyword"
	"github.com/closeloop/closeloop/model"
)

const (
	suggestOf      = 5000 // comments, the newest
	suggestWords   = 500  // of one comment, the first
	suggestFrom    = 3    // comments that must have it
	suggestSample  = 3    // responses
	suggestMax     = 50   // suggestions
	suggestPhrase  = 3    // words
	suggestLetters = 3    // of a lone word
)

// ThemeSuggestion is what a theme could be made of.
type ThemeSuggestion struct {
	Keyword   string
	Responses int
	Sample    []*model.Response
}

// SuggestThemes finds the words and phrases that most comments have and no theme covers, on the newest comments.
func (r *Reports) SuggestThemes(ctx context.Context, _ auth.Viewer, f *filter.Response, limit int) ([]*ThemeSuggestion, error) {
	if limit < 1 || limit > suggestMax {
		return nil, fault.Input("limit", "from 1 to %d, not %d", suggestMax, limit)
	}
	var themes []*model.Theme
	if err := r.db.WithContext(ctx).Where("deleted_at IS NULL").Find(&themes).Error; err != nil {
		return nil, fmt.Errorf("read the themes: %w", err)
	}
	covered, err := keyword.Compile(themes)
	if err != nil {
		return nil, err
	}
	var rows []*model.Response
	err = r.db.WithContext(ctx).Select("id", "comment").Where("comment IS NOT NULL").Where(f.Where(r.now())).
		Order("responded_at DESC, id DESC").Limit(suggestOf).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read the newest comments: %w", err)
	}
	comments := make([][]string, len(rows))
	for i, row := range rows {
		words := keyword.Words(*row.Comment)
		comments[i] = words[:min(len(words), suggestWords)]
	}
	found := frequent(comments, keyword.StopWords(), covered)
	var ids []model.ResponseID
	list := make([]*ThemeSuggestion, 0, limit)
	for _, p := range found[:min(limit, len(found))] {
		list = append(list, &ThemeSuggestion{Keyword: p.text, Responses: len(p.in), Sample: []*model.Response{}})
		for _, i := range p.in[:suggestSample] {
			ids = append(ids, rows[i].ID)
		}
	}
	var samples []*model.Response
	if err := r.db.WithContext(ctx).Where("id IN ?", ids).Find(&samples).Error; err != nil {
		return nil, fmt.Errorf("read a sample: %w", err)
	}
	for i, s := range list {
		for _, id := range ids[i*suggestSample : (i+1)*suggestSample] {
			if at := slices.IndexFunc(samples, func(x *model.Response) bool { return x.ID == id }); at >= 0 {
				s.Sample = append(s.Sample, samples[at])
			}
		}
	}
	return list, nil
}

// phrase is one word or several, and the comments that have it, in their order.
type phrase struct {
	text  string
	words int
	in    []int
}

// frequent are the phrases that enough comments have, the most frequent first. A longer one can be no more frequent
// than its words are, so it is only counted where each of them, or the two phrases it is made of, were frequent.
func frequent(comments [][]string, stop map[string]bool, covered *keyword.Set) []phrase {
	var all []phrase
	often := map[string]bool{}
	for length := 1; length <= suggestPhrase; length++ {
		in := map[string][]int{}
		for i, words := range comments {
			for at := 0; at+length <= len(words); at++ {
				text := strings.Join(words[at:at+length], " ")
				if length > 1 && !(often[strings.Join(words[at:at+length-1], " ")] && often[strings.Join(words[at+1:at+length], " ")]) {
					continue
				}
				if seen := in[text]; len(seen) == 0 || seen[len(seen)-1] != i {
					in[text] = append(seen, i)
				}
			}
		}
		for text, seen := range in {
			if len(seen) < suggestFrom {
				continue
			}
			often[text] = true
			if words := strings.Fields(text); says(words, stop) && covered.Match(text) == nil {
				all = append(all, phrase{text, length, seen})
			}
		}
	}
	inside := insides(all)
	all = slices.DeleteFunc(all, func(p phrase) bool { return inside[p.text] })
	slices.SortFunc(all, func(a, b phrase) int {
		return cmp.Or(len(b.in)-len(a.in), b.words-a.words, strings.Compare(a.text, b.text))
	})
	return all
}

// says tells whether a phrase says something: it begins and ends with words that do, and a lone one is no number and
// no letter or two.
func says(words []string, stop map[string]bool) bool {
	for _, w := range []string{words[0], words[len(words)-1]} {
		if stop[w] || strings.Trim(w, "0123456789") == "" {
			return false
		}
	}
	return len(words) > 1 || utf8.RuneCountInString(words[0]) >= suggestLetters
}

// insides are the phrases that are hardly ever said but inside one longer one, which then stands for them.
func insides(all []phrase) map[string]bool {
	counts, inside := make(map[string]int, len(all)), map[string]bool{}
	for _, p := range all {
		counts[p.text] = len(p.in)
	}
	for _, longer := range all {
		words := strings.Fields(longer.text)
		for length := 1; length < len(words); length++ {
			for at := 0; at+length <= len(words); at++ {
				if part := strings.Join(words[at:at+length], " "); 5*len(longer.in) >= 4*counts[part] {
					inside[part] = true
				}
			}
		}
	}
	return inside
}
