package value

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// token is a run of digits, a word, or one sign of a time.
type token struct {
	text   string
	number int  // of digits
	kind   byte // 'd' digits, 'w' a word, else the sign itself
}

const timeMax = 60 // bytes; no form of a time is longer

// tokens takes the text of a time apart. Spaces only separate.
func tokens(s string, into []token) ([]token, bool) {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		from := i
		switch {
		case '0' <= r && r <= '9':
			n := 0
			for ; i < len(s) && '0' <= s[i] && s[i] <= '9'; i++ {
				if i-from < 9 {
					n = 10*n + int(s[i]-'0')
				}
			}
			into = append(into, token{s[from:i], n, 'd'})
		case unicode.IsLetter(r):
			for i < len(s) {
				if r, size = utf8.DecodeRuneInString(s[i:]); !unicode.IsLetter(r) && !unicode.Is(unicode.Mn, r) {
					break
				}
				i += size
			}
			into = append(into, token{s[from:i], 0, 'w'})
		case unicode.IsSpace(r):
			i += size
		case r < utf8.RuneSelf:
			i++
			into = append(into, token{s[from:i], 0, byte(r)})
		case r == 'º', r == '°', r == 'ª':
			i += size
		case r == '–', r == '‑', r == '−':
			i += size
			into = append(into, token{"-", 0, '-'})
		default:
			return nil, false
		}
	}
	return into, true
}

// ReadTime reads a time in any form that survey tools and spreadsheets write: with the year first, with numbers in another
// order, with the month as a word in six languages, as a Unix time or as Excel's number of a day. year1904 says from when a
// workbook's days count.
func ReadTime(s string, year1904 bool) (w Written, ok bool) {
	if s == "" || len(s) > timeMax {
		return w, false
	}
	if digits(s) {
		return number(s, year1904)
	}
	var room [24]token
	all, ok := tokens(s, room[:0])
	if !ok {
		return w, false
	}
	r := timeReader{tokens: all}
	if !r.clock() || !r.day() {
		return w, false
	}
	return r.w, true
}

// digits reports whether s is a number without a sign, perhaps with a fraction.
func digits(s string) bool {
	points := 0
	for i := range len(s) {
		switch {
		case s[i] == '.' && i > 0:
			points++
		case s[i] < '0' || s[i] > '9':
			return false
		}
	}
	return points <= 1
}

// timeReader takes the time of the day and the zone out of the tokens; what is left is the date.
type timeReader struct {
	tokens []token
	w      Written
}

func (r *timeReader) is(i int, kind byte) bool {
	return i >= 0 && i < len(r.tokens) && r.tokens[i].kind == kind
}

// cut removes the tokens from i to j.
func (r *timeReader) cut(i, j int) { r.tokens = append(r.tokens[:i], r.tokens[j:]...) }

// clock reads hours, minutes and seconds with what follows them; a day alone is midnight.
func (r *timeReader) clock() bool {
	at := -1
	for i := range r.tokens {
		if r.is(i, ':') && r.is(i-1, 'd') && r.is(i+1, 'd') {
			at = i - 1
			break
		}
	}
	if at < 0 {
		return true
	}
	t := r.tokens
	w := &r.w
	if len(t[at].text) > 2 || len(t[at+2].text) != 2 {
		return false
	}
	w.hour, w.min = t[at].number, t[at+2].number
	end := at + 3
	if r.is(end, ':') && r.is(end+1, 'd') {
		if len(t[end+1].text) != 2 {
			return false
		}
		w.sec = t[end+1].number
		end += 2
		if (r.is(end, '.') || r.is(end, ',')) && r.is(end+1, 'd') {
			w.nsec = nanoseconds(t[end+1].text)
			end += 2
		}
	}
	end, ok := r.halfOfDay(end)
	if !ok || w.hour > 23 || w.min > 59 || w.sec > 59 {
		return false
	}
	if end, ok = r.zone(end); !ok {
		return false
	}
	// A T between the day and the hour, and words such as "at".
	for at > 0 && (r.is(at-1, ',') || r.is(at-1, 'w') && between[strings.ToLower(t[at-1].text)]) {
		at--
	}
	r.cut(at, end)
	return true
}

// between are words between a day and an hour.
var between = map[string]bool{"t": true, "at": true, "um": true, "à": true, "às": true, "a": true, "las": true, "om": true, "alle": true}

func nanoseconds(fraction string) int {
	n := 0
	for i := range 9 {
		n *= 10
		if i < len(fraction) {
			n += int(fraction[i] - '0')
		}
	}
	return n
}

// halfOfDay reads AM and PM, also as a.m.
func (r *timeReader) halfOfDay(at int) (end int, ok bool) {
	if !r.is(at, 'w') {
		return at, true
	}
	word, end := strings.ToLower(r.tokens[at].text), at+1
	if (word == "a" || word == "p") && r.is(end, '.') && r.is(end+1, 'w') {
		word += strings.ToLower(r.tokens[end+1].text)
		if end += 2; r.is(end, '.') {
			end++
		}
	}
	hour := &r.w.hour
	switch {
	case word == "am" && *hour >= 1 && *hour <= 12:
		*hour %= 12
	case word == "pm" && *hour >= 1 && *hour <= 12:
		*hour = *hour%12 + 12
	case word == "am" || word == "pm":
		return at, false
	default:
		return at, true
	}
	return end, true
}

// zones are the names of zones that mean one offset everywhere: UTC's, and those of RFC 822, section 5.1, in hours.
var zones = map[string]int{"z": 0, "utc": 0, "gmt": 0, "ut": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7}

// zone reads Z, UTC, GMT+2, +02:00, and the name in brackets that JavaScript adds to an offset.
func (r *timeReader) zone(at int) (end int, ok bool) {
	end = at
	if r.is(end, 'w') {
		hours, known := zones[strings.ToLower(r.tokens[end].text)]
		if !known {
			return at, !r.w.zoned && r.dateFollows(end)
		}
		r.w.zoned, r.w.offset = true, time.Duration(hours)*time.Hour
		end++
	}
	if (r.is(end, '+') || r.is(end, '-')) && r.is(end+1, 'd') {
		offset, next, ok := r.offset(end + 1)
		if !ok {
			return at, false
		}
		if r.is(end, '-') {
			offset = -offset
		}
		r.w.zoned, r.w.offset, end = true, offset, next
	}
	if r.w.zoned && r.is(end, '(') {
		for end < len(r.tokens) && !r.is(end, ')') {
			end++
		}
		end++
	}
	return min(end, len(r.tokens)), true
}

// dateFollows reports whether the date stands behind the time: 14:05 Mar 5, 2024.
func (r *timeReader) dateFollows(at int) bool {
	_, month := monthOf(r.tokens[at].text)
	return month || weekdays[fold3(r.tokens[at].text)]
}

// offset reads 02:00, 0200, 02 or 2.
func (r *timeReader) offset(at int) (d time.Duration, end int, ok bool) {
	t := r.tokens[at]
	hours, minutes := t.number, 0
	end = at + 1
	switch {
	case len(t.text) == 4:
		hours, minutes = t.number/100, t.number%100
	case len(t.text) > 2:
		return 0, at, false
	case r.is(end, ':') && r.is(end+1, 'd'):
		minutes = r.tokens[end+1].number
		end += 2
	}
	return time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute, end, hours < 24 && minutes < 60
}
