#include "capture/lend.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ptrace.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/banned.h"

#define STOP_ONE_LIMIT_NS 200000000ll

long gs_ptrace(int request, int32_t tid, uint64_t addr, uint64_t data)
{
	return syscall(SYS_ptrace, (long)request, (long)tid, addr, data);
}

void gs_nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 20000 }, NULL);
}

struct dirent64_head { /* getdents64(2) */
	uint64_t ino;
	int64_t off;
	uint16_t len;
	uint8_t type;
	char name[];
};

void gs_tids_open(gs_tids *t, int32_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	t->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	t->at = t->n = 0;
}

bool gs_tids_next(gs_tids *t, int32_t *tid)
{
	while (t->fd >= 0) {
		uint64_t id;

		if (t->at == t->n) {
			t->at = 0;
			t->n = syscall(SYS_getdents64, t->fd, t->buf, sizeof(t->buf));
			if (t->n <= 0) {
				gs_tids_close(t);
				break;
			}
		}
		const struct dirent64_head *d = (const void *)(t->buf + t->at);

		t->at += d->len;
		if (gs_str_u64(gs_str_of(d->name), 10, &id) && id < GS_MAX_TID) {
			*tid = (int32_t)id;
			return true;
		}
	}
	return false;
}

void gs_tids_close(gs_tids *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

#if defined(__x86_64__)
bool gs_lend_is_possible(void)
{
	return true;
}

/*
 * With ERESTARTNOHAND (-514) in the place of EINTR the kernel repeats the call, and makes EINTR of it only when a handler of the program's own has run.
 */
void gs_lend_hide_interruption(int32_t tid)
{
	static const uint16_t calls[] = {
		SYS_read, SYS_write, SYS_accept, SYS_accept4, SYS_sendto, SYS_sendmsg, SYS_recvfrom, SYS_recvmsg,
		SYS_semop, SYS_semtimedop, SYS_rt_sigtimedwait, SYS_io_getevents, SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2,
	};
	struct user_regs_struct r;

	if (gs_ptrace(PTRACE_GETREGS, tid, 0, (uint64_t)(uintptr_t)&r) != 0 || r.cs != 0x33 || (long)r.rax != -EINTR)
		return;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (r.orig_rax == calls[i]) {
			r.rax = (unsigned long)-514;
			gs_ptrace(PTRACE_SETREGS, tid, 0, (uint64_t)(uintptr_t)&r);
			return;
		}
}

/* They are known by what follows the instruction (runtime/sys_linux_amd64.s); C's futex would abort when it wakes for no reason. */
bool gs_lend_can(int32_t tid, struct user_regs_struct *r)
{
	uint64_t code[2] = { 0 };
	unsigned char *b = (unsigned char *)code;
	long rax;
	bool is_interrupted;

	if (gs_ptrace(PTRACE_GETREGS, tid, 0, (uint64_t)(uintptr_t)r) != 0 || r->cs != 0x33)
		return false;
	rax = (long)r->rax;
	is_interrupted = rax == -512 || rax == -513 || rax == -514 || rax == -516; /* ERESTARTSYS and its kin: stopped inside a system call */
	if (!is_interrupted || r->rip < 4096)
		return false;
	for (unsigned i = 0; i < 2; i++)
		if (gs_ptrace(PTRACE_PEEKTEXT, tid, r->rip - 2 + 8 * i, (uint64_t)(uintptr_t)&code[i]) != 0)
			return false;
	if (b[0] != 0x0f || b[1] != 0x05)
		return false;
	if (r->orig_rax == SYS_futex) /* mov %eax, n(%rsp); ret */
		return (r->rsi & 0x7f) == 0 && b[2] == 0x89 && b[3] == 0x44 && b[4] == 0x24 && b[6] == 0xc3;
	if (r->orig_rax == SYS_nanosleep) /* add $n, %rsp; pop %rbp; ret */
		return b[2] == 0x48 && b[3] == 0x83 && b[4] == 0xc4 && b[6] == 0x5d && b[7] == 0xc3;
	return false;
}

/* Next stop of a thread that we set going; 0 when it is gone. */
static int next_stop(int32_t tid)
{
	int status;
	pid_t got;

	do
		got = waitpid(tid, &status, __WALL);
	while (got < 0 && errno == EINTR);
	return got == tid && WIFSTOPPED(status) ? status : 0;
}

/*
 * Nothing here outlives us in the thread: a single step would (the trap flag stays when a tracer dies, and its SIGTRAP ends the
 * program), a changed signal mask as well. So it runs to the call's entry, to its end, and the stop behind it is asked for only there:
 * a clone with a stop pending would fail.
 */
bool gs_lend_call(gs_tracee *t, const struct user_regs_struct *saved, long nr, const uint64_t args[4], long *result, int32_t *child)
{
	enum { TO_ENTRY, TO_END, TO_STOP } phase = TO_ENTRY;
	struct user_regs_struct r = *saved;
	const int32_t tid = t->tid;
	int status;

	r.rip -= 2;
	r.rax = (unsigned long)nr;
	r.orig_rax = (unsigned long)-1;
	r.rdi = args[0];
	r.rsi = args[1];
	r.rdx = args[2];
	r.r10 = args[3];
	r.r8 = 0;
	*result = -EINTR;
	if (gs_ptrace(PTRACE_SETREGS, tid, 0, (uint64_t)(uintptr_t)&r) != 0)
		return false;
	for (;;) {
		int sig, event;

		if (phase == TO_STOP)
			gs_ptrace(PTRACE_INTERRUPT, tid, 0, 0);
		if (gs_ptrace(phase == TO_STOP ? PTRACE_CONT : PTRACE_SYSCALL, tid, 0, 0) != 0 || (status = next_stop(tid)) == 0)
			return false;
		sig = WSTOPSIG(status);
		event = status >> 16;
		if (event == PTRACE_EVENT_CLONE || event == PTRACE_EVENT_FORK) {
			unsigned long pid = 0;

			gs_ptrace(PTRACE_GETEVENTMSG, tid, 0, (uint64_t)(uintptr_t)&pid);
			*child = (int32_t)pid;
			/* First thing: whatever happens to us, it must not live on. */
			if (next_stop(*child))
				gs_ptrace(PTRACE_SETOPTIONS, *child, 0, PTRACE_O_EXITKILL);
			phase = TO_STOP;
		} else if (event == 0 && sig == (SIGTRAP | 0x80)) {
			phase = phase == TO_ENTRY ? TO_END : TO_STOP;
		} else if (event == 0) { /* a signal on its way: the thread stays in front of it */
			t->pending = sig;
			break;
		} else if (phase == TO_STOP) {
			break;
		}
	}
	if (phase == TO_STOP && gs_ptrace(PTRACE_GETREGS, tid, 0, (uint64_t)(uintptr_t)&r) == 0)
		*result = (long)r.rax;
	gs_ptrace(PTRACE_SETREGS, tid, 0, (uint64_t)(uintptr_t)saved);
	return phase == TO_STOP;
}

#else
bool gs_lend_is_possible(void)
{
	return false;
}

void gs_lend_hide_interruption(int32_t tid)
{
	(void)tid;
}

bool gs_lend_can(int32_t tid, struct user_regs_struct *saved)
{
	(void)tid;
	(void)saved;
	return false;
}

bool gs_lend_call(gs_tracee *t, const struct user_regs_struct *saved, long nr, const uint64_t args[4], long *result, int32_t *child)
{
	(void)t;
	(void)saved;
	(void)nr;
	(void)args;
	(void)child;
	*result = -ENOSYS;
	return false;
}
#endif

bool gs_lend_plain_call(const gs_lender *l, gs_tracee *t, const struct user_regs_struct *saved, long nr, const uint64_t args[4], long *result)
{
	int32_t none = 0;

	return gs_ptrace(PTRACE_SETOPTIONS, t->tid, 0, PTRACE_O_TRACESYSGOOD | (l->suspends_seccomp ? PTRACE_O_SUSPEND_SECCOMP : 0)) == 0 &&
	       gs_lend_call(t, saved, nr, args, result, &none);
}

bool gs_lend_by(gs_lender *l, int32_t tid, gs_lend_use *use, void *arg)
{
	struct user_regs_struct saved;
	gs_tracee t = { .tid = tid };
	int64_t begin, deadline;
	bool done = false;
	int status;

	if (gs_ptrace(PTRACE_SEIZE, tid, 0, 0) != 0)
		return false;
	begin = gs_now_ns();
	deadline = begin + STOP_ONE_LIMIT_NS;
	gs_ptrace(PTRACE_INTERRUPT, tid, 0, 0);
	for (;;) {
		pid_t got = waitpid(tid, &status, __WALL | WNOHANG);

		if (got < 0 || (got > 0 && !WIFSTOPPED(status)))
			return false;
		if (got > 0)
			break;
		if (gs_now_ns() > deadline) {
			l->n_late++;
			return false;
		}
		gs_nap();
	}
	if (status >> 16 == 0)
		t.pending = WSTOPSIG(status);
	gs_lend_hide_interruption(tid);
	if (!t.pending && gs_lend_can(tid, &saved))
		done = use(l, &t, &saved, arg);
	gs_ptrace(PTRACE_DETACH, tid, 0, (uint64_t)t.pending);
	*l->lent_ns += gs_now_ns() - begin;
	return done;
}

bool gs_lend_by_any(gs_lender *l, int64_t deadline_ns, gs_lend_use *use, void *arg)
{
	bool done = false;

	while (!done && gs_now_ns() < deadline_ns) {
		gs_tids tids;
		int32_t tid;

		gs_tids_open(&tids, l->pid);
		if (tids.fd < 0)
			return false;
		while (!done && gs_now_ns() < deadline_ns && gs_tids_next(&tids, &tid))
			done = gs_lend_by(l, tid, use, arg);
		gs_tids_close(&tids);
		if (!done)
			gs_nap();
	}
	return done;
}

bool gs_lend_let_go(gs_lender *l, int64_t deadline_ns)
{
	while (l->n_late) {
		int status;
		pid_t got = waitpid(-1, &status, __WALL | WNOHANG);

		if (got < 0 && errno == ECHILD)
			break;
		if (got > 0) {
			if (WIFSTOPPED(status)) {
				gs_lend_hide_interruption(got);
				gs_ptrace(PTRACE_DETACH, got, 0, status >> 16 == 0 ? (uint64_t)WSTOPSIG(status) : 0);
			}
			l->n_late--;
		} else if (gs_now_ns() > deadline_ns) {
			return false;
		} else {
			gs_nap();
		}
	}
	return true;
}
