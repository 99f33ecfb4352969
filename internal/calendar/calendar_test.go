package calendar_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/closeloop/closeloop/internal/calendar"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

const (
	newYork  = "America/New_York"
	saoPaulo = "America/Sao_Paulo"
)

var workdays = model.Weekdays[1:6]

// office is from 9 to 5 on workdays.
func office(zone string, holidays ...model.Date) *model.Calendar {
	return of(zone, workdays, "09:00", "17:00", holidays...)
}

func of(zone string, days []model.Weekday, from, to string, holidays ...model.Date) *model.Calendar {
	c := &model.Calendar{TimeZone: zone, Holidays: holidays}
	for _, d := range days {
		c.Hours = append(c.Hours, hours(d, from, to))
	}
	return c
}

func hours(day model.Weekday, from, to string) model.CalendarHours {
	return model.CalendarHours{Weekday: day, From: clock(from), To: clock(to)}
}

func clock(s string) model.TimeOfDay {
	t, err := model.ParseTimeOfDay(s)
	if err != nil {
		panic(err)
	}
	return t
}

func ready(t *testing.T, c *model.Calendar) *calendar.Calendar {
	t.Helper()
	if err := calendar.Check(c); err != nil {
		t.Fatal(err)
	}
	r, err := calendar.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// moment reads a time with its offset from UTC, because wall clocks show some times twice.
func moment(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04 -0700", s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestATargetLandsOnTheRightMinute(t *testing.T) {
	t.Parallel()
	night := &model.Calendar{TimeZone: newYork, Hours: []model.CalendarHours{hours("SATURDAY", "22:00", "24:00"), hours("SUNDAY", "00:00", "06:00")}}
	lunch := &model.Calendar{TimeZone: newYork, Hours: []model.CalendarHours{hours("MONDAY", "13:00", "17:30"), hours("MONDAY", "09:00", "12:00"), hours("TUESDAY", "09:00", "12:00")}}
	everyHour := of(newYork, model.Weekdays[:], "00:00", "24:00")
	brazil := of(saoPaulo, model.Weekdays[:], "00:00", "08:00")
	feast := of(saoPaulo, model.Weekdays[:], "00:00", "08:00", "2018-11-04")
	evenings := of(saoPaulo, model.Weekdays[:], "20:00", "24:00")
	for name, one := range map[string]struct {
		in   *model.Calendar
		from string
		d    time.Duration
		want string
	}{
		"within a day":                  {office(newYork), "2026-03-02 09:30 -0500", 2 * time.Hour, "2026-03-02 11:30 -0500"},
		"to the end of the day":         {office(newYork), "2026-03-02 09:00 -0500", 8 * time.Hour, "2026-03-02 17:00 -0500"},
		"and a minute more":             {office(newYork), "2026-03-02 09:00 -0500", 8*time.Hour + time.Minute, "2026-03-03 09:01 -0500"},
		"from before the hours":         {office(newYork), "2026-03-02 03:00 -0500", time.Hour, "2026-03-02 10:00 -0500"},
		"from after the hours":          {office(newYork), "2026-03-02 17:00 -0500", time.Hour, "2026-03-03 10:00 -0500"},
		"from a Saturday":               {office(newYork), "2026-02-28 12:00 -0500", time.Hour, "2026-03-02 10:00 -0500"},
		"over a weekend":                {office(newYork), "2026-02-27 16:00 -0500", 16 * time.Hour, "2026-03-03 16:00 -0500"},
		"over the spring change":        {office(newYork), "2026-03-06 15:00 -0500", 16 * time.Hour, "2026-03-10 15:00 -0400"},
		"over the autumn change":        {office(newYork), "2026-10-30 15:00 -0400", 16 * time.Hour, "2026-11-03 15:00 -0500"},
		"over a holiday":                {office(newYork, "2026-12-25"), "2026-12-24 16:00 -0500", 2 * time.Hour, "2026-12-28 10:00 -0500"},
		"from within a holiday":         {office(newYork, "2026-12-25"), "2026-12-25 11:00 -0500", time.Hour, "2026-12-28 10:00 -0500"},
		"over lunch":                    {lunch, "2026-03-02 11:30 -0500", time.Hour, "2026-03-02 13:30 -0500"},
		"over a week":                   {lunch, "2026-03-03 11:30 -0500", time.Hour, "2026-03-09 09:30 -0400"},
		"hours over midnight in two":    {night, "2026-01-03 23:00 -0500", 2 * time.Hour, "2026-01-04 01:00 -0500"},
		"an hour that is skipped":       {night, "2026-03-07 23:00 -0500", 3 * time.Hour, "2026-03-08 03:00 -0400"},
		"an hour that comes twice":      {night, "2026-10-31 23:00 -0400", 3 * time.Hour, "2026-11-01 01:00 -0500"},
		"and a half":                    {night, "2026-10-31 23:00 -0400", 150 * time.Minute, "2026-11-01 01:30 -0400"},
		"a day of 23 hours":             {everyHour, "2026-03-08 00:00 -0500", 24 * time.Hour, "2026-03-09 01:00 -0400"},
		"a day of 25 hours":             {everyHour, "2026-11-01 00:00 -0400", 24 * time.Hour, "2026-11-01 23:00 -0500"},
		"a midnight that there is not":  {brazil, "2018-11-03 12:00 -0300", 7 * time.Hour, "2018-11-04 08:00 -0200"},
		"and a minute after it":         {brazil, "2018-11-03 12:00 -0300", time.Minute, "2018-11-04 01:01 -0200"},
		"a midnight that comes twice":   {evenings, "2018-02-17 20:00 -0200", 5 * time.Hour, "2018-02-18 00:00 -0300"},
		"between the two":               {evenings, "2018-02-17 20:00 -0200", 270 * time.Minute, "2018-02-17 23:30 -0300"},
		"over the change in São Paulo":  {office(saoPaulo), "2018-11-02 15:00 -0300", 16 * time.Hour, "2018-11-06 15:00 -0200"},
		"and back":                      {office(saoPaulo), "2019-02-15 15:00 -0200", 16 * time.Hour, "2019-02-19 15:00 -0300"},
		"no change there since 2019":    {office(saoPaulo), "2019-11-01 15:00 -0300", 16 * time.Hour, "2019-11-05 15:00 -0300"},
		"a holiday that begins at one":  {feast, "2018-11-03 07:00 -0300", 2 * time.Hour, "2018-11-05 01:00 -0200"},
		"without zones, it is the hour": {office("UTC"), "2026-03-06 16:00 +0000", 2 * time.Hour, "2026-03-09 10:00 +0000"},
		"no time at all":                {office(newYork), "2026-02-28 12:00 -0500", 0, "2026-02-28 12:00 -0500"},
	} {
		c, from, want := ready(t, one.in), moment(t, one.from), moment(t, one.want)
		if got := c.Add(from, one.d); !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%s: %s, not %s", name, got.In(want.Location()), want)
		}
		if d := c.Between(from, want); d != one.d {
			t.Errorf("%s: there are %s between", name, d)
		}
	}
}

func TestSecondsAndLessAreKept(t *testing.T) {
	t.Parallel()
	c := ready(t, office(newYork))
	from := moment(t, "2026-02-27 16:59 -0500").Add(59*time.Second + 999_999*time.Microsecond)
	if got := c.Add(from, 2*time.Microsecond); !got.Equal(moment(t, "2026-03-02 09:00 -0500").Add(time.Microsecond)) {
		t.Errorf("it is %s", got)
	}
	if d := c.Between(from, from.Add(-time.Hour)); d != 0 {
		t.Errorf("backwards there are %s", d)
	}
}

// The slow count goes from minute to minute and asks the wall clock each time; it knows nothing of how Add gets there.
func TestAddAndBetweenAgreeWithACountMinuteByMinute(t *testing.T) {
	t.Parallel()
	rounds := 300
	if testing.Short() {
		rounds = 50
	}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	zones := []string{newYork, saoPaulo, "UTC", "Europe/Amsterdam", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia", "America/Havana", "Asia/Beirut"}
	// Around the changes, where what can go wrong goes wrong: those of the zones above, and midnights among them.
	near := []string{"2026-03-08 07:00 +0000", "2026-11-01 06:00 +0000", "2018-11-04 03:00 +0000", "2018-02-18 02:00 +0000", "2026-03-29 01:00 +0000",
		"2011-12-30 10:00 +0000", "2026-04-04 15:00 +0000", "2026-03-08 05:00 +0000", "2023-03-26 00:00 +0000", "2026-10-25 01:00 +0000", "2026-07-01 00:00 +0000"}
	for round := range rounds {
		c := randomCalendar(random, zones[random.IntN(len(zones))])
		ready := ready(t, c)
		from := moment(t, near[random.IntN(len(near))]).Add(time.Duration(random.IntN(10*24*60)-5*24*60) * time.Minute)
		minutes := 1 + random.IntN(60*24)
		want := slowly(t, c, from, minutes)
		d := time.Duration(minutes) * time.Minute
		if got := ready.Add(from, d); !got.Equal(want) {
			t.Fatalf("seed %d, round %d: %s after %s in %+v is %s, not %s", seed, round, d, from, c, got, want)
		}
		if got := ready.Between(from, want); got != d {
			t.Fatalf("seed %d, round %d: between %s and %s in %+v are %s, not %s", seed, round, from, want, c, got, d)
		}
		if got := ready.Between(from, want.Add(-time.Minute)); got != d-time.Minute {
			t.Fatalf("seed %d, round %d: a minute before, in %+v, there are %s of %s", seed, round, c, got, d)
		}
	}
}

func slowly(t *testing.T, c *model.Calendar, from time.Time, minutes int) time.Time {
	t.Helper()
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		t.Fatal(err)
	}
	for at := from; ; at = at.Add(time.Minute) {
		if minutes == 0 {
			return at
		}
		wall := at.In(zone)
		if slices.Contains(c.Holidays, model.DateOf(wall)) {
			continue
		}
		now := model.TimeOfDay(wall.Hour()*60 + wall.Minute())
		if slices.ContainsFunc(c.Hours, func(h model.CalendarHours) bool {
			return h.Weekday == model.Weekdays[wall.Weekday()] && h.From <= now && now < h.To
		}) {
			minutes--
		}
	}
}

func randomCalendar(random *rand.Rand, zone string) *model.Calendar {
	c := &model.Calendar{TimeZone: zone}
	for len(c.Hours) == 0 {
		for _, d := range model.Weekdays {
			// Up to three stretches, between cuts of the day; sometimes they touch, sometimes they reach its ends.
			cuts := []int{0, 24 * 60}
			for range random.IntN(6) {
				cuts = append(cuts, random.IntN(24*60+1))
			}
			slices.Sort(cuts)
			cuts = slices.Compact(cuts)
			for i := range len(cuts) - 1 {
				if random.IntN(3) == 0 {
					c.Hours = append(c.Hours, model.CalendarHours{Weekday: d, From: model.TimeOfDay(cuts[i]), To: model.TimeOfDay(cuts[i+1])})
				}
			}
		}
	}
	for range random.IntN(4) {
		days := []model.Date{"2026-03-08", "2026-03-09", "2026-11-01", "2018-11-04", "2018-02-17", "2018-02-18", "2026-03-29", "2011-12-31", "2026-04-05", "2023-03-26"}
		c.Holidays = append(c.Holidays, days[random.IntN(len(days))])
	}
	return c
}

func TestACalendarThatCannotBeCountedInIsRefused(t *testing.T) {
	t.Parallel()
	many := make([]model.Date, 1001)
	for i := range many {
		many[i] = "2026-12-25"
	}
	for argument, c := range map[string]*model.Calendar{
		"timeZone":         office("Mars/Olympus"),
		"hours":            {TimeZone: newYork},
		"hours[0].to":      of(newYork, workdays[:1], "22:00", "06:00"),
		"hours[0].weekday": of(newYork, []model.Weekday{"FUNDAY"}, "09:00", "17:00"),
		"hours[1]":         {TimeZone: newYork, Hours: []model.CalendarHours{hours("MONDAY", "09:00", "12:00"), hours("MONDAY", "11:59", "17:00")}},
		"hours[1].to":      {TimeZone: newYork, Hours: []model.CalendarHours{hours("MONDAY", "09:00", "12:00"), hours("TUESDAY", "09:00", "09:00")}},
		"holidays":         office(newYork, many...),
	} {
		var f *fault.Error
		if err := calendar.Check(c); !errors.As(err, &f) || f.Code != fault.CodeBadUserInput || f.Argument != argument || f.Message == "" {
			t.Errorf("%s: %+v", argument, err)
		}
	}
	for _, zone := range []string{"", "Local"} {
		if err := calendar.Check(office(zone)); !fault.Is(err, fault.CodeBadUserInput) {
			t.Errorf("the zone %q: %v", zone, err)
		}
	}
	if _, err := calendar.New(&model.Calendar{TimeZone: newYork}); err == nil {
		t.Error("a stored calendar with no hours is counted in")
	}
}

func TestCalendarsThatSayTheSameAreTheSame(t *testing.T) {
	t.Parallel()
	a := &model.Calendar{TimeZone: newYork, Hours: []model.CalendarHours{hours("TUESDAY", "09:00", "12:00"), hours("MONDAY", "13:00", "17:00"), hours("MONDAY", "09:00", "12:00")},
		Holidays: []model.Date{"2026-12-25", "2026-01-01", "2026-12-25"}}
	b := &model.Calendar{TimeZone: newYork, Hours: []model.CalendarHours{hours("MONDAY", "09:00", "12:00"), hours("MONDAY", "13:00", "17:00"), hours("TUESDAY", "09:00", "12:00")},
		Holidays: []model.Date{"2026-01-01", "2026-12-25"}}
	c := office(newYork)
	for _, one := range []*model.Calendar{a, b, c} {
		ready(t, one)
	}
	if a.ID() != b.ID() || a.ID() == c.ID() {
		t.Errorf("%s, %s and %s", a.ID(), b.ID(), c.ID())
	}
}

func TestATargetThatWouldTakeACenturyIsKnown(t *testing.T) {
	t.Parallel()
	c := ready(t, of(newYork, workdays[:1], "09:00", "09:01"))
	if !c.Reaches(time.Hour) || c.Reaches(100*time.Hour) {
		t.Errorf("an hour: %t, a hundred: %t", c.Reaches(time.Hour), c.Reaches(100*time.Hour))
	}
	if got := c.Add(moment(t, "2026-03-02 09:00 -0500"), time.Hour); !got.Equal(moment(t, "2027-04-19 09:01 -0400")) {
		t.Errorf("an hour of one minute a week is at %s", got)
	}
}
