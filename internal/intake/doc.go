// Package intake owns the way of responses into the database, one or many in one transaction: validate, resolve the
// customer, match the rules, save.
//
// It does not change a case later; package casework does.
package intake
