// Package model owns the nouns of the program: customers, responses, cases, notes, events, rules, users, tokens, settings,
// notifications, webhooks and imports. Each is both a row of the database and a type of the GraphQL API, with the pure
// methods that need only its fields. The package also owns the scalars: ids, times, durations, decimals, addresses.
//
// Package model does no I/O and imports no other package of this repository; a stored filter is therefore raw JSON here.
package model
