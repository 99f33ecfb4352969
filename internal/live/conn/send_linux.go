//go:build linux && !386

package conn

import (
	"syscall"
	"unsafe"
)

// systemSender writes by one system call. (On 386, sendto is not a system call of its own.)
//
// An event of a wallboard goes to thousands of sockets with one system call each; only the work around that call can be
// saved. So the sender asks the connection only to stay open meanwhile (Control, not Write, which would prepare the
// poller to wait), and it does not tell the scheduler of a call that never waits (RawSyscall).
//
// A goroutine that writes often keeps its sender, because the function do is allocated with it.
type systemSender struct {
	text []byte
	n    int
	err  error
	do   func(fd uintptr)
}

// newSender returns the platform's fastest sender.
func newSender() sender {
	s := &systemSender{}
	s.do = func(fd uintptr) {
		for {
			n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(s.text))), uintptr(len(s.text)),
				syscall.MSG_DONTWAIT, 0, 0)
			switch errno {
			case 0:
				s.n, s.err = int(n), nil
			case syscall.EINTR:
				continue
			case syscall.EAGAIN:
				s.n, s.err = 0, nil
			default:
				s.n, s.err = 0, errno
			}
			return
		}
	}
	return s
}

func (s *systemSender) send(conn syscall.RawConn, text []byte) (n int, err error) {
	s.text = text
	err = conn.Control(s.do)
	s.text = nil
	if err != nil {
		return 0, err
	}
	return s.n, s.err
}
