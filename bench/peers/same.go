package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"
)

// answersCompared is how many answers to one question are compared.
const answersCompared = 25

// checkAnswers compares the answers of all peers to reading questions: they must be the same as those of the first one.
// Of a response that comes in, it checks that a case was opened.
func checkAnswers(w *workload, peers []*peer) {
	for n := range min(answersCompared, max(len(w.variants), 1)) {
		var first any
		for _, p := range peers {
			if p.answer == nil {
				continue
			}
			text := p.answer(w, n)
			if w.writes {
				if err := opensCase(text); err != nil {
					check(fmt.Errorf("%s, %s: %w: %s", p.name, w.name, err, text))
				}
				continue
			}
			answer, err := canonical(text)
			check(err)
			if first == nil {
				first = answer
			}
			if !reflect.DeepEqual(answer, first) {
				a, _ := json.Marshal(first) // cannot fail: it was JSON
				b, _ := json.Marshal(answer)
				check(fmt.Errorf("%s, question %d: %s answers\n%s\nand %s\n%s", w.name, n, peers[0].name, a, p.name, b))
			}
		}
	}
}

// canonical reads the data of an answer so that equal answers are equal: a time is the same in every time zone, and a
// number is the same if it is written as a text (as PostGraphile writes those that may be large). Cursors are not compared,
// because each peer has its own.
func canonical(text []byte) (any, error) {
	var answer struct{ Data any }
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, err
	}
	return simple(answer.Data), nil
}

func simple(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			switch text, isText := inner.(string); {
			case key == "endCursor":
				v[key] = inner != nil
			case key == "number" && isText:
				v[key] = json.Number(text)
			default:
				v[key] = simple(inner)
			}
		}
	case []any:
		for i, inner := range v {
			v[i] = simple(inner)
		}
	case float64:
		return json.Number(fmt.Sprint(v))
	case string:
		if at, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return at.UTC()
		}
	}
	return v
}

// opensCase reports how an answer to a response that came in does not name a case and its assignee.
func opensCase(text []byte) error {
	var answer struct {
		Data struct {
			SubmitResponse struct {
				Case *struct {
					Number   json.Number
					Assignee *struct{ Name string }
				}
			}
		}
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return err
	}
	if c := answer.Data.SubmitResponse.Case; c == nil || c.Number == "" || c.Assignee == nil || c.Assignee.Name == "" {
		return fmt.Errorf("no case with a number and an assignee was opened")
	}
	return nil
}
