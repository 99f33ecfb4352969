// Package model owns the nouns: customers, responses, cases, notes, events, rules, users, tokens, settings and
// notifications, as rows of the database and as types of the GraphQL API, with the pure methods that follow from
// their fields alone, and the scalars they are made of.
//
// It refuses I/O, and imports no other package of ours: a stored filter is raw JSON here.
package model
