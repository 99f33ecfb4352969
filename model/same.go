package model

// Same reports whether both are nil, or both point to equal values.
func Same[T comparable](a, b *T) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }
