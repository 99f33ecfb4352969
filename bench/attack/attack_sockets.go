package main

import (
	"encoding/json"
	"fmt"

	"github.com/closeloop/closeloop/bench/program"
)

// socketAttacks open as many subscriptions on a socket as one may have. Their messages are encoded before anything is
// measured, because the attackers share a process with those who measure.
func socketAttacks(f *facts) []attack {
	all := func(name, query string, variables func(i int) vars) attack {
		a := attack{name: name, role: "PARTNER"}
		for i := range 100 {
			message, err := json.Marshal(program.Vars{"id": fmt.Sprint(i), "type": "subscribe",
				"payload": operation{fmt.Sprintf("subscription S%d %s", i, query), variables(i)}})
			check(err)
			a.subscriptions = append(a.subscriptions, message)
		}
		return a
	}
	contains := func(i int) vars {
		return many("or", 330, func(k int) vars { return vars{"response": vars{"comment": vars{"contains": rare(1000*i + k)}}} })
	}
	return []attack{
		all("subscriptions-of-330-contains", `($f: CaseFilter) {caseEvents(filter: $f) {cursor}}`, func(i int) vars { return vars{"f": contains(i)} }),
		all("subscriptions-from-the-beginning", `($f: CaseFilter, $after: String) {caseEvents(filter: $f, after: $after) {cursor}}`, func(i int) vars {
			return vars{"after": f.begin, "f": vars{"number": vars{"eq": -1 - i}}}
		}),
		all("summaries-of-330-contains", `($f: CaseFilter) {caseSummary(filter: $f) {total}}`, func(i int) vars { return vars{"f": contains(i)} }),
	}
}
