/* Which way a snapshot takes, and what may forbid it: looked up in /proc before anything is touched. */
#include "capture/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/pool.h"
#include "capture/lend.h"
#include "capture/page_watch.h"
#include "capture/proc_text.h"
#include "base/banned.h"

#define MB ((uint64_t)1 << 20)
/* Below this a copy is so short that nobody feels it. */
#define SMALL_BYTES (16 * MB)
/* Measured on a virtual machine of 2026; a guess to decide by where nothing was measured on this one. */
#define FORK_NS_PER_GB 9300000.0
#define FORK_HUGE_SHARE (1 / 16.0) /* of what small pages take */
#define COPY_NS_PER_GB 200000000.0
/* Looking for pages that were written to; and of such pages a few megabytes. */
#define SCAN_NS_PER_GB 1000000.0
#define REST_NS 1500000.0
#define STOP_NS 150000.0
#define STOP_THREAD_NS 15000.0

static bool proc_read(const char *root, int32_t pid, const char *name, uint64_t max, gs_file *out, gs_err *err)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/proc/%d/%s", root, pid, name);
	return gs_file_read(path, max, out, err);
}

/* "123 kB" */
static uint64_t kilobytes(gs_str text, const char *name)
{
	gs_str value = gs_proc_status_value(text, name), number, unit;
	uint64_t v = 0;

	(void)gs_str_cut(value, ' ', &number, &unit);
	return gs_str_u64(number, 10, &v) && v < UINT64_MAX / 1024 ? v * 1024 : 0;
}

static bool group_read(const char *root, gs_str group, const char *name, gs_file *out)
{
	char path[8192];

	snprintf(path, sizeof(path), "%s%.*s/%s", root, GS_FMT(group), name);
	return gs_file_read(path, 1 << 20, out, NULL);
}

/* False as well of "max". */
static bool group_number(const char *root, gs_str group, const char *name, uint64_t *out)
{
	GS_AUTO(file) f = { 0 };

	return group_read(root, group, name, &f) && gs_str_u64(gs_str_trim(f.bytes), 10, out);
}

/* Cached pages of files count as used, and give way. */
static uint64_t group_reclaimable(const char *root, gs_str group, bool is_v2)
{
	GS_AUTO(file) f = { 0 };
	uint64_t bytes = 0;
	gs_str rest, line, name, number;

	if (!group_read(root, group, "memory.stat", &f))
		return 0;
	rest = f.bytes;
	while (gs_str_line(&rest, &line))
		if (gs_str_cut(line, ' ', &name, &number) && gs_str_eq(name, is_v2 ? GS_S("inactive_file") : GS_S("total_inactive_file")))
			(void)gs_str_u64(number, 10, &bytes);
	return bytes;
}

/* What the control groups above a process leave it to allocate; UINT64_MAX: no limit in sight. */
static uint64_t cgroup_headroom(const char *root, int32_t pid)
{
	GS_AUTO(file) f = { 0 };
	uint64_t least = UINT64_MAX;
	gs_str rest, line;

	if (!proc_read(root, pid, "cgroup", 1 << 20, &f, NULL))
		return least;
	rest = f.bytes;
	while (gs_str_line(&rest, &line)) {
		gs_str number, controllers, path;
		char groups[4200];
		bool is_v2;

		(void)gs_str_cut(line, ':', &number, &line);
		(void)gs_str_cut(line, ':', &controllers, &path);
		is_v2 = controllers.n == 0;
		if (!is_v2 && !gs_str_has(controllers, GS_S("memory")))
			continue;
		snprintf(groups, sizeof(groups), "%s/sys/fs/cgroup%s", root, is_v2 ? "" : "/memory");
		for (;;) {
			uint64_t max, now, idle;
			size_t slash;

			if (group_number(groups, path, is_v2 ? "memory.max" : "memory.limit_in_bytes", &max) &&
			    group_number(groups, path, is_v2 ? "memory.current" : "memory.usage_in_bytes", &now) && max < (1ull << 60)) {
				idle = group_reclaimable(groups, path, is_v2);
				now -= idle < now ? idle : now;
				max = now < max ? max - now : 0;
				least = max < least ? max : least;
			}
			slash = gs_str_rfind_char(path, '/');
			if (slash == SIZE_MAX)
				break;
			path.n = slash;
		}
	}
	return least;
}

/* How many times longer than alone whatever runs takes here: who makes the child waits for a processor like everybody else. */
static double crowd(const char *root)
{
	GS_AUTO(file) f = { 0 };
	gs_str minute, rest;
	char path[4200];
	double load;

	snprintf(path, sizeof(path), "%s/proc/loadavg", root);
	if (!gs_file_read(path, 4096, &f, NULL))
		return 1;
	(void)gs_str_cut(f.bytes, ' ', &minute, &rest);
	if (!gs_str_f64(minute, &load))
		return 1;
	load /= gs_cpu_count();
	return load > 1 ? load : 1;
}

#define SAMPLE_BYTES (16 * MB)

/* How long the kernel takes to make a child of ourselves that ends at once; INT64_MAX: it makes none. */
static int64_t fork_ns(void)
{
	int64_t begin = gs_now_ns(), end;
	pid_t pid;

	pid = fork();
	if (pid == 0)
		_exit(0);
	end = gs_now_ns();
	if (pid < 0)
		return INT64_MAX;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return end - begin;
}

/* What a child costs for memory in small pages: it differs threefold between machines, and is the same for every process of one. */
static double fork_ns_per_gb(void)
{
	int64_t with = INT64_MAX, without = INT64_MAX, took;
	void *p = mmap(NULL, SAMPLE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return FORK_NS_PER_GB;
	madvise(p, SAMPLE_BYTES, MADV_NOHUGEPAGE);
	for (unsigned i = 0; i < 3; i++) {
		memset(p, (int)i + 1, SAMPLE_BYTES); /* what a child has shared is ours alone again */
		took = fork_ns();
		with = took < with ? took : with;
	}
	madvise(p, SAMPLE_BYTES, MADV_DONTFORK);
	for (unsigned i = 0; i < 3; i++) {
		took = fork_ns();
		without = took < without ? took : without;
	}
	munmap(p, SAMPLE_BYTES);
	if (with == INT64_MAX || without == INT64_MAX || with <= without)
		return FORK_NS_PER_GB;
	return (double)(with - without) / ((double)SAMPLE_BYTES / 1e9);
}

static double measured_fork_ns_per_gb;

static void measure_fork(void)
{
	measured_fork_ns_per_gb = fork_ns_per_gb();
}

/* Of its program, before any byte of it is believed; what cannot be read is left to be found out. */
static bool is_64_bit(const char *root, int32_t pid)
{
	char path[4200];
	unsigned char ident[5] = { 0 };
	int fd;
	bool ok = true;

	snprintf(path, sizeof(path), "%s/proc/%d/exe", root, pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	if (pread(fd, ident, sizeof(ident), 0) == (ssize_t)sizeof(ident))
		ok = ident[4] != 1; /* ELFCLASS32 */
	close(fd);
	return ok;
}

const char *gs_snapshot_way_name(gs_snapshot_way way)
{
	static const char *const names[] = { [GS_SNAPSHOT_AUTO] = "auto", [GS_SNAPSHOT_COPY] = "copy", [GS_SNAPSHOT_FORK] = "fork", [GS_SNAPSHOT_PRECOPY] = "precopy" };

	return names[way];
}

bool gs_snapshot_plan_make(gs_arena *mem, int32_t pid, gs_snapshot_ask ask, gs_snapshot_plan *out, gs_err *err)
{
	GS_AUTO(file) status = { 0 };
	GS_AUTO(file) rollup = { 0 };
	GS_AUTO(file) self = { 0 };
	uint64_t caps = 0, seccomp = 0, headroom, tracer = 0, threads = 0;
	const char *root = ask.root ? ask.root : "";
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	double small_gb, huge_gb, stop_ns, busy = crowd(root);
	const char *no_fork, *no_lending = NULL;
	bool is_watchable;
	gs_str state;

	*out = (gs_snapshot_plan){ 0 };
	if (!proc_read(root, pid, "status", 1 << 20, &status, err))
		return false;
	state = gs_proc_status_value(status.bytes, "State");
	if (state.n && (state.p[0] == 'Z' || state.p[0] == 'X') && !gs_proc_status_value(status.bytes, "VmRSS").n)
		return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "process %d has ended and waits for its parent to notice: it has no memory any more", pid);
	if (!gs_proc_status_value(status.bytes, "VmRSS").n)
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "process %d is a thread of the kernel: it has no memory of its own", pid);
	if (!is_64_bit(root, pid))
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "process %d is a 32-bit program; snapshots are of 64-bit ones", pid);
	out->anon_bytes = kilobytes(status.bytes, "RssAnon") + kilobytes(status.bytes, "VmSwap");
	if (proc_read(root, pid, "smaps_rollup", 1 << 20, &rollup, NULL))
		out->huge_bytes = kilobytes(rollup.bytes, "AnonHugePages");
	if (gs_str_u64(gs_proc_status_value(status.bytes, "TracerPid"), 10, &tracer) && tracer)
		return gs_fail(err, GS_ERR_DENIED, GS_ERR_NOWHERE, "process %d is traced by process %llu (a debugger?), and only one can", pid,
			       (unsigned long long)tracer);
	gs_str_u64(gs_proc_status_value(status.bytes, "Seccomp"), 10, &seccomp);
	if (proc_read(root, getpid(), "status", 1 << 20, &self, NULL))
		gs_str_u64(gs_proc_status_value(self.bytes, "CapEff"), 16, &caps);
	headroom = cgroup_headroom(root, pid);

	huge_gb = (double)out->huge_bytes / 1e9;
	small_gb = (double)(out->anon_bytes > out->huge_bytes ? out->anon_bytes - out->huge_bytes : 0) / 1e9;
	gs_str_u64(gs_proc_status_value(status.bytes, "Threads"), 10, &threads);
	stop_ns = (STOP_NS + (double)threads * STOP_THREAD_NS) * busy;
	out->copy_pause_ns = (int64_t)(stop_ns + (small_gb + huge_gb) * COPY_NS_PER_GB * busy);

	out->precopy_pause_ns = (int64_t)(stop_ns + ((small_gb + huge_gb) * SCAN_NS_PER_GB + REST_NS) * busy);

	if (!gs_lend_is_possible())
		no_lending = "threads lend themselves on amd64 only";
	else if (seccomp == 1 || (seccomp == 2 && !(caps >> 21 & 1)))
		no_lending = "it runs under a seccomp filter, which a lent system call might break (with CAP_SYS_ADMIN the filter can be held off)";
	is_watchable = !no_lending && gs_page_watch_is_possible();
	no_fork = no_lending ? no_lending : headroom < out->anon_bytes / 2 ? "its control group has too little room for pages that change meanwhile" : NULL;
	if (ask.way == GS_SNAPSHOT_FORK && no_fork)
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "no copy-on-write snapshot of process %d: %s", pid, no_fork);
	if (ask.way == GS_SNAPSHOT_PRECOPY && !is_watchable)
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "process %d cannot be copied while it runs: %s", pid,
			       no_lending ? no_lending : "that takes Linux 6.7 or newer");
	out->suspends_seccomp = seccomp == 2;
	out->way_else = no_fork ? GS_SNAPSHOT_COPY : GS_SNAPSHOT_FORK;
	if (ask.way != GS_SNAPSHOT_AUTO) {
		out->way = ask.way;
		out->why = GS_S("asked for");
	} else if (no_fork && !is_watchable) {
		out->way = GS_SNAPSHOT_COPY;
		out->why = gs_str_dup(mem, gs_str_of(no_fork));
	} else if (out->anon_bytes < SMALL_BYTES && !(ask.max_pause_ns && out->copy_pause_ns > ask.max_pause_ns)) {
		out->way = GS_SNAPSHOT_COPY;
		out->why = GS_S("it is small");
	} else {
		out->way = is_watchable ? GS_SNAPSHOT_PRECOPY : GS_SNAPSHOT_FORK;
		out->why = is_watchable ? GS_S("the shortest pause") : GS_S("the shorter pause");
	}
	if (out->way == GS_SNAPSHOT_FORK || (out->way == GS_SNAPSHOT_PRECOPY && out->way_else == GS_SNAPSHOT_FORK)) {
		pthread_once(&once, measure_fork);
		out->fork_pause_ns = (int64_t)(stop_ns + (small_gb + huge_gb * FORK_HUGE_SHARE) * measured_fork_ns_per_gb * busy);
	}
	out->pause_ns = out->way == GS_SNAPSHOT_PRECOPY ? out->precopy_pause_ns : out->way == GS_SNAPSHOT_FORK ? out->fork_pause_ns : out->copy_pause_ns;
	if (ask.max_pause_ns && out->pause_ns > ask.max_pause_ns)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "process %d would pause for about %.1f ms (by %s: %.*s), more than the %.1f ms allowed", pid,
			       (double)out->pause_ns / 1e6, gs_snapshot_way_name(out->way), GS_FMT(out->why),
			       (double)ask.max_pause_ns / 1e6);
	return true;
}

bool gs_snapshot_has_room(const gs_snapshot_plan *plan, const char *root, gs_err *err)
{
	GS_AUTO(file) f = { 0 };
	char path[4200];
	uint64_t available, own = cgroup_headroom(root ? root : "", getpid()), want = plan->anon_bytes + plan->anon_bytes / 16;

	if (own < want)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE,
			       "a snapshot needs %llu MB of memory beside the process, and the control group that gospect runs in allows %llu MB more: run it elsewhere, "
			       "on the host for example", (unsigned long long)(want / MB), (unsigned long long)(own / MB));
	snprintf(path, sizeof(path), "%s/proc/meminfo", root ? root : "");
	if (!gs_file_read(path, 1 << 20, &f, NULL))
		return true;
	available = kilobytes(f.bytes, "MemAvailable");
	if (available >= want)
		return true;
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE,
		       "a snapshot needs %llu MB of memory beside the process, and this machine has %llu MB", (unsigned long long)(plan->anon_bytes / MB),
		       (unsigned long long)(available / MB));
}

bool gs_snapshot_may(int32_t pid, gs_err *err)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		close(fd);
		return true;
	}
	if (errno == ENOENT)
		return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "there is no process %d", pid);
	return gs_fail(err, GS_ERR_DENIED, GS_ERR_NOWHERE,
		       "gospect may not stop process %d (%s): it is another user's, or kernel.yama.ptrace_scope forbids it; gospect doctor --pid %d says what would allow it",
		       pid, strerror(errno), pid);
}
