package value

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// months are the beginnings of the names of months in English, German, Portuguese, Spanish, French, Dutch and Italian, without
// accents. None of them begins the name of another month in any of these languages.
var months = map[string]int{
	"jan": 1, "ene": 1, "gen": 1, "feb": 2, "fev": 2, "mar": 3, "mrz": 3, "mrt": 3, "maa": 3, "mae": 3, "apr": 4, "abr": 4, "avr": 4,
	"may": 5, "mai": 5, "mei": 5, "mag": 5, "jun": 6, "juin": 6, "giu": 6, "jul": 7, "juil": 7, "lug": 7, "aug": 8, "ago": 8, "aou": 8,
	"sep": 9, "set": 9, "oct": 10, "okt": 10, "out": 10, "ott": 10, "nov": 11, "dec": 12, "dez": 12, "dic": 12,
}

// weekdays are the beginnings of the names of weekdays in the same languages. They say nothing that the date does not.
var weekdays = set("mon tue wed thu fri sat sun die mit don fre sam son seg ter qua qui sex sab dom lun mie jue vie mer jeu ven dim maa din woe vri zat zon mo di mi do fr sa so")

// fillers are words within a date: 5 de março de 2024, the 5th of March, le 1er mars.
var fillers = set("of the de del le den der am on st nd rd th er e")

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// plain folds case and removes accents.
func plain(s string) string {
	ascii := true
	for i := range len(s) {
		ascii = ascii && s[i] < utf8.RuneSelf
	}
	s = strings.ToLower(s)
	if ascii {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r >= 0x300 && r < 0x370 {
			return -1
		}
		return r
	}, norm.NFD.String(s))
}

func fold3(s string) string {
	s = plain(s)
	return s[:min(3, len(s))]
}

// monthOf finds a month by its name or the beginning of it.
func monthOf(word string) (month int, ok bool) {
	word = plain(word)
	if len(word) >= 4 {
		if month, ok = months[word[:4]]; ok {
			return month, true
		}
	}
	if len(word) < 3 {
		return 0, false
	}
	month, ok = months[word[:3]]
	return month, ok
}

// day reads the date that is left.
func (r *timeReader) day() bool {
	var numbers []token
	var signs []byte
	month := 0
	for i, t := range r.tokens {
		switch t.kind {
		case 'd':
			numbers = append(numbers, t)
		case 'w':
			m, is := monthOf(t.text)
			switch {
			// "mar" and "maa" are a month and a weekday; of "mar. 5 mars", the first is the weekday.
			case is && month == 0 && !r.monthFollows(i+1):
				month = m
			case is || weekdays[fold3(t.text)] || fillers[plain(t.text)]:
			default:
				return false
			}
		case '/', '-', '.':
			signs = append(signs, t.kind)
		case ',':
		default:
			return false
		}
	}
	switch {
	case month > 0 && len(numbers) == 2:
		return r.named(month, numbers)
	case month == 0 && len(numbers) == 3 && len(signs) >= 2 && len(signs) <= 3 && signs[0] == signs[1]:
		return r.numeric(numbers, signs[0])
	}
	return false
}

func (r *timeReader) monthFollows(at int) bool {
	for _, t := range r.tokens[at:] {
		if _, is := monthOf(t.text); is && t.kind == 'w' {
			return true
		}
	}
	return false
}

// named reads a day and a year beside the name of a month. The year is the number of four digits, else the one behind.
func (r *timeReader) named(month int, n []token) bool {
	r.w.kind = "the month as a word"
	day, year := n[0], n[1]
	if len(day.text) == 4 {
		day, year = year, day
	}
	if len(day.text) > 2 || len(year.text) != 2 && len(year.text) != 4 {
		return false
	}
	r.w.date = arranged([3]int{year.number, month, day.number}, YearFirst)
	return (len(year.text) == 2 || year.number >= 100) && exists(r.w.date)
}

// numeric reads a date of three numbers.
func (r *timeReader) numeric(n []token, sign byte) bool {
	w := &r.w
	w.date = [3]int{n[0].number, n[1].number, n[2].number}
	for i, t := range n {
		if len(t.text) > 2 && (len(t.text) != 4 || i == 1 || t.number == 0) {
			return false
		}
	}
	can := Orders{}
	switch {
	case len(n[0].text) == 4 && len(n[2].text) == 4:
		return false
	case len(n[0].text) == 4:
		w.kind = "the year first"
		return exists(w.date)
	case len(n[2].text) == 4:
		can = Orders{true, true, false}
	default: // a year of two digits; with hyphens it can be in front, as in a shortened ISO 8601
		can = Orders{true, true, sign == '-'}
	}
	var read [3]int
	same := true
	for i, o := range orders {
		if !can[i] {
			continue
		}
		d := arranged(w.date, o)
		if can[i] = exists(d); !can[i] {
			continue
		}
		same = same && (read == [3]int{} || read == d)
		read = d
	}
	// No country writes the month first with points.
	if sign == '.' && can[0] {
		w.date, w.kind = arranged(w.date, DayFirst), "day-first, with points"
		return true
	}
	if read == ([3]int{}) {
		return false
	}
	w.kind, w.open = "numbers", can
	if only, one := can.Only(); one {
		w.kind = string(only)
	} else if same {
		w.date, w.open = read, Orders{}
	}
	return true
}
