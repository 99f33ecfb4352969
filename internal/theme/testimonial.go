package theme

import (
	"math"
	"strings"

	"github.com/closeloop/closeloop/internal/keyword"
	"github.com/closeloop/closeloop/model"
)

const (
	wordsFull    = 25  // words from which a comment is long enough to be quoted
	wordsMost    = 100 // words above which a comment is too long to be quoted whole
	positiveFull = 3   // positive words from which more make no difference
)

// scoreWeight is the weight of each score; a score that is not listed has weight 0.
var scoreWeight = map[int]float64{7: 0.4, 8: 0.6, 9: 0.9, 10: 1}

// notAsked is the factor for consent where the customer was not asked for permission to be quoted.
const notAsked = 0.5

// vocabulary holds the positive words in English, German, Portuguese, Spanish and French; a * stands for any ending.
var vocabulary = read(`
	amazing awesome best brilliant comfortable delight* efficient enjoy* excellent exceptional fantastic favourite favorite flawless
	friendly good great happy helpful impress* love* outstanding perfect* pleasant pleased pleasure polite professional recommend*
	reliable satisfied smooth spotless super superb thank* wonderful
	angenehm* ausgezeichnet* begeistert* bequem* bestens danke empfehl* fantastisch* freundlich* großartig* gut gute guten gutes
	hervorragend* hilfsbereit* kompetent* perfekt* prima schnell* toll* wunderbar* zufrieden* zuverlässig*
	adorei adoro agradável atencios* confortável excelente* fantástic* feliz incrível maravilhos* melhor obrigad* ótim* perfeit* recomend* satisfeit* simpátic*
	agradable* amable* cómod* encant* estupend* excelente* fantástic* feliz genial gracias increíble maravillos* mejor perfect* recomiend* satisfech*
	aimable* adore agréable* chaleureu* confortable* efficace* excellent* fantastique* formidable* génial* heureu* impeccable* magnifique* meilleur*
	merci parfait* ravi* recommand* satisfait* sympathique*
`)

// Testimonial estimates how likely the response's comment makes a good testimonial, from 0 to 1 in hundredths, for
// responses that are submitted without a likelihood. It returns nil if there is no comment. docs/figures.md explains the
// formula to the users of the figure:
//
//	consent × score × (½ · length + ½ · positive words)
func Testimonial(r *model.Response) *float64 {
	if r.Comment == nil {
		return nil
	}
	words := keyword.Words(*r.Comment)
	likely := consent(r.QuoteConsent) * scoreWeight[r.Score] * (length(len(words)) + positive(words)) / 2
	likely = math.Round(likely*100) / 100
	return &likely
}

func consent(given *bool) float64 {
	switch {
	case given == nil:
		return notAsked
	case *given:
		return 1
	}
	return 0
}

func length(words int) float64 {
	if words > wordsMost {
		return float64(wordsMost) / float64(words)
	}
	return min(1, float64(words)/wordsFull)
}

func positive(words []string) float64 {
	n := 0
	for _, w := range words {
		if vocabulary.has(w) {
			n++
		}
	}
	return min(1, float64(n)/positiveFull)
}

type lexicon struct {
	whole    map[string]bool
	prefixes map[string]bool
}

func read(text string) lexicon {
	l := lexicon{whole: map[string]bool{}, prefixes: map[string]bool{}}
	for w := range strings.FieldsSeq(text) {
		if stem, star := strings.CutSuffix(w, "*"); star {
			l.prefixes[model.Fold(stem)] = true
		} else {
			l.whole[model.Fold(w)] = true
		}
	}
	return l
}

func (l lexicon) has(word string) bool {
	if l.whole[word] {
		return true
	}
	for i := range word { // every proper prefix; the last line checks the whole word
		if l.prefixes[word[:i]] {
			return true
		}
	}
	return l.prefixes[word]
}
