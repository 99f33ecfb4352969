package rollup

import (
	"math"
	"slices"
	"time"
)

// days are the figures of days by group.
type days struct {
	numbers map[Key]uint32 // of the groups
	keys    []Key          // by number
	byDay   map[int32]*day // by the date, in days since 1970
	rows    int
	most    int // groups
}

// day is one day. oldest and newest are the times of its first and last response, in microseconds since 1970: they say
// whether a range of time has all of it, whatever the clocks of its time zone did.
type day struct {
	oldest, newest int64
	rows           []row
}

type row struct{ key, promoters, passives, detractors uint32 }

func (r row) counts() Counts {
	return Counts{int(r.promoters), int(r.passives), int(r.detractors)}
}

func newDays(most int) *days {
	return &days{numbers: map[Key]uint32{}, byDay: map[int32]*day{}, most: most}
}

// add adds a line of an answer, or just its day if the line has no figures. False: there are too many groups.
func (d *days) add(l line, empty bool) bool {
	at := d.byDay[l.day]
	if at == nil {
		at = &day{oldest: math.MaxInt64, newest: math.MinInt64}
		d.byDay[l.day] = at
	}
	if empty {
		return true
	}
	number, ok := d.number(l.key)
	if !ok {
		return false
	}
	at.oldest, at.newest = min(at.oldest, l.oldest), max(at.newest, l.newest)
	at.rows = append(at.rows, row{number, l.promoters, l.passives, l.detractors})
	d.rows++
	return true
}

func (d *days) number(key Key) (number uint32, ok bool) {
	number, ok = d.numbers[key]
	if !ok {
		if len(d.keys) >= d.most {
			return 0, false
		}
		number = uint32(len(d.keys))
		d.numbers[key], d.keys = number, append(d.keys, key)
	}
	return number, true
}

// compact gives back the room that days have for more rows.
func (d *days) compact() {
	for _, at := range d.byDay {
		at.rows = slices.Clone(at.rows)
	}
}

// replace puts days in the place of the same days. False: there are too many groups, and the days must not be used any more.
func (d *days) replace(by *days) bool {
	for date, fresh := range by.byDay {
		if old := d.byDay[date]; old != nil {
			d.rows -= len(old.rows)
			delete(d.byDay, date)
		}
		if len(fresh.rows) == 0 {
			continue
		}
		rows := make([]row, len(fresh.rows))
		for i, r := range fresh.rows {
			number, ok := d.number(by.keys[r.key])
			if !ok {
				return false
			}
			rows[i] = row{number, r.promoters, r.passives, r.detractors}
		}
		d.byDay[date] = &day{fresh.oldest, fresh.newest, rows}
		d.rows += len(rows)
	}
	return true
}

// span is a range of time, in microseconds since 1970: from from on, before to.
type span struct{ from, to int64 }

func spanOf(from, to *time.Time) span {
	s := span{math.MinInt64, math.MaxInt64}
	if from != nil {
		s.from = from.UnixMicro()
	}
	if to != nil {
		s.to = to.UnixMicro()
	}
	return s
}

func (s span) has(d *day) bool   { return s.from <= d.oldest && d.newest < s.to }
func (s span) lacks(d *day) bool { return d.newest < s.from || s.to <= d.oldest }

// cut are the days of which the range has a part, in order.
func (d *days) cut(s span) (cut []int32) {
	for date, at := range d.byDay {
		if !s.has(at) && !s.lacks(at) {
			cut = append(cut, date)
		}
	}
	slices.Sort(cut)
	return cut
}

// covers reports whether all days are among those that were asked for, which are in order.
func covers(asked, days []int32) bool {
	for _, date := range days {
		if _, found := slices.BinarySearch(asked, date); !found {
			return false
		}
	}
	return true
}

// part is what of some days was counted in the table.
type part struct {
	dates []int32 // in order
	days  *days
}

// sum adds up the days that the range has, and in the place of those that were counted in the table, that part.
func (d *days) sum(s span, daily bool, in *part) []Row {
	total := summer{daily: daily, sums: map[Row]Counts{}}
	for date, at := range d.byDay {
		if in != nil {
			if _, counted := slices.BinarySearch(in.dates, date); counted {
				continue
			}
		}
		if s.has(at) {
			total.add(d, date, at)
		}
	}
	if in != nil {
		for date, at := range in.days.byDay {
			total.add(in.days, date, at)
		}
	}
	return total.rows()
}

// summer adds up days. Figures of a group have one number while the days are of one place.
type summer struct {
	daily bool
	of    *days
	at    []Counts       // by the number of the group in of
	sums  map[Row]Counts // by the group and the day
}

func (t *summer) add(of *days, date int32, at *day) {
	if t.daily {
		for _, r := range at.rows {
			group := Row{Key: of.keys[r.key], Day: dateOf(date)}
			t.sums[group] = t.sums[group].Plus(r.counts())
		}
		return
	}
	if t.of != of {
		t.flush()
		t.of, t.at = of, make([]Counts, len(of.keys))
	}
	for _, r := range at.rows {
		t.at[r.key] = t.at[r.key].Plus(r.counts())
	}
}

func (t *summer) flush() {
	for number, counts := range t.at {
		if counts != (Counts{}) {
			group := Row{Key: t.of.keys[number]}
			t.sums[group] = t.sums[group].Plus(counts)
		}
	}
	t.at = nil
}

func (t *summer) rows() []Row {
	t.flush()
	rows := make([]Row, 0, len(t.sums))
	for group, counts := range t.sums {
		group.Counts = counts
		rows = append(rows, group)
	}
	return rows
}

func dateOf(day int32) time.Time { return time.Unix(int64(day)*24*60*60, 0).UTC() }

// sizeOf is about how many bytes a question takes.
func sizeOf(name string, d *days) int {
	const ofQuestion, ofDay, ofKey, ofRow = 512, 160, 160, 16
	size := ofQuestion + 2*len(name)
	if d == nil {
		return size
	}
	size += ofDay*len(d.byDay) + ofRow*d.rows
	for _, key := range d.keys {
		size += ofKey + len(key.Text)
	}
	return size
}
