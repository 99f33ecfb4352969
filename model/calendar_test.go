package model_test

import (
	"encoding/json"
	"testing"

	"github.com/closeloop/closeloop/model"
)

func TestTimeOfDay(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]model.TimeOfDay{"00:00": 0, "00:01": 1, "09:30": 570, "19:05": 1145, "23:59": 1439, "24:00": 1440} {
		got, err := model.ParseTimeOfDay(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%s is %d, written %s: %v", text, got, got, err)
		}
		var back model.TimeOfDay
		if raw, err := json.Marshal(got); err != nil || json.Unmarshal(raw, &back) != nil || back != got {
			t.Errorf("%s as JSON: %v", raw, err)
		}
	}
	for _, text := range []any{"", "9:00", "24:01", "25:00", "12:60", "12:00:00", " 12:00", "noon", 12} {
		var got model.TimeOfDay
		if err := got.UnmarshalGQL(text); err == nil {
			t.Errorf("%v is read as %s", text, got)
		}
	}
}

func TestParseDate(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"2026-12-25", "2024-02-29", "0001-01-01", "9999-12-31"} {
		if got, err := model.ParseDate(text); err != nil || string(got) != text {
			t.Errorf("%s is %s: %v", text, got, err)
		}
	}
	for _, text := range []any{"", "2026-02-29", "2026-13-01", "0000-01-01", "26-12-25", "2026-12-25T00:00:00Z", "25.12.2026", 20261225} {
		var got model.Date
		if err := got.UnmarshalGQL(text); err == nil {
			t.Errorf("%v is read as %s", text, got)
		}
	}
}

func TestDurationInJSON(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(model.Escalation{After: model.Duration(36*3600*1e9 + 5000)})
	if err != nil || string(raw) != `{"after":"PT36H0.000005S","notify":null}` {
		t.Errorf("%s: %v", raw, err)
	}
	var back model.Escalation
	if err := json.Unmarshal(raw, &back); err != nil || back.After != model.Duration(36*3600*1e9+5000) {
		t.Errorf("read back: %+v, %v", back, err)
	}
}
