//go:build !race

package connections

const growth = allowed
