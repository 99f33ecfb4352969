package conn

import (
	"syscall"
	"unsafe"
)

// sender is one try to write without waiting. It is kept by who writes often: the function that the connection calls
// would else be made anew for each write.
//
// A wallboard's event goes to thousands of sockets, one system call each; what stands around that call is what we can
// save. So the connection is asked for nothing but to stay open meanwhile (Control, not Write, which would make the
// poller ready to wait), and the scheduler is not told of a call that never waits (RawSyscall).
type sender struct {
	text []byte
	n    int
	err  error
	do   func(fd uintptr)
}

func newSender() *sender {
	a := &sender{}
	a.do = func(fd uintptr) {
		for {
			n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(a.text))), uintptr(len(a.text)),
				syscall.MSG_DONTWAIT, 0, 0)
			switch errno {
			case 0:
				a.n, a.err = int(n), nil
			case syscall.EINTR:
				continue
			case syscall.EAGAIN:
				a.n, a.err = 0, nil
			default:
				a.n, a.err = 0, errno
			}
			return
		}
	}
	return a
}

// write writes as much as the system takes at once.
func (a *sender) write(conn syscall.RawConn, text []byte) (n int, err error) {
	a.text = text
	err = conn.Control(a.do)
	a.text = nil
	if err != nil {
		return 0, err
	}
	return a.n, a.err
}
