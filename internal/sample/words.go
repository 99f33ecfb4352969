package sample

// topic is the subject of a response.
type topic int

const (
	delivery topic = iota
	support
	quality
	price
	invoicing
	ease
	topics // how many there are
)

// topicNames are the drivers that name the topics; a response without any of them has no topic.
var topicNames = [topics]string{"Delivery", "Support", "Product quality", "Price", "Invoicing", "Ease of use"}

// tone is the mood in which a comment opens.
type tone int

const (
	angry tone = iota
	disappointed
	fair
	glad
	tones
)

// toneOf returns the tone for a score from 0 to 10.
func toneOf(score int) tone {
	switch {
	case score <= 3:
		return angry
	case score <= 6:
		return disappointed
	case score <= 8:
		return fair
	}
	return glad
}

// words are the parts of comments in one language. A comment is an opening, a sentence about the topic and a request for a
// call, and every combination must read well. The sentences avoid forms that depend on the writer's sex, because the
// sample customers have none.
type words struct {
	openings [tones][]string
	bad      [topics]string
	fair     [topics]string
	good     [topics]string
	callMe   string
	gap      string // between sentences
}

func (w *words) about(t tone) *[topics]string {
	switch t {
	case fair:
		return &w.fair
	case glad:
		return &w.good
	}
	return &w.bad
}

// languages by the codes in the table of places; en2 is English with different sentences.
var languages = map[string]*words{
	"en": &wordsEnglish, "en2": &wordsEnglish2, "de": &wordsGerman, "nl": &wordsDutch,
	"fr": &wordsFrench, "es": &wordsSpanish, "pt": &wordsPortuguese, "it": &wordsItalian,
	"pl": &wordsPolish, "uk": &wordsUkrainian, "ar": &wordsArabic,
	"ja": &wordsJapanese, "zh": &wordsChinese, "ko": &wordsKorean,
}
