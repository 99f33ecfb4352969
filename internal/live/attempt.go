package live

import (
	"errors"
	"syscall"
)

// attempt is one try to write without waiting. It is kept by who writes often: the function that the connection calls
// would else be made anew for each write.
type attempt struct {
	text []byte
	n    int
	err  error
	do   func(fd uintptr) (done bool)
}

func newAttempt() *attempt {
	a := &attempt{}
	a.do = func(fd uintptr) bool {
		for {
			a.n, a.err = syscall.Write(int(fd), a.text)
			if !errors.Is(a.err, syscall.EINTR) {
				return true // whatever came of it: 'false' would wait
			}
		}
	}
	return a
}

// write writes as much as the system takes at once.
func (a *attempt) write(conn syscall.RawConn, text []byte) (n int, err error) {
	a.text = text
	err = conn.Write(a.do)
	a.text = nil
	switch {
	case err != nil:
		return 0, err
	case a.err == syscall.EAGAIN:
		return 0, nil
	case a.err != nil:
		return 0, a.err
	}
	return a.n, nil
}
