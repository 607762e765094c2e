// Package lean keeps memory that is only reserved out of cores: gdb would write a gigabyte of zeros into each. What the runtime
// takes into use later it maps anew, so that it is in them.
package lean

import "syscall"

const dontDump = 16

var maps [1 << 16]byte

func init() {
	fd, err := syscall.Open("/proc/self/maps", syscall.O_RDONLY, 0)
	if err != nil {
		return
	}
	n := 0
	for n < len(maps) {
		k, _ := syscall.Read(fd, maps[n:])
		if k <= 0 {
			break
		}
		n += k
	}
	syscall.Close(fd)
	// 7f3f9ab81000-7f3fbab80000 ---p 00000000 00:00 0
	var ends [2]uintptr
	for i := 0; i < n; i++ {
		for k := range ends {
			for ends[k] = 0; i < n && maps[i] != '-' && maps[i] != ' '; i++ {
				ends[k] = ends[k]<<4 | digit(maps[i])
			}
			i++
		}
		if i+3 < n && string(maps[i:i+3]) == "---" {
			syscall.RawSyscall(syscall.SYS_MADVISE, ends[0], ends[1]-ends[0], dontDump)
		}
		for i < n && maps[i] != '\n' {
			i++
		}
	}
}

func digit(c byte) uintptr {
	if c >= 'a' {
		return uintptr(c-'a') + 10
	}
	return uintptr(c - '0')
}
