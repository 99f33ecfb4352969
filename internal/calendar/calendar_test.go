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
	return weekly(zone, workdays, "09:00", "17:00", holidays...)
}

func weekly(zone string, days []model.Weekday, from, to string, holidays ...model.Date) *model.Calendar {
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

// moment parses a time with its offset from UTC, because wall clocks show some times twice.
func moment(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04 -0700", s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestAdd(t *testing.T) {
	t.Parallel()
	t.Run("lands on the right minute", func(t *testing.T) {
		t.Parallel()
		night := &model.Calendar{TimeZone: newYork, Hours: []model.CalendarHours{hours("SATURDAY", "22:00", "24:00"), hours("SUNDAY", "00:00", "06:00")}}
		lunch := &model.Calendar{TimeZone: newYork, Hours: []model.CalendarHours{hours("MONDAY", "13:00", "17:30"), hours("MONDAY", "09:00", "12:00"), hours("TUESDAY", "09:00", "12:00")}}
		everyHour := weekly(newYork, model.Weekdays[:], "00:00", "24:00")
		brazil := weekly(saoPaulo, model.Weekdays[:], "00:00", "08:00")
		feast := weekly(saoPaulo, model.Weekdays[:], "00:00", "08:00", "2018-11-04")
		evenings := weekly(saoPaulo, model.Weekdays[:], "20:00", "24:00")
		for name, test := range map[string]struct {
			in   *model.Calendar
			from string
			d    time.Duration
			want string
		}{
			"within a day":                  {office(newYork), "2026-03-02 09:30 -0500", 2 * time.Hour, "2026-03-02 11:30 -0500"},
			"to the end of the day":         {office(newYork), "2026-03-02 09:00 -0500", 8 * time.Hour, "2026-03-02 17:00 -0500"},
			"a minute past the day's end":   {office(newYork), "2026-03-02 09:00 -0500", 8*time.Hour + time.Minute, "2026-03-03 09:01 -0500"},
			"from before the hours":         {office(newYork), "2026-03-02 03:00 -0500", time.Hour, "2026-03-02 10:00 -0500"},
			"from after the hours":          {office(newYork), "2026-03-02 17:00 -0500", time.Hour, "2026-03-03 10:00 -0500"},
			"from a Saturday":               {office(newYork), "2026-02-28 12:00 -0500", time.Hour, "2026-03-02 10:00 -0500"},
			"over a weekend":                {office(newYork), "2026-02-27 16:00 -0500", 16 * time.Hour, "2026-03-03 16:00 -0500"},
			"over the spring change":        {office(newYork), "2026-03-06 15:00 -0500", 16 * time.Hour, "2026-03-10 15:00 -0400"},
			"over the autumn change":        {office(newYork), "2026-10-30 15:00 -0400", 16 * time.Hour, "2026-11-03 15:00 -0500"},
			"over a holiday":                {office(newYork, "2026-12-25"), "2026-12-24 16:00 -0500", 2 * time.Hour, "2026-12-28 10:00 -0500"},
			"from inside a holiday":         {office(newYork, "2026-12-25"), "2026-12-25 11:00 -0500", time.Hour, "2026-12-28 10:00 -0500"},
			"over lunch":                    {lunch, "2026-03-02 11:30 -0500", time.Hour, "2026-03-02 13:30 -0500"},
			"over a week":                   {lunch, "2026-03-03 11:30 -0500", time.Hour, "2026-03-09 09:30 -0400"},
			"hours split at midnight":       {night, "2026-01-03 23:00 -0500", 2 * time.Hour, "2026-01-04 01:00 -0500"},
			"a skipped hour":                {night, "2026-03-07 23:00 -0500", 3 * time.Hour, "2026-03-08 03:00 -0400"},
			"a repeated hour":               {night, "2026-10-31 23:00 -0400", 3 * time.Hour, "2026-11-01 01:00 -0500"},
			"half of the repeated hour":     {night, "2026-10-31 23:00 -0400", 150 * time.Minute, "2026-11-01 01:30 -0400"},
			"a day of 23 hours":             {everyHour, "2026-03-08 00:00 -0500", 24 * time.Hour, "2026-03-09 01:00 -0400"},
			"a day of 25 hours":             {everyHour, "2026-11-01 00:00 -0400", 24 * time.Hour, "2026-11-01 23:00 -0500"},
			"a skipped midnight":            {brazil, "2018-11-03 12:00 -0300", 7 * time.Hour, "2018-11-04 08:00 -0200"},
			"a minute past the midnight":    {brazil, "2018-11-03 12:00 -0300", time.Minute, "2018-11-04 01:01 -0200"},
			"a repeated midnight":           {evenings, "2018-02-17 20:00 -0200", 5 * time.Hour, "2018-02-18 00:00 -0300"},
			"between the two midnights":     {evenings, "2018-02-17 20:00 -0200", 270 * time.Minute, "2018-02-17 23:30 -0300"},
			"over the São Paulo change":     {office(saoPaulo), "2018-11-02 15:00 -0300", 16 * time.Hour, "2018-11-06 15:00 -0200"},
			"over the change back":          {office(saoPaulo), "2019-02-15 15:00 -0200", 16 * time.Hour, "2019-02-19 15:00 -0300"},
			"São Paulo without a change":    {office(saoPaulo), "2019-11-01 15:00 -0300", 16 * time.Hour, "2019-11-05 15:00 -0300"},
			"a holiday that begins at 1 am": {feast, "2018-11-03 07:00 -0300", 2 * time.Hour, "2018-11-05 01:00 -0200"},
			"in UTC":                        {office("UTC"), "2026-03-06 16:00 +0000", 2 * time.Hour, "2026-03-09 10:00 +0000"},
			"a target of zero":              {office(newYork), "2026-02-28 12:00 -0500", 0, "2026-02-28 12:00 -0500"},
		} {
			t.Run(name, func(t *testing.T) {
				c, from, want := ready(t, test.in), moment(t, test.from), moment(t, test.want)
				if got := c.Add(from, test.d); !got.Equal(want) || got.Location() != time.UTC {
					t.Errorf("Add returned %s, want %s in UTC", got.In(want.Location()), want)
				}
				if d := c.Between(from, want); d != test.d {
					t.Errorf("Between returned %s, want %s", d, test.d)
				}
			})
		}
	})

	t.Run("keeps microseconds", func(t *testing.T) {
		t.Parallel()
		c := ready(t, office(newYork))
		from := moment(t, "2026-02-27 16:59 -0500").Add(59*time.Second + 999_999*time.Microsecond)
		if got := c.Add(from, 2*time.Microsecond); !got.Equal(moment(t, "2026-03-02 09:00 -0500").Add(time.Microsecond)) {
			t.Errorf("Add returned %s, want a microsecond after 09:00 on Monday", got)
		}
		if d := c.Between(from, from.Add(-time.Hour)); d != 0 {
			t.Errorf("Between returned %s for an end before the start, want 0", d)
		}
	})

	// slowly counts minute by minute and reads the wall clock for each minute, so it shares no logic with Add.
	t.Run("agrees with a count minute by minute, as Between does", func(t *testing.T) {
		t.Parallel()
		rounds := 300
		if testing.Short() {
			rounds = 50
		}
		seed := rand.Uint64()
		random := rand.New(rand.NewPCG(seed, 1))
		zones := []string{newYork, saoPaulo, "UTC", "Europe/Amsterdam", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia", "America/Havana", "Asia/Beirut"}
		// Moments near the clock changes of the zones above, some of them at midnight, because errors appear there.
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
				t.Fatalf("seed %d, round %d: Add(%s, %s) in %+v is %s, want %s", seed, round, from, d, c, got, want)
			}
			if got := ready.Between(from, want); got != d {
				t.Fatalf("seed %d, round %d: Between(%s, %s) in %+v is %s, want %s", seed, round, from, want, c, got, d)
			}
			if got := ready.Between(from, want.Add(-time.Minute)); got != d-time.Minute {
				t.Fatalf("seed %d, round %d: Between in %+v with an end one minute earlier is %s, want %s", seed, round, c, got, d-time.Minute)
			}
		}
	})
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
			// Some of up to seven intervals between random cuts of the day. Intervals may touch each other and the day's ends.
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

func TestCheck(t *testing.T) {
	t.Parallel()
	t.Run("refuses a calendar that cannot be counted in", func(t *testing.T) {
		t.Parallel()
		many := make([]model.Date, 1001)
		for i := range many {
			many[i] = "2026-12-25"
		}
		for argument, c := range map[string]*model.Calendar{
			"timeZone":         office("Mars/Olympus"),
			"hours":            {TimeZone: newYork},
			"hours[0].to":      weekly(newYork, workdays[:1], "22:00", "06:00"),
			"hours[0].weekday": weekly(newYork, []model.Weekday{"FUNDAY"}, "09:00", "17:00"),
			"hours[1]":         {TimeZone: newYork, Hours: []model.CalendarHours{hours("MONDAY", "09:00", "12:00"), hours("MONDAY", "11:59", "17:00")}},
			"hours[1].to":      {TimeZone: newYork, Hours: []model.CalendarHours{hours("MONDAY", "09:00", "12:00"), hours("TUESDAY", "09:00", "09:00")}},
			"holidays":         office(newYork, many...),
		} {
			var f *fault.Error
			if err := calendar.Check(c); !errors.As(err, &f) || f.Code != fault.CodeBadUserInput || f.Argument != argument || f.Message == "" {
				t.Errorf("%s: got %+v, want BAD_USER_INPUT for this argument", argument, err)
			}
		}
		for _, zone := range []string{"", "Local"} {
			if err := calendar.Check(office(zone)); !fault.Is(err, fault.CodeBadUserInput) {
				t.Errorf("time zone %q: got %v, want BAD_USER_INPUT", zone, err)
			}
		}
		if _, err := calendar.New(&model.Calendar{TimeZone: newYork}); err == nil {
			t.Error("New accepts a stored calendar without hours")
		}
	})

	t.Run("gives equal calendars equal IDs", func(t *testing.T) {
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
			t.Errorf("IDs are %s, %s and %s, want the first two equal and the third different", a.ID(), b.ID(), c.ID())
		}
	})
}

func TestReaches(t *testing.T) {
	t.Parallel()
	c := ready(t, weekly(newYork, workdays[:1], "09:00", "09:01"))
	if !c.Reaches(time.Hour) || c.Reaches(100*time.Hour) {
		t.Errorf("Reaches is %t for 1 hour and %t for 100 hours, want true and false", c.Reaches(time.Hour), c.Reaches(100*time.Hour))
	}
	if got := c.Add(moment(t, "2026-03-02 09:00 -0500"), time.Hour); !got.Equal(moment(t, "2027-04-19 09:01 -0400")) {
		t.Errorf("with one minute a week, Add of one hour returned %s, want 59 weeks later", got)
	}
}
