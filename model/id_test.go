package model_test

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/closeloop/closeloop/model"
)

var one = uuid.MustParse("0190a6b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b")

const oneHexed = "0190a6b2c3d47e5f8a9b0c1d2e3f4a5b"

// noun is an id of one type, and how that type is read.
type noun struct {
	id   any
	read func(any) (any, error)
}

func nounOf[T any, P interface {
	*T
	UnmarshalGQL(any) error
}](id T) noun {
	return noun{id, func(v any) (any, error) {
		var read T
		err := P(&read).UnmarshalGQL(v)
		return read, err
	}}
}

func nouns() map[string]noun {
	return map[string]noun{
		"cus": nounOf(model.CustomerID{UUID: one}), "res": nounOf(model.ResponseID{UUID: one}), "cas": nounOf(model.CaseID{UUID: one}),
		"not": nounOf(model.NoteID{UUID: one}), "evt": nounOf(model.EventID{UUID: one}), "rul": nounOf(model.RuleID{UUID: one}),
		"usr": nounOf(model.UserID{UUID: one}), "tok": nounOf(model.ApiTokenID{UUID: one}), "ntf": nounOf(model.NotificationID{UUID: one}),
		"src": nounOf(model.SourceID{UUID: one}), "sdv": nounOf(model.SourceDeliveryID{UUID: one}),
	}
}

func TestID(t *testing.T) {
	t.Parallel()
	t.Run("is read as it was written", func(t *testing.T) {
		t.Parallel()
		for prefix, n := range nouns() {
			var b strings.Builder
			n.id.(interface{ MarshalGQL(io.Writer) }).MarshalGQL(&b)
			if want := strconv.Quote(prefix + "_" + oneHexed); b.String() != want {
				t.Errorf("given out as %s, not %s", b.String(), want)
				continue
			}
			given, _ := strconv.Unquote(b.String())
			if read, err := n.read(given); err != nil || read != n.id {
				t.Errorf("%s is taken back as %v: %v", given, read, err)
			}
			if read, err := model.ParseID(given); err != nil || read != n.id {
				t.Errorf("%s is recognised as %T %v: %v", given, read, read, err)
			}
		}
	})

	t.Run("refuses the id of another noun", func(t *testing.T) {
		t.Parallel()
		for prefix, n := range nouns() {
			for other := range nouns() {
				if _, err := n.read(other + "_" + oneHexed); (err == nil) != (other == prefix) {
					t.Errorf("%s_… was read as %T: %v", other, n.id, err)
				}
			}
		}
	})

	t.Run("has a single spelling", func(t *testing.T) {
		t.Parallel()
		for name, given := range map[string]any{
			"upper case":        "cus_" + strings.ToUpper(oneHexed),
			"an upper prefix":   "CUS_" + oneHexed,
			"hyphens":           "cus_" + one.String(),
			"no prefix":         oneHexed,
			"no underscore":     "cus" + oneHexed,
			"an unknown prefix": "xyz_" + oneHexed,
			"a digit less":      "cus_" + oneHexed[1:],
			"a digit more":      "cus_0" + oneHexed,
			"not hex":           "cus_" + strings.Replace(oneHexed, "0", "g", 1),
			"a space":           " cus_" + oneHexed,
			"nothing":           "",
			"the prefix alone":  "cus_",
			"a number":          int64(7),
			"null":              nil,
		} {
			var id model.CustomerID
			if err := id.UnmarshalGQL(given); !isScalar(err) || id != (model.CustomerID{}) {
				t.Errorf("%s: %v was read as %v: %v", name, given, id, err)
			}
			if text, ok := given.(string); ok {
				if read, err := model.ParseID(text); !isScalar(err) {
					t.Errorf("%s: %v was recognised as %v: %v", name, given, read, err)
				}
			}
		}
	})

	t.Run("quotes a long text only in part", func(t *testing.T) {
		t.Parallel()
		var id model.CaseID
		err := id.UnmarshalGQL(strings.Repeat("ß", 5000))
		if !isScalar(err) || len(err.Error()) > 200 {
			t.Errorf("a complaint of %d bytes: %.100v", len(err.Error()), err)
		}
	})
}

func TestNewUUID(t *testing.T) {
	t.Parallel()
	last := model.NewUUID()
	if last.Version() != 7 {
		t.Errorf("version %d, not 7", last.Version())
	}
	for range 1000 {
		next := model.NewUUID()
		if next.String() <= last.String() {
			t.Fatalf("%s was made after %s", next, last)
		}
		last = next
	}
}

func TestUUIDs(t *testing.T) {
	t.Parallel()
	two := model.NewUUID()
	got := model.UUIDs([]model.CaseID{{UUID: one}, {UUID: two}})
	if len(got) != 2 || got[0] != one || got[1] != two {
		t.Errorf("%v", got)
	}
}

// isScalar reports whether the error is one that the caller can mend.
func isScalar(err error) bool {
	var scalar *model.ScalarError
	return errors.As(err, &scalar)
}
