//go:build ignore

package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// program is closeloop as a process of its own.
type program struct {
	t     *testing.T
	cmd   *exec.Cmd
	ended chan struct{}

	mu    sync.Mutex
	said  bytes.Buffer
	grown chan struct{} // closed, and replaced, with each line
}

// start runs closeloop with these settings of the environment, and none of whoever runs the tests.
func start(t *testing.T, environment []string, args ...string) *program {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(e string) bool {
		return strings.HasPrefix(e, "CLOSELOOP_") || strings.HasPrefix(e, "DATABASE_URL=")
	})
	cmd.Env = append(cmd.Env, append(environment, asProgram+"=1")...)
	return run(t, cmd)
}

// run runs any program until the test ends.
func run(t *testing.T, cmd *exec.Cmd) *program {
	t.Helper()
	p := &program{t: t, cmd: cmd, ended: make(chan struct{}), grown: make(chan struct{})}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = p.cmd.Stdout
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.listen(out)
	t.Cleanup(func() {
		_ = p.cmd.Process.Signal(os.Interrupt)
		select {
		case <-p.ended:
		case <-time.After(patience):
			_ = p.cmd.Process.Kill()
			<-p.ended
			t.Errorf("%v does not stop", cmd.Args)
		}
		if t.Failed() {
			t.Logf("%v said:\n%s", cmd.Args, p.output())
		}
	})
	return p
}

func (p *program) listen(out io.Reader) {
	defer close(p.ended)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		p.mu.Lock()
		p.said.Write(append(lines.Bytes(), '\n'))
		close(p.grown)
		p.grown = make(chan struct{})
		p.mu.Unlock()
	}
	_ = p.cmd.Wait() // the exit code says how
}

func (p *program) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

// await waits for a line that contains the text, and gives it.
func (p *program) await(text string) string {
	p.t.Helper()
	late := time.After(patience)
	for {
		p.mu.Lock()
		said, grown := p.said.String(), p.grown
		p.mu.Unlock()
		for line := range strings.Lines(said) {
			if strings.Contains(line, text) {
				return strings.TrimSpace(line)
			}
		}
		select {
		case <-grown:
		case <-p.ended:
			if !strings.Contains(p.output(), text) {
				p.t.Fatalf("it ended and never said %q:\n%s", text, p.output())
			}
		case <-late:
			p.t.Fatalf("it never says %q:\n%s", text, p.output())
		}
	}
}

// kill is kill -9, which must come before the end.
func (p *program) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	if code := p.exit(); code != -1 {
		p.t.Fatalf("it ended with exit code %d before it was killed:\n%s", code, p.output())
	}
}

// exit waits for the end and gives the exit code.
func (p *program) exit() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatalf("it does not end:\n%s", p.output())
	}
	return p.cmd.ProcessState.ExitCode()
}
