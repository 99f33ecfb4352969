// Package intake owns the submission of responses, one or many in one transaction: validate, resolve the customer, match the
// rules, save.
//
// It does not change a case later; package casework does.
package intake
