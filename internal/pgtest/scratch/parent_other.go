//go:build !linux

package scratch

import "os"

// Parent is where such folders are made. Only Linux has a memory file system at a known place.
func Parent() string { return os.TempDir() }
