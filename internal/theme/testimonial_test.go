package theme_test

import (
	"strings"
	"testing"

	"github.com/closeloop/closeloop/internal/theme"
	"github.com/closeloop/closeloop/model"
)

// The expected values are calculated by hand with the formula in docs/figures.md.
func TestTestimonialLikelihoodIsConsentTimesScoreTimesLengthAndWords(t *testing.T) {
	t.Parallel()
	plain := func(words int) string { return strings.TrimSpace(strings.Repeat("word ", words)) }
	for _, c := range []struct {
		name    string
		comment string
		score   int
		consent *bool
		want    float64
	}{
		{"long enough, full of positive words", plain(22) + " great GREAT Excellent!", 10, new(true), 1},
		{"the same, customer not asked", plain(22) + " great great excellent", 10, nil, 0.5},
		{"the same, consent refused", plain(22) + " great great excellent", 10, new(false), 0},
		{"the same with score 8", plain(22) + " great great excellent", 8, new(true), 0.6},
		{"the same with score 7, customer not asked", plain(22) + " great great excellent", 7, nil, 0.2},
		{"the same with score 6", plain(22) + " great great excellent", 6, new(true), 0},
		{"long enough, no positive word", plain(25), 10, new(true), 0.5},
		{"short, no positive word", plain(5), 10, new(true), 0.1},
		{"two hundred words", plain(200), 10, new(true), 0.25},
		{"three positive words", "Perfekte, freundliche Mannschaft, danke", 9, new(true), 0.52}, // 0.9 × (4/25 + 1) / 2
		{"a prefix in Spanish", "Encantada", 10, new(true), 0.19},                               // (1/25 + 1/3) / 2
		{"no words", "!!!", 10, new(true), 0},
	} {
		got := theme.Testimonial(&model.Response{Comment: &c.comment, Score: c.score, QuoteConsent: c.consent})
		if got == nil || *got != c.want {
			t.Errorf("%s: want %v, got %v", c.name, c.want, got)
		}
	}
	if got := theme.Testimonial(&model.Response{Score: 10, QuoteConsent: new(true)}); got != nil {
		t.Errorf("without a comment: want nil, got %v", *got)
	}
}
