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
	suggestComments = 5000 // the newest comments that are searched
	suggestWords    = 500  // the first words of a comment that are searched
	suggestMin      = 3    // comments that must contain a phrase
	suggestSample   = 3    // responses in a sample
	suggestMax      = 50   // suggestions
	suggestPhrase   = 3    // words in the longest phrase
	suggestLetters  = 3    // letters in the shortest single word
)

// ThemeSuggestion is a word or phrase that could become the keyword of a theme.
type ThemeSuggestion struct {
	Keyword   string
	Responses int
	Sample    []*model.Response
}

// SuggestThemes finds the most frequent words and phrases of the newest comments that no theme covers.
func (r *Reports) SuggestThemes(ctx context.Context, _ auth.Viewer, f *filter.Response, limit int) ([]*ThemeSuggestion, error) {
	if limit < 1 || limit > suggestMax {
		return nil, fault.Input("limit", fault.OutOfRange, "limit", 1, suggestMax, limit)
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
		Order("responded_at DESC, id DESC").Limit(suggestComments).Find(&rows).Error
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
		list = append(list, &ThemeSuggestion{Keyword: p.text, Responses: len(p.comments), Sample: []*model.Response{}})
		for _, i := range p.comments[:suggestSample] {
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

// phrase is one or several words.
type phrase struct {
	text     string
	words    int
	comments []int // the indexes of the comments that contain the phrase, in order
}

// frequent returns the phrases that enough comments contain, most frequent first. A phrase is at most as frequent as its
// parts, so frequent counts a phrase only if both shorter phrases inside it were frequent.
func frequent(comments [][]string, stop map[string]bool, covered *keyword.Set) []phrase {
	var all []phrase
	frequentTexts := map[string]bool{}
	for length := 1; length <= suggestPhrase; length++ {
		commentsOf := map[string][]int{}
		for i, words := range comments {
			for at := 0; at+length <= len(words); at++ {
				text := strings.Join(words[at:at+length], " ")
				if length > 1 && !(frequentTexts[strings.Join(words[at:at+length-1], " ")] && frequentTexts[strings.Join(words[at+1:at+length], " ")]) {
					continue
				}
				if seen := commentsOf[text]; len(seen) == 0 || seen[len(seen)-1] != i {
					commentsOf[text] = append(seen, i)
				}
			}
		}
		for text, seen := range commentsOf {
			if len(seen) < suggestMin {
				continue
			}
			frequentTexts[text] = true
			if words := strings.Fields(text); isMeaningful(words, stop) && covered.Match(text) == nil {
				all = append(all, phrase{text, length, seen})
			}
		}
	}
	contained := containedPhrases(all)
	all = slices.DeleteFunc(all, func(p phrase) bool { return contained[p.text] })
	slices.SortFunc(all, func(a, b phrase) int {
		return cmp.Or(len(b.comments)-len(a.comments), b.words-a.words, strings.Compare(a.text, b.text))
	})
	return all
}

// isMeaningful reports whether a phrase can be a keyword: it neither begins nor ends with a stop word or a number, and a
// single word has at least suggestLetters letters.
func isMeaningful(words []string, stop map[string]bool) bool {
	for _, w := range []string{words[0], words[len(words)-1]} {
		if stop[w] || strings.Trim(w, "0123456789") == "" {
			return false
		}
	}
	return len(words) > 1 || utf8.RuneCountInString(words[0]) >= suggestLetters
}

// containedPhrases returns the phrases that rarely occur outside of one longer phrase: the longer phrase has at least 80%
// of their comments, and is suggested instead of them.
func containedPhrases(all []phrase) map[string]bool {
	counts, contained := make(map[string]int, len(all)), map[string]bool{}
	for _, p := range all {
		counts[p.text] = len(p.comments)
	}
	for _, longer := range all {
		words := strings.Fields(longer.text)
		for length := 1; length < len(words); length++ {
			for at := 0; at+length <= len(words); at++ {
				if part := strings.Join(words[at:at+length], " "); 5*len(longer.comments) >= 4*counts[part] {
					contained[part] = true
				}
			}
		}
	}
	return contained
}
