#include "capture/snapshot_guard.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "capture/lend.h"
#include "capture/page_watch.h"
#include "capture/proc_text.h"
#include "base/banned.h"

#define STOP_LIMIT_NS 300000000ll
/* Signals that always come first, on a busy machine: better to let go and ask again than to try thread after thread. */
#define LEND_LIMIT_NS 20000000ll
#define REAP_LIMIT_NS 3000000000ll
#define BORROW_LIMIT_NS 300000000ll

/* Everything below `guard_main` runs in a child of a program with threads: system calls and our own memory only. */
typedef struct guard {
	gs_guard_shared *s;
	int line;
	gs_tracee *list; /* GS_GUARD_MAX_THREADS */
	uint32_t n;
	uint64_t *known; /* a bit for each thread id that was seen */
	int64_t stopped_ns;
	const gs_guard_range *ranges; /* to be watched */
	uint32_t n_ranges;
	int theirs, watch_fd; /* the same descriptor: the target's number, -1: none; ours */
	int borrow_errno;
	bool is_given_back;
	gs_lender lender;
} guard;

static gs_lender lender_of(gs_guard_shared *s)
{
	return (gs_lender){ .pid = s->pid, .suspends_seccomp = s->suspends_seccomp, .lent_ns = &s->lent_ns };
}

static void tell_path(char *out, size_t n, int32_t pid, const char *rest)
{
	snprintf(out, n, "/proc/%d/%s", pid, rest);
}

static bool is_known(const guard *g, uint64_t tid)
{
	return g->known[tid / 64] >> (tid % 64) & 1;
}

/* The thread has ended; a main thread that ended while others go on stays as a zombie and cannot be traced. */
static bool has_ended(const guard *g, int32_t tid)
{
	char path[64], text[1024];
	gs_proc_stat stat;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", g->s->pid, tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	if (fd >= 0)
		close(fd);
	return n <= 0 || (gs_proc_stat_parse((gs_str){ text, (size_t)n }, &stat) && (stat.state == 'Z' || stat.state == 'X'));
}

/* Attach to threads that are not ours yet; none is stopped by that. False: *err says why not. */
static bool seize_new(guard *g, uint32_t *n_new, gs_err *err)
{
	gs_tids tids;
	int32_t tid;

	*n_new = 0;
	gs_tids_open(&tids, g->s->pid);
	if (tids.fd < 0)
		return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "process %d is gone", g->s->pid);
	while (gs_tids_next(&tids, &tid)) {
		if (is_known(g, (uint32_t)tid))
			continue;
		if (g->n == GS_GUARD_MAX_THREADS) {
			gs_tids_close(&tids);
			return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "process %d has too many threads", g->s->pid);
		}
		if (gs_ptrace(PTRACE_SEIZE, tid, 0, 0) != 0) {
			int why = errno;

			if (why == ESRCH || has_ended(g, tid))
				continue;
			gs_tids_close(&tids);
			return gs_fail(err, why == EPERM ? GS_ERR_DENIED : GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE,
				       "process %d may not be stopped (%s): it is another user's, or a debugger or tracer holds it, or "
				       "kernel.yama.ptrace_scope forbids it; sudo may help", g->s->pid, strerrordesc_np(why));
		}
		g->list[g->n++] = (gs_tracee){ .tid = tid };
		g->known[tid / 64] |= 1ull << (tid % 64);
		++*n_new;
	}
	return true;
}

static void forget(guard *g, uint32_t i)
{
	uint32_t tid = (uint32_t)g->list[i].tid;

	g->known[tid / 64] &= ~(1ull << (tid % 64));
	g->list[i] = g->list[--g->n];
}

/* How many threads the target has, zombies included: cheaper than reading their list. */
static uint64_t n_threads_now(const guard *g)
{
	char path[64];
	struct stat st;

	tell_path(path, sizeof(path), g->s->pid, "task");
	return stat(path, &st) == 0 && st.st_nlink > 2 ? st.st_nlink - 2 : 0;
}

void gs_guard_hurry(bool on)
{
	(void)sched_setscheduler(0, on ? SCHED_RR : SCHED_OTHER, &(struct sched_param){ .sched_priority = on ? 1 : 0 });
}

/* Wait until each of them stands. Whatever stop comes first serves: a signal that arrives meanwhile stays held until the detach. */
static bool wait_stopped(guard *g, int64_t deadline)
{
	for (;;) {
		bool all = true;

		for (uint32_t i = 0; i < g->n;) {
			gs_tracee *t = &g->list[i];
			int status;
			pid_t got;

			if (t->is_stopped) {
				i++;
				continue;
			}
			got = waitpid(t->tid, &status, __WALL | WNOHANG);
			if ((got < 0 && errno != EINTR) || (got > 0 && !WIFSTOPPED(status))) {
				forget(g, i);
				continue;
			}
			if (got > 0) {
				t->is_stopped = true;
				if (status >> 16 == 0)
					t->pending = WSTOPSIG(status);
			} else {
				all = false;
			}
			i++;
		}
		if (all)
			return true;
		if (gs_now_ns() > deadline)
			return false;
		gs_nap();
	}
}

/* The pause begins with the first thread that is asked to stop. */
static bool freeze(guard *g, gs_err *err)
{
	uint32_t n_new, n_asked = 0;
	int64_t deadline;

	/* While it runs: what comes after needs to look for the few threads born meanwhile only. */
	do
		if (!seize_new(g, &n_new, err))
			return false;
	while (n_new && n_new >= g->n / 2);
	g->stopped_ns = gs_now_ns();
	deadline = g->stopped_ns + STOP_LIMIT_NS;
	for (;;) {
		for (; n_asked < g->n; n_asked++)
			gs_ptrace(PTRACE_INTERRUPT, g->list[n_asked].tid, 0, 0);
		if (!wait_stopped(g, deadline))
			return gs_fail(err, GS_ERR_STOPPED, GS_ERR_NOWHERE,
				       "a thread of process %d did not stop (it waits for a device, a disk, or a child that has not called exec); it was left alone", g->s->pid);
		if (n_threads_now(g) == g->n)
			break;
		n_asked = g->n;
		if (!seize_new(g, &n_new, err))
			return false;
		if (n_new == 0)
			break;
	}
	if (g->n == 0)
		return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "process %d is gone", g->s->pid);
	return true;
}

/* Whoever is not stopped is let go when we end. */
static void thaw(guard *g)
{
	for (uint32_t i = 0; i < g->n; i++)
		if (g->list[i].is_stopped)
			gs_ptrace(PTRACE_DETACH, g->list[i].tid, 0, (uint64_t)g->list[i].pending);
	g->n = 0;
}

static void read_registers(guard *g)
{
	gs_guard_shared *s = g->s;

	for (uint32_t i = 0; i < g->n; i++) {
		gs_image_thread *t = &s->threads[s->n_threads];
		struct iovec regs = { t->registers, sizeof(t->registers) }, fp = { t->fp, sizeof(t->fp) };

		if (gs_ptrace(PTRACE_GETREGSET, g->list[i].tid, NT_PRSTATUS, (uint64_t)(uintptr_t)&regs) != 0)
			continue;
		t->tid = g->list[i].tid;
		t->n_registers = (uint32_t)(regs.iov_len / 8);
		t->n_fp_bytes = gs_ptrace(PTRACE_GETREGSET, g->list[i].tid, NT_PRFPREG, (uint64_t)(uintptr_t)&fp) == 0 ? (uint32_t)fp.iov_len : 0;
#if defined(__x86_64__)
		t->pc = t->registers[16];
		t->sp = t->registers[19];
		t->fs_base = t->registers[21];
		t->gs_base = t->registers[22];
#elif defined(__aarch64__)
		t->lr = t->registers[30];
		t->sp = t->registers[31];
		t->pc = t->registers[32];
#endif
		s->n_threads++;
	}
}

static void make_child(guard *g)
{
	gs_guard_shared *s = g->s;
	unsigned n_tried = 0;

	s->no_fork_errno = gs_lend_is_possible() ? -1 : ENOSYS;
	for (uint32_t i = 0; i < g->n; i++) {
		gs_tracee *t = &g->list[i];
		struct user_regs_struct saved;
		uint64_t options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | (s->suspends_seccomp ? PTRACE_O_SUSPEND_SECCOMP : 0);
		/* No signal when it ends. The table of open files stays one: what the target closes is closed, however long the child lives.
		 * A stack of its own that is none: if it ever ran, it would end at its first access. */
		const uint64_t args[4] = { CLONE_FILES | CLONE_FS, 16, 0, 0 };
		long result = 0;
		int32_t child = 0;

		if (t->pending || !gs_lend_can(t->tid, &saved))
			continue;
		if (n_tried++ && gs_now_ns() - g->stopped_ns > LEND_LIMIT_NS)
			return;
		if (gs_ptrace(PTRACE_SETOPTIONS, t->tid, 0, options) != 0) {
			s->no_fork_errno = errno;
			return;
		}
		if (!gs_lend_call(t, &saved, SYS_clone, args, &result, &child)) {
			if (t->pending) { /* another may do it */
				gs_ptrace(PTRACE_SETOPTIONS, t->tid, 0, 0);
				continue;
			}
			t->is_stopped = false; /* gone: not to be detached */
		}
		if (child) {
			s->child_ns_pid = (int32_t)result;
			s->lender = t->tid;
			s->child_pid = child;
			s->no_fork_errno = 0;
		} else {
			s->no_fork_errno = result < 0 ? (int32_t)-result : EINVAL;
		}
		return;
	}
}

/* The child is dead: some thread of the target must wait for it, else it stays a zombie. */
static bool reap(const gs_lender *l, gs_tracee *t, const struct user_regs_struct *saved, void *arg)
{
	const guard *g = arg;
	const uint64_t args[4] = { (uint64_t)(uint32_t)g->s->child_ns_pid, 0, __WALL | WNOHANG, 0 };
	long result = 0;

	return gs_lend_plain_call(l, t, saved, SYS_wait4, args, &result) && (result == g->s->child_ns_pid || result == -ECHILD);
}

/* The target's descriptor `g->theirs` is still the one that it made for us: it may have closed all that it does not know. */
static bool is_still_ours(const guard *g)
{
	char path[64], name[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", g->s->pid, g->theirs);
	n = readlink(path, name, sizeof(name));
	return n > 0 && gs_str_eq((gs_str){ name, (size_t)n }, GS_S("anon_inode:[userfaultfd]"));
}

static bool give_back(const gs_lender *l, gs_tracee *t, const struct user_regs_struct *saved, void *arg)
{
	const guard *g = arg;
	const uint64_t args[4] = { (uint64_t)g->theirs, 0, 0, 0 };
	long result = 0;

	if (!is_still_ours(g))
		return true;
	return gs_lend_plain_call(l, t, saved, SYS_close, args, &result);
}

static bool borrow(const gs_lender *l, gs_tracee *t, const struct user_regs_struct *saved, void *arg)
{
	guard *g = arg;
	const uint64_t args[4] = { (uint64_t)gs_page_watch_flags(), 0, 0, 0 };
	long result = 0;
	int pidfd;

	if (!gs_lend_plain_call(l, t, saved, SYS_userfaultfd, args, &result))
		return false;
	if (result < 0) {
		g->borrow_errno = (int)-result;
		return true;
	}
	g->theirs = (int)result;
	pidfd = (int)syscall(SYS_pidfd_open, g->s->pid, 0);
	g->watch_fd = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, g->theirs, 0);
	g->borrow_errno = g->watch_fd < 0 ? errno : 0;
	if (pidfd >= 0)
		close(pidfd);
	g->is_given_back = give_back(l, t, saved, g);
	return true;
}

static bool begin_watch(guard *g, gs_err *err)
{
	gs_guard_shared *s = g->s;
	int why;

	if (!gs_lend_is_possible())
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "its writes can be watched on amd64 only");
	if (!gs_lend_by_any(&g->lender, gs_now_ns() + BORROW_LIMIT_NS, borrow, g))
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "no thread slept where it could lend itself");
	if (g->theirs >= 0 && !g->is_given_back)
		(void)gs_lend_by_any(&g->lender, gs_now_ns() + REAP_LIMIT_NS, give_back, g);
	if (!gs_lend_let_go(&g->lender, gs_now_ns() + BORROW_LIMIT_NS))
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "a thread did not stop");
	if (g->watch_fd < 0)
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "its writes cannot be watched (%s)", strerrordesc_np(g->borrow_errno));
	why = gs_page_watch_begin(g->watch_fd);
	if (why)
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "its writes cannot be watched (%s)", strerrordesc_np(why));
	for (uint32_t i = 0; i < g->n_ranges; i++)
		if (gs_page_watch_add(g->watch_fd, g->ranges[i].start, g->ranges[i].limit) != 0)
			s->unwatched_bytes += g->ranges[i].limit - g->ranges[i].start;
	return true;
}
static bool is_gone(int32_t pid)
{
	char path[64];

	tell_path(path, sizeof(path), pid, "stat");
	return access(path, F_OK) != 0;
}

static void take_child_away(guard *g, int64_t deadline)
{
	int32_t child = g->s->child_pid;

	while (!(g->s->is_reaped = is_gone(child)) && gs_now_ns() < deadline) {
		g->s->is_reaped = gs_lend_by(&g->lender, g->s->lender, reap, g);
		for (uint32_t i = 0; i < g->s->n_threads && !g->s->is_reaped && gs_now_ns() < deadline; i++)
			g->s->is_reaped = gs_lend_by(&g->lender, g->s->threads[i].tid, reap, g);
		if (g->s->is_reaped)
			break;
		gs_nap();
	}
}

static void end_child(guard *g)
{
	int64_t deadline = gs_now_ns() + REAP_LIMIT_NS;
	int32_t child = g->s->child_pid;
	int status;

	gs_guard_hurry(true);
	kill(child, SIGKILL);
	/* Death is seen in two steps: the tracer's, then the parent's. */
	for (;;) {
		pid_t got = waitpid(child, &status, __WALL);

		if ((got < 0 && errno != EINTR) || (got == child && (WIFEXITED(status) || WIFSIGNALED(status))))
			break;
	}
	take_child_away(g, deadline);
}

static void survive_memory_pressure(const char *path, const char *score)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, score, strlen(score)) < 0) {
		/* without privilege it stays as it was */
	}
	close(fd);
}

/* The guard is dead, by somebody's hand; the kernel has killed the child, its zombie is the target's. */
static void replace_guard(gs_guard_shared *s)
{
	sigset_t all;
	pid_t pid;

	if (!s->child_pid || s->is_reaped)
		return;
	pid = fork();
	if (pid == 0) {
		guard g = { .s = s, .line = -1, .lender = lender_of(s) };

		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
		setsid();
		gs_guard_hurry(true);
		take_child_away(&g, gs_now_ns() + REAP_LIMIT_NS);
		_exit(0);
	}
	if (pid > 0)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
}

/* One byte, with the descriptor if there is one. */
static bool say_ready(int line, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct msghdr m = { .msg_iov = &(struct iovec){ (char[]){ 'r' }, 1 }, .msg_iovlen = 1 };

	if (fd >= 0) {
		struct cmsghdr *h;

		m.msg_control = control.bytes;
		m.msg_controllen = sizeof(control.bytes);
		h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	}
	return sendmsg(line, &m, MSG_NOSIGNAL) == 1;
}

/* The other end of it. *fd: -1 when there was none. */
static bool hear_ready(int line, int *fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	char byte = 0;
	struct msghdr m = { .msg_iov = &(struct iovec){ &byte, 1 }, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes) };
	const struct cmsghdr *h;
	ssize_t got;

	*fd = -1;
	do
		got = recvmsg(line, &m, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	h = got == 1 ? CMSG_FIRSTHDR(&m) : NULL;
	if (h && h->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(h), sizeof(*fd));
	return got == 1;
}

/* Ready; then wait for the other side to say so, or to be gone: the same for us. */
static void stand_by(const guard *g)
{
	char byte = 0;

	if (say_ready(g->line, g->watch_fd))
		while (recv(g->line, &byte, 1, 0) < 0 && errno == EINTR)
			;
}

static void stop_or_fork(guard *g)
{
	gs_guard_shared *s = g->s;
	char path[64];

	if (!freeze(g, &s->err)) {
		s->pause_ns = g->stopped_ns ? gs_now_ns() - g->stopped_ns : 0;
		_exit(1); /* the kernel lets go whoever is ours */
	}
	read_registers(g);
	for (uint32_t i = 0; i < g->n; i++)
		gs_lend_hide_interruption(g->list[i].tid);
	if (s->job == GS_GUARD_FORK)
		make_child(g);
	if (s->child_pid) {
		thaw(g);
		s->pause_ns = gs_now_ns() - g->stopped_ns;
		gs_guard_hurry(false);
		tell_path(path, sizeof(path), s->child_pid, "oom_score_adj");
		survive_memory_pressure(path, "1000");
		stand_by(g);
		end_child(g);
	} else {
		stand_by(g);
		thaw(g);
		s->pause_ns = gs_now_ns() - g->stopped_ns;
	}
}

static void watch(guard *g)
{
	if (!begin_watch(g, &g->s->err))
		_exit(1);
	gs_guard_hurry(false);
	stand_by(g);
	for (uint32_t i = 0; i < g->n_ranges; i++)
		gs_page_watch_remove(g->watch_fd, g->ranges[i].start, g->ranges[i].limit);
}

static _Noreturn void guard_main(guard *g)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	prctl(PR_SET_NAME, "gs-guard");
	/* Files of the one who started us must not stay open through us: the line is 3, nothing lies behind it. */
	if (g->line != 3)
		dup2(g->line, 3);
	syscall(SYS_close_range, 4u, ~0u, 0u);
	g->line = 3;
	survive_memory_pressure("/proc/self/oom_score_adj", "-1000");
	gs_guard_hurry(true);
	if (g->s->job == GS_GUARD_WATCH)
		watch(g);
	else
		stop_or_fork(g);
	_exit(0);
}

bool gs_guard_begin(int32_t pid, gs_guard_job job, bool suspends_seccomp, const gs_guard_range *ranges, uint32_t n_ranges, gs_guard *out,
		    gs_err *err)
{
	gs_guard_shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	/* The guard's: the list of threads, then the bits. */
	const size_t own_bytes = sizeof(gs_tracee) * GS_GUARD_MAX_THREADS + GS_MAX_TID / 8;
	gs_tracee *list = mmap(NULL, own_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int pair[2] = { -1, -1 };

	*out = (gs_guard){ .line = -1, .watch_fd = -1 };
	if (s == MAP_FAILED || list == MAP_FAILED || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
		int why = errno;

		if (s != MAP_FAILED)
			munmap(s, sizeof(*s));
		if (list != MAP_FAILED)
			munmap(list, own_bytes);
		return gs_fail_errno(err, why, "starting a snapshot", "memory");
	}
	s->pid = pid;
	s->job = job;
	s->suspends_seccomp = suspends_seccomp;
	out->shared = s;
	out->pid = fork();
	if (out->pid == 0) {
		guard g = { .s = s, .line = pair[1], .list = list, .known = (uint64_t *)(list + GS_GUARD_MAX_THREADS), .ranges = ranges,
			    .n_ranges = n_ranges, .theirs = -1, .watch_fd = -1, .lender = lender_of(s) };

		close(pair[0]);
		guard_main(&g);
	}
	munmap(list, own_bytes);
	close(pair[1]);
	out->line = pair[0];
	if (out->pid < 0) {
		gs_guard_release(out);
		return gs_fail(err, GS_ERR_IO, GS_ERR_NOWHERE, "cannot start the process that guards a snapshot: %s", strerror(errno));
	}
	if (hear_ready(out->line, &out->watch_fd))
		return true;
	while (waitpid(out->pid, NULL, 0) < 0 && errno == EINTR)
		;
	out->pid = 0;
	replace_guard(s);
	out->vain_pause_ns = s->pause_ns;
	if (err)
		*err = s->err;
	if (s->err.code == GS_ERR_NONE)
		gs_fail(err, GS_ERR_IO, GS_ERR_NOWHERE, "the process that guards a snapshot ended");
	gs_guard_release(out);
	return false;
}

bool gs_guard_lives(const gs_guard *g)
{
	char byte;

	return g->line >= 0 && recv(g->line, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

bool gs_guard_finish(gs_guard *g)
{
	int status = 0;

	if (g->line >= 0)
		close(g->line);
	g->line = -1;
	if (g->watch_fd >= 0)
		close(g->watch_fd);
	g->watch_fd = -1;
	if (g->pid > 0)
		while (waitpid(g->pid, &status, 0) < 0 && errno == EINTR)
			;
	g->pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	replace_guard(g->shared);
	return false;
}

void gs_guard_release(gs_guard *g)
{
	gs_guard_finish(g);
	if (g->shared)
		munmap(g->shared, sizeof(*g->shared));
	g->shared = NULL;
}
