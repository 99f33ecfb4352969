package cluster

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// dieWithParent makes the kernel send the signal to the child when the thread that forks it ends.
func dieWithParent(attr *syscall.SysProcAttr, signal syscall.Signal) { attr.Pdeathsig = signal }

// alive reports whether the process runs. A zombie does not run: it only waits to be reaped.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ESRCH) && exists(pid)
	}
	// The state follows the name, which is in parentheses and may contain any character.
	text := string(stat)
	state := strings.TrimSpace(text[strings.LastIndexByte(text, ')')+1:])
	return state != "" && !strings.ContainsRune("ZX", rune(state[0]))
}

// worksIn reports whether the process is a PostgreSQL of this data. The postmaster and all its
// children have the data as their working directory. Root in a container may be unable to read the
// working directory of another user's process, but anyone can read the postmaster's command line.
func worksIn(pid int, data string) bool {
	folder, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/cwd")
	if err == nil {
		return folder == realPath(data)
	}
	line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	return err == nil && slices.Contains(strings.Split(string(line), "\x00"), data)
}

// workersIn lists the processes that work in the data.
func workersIn(a account, data string) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	data = realPath(data)
	var pids, hidden []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		name, err := os.ReadFile("/proc/" + entry.Name() + "/comm")
		if err != nil || !strings.HasPrefix(string(name), "postgres") || !alive(pid) {
			continue
		}
		folder, err := os.Readlink("/proc/" + entry.Name() + "/cwd")
		switch {
		case err == nil && folder == data:
			pids = append(pids, pid)
		case errors.Is(err, os.ErrPermission):
			hidden = append(hidden, pid)
		}
	}
	return append(pids, workersSeenBy(a, data, hidden)...)
}

// workersSeenBy reads the working directories as the database's user, because a user can always
// read those of its own processes.
func workersSeenBy(a account, data string, pids []int) []int {
	if a.credential == nil || len(pids) == 0 {
		return nil
	}
	const script = `data=$1; shift; for pid; do if [ "$(readlink "/proc/$pid/cwd")" = "$data" ]; then echo "$pid"; fi; done`
	args := []string{"-c", script, "sh", data}
	for _, pid := range pids {
		args = append(args, strconv.Itoa(pid))
	}
	cmd := exec.Command("/bin/sh", args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: a.credential}
	out, err := cmd.Output()
	if err != nil {
		return nil // PostgreSQL itself then reports that the shared memory is in use, and start retries
	}
	var found []int
	for word := range strings.FieldsSeq(string(out)) {
		if pid, err := strconv.Atoi(word); err == nil {
			found = append(found, pid)
		}
	}
	return found
}

func realPath(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}
