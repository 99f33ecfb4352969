package program

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// ProcessorTime is what the kernel counts of a process.
type ProcessorTime struct {
	Own, Ended time.Duration // of all threads; of children that were waited for
}

// tick is the unit of times in /proc (proc(5)): 1/100 s on every Linux.
const tick = 10 * time.Millisecond

// TimeOf reads the processor time of a process. ok is false if it has ended, or there is no /proc.
func TimeOf(pid int) (t ProcessorTime, ok bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return t, false
	}
	return parseStat(string(text))
}

// PostgresTime is what a postmaster, its processes and those that have ended have used; 0 where there is no /proc.
func PostgresTime(postmaster int) time.Duration {
	t, _ := TimeOf(postmaster)
	all := t.Own + t.Ended
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", postmaster, postmaster))
	for child := range strings.FieldsSeq(string(children)) {
		pid, _ := strconv.Atoi(child)
		t, _ := TimeOf(pid) // 0 if it has ended meanwhile
		all += t.Own
	}
	return all
}

// parseStat reads a line of /proc/PID/stat. The second field is the program's name, which may have blanks and brackets.
func parseStat(text string) (t ProcessorTime, ok bool) {
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:]) // the first one is field 3 of proc(5)
	if len(fields) < 15 {
		return t, false
	}
	at := func(field int) time.Duration {
		n, _ := strconv.ParseInt(fields[field-3], 10, 64) // the kernel writes numbers
		return time.Duration(n)
	}
	return ProcessorTime{Own: (at(14) + at(15)) * tick, Ended: (at(16) + at(17)) * tick}, true
}
