//go:build ignore

// Command generate writes reviews.csv, the file that tests import: 1,300 made-up reviews of seats of made-up airlines,
// with the oddities of real exports. It always writes the same bytes.
//
//	go run internal/importer/testdata/generate.go >internal/importer/testdata/reviews.csv
//
// count.py beside it counts what tests assert. A change here changes these figures.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"time"
)

const rows = 1300

// header has the columns of a public set of reviews: names of fields that closeloop does not know, and several ratings.
var header = strings.Fields("airline_name link title author author_country date content aircraft seat_layout date_flown " +
	"cabin_flown type_traveller overall_rating seat_legroom_rating seat_recline_rating seat_width_rating " +
	"aisle_space_rating viewing_tv_rating power_supply_rating seat_storage_rating recommended")

// random is xorshift64 (Marsaglia, 2003). Its numbers depend on nothing but the seed: no release of Go changes them.
type random uint64

func (r *random) below(n int) int {
	x := *r
	x ^= x << 13
	x ^= x >> 7
	x ^= x << 17
	*r = x
	return int((uint64(x) >> 11) % uint64(n))
}

func (r *random) of(list []string) string { return list[r.below(len(list))] }

// often is true in one case out of n.
func (r *random) often(n int) bool { return r.below(n) == 0 }

// review is one row.
type review struct {
	airline, author, country, date, comment string
	aircraft, layout, flown, cabin, kind    string
	score                                   string
	ratings                                 [7]string
	recommended                             string
}

func main() {
	r := random(20150802)
	out := bufio.NewWriter(os.Stdout)
	write(out, header, false, "\n")
	var authors [][2]string // name and country
	for i := range rows {
		v := made(&r, &authors)
		if odd := oddities[i]; odd != nil {
			odd(&v)
		}
		// Some tools put only those cells into quotation marks that need them, and end lines with CR LF.
		end := "\n"
		if i%100 == 99 {
			end = "\r\n"
		}
		write(out, v.cells(), i%10 == 3, end)
		if i == 700 || i == 701 { // the same row again: another customer gave the same answer
			write(out, v.cells(), false, "\n")
		}
	}
	out.WriteString("\n")                       // an empty line
	write(out, make([]string, 21), false, "\n") // and an empty row, as spreadsheets write below the last one
	if err := out.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func made(r *random, authors *[][2]string) review {
	score := scores[r.below(len(scores))]
	airline := r.of(airlines)
	day := time.Date(2009, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, r.below(2400))
	v := review{
		airline: airline, date: day.Format("2006-01-02"), comment: comment(r, score, airline),
		aircraft: r.of(aircraft), layout: r.of(layouts), cabin: r.of(cabins), score: fmt.Sprintf("%d.0", score),
	}
	if len(*authors) > 0 && r.often(9) {
		known := (*authors)[r.below(len(*authors))]
		v.author, v.country = known[0], known[1]
	} else {
		p := people[r.below(len(people))]
		initial := ""
		if !r.often(4) { // else too many would share a name
			initial = fmt.Sprintf(" %c.", 'A'+r.below(26))
		}
		v.author, v.country = r.of(p.first)+initial+" "+r.of(p.last), p.country
		*authors = append(*authors, [2]string{v.author, v.country})
	}
	if r.often(8) {
		v.flown, v.kind = day.AddDate(0, 0, -r.below(40)).Format("02-01-2006"), r.of(kinds)
	}
	for i := range v.ratings {
		if i == 5 || i == 6 && v.flown == "" { // seldom used
			continue
		}
		v.ratings[i] = fmt.Sprint(1 + min(4, max(0, score/2-1+r.below(3)-1)))
	}
	v.recommended = map[bool]string{true: "1", false: "0"}[score > 6]
	return v
}

// comment makes a comment for the score, of one to four sentences.
func comment(r *random, score int, airline string) string {
	if r.often(45) {
		return r.of(foreign)
	}
	bank := bad
	switch {
	case score > 8:
		bank = good
	case score > 6:
		bank = fair
	}
	var said []string
	used := map[string]bool{}
	for range 1 + r.below(4) {
		s := bank[r.below(len(bank))]
		if r.often(5) {
			s = fair[r.below(len(fair))]
		}
		if !used[s] {
			used[s] = true
			said = append(said, strings.NewReplacer("{air}", title(airline), "{row}", fmt.Sprintf("%d%c", 11+r.below(40), 'A'+r.below(10)),
				"{hours}", fmt.Sprint(2+r.below(12)), "{route}", r.of(places)+" to "+r.of(places)).Replace(s))
		}
	}
	return strings.Join(said, " ")
}

func title(airline string) string {
	words := strings.Split(airline, "-")
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, " ")
}

func (v review) cells() []string {
	name := title(v.airline)
	return append(append([]string{v.airline, "/seats/" + v.airline, name + " seat review", v.author, v.country, v.date, v.comment,
		v.aircraft, v.layout, v.flown, v.cabin, v.kind, v.score}, v.ratings[:]...), v.recommended)
}

// write writes a row by RFC 4180: all cells in quotation marks, or only those that need them.
func write(out *bufio.Writer, cells []string, sparing bool, end string) {
	for i, c := range cells {
		if i > 0 {
			out.WriteByte(',')
		}
		if sparing && !strings.ContainsAny(c, ",\"\r\n") {
			out.WriteString(c)
			continue
		}
		out.WriteString(`"` + strings.ReplaceAll(c, `"`, `""`) + `"`)
	}
	out.WriteString(end)
}

// oddities are what happens in real files, by the row in which it does.
var oddities = map[int]func(*review){
	// Two rows that no reader can accept.
	843:  func(v *review) { v.score = "" },
	1111: func(v *review) { v.score = "7.5" },

	// Scores as people and tools write them.
	20: func(v *review) { v.score = " 8.0 " }, 21: func(v *review) { v.score = "10" }, 22: func(v *review) { v.score = "0.0" },
	23: func(v *review) { v.score = "7.000" }, 24: func(v *review) { v.score = "0" },

	// Dates that can be read in one way only. The first day of Unix time stands for 'not known'.
	30: func(v *review) { v.date = "1970-01-01" }, 31: func(v *review) { v.date = "2 Mar 2014" },
	32: func(v *review) { v.date = "2014/3/2" }, 33: func(v *review) { v.date = "2014-03-02 14:30" },
	34: func(v *review) { v.date = "2014-03-02T23:30:00-05:00" }, 35: func(v *review) { v.date = "March 2, 2014" },
	36: func(v *review) { v.date = " 2014-3-2 " }, 37: func(v *review) { v.date = "1970-01-01" },

	// Names. One customer in five spellings, of which the first is decomposed (NFD); customers of one word; none at all.
	40: func(v *review) { v.author, v.country = "Zoe\u0308 C\u030capek", "Czech Republic" },
	41: func(v *review) { v.author, v.country = "Zo\u00eb \u010capek", "czech republic" },
	42: func(v *review) { v.author, v.country = "  ZO\u00cb   \u010cAPEK ", "CZ" },
	43: func(v *review) { v.author, v.country = "Zo\u00eb\u00a0\u010capek", "CZE" },
	44: func(v *review) { v.author, v.country = "zo\u00eb \u010capek", " Czechia " },
	50: func(v *review) { v.author = "Alex" }, 51: func(v *review) { v.author = "alex " },
	52: func(v *review) { v.author, v.country = "王芳", "China" }, 53: func(v *review) { v.author, v.country = "محمد علي", "Egypt" },
	54: func(v *review) { v.author, v.country = "Ольга Петрова", "Ukraine" }, 55: func(v *review) { v.author = "[name withheld]" },
	56: func(v *review) { v.author, v.country = "नेहा शर्मा", "India" }, 57: func(v *review) { v.author = "M. 🙂 Berg" },
	60: nameless, 61: nameless, 62: nameless, 400: nameless, 401: nameless, 900: nameless, 901: nameless,
	63: func(v *review) { v.author = " \u00a0 " },

	// Countries: none, one that is none, and other spellings.
	70: stateless, 71: stateless, 72: stateless, 500: stateless, 501: stateless, 1200: stateless,
	73: func(v *review) { v.country = "Atlantis" }, 74: func(v *review) { v.country = "International waters" },
	75: func(v *review) { v.country = "UK" }, 76: func(v *review) { v.country = "U.S.A." },
	77: func(v *review) { v.country = "Trinidad & Tobago" }, 78: func(v *review) { v.country = "Korea, Republic of" },
	79: func(v *review) { v.country = "BRAZIL" }, 80: func(v *review) { v.country = "deu" }, 81: func(v *review) { v.country = "Cote d'Ivoire" },

	// Comments: none, line breaks of both kinds, quotation marks, emoji, spaces around, and long.
	90: silent, 91: silent, 92: func(v *review) { v.comment = "   " }, 600: silent, 601: silent,
	100: func(v *review) {
		v.comment = "First leg: fine.\nSecond leg: my seat was broken.\n\nThird leg: they apologised."
	},
	101: func(v *review) { v.comment = "Good:\r\n- legroom\r\n- food\r\nBad:\r\n- noise" },
	102: func(v *review) { v.comment = "\nStarts with an empty line, and the seat was dirty" },
	103: func(v *review) { v.comment = "\"Comfortable\", the leaflet says. \"Comfortable\"!" },
	104: func(v *review) { v.comment = `They said "we'll call you ""soon""" and nobody did.` },
	105: func(v *review) { v.comment = `"` },
	106: func(v *review) {
		v.comment = "👍🏽 Great crew, great food 🍜 and we ❤️ the 👨‍👩‍👧‍👦 row 🇧🇷"
	},
	107: func(v *review) { v.comment = "  spaces in front, a tab\tin between, and spaces behind   " },
	108: func(v *review) { v.comment = "=SUM(1,2) is no formula here, and neither is @home" },
	109: func(v *review) { v.comment = "Seat; SEAT, sEaT. Seats are not counted, nor are seat_belts. (seat)" },
	110: func(v *review) { v.comment = strings.Repeat("The delay went on and on. ", 60) },
	111: func(v *review) { v.comment = "NULL" }, 112: func(v *review) { v.comment = "n/a" },
	113: func(v *review) { v.comment = "Zero\u200bwidth, soft\u00adhyphen and \u202bright to left\u202c." },
}

func nameless(v *review)  { v.author = "" }
func stateless(v *review) { v.country = "" }
func silent(v *review)    { v.comment = "" }

// A score is as frequent as its count here: half of the reviewers are unhappy.
var scores = []int{1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 7, 8, 8, 8, 8, 9, 9, 9, 10, 10}

var (
	airlines = strings.Fields("blue-heron-air cedar-airways kestrel-lines polar-loop lagoon-air two-rivers-airways saffron-jet " +
		"north-quay-airlines tamarind-air harbour-wings copper-sky-airways lumen-air meridian-hop pampas-linhas-aereas fjordfly")
	aircraft = []string{"Type 210", "TYPE 210", "Type 330 long", "Type 350", "type 747", "Regional 90", "Turboprop 42"}
	layouts  = []string{"3x3", "3x3x3", "2x4x2", "3x4x3", "2x2", "2x3x2", ""}
	cabins   = []string{"Economy", "Economy", "Economy", "Economy", "Economy", "Premium Economy", "Business", ""}
	kinds    = []string{"Solo Leisure", "Couple Leisure", "FamilyLeisure", "Business"}
	places   = strings.Fields("Lisbon Oslo Lima Accra Perth Cusco Busan Izmir Graz Malta Recife Bergen Hobart Quito Turku")
)

// people are the names of one country. A country is as frequent as its count here.
var people = []struct {
	country     string
	first, last []string
}{
	uk, uk, uk, us, us, {"Australia", uk.first, us.last}, {"Canada", us.first, uk.last}, {"Ireland", uk.first, []string{"O'Hara", "O'Dowd", "Quinn", "Byrne"}},
	{"Germany", strings.Fields("Jürgen Käthe Uwe Ines Björn Heike Anna-Lena"), strings.Fields("Groß Müller-Lüdenscheidt Schäfer Voß Krüger Ott Weiß")},
	{"Brazil", strings.Fields("João Conceição Luís Inês Antônio Débora"), []string{"da Silva", "Gonçalves", "Araújo", "de Souza", "Brandão"}},
	{"France", strings.Fields("Hélène Loïc Maëlle Gaël Jean-Noël"), []string{"Lefèvre", "d'Aubigné", "Fournier", "de La Tour", "Hœrni"}},
	{"Spain", strings.Fields("Begoña Iñaki Nuria Álvaro"), []string{"Núñez García", "Ibáñez", "Muñoz", "Peña"}},
	{"Poland", strings.Fields("Łukasz Małgorzata Stanisław Żaneta"), strings.Fields("Wójcik Dąbrowski Źrebiec Kaczmarek")},
	{"Turkey", strings.Fields("Çağla İbrahim Işıl Oğuz"), strings.Fields("Yıldız Öztürk Şahin Güneş")},
	{"Vietnam", []string{"Nguyễn Thị", "Trần Văn", "Lê"}, strings.Fields("Hoa Minh Dũng Ánh")},
	{"Norway", strings.Fields("Bjørn Åse Øyvind Solveig"), strings.Fields("Sørensen Håland Nygård Lie")},
	{"Greece", strings.Fields("Ελένη Γιώργος Nikos"), strings.Fields("Παπαδοπούλου Στεργίου Zervas")},
	{"Japan", strings.Fields("由美 健太 Haruka"), strings.Fields("佐藤 高橋 Ito")}, {"South Africa", strings.Fields("Thandi Pieter Sipho"), []string{"Nkosi", "van der Merwe", "Botha"}},
	{"United Arab Emirates", strings.Fields("Noor Khalid"), []string{"Al-Farsi", "Haddad"}}, {"Hong Kong", strings.Fields("Wing Ka-Yan"), strings.Fields("Lam Chow")},
}

var (
	uk = struct {
		country     string
		first, last []string
	}{"United Kingdom", strings.Fields("A B Clare Dilys Euan Fiona Gareth Hamish Isla Joan K Leofric Moira Nia Owain"),
		strings.Fields("Ashby Bramley Cartwright Dunmore Eccles Fairhurst Gilchrist Hawthorne Ings Jessop Kirkby Lamb Marsh Oakes Pym")}
	us = struct {
		country     string
		first, last []string
	}{"United States", strings.Fields("Abe Brianna Cody Darlene Earl Faith Gus Hattie Ike J.R. Kayla Lou Mindy Ned Opal"),
		strings.Fields("Abernathy Buckley Castaneda Dwyer Everhart Flannery Goodwin Hatch Iverson Jarvis Kowalski Lundgren McRae Novak Ortiz")}
)

var (
	good = []string{
		"Very comfortable from {route}, even after {hours} hours.", "Plenty of legroom in row {row}, and a quiet cabin.", "The crew of {air} was friendly and quick.",
		"Wide armrests, a clean table and a screen that simply worked.", "I slept for {hours} hours: the cushion is soft and the recline is deep.",
		"Tasty food, and a second coffee without asking.", "Boarding was calm, and we landed early.", "My children loved the window seat and the cartoons.",
	}
	fair = []string{
		"The seat is fine for a short hop such as {route}.", "Legroom is average; tall people should book row {row}.", "Food was warm, though the choice was small.",
		"The screen is old, but the headphones were good.", "A delay of {hours} minutes, nothing to write home about.", "Storage below the seat in front is tight for a laptop bag.",
		"Check-in queue was long, boarding was quick.", "Reasonably comfortable with the pillow; the armrest is narrow.",
	}
	bad = []string{
		"My seat {row} did not recline, and nobody cared.", "No legroom at all: my knees touched the tray for {hours} hours.", "A delay of {hours} hours from {route} without one announcement.",
		"The food was cold, the coffee was colder.", "The armrest was broken, the cushion worn flat and the table sticky.", "I asked {air} for a refund and was sent a voucher.",
		"Narrow, hard and noisy; never again with {air}.", "The screen was dead; the crew said \"sorry, all of row {row} is\".", "Luggage came two days late, and the hotline, of course, was busy.",
		"Not comfortable for anybody taller than a child.",
	}
	foreign = []string{
		"Der Sitz war eng, und die Lehne ließ sich nicht verstellen. Schöne Grüße!", "O assento é duro e o atraso foi de três horas. Não recomendo.",
		"Siège étroit, équipage charmant… dommage pour le « confort ».", "El asiento no reclinaba; ¿y la comida? ¡Fría!", "座席が狭くて眠れませんでした。食事は美味しかったです。",
		"Кресло удобное, но рейс задержали на четыре часа.", "المقعد ضيق والطعام بارد.", "Koltuk rahattı, ikram güzeldi 👌", "Fotel był wygodny, obsługa miła.",
	}
)
