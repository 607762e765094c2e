// A goroutine that a signal hit while it ran, and whose handler does not come back.
package main

/*
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
#include <sys/syscall.h>

static void stay(int sig)
{
	(void)sig;
	if (write(1, "up\n", 3) != 3)
		_exit(1);
	for (;;)
		pause();
}

static void take(void)
{
	struct sigaction a = { .sa_handler = stay, .sa_flags = SA_ONSTACK };

	sigfillset(&a.sa_mask);
	sigaction(SIGUSR1, &a, 0);
}
*/
import "C"

import (
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

var thread, count atomic.Int64

//go:noinline
func hot() {
	for {
		count.Add(1)
	}
}

//go:noinline
func caller() {
	thread.Store(int64(syscall.Gettid()))
	hot()
}

func main() {
	C.take()
	go func() {
		runtime.LockOSThread()
		caller()
	}()
	for count.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	syscall.Tgkill(syscall.Getpid(), int(thread.Load()), syscall.SIGUSR1)
	select {}
}
