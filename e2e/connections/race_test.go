//go:build race

package connections

// The race detector keeps several bytes for each of the program's.
const growth = 4 * allowed
