package sample

// topic is what a response is about.
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

// As drivers they are called so; a response that names none of them has no topic.
var topicNames = [topics]string{"Delivery", "Support", "Product quality", "Price", "Invoicing", "Ease of use"}

// tone is how a comment opens.
type tone int

const (
	angry tone = iota
	letDown
	fair
	glad
	tones
)

// toneOf a score from 0 to 10.
func toneOf(score int) tone {
	switch {
	case score <= 3:
		return angry
	case score <= 6:
		return letDown
	case score <= 8:
		return fair
	}
	return glad
}

// words are the parts of comments in one language. Opening, topic and wish follow one another and must read well
// together whichever they are; nobody speaks of themselves in a form that tells their sex, for nobody knows it.
type words struct {
	opens  [tones][]string
	bad    [topics]string
	fair   [topics]string
	good   [topics]string
	callMe string
	gap    string // between sentences
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

// languages by the code that places name; en2 is English said another way.
var languages = map[string]*words{
	"en": &wordsEnglish, "en2": &wordsEnglish2, "de": &wordsGerman, "nl": &wordsDutch,
	"fr": &wordsFrench, "es": &wordsSpanish, "pt": &wordsPortuguese, "it": &wordsItalian,
	"pl": &wordsPolish, "uk": &wordsUkrainian, "ar": &wordsArabic,
	"ja": &wordsJapanese, "zh": &wordsChinese, "ko": &wordsKorean,
}
