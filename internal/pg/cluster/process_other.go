//go:build unix && !linux

package cluster

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// dieWithParent does nothing, because only Linux has a parent death signal. The next start finds a
// server that was left behind and stops it.
func dieWithParent(*syscall.SysProcAttr, syscall.Signal) {}

// alive reports whether the process runs. A zombie does not run: it only waits to be reaped.
func alive(pid int) bool {
	state, _ := ps(pid)
	return state != "" && !strings.HasPrefix(state, "Z")
}

// worksIn reports whether the process is a PostgreSQL of this data, by its command line.
func worksIn(pid int, data string) bool {
	_, command := ps(pid)
	return strings.Contains(command, "postgres") && strings.Contains(command, data)
}

// workersIn finds nothing, because ps does not show which data a child of a postmaster works in.
// PostgreSQL itself then reports that the shared memory is in use, and start retries.
func workersIn(account, string) []int { return nil }

func ps(pid int) (state, command string) {
	out, err := exec.Command("ps", "-o", "stat=", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return "", ""
	}
	state, command, _ = strings.Cut(strings.TrimSpace(string(out)), " ")
	return state, command
}
