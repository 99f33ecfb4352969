//go:build !linux

package scratch

import "os"

// Parent returns the folder in which Folder creates folders. Only Linux has a memory file system
// with a known path.
func Parent() string { return os.TempDir() }
