package setup

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/cli"
)

// asProgram is the environment variable that makes a test binary act as closeloop, so that a test can start a server or
// an import as a process, and kill it, without a build.
const asProgram = "CLOSELOOP_TEST_AS_PROGRAM"

// Main is the TestMain of a package that starts closeloop as a process.
func Main(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(cli.Main(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// Program is a process, such as closeloop itself, whose output a test can wait for.
type Program struct {
	t     testing.TB
	cmd   *exec.Cmd
	ended chan struct{}

	mu    sync.Mutex
	said  bytes.Buffer
	grown chan struct{} // closed, and replaced, with each line
}

// StartProgram runs closeloop with these settings of the environment. The settings of the environment in which the tests
// run do not reach it. The package's TestMain must call Main.
func StartProgram(t testing.TB, environment []string, args ...string) *Program {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(e string) bool {
		return strings.HasPrefix(e, "CLOSELOOP_") || strings.HasPrefix(e, "DATABASE_URL=")
	})
	cmd.Env = append(cmd.Env, append(environment, asProgram+"=1")...)
	return RunProgram(t, cmd)
}

// RunProgram runs any program, and interrupts it when the test ends.
func RunProgram(t testing.TB, cmd *exec.Cmd) *Program {
	t.Helper()
	p := &Program{t: t, cmd: cmd, ended: make(chan struct{}), grown: make(chan struct{})}
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
		case <-time.After(Patience):
			_ = p.cmd.Process.Kill()
			<-p.ended
			t.Errorf("%v does not stop", cmd.Args)
		}
		if t.Failed() {
			t.Logf("%v said:\n%s", cmd.Args, p.Output())
		}
	})
	return p
}

func (p *Program) listen(out io.Reader) {
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

// Output is everything that the program has printed so far.
func (p *Program) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

// Await waits for a line that contains the text, and returns the line.
func (p *Program) Await(text string) string {
	p.t.Helper()
	late := time.After(Patience)
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
			if !strings.Contains(p.Output(), text) {
				p.t.Fatalf("it ended and never said %q:\n%s", text, p.Output())
			}
		case <-late:
			p.t.Fatalf("it never printed %q:\n%s", text, p.Output())
		}
	}
}

// Serving waits until a server accepts connections, or ends. ok is true if it accepts connections.
func (p *Program) Serving(within time.Duration) (url string, ok bool) {
	p.t.Helper()
	const sign = "closeloop is at "
	late := time.After(within)
	for {
		p.mu.Lock()
		said, grown := p.said.String(), p.grown
		p.mu.Unlock()
		for line := range strings.Lines(said) {
			if url, ok := strings.CutPrefix(strings.TrimSpace(line), sign); ok {
				return url, true
			}
		}
		select {
		case <-grown:
		case <-p.ended:
			return "", false
		case <-late:
			p.t.Fatalf("it neither serves nor ends:\n%s", p.Output())
		}
	}
}

// Memory is the process's resident memory in bytes. It skips the test where the system does not tell.
func (p *Program) Memory() int {
	p.t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/statm")
	if err != nil {
		p.t.Skip("the system does not tell the memory of a process: ", err)
	}
	var size, resident int
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		p.t.Fatal(err)
	}
	return resident * os.Getpagesize()
}

// Interrupt asks the program to end in order.
func (p *Program) Interrupt() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.t.Fatal(err)
	}
}

// Kill is kill -9. It fails the test if the program has ended by itself.
func (p *Program) Kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	if code := p.Exit(); code != -1 {
		p.t.Fatalf("it ended with exit code %d before it was killed:\n%s", code, p.Output())
	}
}

// Exit waits for the end and returns the exit code.
func (p *Program) Exit() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(Patience):
		p.t.Fatalf("it does not end:\n%s", p.Output())
	}
	return p.cmd.ProcessState.ExitCode()
}
