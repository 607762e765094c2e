#include "capture/perf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "capture/kernel.h"
#include "capture/leaf.h"
#include "capture/perf_file.h"
#include "capture/perf_records.h"
#include "capture/perf_ring.h"
#include "capture/proc_text.h"
#include "format/elf/elf.h"
#include "base/banned.h"

enum {
	RING_PAGES = 128,
	MAX_CPUS = 4096,
	MAX_EVENTS = 1 << 20,
	MAX_BINARIES = 1024,
	MAX_RINGS_BYTES = 128 << 20,
	FLUSH_BYTES = 256 << 10,
	OUT_BYTES = 64 << 20,
	FLUSH_NS = 1000000000,
	TICK_MS = 200,
	RECORD_FINISHED_ROUND = 68,
};

struct gs_perf {
	gs_perf_options o;
	gs_perf_facts facts;
	struct perf_event_attr attr; /* as the kernel gets it */
	GS_VEC(int) events;
	GS_VEC(gs_perf_ring) rings;
	GS_VEC(int) pidfds;
	GS_VEC(gs_perf_binary) binaries;
	gs_map attached; /* threads that have events */
	int cpus[MAX_CPUS];
	size_t n_cpus;
	gs_perf_sink sink;
	gs_buf out;
	gs_perf_file file;
	gs_leaf *leaf;
	uint64_t *kernel_ips;
	int64_t wall_ns, clock_ns;
};

static int by_i32(const void *a, const void *b)
{
	int32_t x, y;

	memcpy(&x, a, 4);
	memcpy(&y, b, 4);
	return (x > y) - (x < y);
}

bool gs_threads_list(int32_t pid, int32_t **out, size_t *n)
{
	GS_VEC(int32_t) list = { 0 };
	char path[64];
	DIR *dir;
	struct dirent *e;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		uint64_t tid;
		int32_t *slot;

		if (gs_str_u64(gs_str_of(e->d_name), 10, &tid) && tid <= INT32_MAX && (slot = gs_vec_push(&list, 1 << 20)))
			*slot = (int32_t)tid;
	}
	if (dir)
		closedir(dir);
	if (list.n)
		qsort(list.p, list.n, sizeof(*list.p), by_i32);
	*out = list.p;
	*n = list.n;
	return list.n > 0;
}

static void set_attr(gs_perf *p)
{
	struct perf_event_attr *a = &p->attr;

	*a = (struct perf_event_attr){
		.size = sizeof(*a),
		.type = p->o.hardware ? PERF_TYPE_HARDWARE : PERF_TYPE_SOFTWARE,
		.config = p->o.hardware ? PERF_COUNT_HW_CPU_CYCLES : PERF_COUNT_SW_CPU_CLOCK,
		.sample_freq = p->o.frequency_hz,
		.freq = 1,
		.sample_type = GS_PERF_SAMPLE_TYPE | GS_PERF_EXTRA_TYPE,
		.sample_stack_user = GS_PERF_STACK_BYTES,
#if defined(__x86_64__)
		.sample_regs_user = 7ull << 6, /* BP, SP, IP */
#elif defined(__aarch64__)
		.sample_regs_user = 7ull << 30, /* LR, SP, PC */
#else
#error "which registers hold the stack pointer and the instruction pointer here?"
#endif
		.sample_id_all = 1,
		.mmap = 1,
		.mmap2 = 1,
		.comm = 1,
		.comm_exec = 1,
		.task = 1,
		.exclude_idle = 1,
		.exclude_hv = 1,
		.exclude_guest = 1,
		.exclude_kernel = p->o.user_only,
		.watermark = 1,
		.wakeup_watermark = RING_PAGES * 4096 / 4,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.disabled = p->o.on_exec,
		.enable_on_exec = p->o.on_exec,
	};
	if (p->facts.scope == GS_PERF_SCOPE_TASKS) {
		a->inherit = 1;
		a->inherit_thread = !p->o.follows_children;
	}
}

static int sys_open(const struct perf_event_attr *attr, int32_t tid, int cpu)
{
	return (int)syscall(SYS_perf_event_open, attr, tid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static void raise_file_limit(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur < lim.rlim_max) {
		lim.rlim_cur = lim.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &lim);
	}
}

static gs_perf_ring *ring_of(gs_perf *p, int cpu)
{
	for (size_t i = 0; i < p->rings.n; i++)
		if (p->rings.p[i].cpu == cpu)
			return &p->rings.p[i];
	return NULL;
}

/* One event with a ring to write to. False with errno. */
static bool open_event(gs_perf *p, int32_t tid, int cpu)
{
	int fd = sys_open(&p->attr, tid, cpu), *slot, e;
	gs_perf_ring *ring, made;
	unsigned pages = p->o.frequency_hz <= 1000 ? RING_PAGES : p->o.frequency_hz <= 4000 ? 4 * RING_PAGES : 8 * RING_PAGES;

	if (fd < 0)
		return false;
	ring = ring_of(p, cpu);
	if (ring) {
		if (ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring->fd))
			goto fail;
	} else {
		while (pages > 16 && (uint64_t)pages * 4096 * p->n_cpus > MAX_RINGS_BYTES)
			pages /= 2;
		if (!gs_perf_ring_map(&made, fd, cpu, pages))
			goto fail;
		ring = gs_vec_push(&p->rings, MAX_CPUS);
		if (!ring) {
			gs_perf_ring_unmap(&made);
			errno = ENOMEM;
			goto fail;
		}
		*ring = made;
	}
	slot = gs_vec_push(&p->events, MAX_EVENTS);
	if (!slot) {
		errno = ENOMEM;
		goto fail;
	}
	*slot = fd;
	return true;
fail:
	e = errno;
	close(fd);
	errno = e;
	return false;
}

static void close_events(gs_perf *p)
{
	for (size_t i = 0; i < p->rings.n; i++)
		gs_perf_ring_unmap(&p->rings.p[i]);
	for (size_t i = 0; i < p->events.n; i++)
		close(p->events.p[i]);
	gs_vec_release(&p->rings);
	gs_vec_release(&p->events);
	gs_map_release(&p->attached);
}

static bool open_cpus(gs_perf *p)
{
	for (size_t i = 0; i < p->n_cpus; i++)
		if (!open_event(p, -1, p->cpus[i]) && errno != ENODEV)
			return false;
	errno = ENODEV;
	return p->rings.n > 0;
}

/* All CPUs of one thread. A thread that ended meanwhile is no failure. */
static bool open_thread(gs_perf *p, int32_t tid)
{
	bool is_new;

	for (size_t i = 0; i < p->n_cpus; i++)
		if (!open_event(p, tid, p->cpus[i]) && errno != ENODEV)
			return errno == ESRCH;
	(void)gs_map_put(&p->attached, (uint64_t)tid, &is_new);
	return true;
}

static void drain(gs_perf *p, bool *any)
{
	*any = false;
	for (size_t i = 0; i < p->rings.n; i++)
		*any |= gs_perf_ring_drain(&p->rings.p[i], &p->sink);
}

/*
 * Threads are born while we attach. One whose parent had events already has inherited them (a FORK record says so); any other gets
 * its own. Done when a look finds nothing new.
 */
static bool open_process(gs_perf *p, int32_t pid)
{
	for (int pass = 0; pass < 20; pass++) {
		int32_t *tids;
		size_t n, n_new = 0;
		bool any, ok = true;

		if (!gs_threads_list(pid, &tids, &n)) {
			errno = ESRCH;
			return false;
		}
		if (pass > 0) {
			usleep(500); /* a FORK record follows the thread's appearance */
			drain(p, &any);
		} else {
			p->facts.n_threads += (uint32_t)n;
		}
		for (size_t i = 0; i < n && ok; i++) {
			if (gs_map_get(&p->attached, (uint64_t)tids[i]) || gs_map_get(&p->sink.tids, (uint64_t)tids[i]))
				continue;
			n_new++;
			ok = open_thread(p, tids[i]);
		}
		free(tids);
		if (!ok)
			return false;
		if (n_new == 0)
			break;
	}
	return true;
}

static bool open_tasks(gs_perf *p)
{
	size_t n_open = 0;
	int e = ESRCH;

	for (uint32_t i = 0; i < p->o.n_pids; i++) {
		if (open_process(p, p->o.pids[i]))
			n_open++;
		else if (errno != ESRCH)
			return false;
	}
	errno = e;
	return n_open > 0 && p->rings.n > 0;
}

/* One way of asking; what the kernel refuses is given up step by step. */
static bool try_scope(gs_perf *p, gs_perf_scope scope)
{
	p->facts.scope = scope;
	p->sink.takes_all = scope == GS_PERF_SCOPE_TASKS && p->o.follows_children;
	set_attr(p);
	for (;;) {
		int e;

		p->facts.n_threads = 0;
		if (scope == GS_PERF_SCOPE_CPUS ? open_cpus(p) : open_tasks(p))
			return true;
		e = errno;
		close_events(p);
		errno = e;
		if (e == EINVAL && p->attr.inherit_thread) {
			p->attr.inherit_thread = 0; /* before Linux 5.13: children are dropped when they are read */
		} else if ((e == EACCES || e == EPERM) && !p->attr.exclude_kernel && scope == GS_PERF_SCOPE_TASKS) {
			p->attr.exclude_kernel = 1;
			p->facts.why_no_kernel = "kernel.perf_event_paranoid forbids kernel stacks to this user";
		} else if ((e == ENOENT || e == EOPNOTSUPP || e == ENODEV) && p->attr.type == PERF_TYPE_HARDWARE) {
			p->attr.type = PERF_TYPE_SOFTWARE; /* a virtual machine without a PMU */
			p->attr.config = PERF_COUNT_SW_CPU_CLOCK;
		} else {
			return false;
		}
	}
}

static bool explain(const gs_perf *p, int e, gs_err *err)
{
	int64_t paranoid = gs_kernel_number("/proc/sys/kernel/perf_event_paranoid", 2);
	int64_t most = gs_kernel_number("/proc/sys/kernel/perf_event_max_sample_rate", 100000);

	switch (e) {
	case ESRCH:
		return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "process %d ended before it could be recorded", p->o.pids[0]);
	case EACCES:
	case EPERM:
		if (paranoid > 2)
			return gs_fail(err, GS_ERR_DENIED, GS_ERR_NOWHERE,
				       "this user may not sample processes (kernel.perf_event_paranoid is %lld): use sudo, or allow it with "
				       "`sudo sysctl kernel.perf_event_paranoid=2`", (long long)paranoid);
		return gs_fail(err, GS_ERR_DENIED, GS_ERR_NOWHERE,
			       "may not sample process %d: it is another user's or has more rights; use sudo (gospect doctor --pid %d tells more)",
			       p->o.pids[0], p->o.pids[0]);
	case ENOSYS:
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE,
			       "perf events are not available here (a container's seccomp profile, or a kernel without them); gospect doctor tells more");
	case EMFILE:
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE,
			       "not enough file descriptors for %u threads on %zu CPUs: raise `ulimit -n`, or use sudo", p->facts.n_threads, p->n_cpus);
	case EINVAL:
		if (p->o.frequency_hz > most)
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%u Hz is more than kernel.perf_event_max_sample_rate allows (%lld)",
				       p->o.frequency_hz, (long long)most);
		break;
	default:
		break;
	}
	return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "perf events: %s", strerror(e));
}

static int open_checked(const char *path, uint64_t inode)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode) || (inode && st.st_ino != inode))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The file behind a mapping, as the process sees it; it may be deleted, replaced, or in a file system of its own. */
static int open_mapped(const gs_perf_map *m)
{
	char path[4200], exe[4200];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/exe", m->pid);
	n = readlink(path, exe, sizeof(exe));
	if (n > 0 && gs_str_starts((gs_str){ exe, (size_t)n }, m->path) &&
	    ((size_t)n == m->path.n || gs_str_ends((gs_str){ exe, (size_t)n }, GS_S(" (deleted)")))) {
		fd = open_checked(path, 0);
		if (fd >= 0)
			return fd;
	}
	snprintf(path, sizeof(path), "/proc/%u/root%.*s", m->pid, GS_FMT(m->path));
	fd = open_checked(path, m->inode);
	if (fd >= 0)
		return fd;
	snprintf(exe, sizeof(exe), "/proc/%u/map_files/%llx-%llx", m->pid, (unsigned long long)m->start,
		 (unsigned long long)m->limit);
	fd = open_checked(exe, 0);
	/* Layered file systems number the files of a map differently. */
	return fd >= 0 ? fd : open_checked(path, 0);
}

/* Hold the file behind a mapping open. */
static gs_perf_binary *hold(gs_perf *p, const gs_perf_map *m)
{
	gs_perf_binary *b;
	char *copy;
	int fd;

	for (size_t i = 0; i < p->binaries.n; i++)
		if ((p->binaries.p[i].pid == m->pid || (m->inode && p->binaries.p[i].inode == m->inode)) &&
		    gs_str_eq(gs_str_of(p->binaries.p[i].path), m->path))
			return &p->binaries.p[i];
	fd = open_mapped(m);
	if (fd < 0)
		return NULL;
	copy = strndup(m->path.p, m->path.n);
	b = copy ? gs_vec_push(&p->binaries, MAX_BINARIES) : NULL;
	if (!b) {
		free(copy);
		close(fd);
		return NULL;
	}
	*b = (gs_perf_binary){ .pid = m->pid, .path = copy, .inode = m->inode, .fd = fd };
	snprintf(b->open_path, sizeof(b->open_path), "/proc/self/fd/%d", fd);
	return b;
}

static void on_map(void *ctx, const gs_perf_map *m)
{
	gs_perf *p = ctx;
	gs_perf_binary *b;

	if (m->path.n == 0 || m->path.p[0] != '/' || gs_str_starts(m->path, GS_S("//")) || m->path.n > 4096)
		return;
	b = hold(p, m);
	if (b && p->leaf)
		gs_leaf_map(p->leaf, m->pid, m->start, m->limit, m->offset, b->open_path);
}

static uint64_t on_leaf(void *ctx, uint32_t pid, const gs_perf_user_top *top)
{
	gs_perf *p = ctx;

	return gs_leaf_caller(p->leaf, pid, top);
}

static void put_comm(gs_buf *out, uint32_t pid, uint32_t tid)
{
	GS_AUTO(file) f = { 0 };
	char path[64];
	size_t at;

	snprintf(path, sizeof(path), "/proc/%u/task/%u/comm", pid, tid);
	if (!gs_file_read(path, 4096, &f, NULL))
		return;
	at = gs_perf_record_begin(out, PERF_RECORD_COMM, 0);
	gs_perf_put_u32(out, pid);
	gs_perf_put_u32(out, tid);
	gs_perf_put_text(out, gs_str_slice(gs_str_trim(f.bytes), 0, 16));
	gs_perf_record_end(out, at, pid, tid, true);
}

static void put_map(gs_buf *out, uint32_t pid, const gs_proc_map *m)
{
	size_t at = gs_perf_record_begin(out, PERF_RECORD_MMAP2, PERF_RECORD_MISC_USER);

	gs_perf_put_u32(out, pid);
	gs_perf_put_u32(out, pid);
	gs_perf_put_u64(out, m->start);
	gs_perf_put_u64(out, m->limit - m->start);
	gs_perf_put_u64(out, m->offset);
	gs_perf_put_u32(out, m->dev_major);
	gs_perf_put_u32(out, m->dev_minor);
	gs_perf_put_u64(out, m->inode);
	gs_perf_put_u64(out, 0); /* inode generation */
	gs_perf_put_u32(out, (m->is_read ? 1u : 0) | (m->is_write ? 2u : 0) | (m->is_exec ? 4u : 0));
	gs_perf_put_u32(out, m->is_shared ? 1 : 2);
	gs_perf_put_text(out, m->path.n ? m->path : GS_S("//anon"));
	gs_perf_record_end(out, at, pid, pid, true);
}

static void put_kernel_map(gs_buf *out, uint64_t start, uint64_t size, uint64_t offset, gs_str name)
{
	size_t at = gs_perf_record_begin(out, PERF_RECORD_MMAP, PERF_RECORD_MISC_KERNEL);

	gs_perf_put_u32(out, UINT32_MAX);
	gs_perf_put_u32(out, 0);
	gs_perf_put_u64(out, start);
	gs_perf_put_u64(out, size);
	gs_perf_put_u64(out, offset);
	gs_perf_put_text(out, name);
	gs_perf_record_end(out, at, UINT32_MAX, 0, true);
}

static void put_kernel(gs_buf *out)
{
	GS_AUTO(file) f = { 0 };
	uint64_t start, end, size;
	gs_str rest, name;

	if (!gs_kernel_text(&start, &end))
		return;
	put_kernel_map(out, start, end - start, start, GS_S("[kernel.kallsyms]_text"));
	if (!gs_file_read("/proc/modules", 16 << 20, &f, NULL))
		return;
	rest = f.bytes;
	while (gs_module_next(&rest, &name, &start, &size)) {
		char text[80];

		snprintf(text, sizeof(text), "[%.*s]", (int)(name.n < 60 ? name.n : 60), name.p);
		put_kernel_map(out, start, size, 0, gs_str_of(text));
	}
}

/* What the kernel told before we listened: names of threads, mapped files. */
static void put_process(gs_perf *p, gs_buf *out, int32_t pid)
{
	GS_AUTO(file) f = { 0 };
	char path[64];
	gs_proc_map m;
	gs_str rest;
	int32_t *tids;
	size_t n;

	if (gs_threads_list(pid, &tids, &n))
		for (size_t i = 0; i < n; i++)
			put_comm(out, (uint32_t)pid, (uint32_t)tids[i]);
	free(tids);
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	if (!gs_file_read(path, 256 << 20, &f, NULL))
		return;
	rest = f.bytes;
	while (gs_proc_map_next(&rest, &m)) {
		if (!m.is_exec)
			continue;
		put_map(out, (uint32_t)pid, &m);
		on_map(p, &(gs_perf_map){ (uint32_t)pid, m.start, m.limit, m.offset, m.inode, m.path });
	}
}

static void watch(gs_perf *p)
{
	for (uint32_t i = 0; i < p->o.n_pids; i++) {
		int fd = (int)syscall(SYS_pidfd_open, p->o.pids[i], 0), *slot;

		slot = fd >= 0 ? gs_vec_push(&p->pidfds, MAX_EVENTS) : NULL;
		if (slot)
			*slot = fd;
		else if (fd >= 0)
			close(fd);
	}
}

static bool begin_file(gs_perf *p, gs_err *err)
{
	struct perf_event_attr a = p->attr;
	GS_AUTO(buf) first = { 0 };

	a.sample_type = GS_PERF_SAMPLE_TYPE;
	a.sample_regs_user = 0;
	a.sample_stack_user = 0;
	gs_buf_init(&first, OUT_BYTES);
	if (!a.exclude_kernel)
		put_kernel(&first);
	for (uint32_t i = 0; i < p->o.n_pids; i++)
		put_process(p, &first, p->o.pids[i]);
	return gs_perf_file_begin(&p->file, p->o.fd, &a, p->facts.event, err) &&
	       gs_perf_file_add(&p->file, gs_buf_view(&first), err);
}

gs_perf *gs_perf_open(const gs_perf_options *options, gs_err *err)
{
	gs_perf *p = calloc(1, sizeof(*p));
	bool ok = false;
	int e;

	if (!p) {
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory");
		return NULL;
	}
	p->o = *options;
	if (!p->o.frequency_hz)
		p->o.frequency_hz = 99;
	gs_buf_init(&p->out, OUT_BYTES);
	p->leaf = gs_leaf_create();
	p->sink = (gs_perf_sink){ .out = &p->out,
				  .follows_children = options->follows_children,
				  .has_extra = true,
				  .begin_ns = options->on_exec ? 0 : UINT64_MAX, /* not before gs_perf_run */
				  .on_map = on_map,
				  .caller_of_leaf = p->leaf ? on_leaf : NULL,
				  .ctx = p };
	for (uint32_t i = 0; i < options->n_pids; i++)
		(void)gs_perf_sink_add_pid(&p->sink, (uint32_t)options->pids[i]);
	p->n_cpus = gs_cpus_online(p->cpus, MAX_CPUS);
	raise_file_limit();
	/* Children are followed by inheritance: an event of a CPU would learn of them too late. */
	if (options->scope != GS_PERF_SCOPE_TASKS && !options->follows_children && !options->on_exec)
		ok = try_scope(p, GS_PERF_SCOPE_CPUS);
	if (!ok && options->scope != GS_PERF_SCOPE_CPUS)
		ok = try_scope(p, GS_PERF_SCOPE_TASKS);
	e = errno;
	p->facts.n_events = (uint32_t)p->events.n;
	p->facts.n_cpus = (uint32_t)p->rings.n;
	p->facts.event = p->attr.type == PERF_TYPE_HARDWARE ? "cycles" : "cpu-clock";
	p->facts.has_kernel = !p->attr.exclude_kernel;
	if (p->attr.exclude_kernel && options->user_only)
		p->facts.why_no_kernel = "not asked for";
	p->wall_ns = gs_clock_ns(CLOCK_REALTIME);
	p->clock_ns = gs_now_ns();
	if (!ok)
		explain(p, e, err);
	if (!ok || !begin_file(p, err)) {
		gs_perf_close(p);
		return NULL;
	}
	watch(p);
	return p;
}

static bool flush(gs_perf *p, gs_err *err)
{
	bool ok = gs_perf_file_add(&p->file, gs_buf_view(&p->out), err);

	if (p->out.bad) /* more than OUT_BYTES between two looks: count what went */
		p->sink.n_lost++;
	p->out.n = 0;
	p->out.bad = false;
	return ok;
}

static void round_up(gs_perf *p)
{
	size_t at = gs_perf_record_begin(&p->out, RECORD_FINISHED_ROUND, 0);

	gs_perf_record_end(&p->out, at, 0, 0, false);
}

static void update_facts(gs_perf *p)
{
	gs_perf_facts *f = &p->facts;

	f->n_samples = p->sink.n_samples;
	f->n_user = p->sink.n_user;
	f->n_kernel = p->sink.n_kernel;
	f->n_lost = p->sink.n_lost + p->sink.n_bad;
	f->n_repaired = p->sink.n_repaired;
	f->n_throttled = p->sink.n_throttled;
	f->size_bytes = p->file.data_bytes;
	f->is_full = p->file.is_full;
	f->first_ns = (int64_t)p->sink.first_ns;
	f->last_ns = (int64_t)p->sink.last_ns;
	f->binaries = p->binaries.p;
	f->n_binaries = (uint32_t)p->binaries.n;
}

static bool all_ended(gs_perf *p)
{
	if (p->pidfds.n < p->o.n_pids) { /* before Linux 5.3, or gone already */
		for (uint32_t i = 0; i < p->o.n_pids; i++) {
			char path[64];
			GS_AUTO(file) f = { 0 };
			gs_proc_stat st;

			snprintf(path, sizeof(path), "/proc/%d/stat", p->o.pids[i]);
			if (gs_file_read(path, 65536, &f, NULL) && gs_proc_stat_parse(f.bytes, &st) && st.state != 'Z' && st.state != 'X')
				return false;
		}
		return true;
	}
	for (size_t i = 0; i < p->pidfds.n; i++) {
		struct pollfd one = { .fd = p->pidfds.p[i], .events = POLLIN };

		if (poll(&one, 1, 0) == 0)
			return false;
	}
	return true;
}

bool gs_perf_run(gs_perf *p, int64_t duration_ns, const gs_progress *progress, gs_err *err)
{
	size_t n = p->rings.n + p->pidfds.n;
	struct pollfd *fds = calloc(n + 1, sizeof(*fds));
	int64_t begin = gs_now_ns(), flush_at = begin, end = duration_ns ? begin + duration_ns : INT64_MAX;
	bool ok = true;

	if (!fds)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory");
	if (!p->o.on_exec)
		p->sink.begin_ns = (uint64_t)begin;
	for (size_t i = 0; i < n; i++)
		fds[i] = (struct pollfd){ .fd = i < p->rings.n ? p->rings.p[i].fd : p->pidfds.p[i - p->rings.n], .events = POLLIN };
	while (ok) {
		int64_t now = gs_now_ns(), left_ms = (end - now) / 1000000;
		char text[80];
		bool any;

		if (now >= end || gs_progress_should_stop(progress))
			break;
		if (poll(fds, n, left_ms < TICK_MS ? (int)left_ms + 1 : TICK_MS) > 0)
			for (size_t i = 0; i < n; i++)
				/* The first thread of a ring ended: the ring lives on, but would always be ready. */
				if (fds[i].revents & (POLLHUP | POLLERR | POLLNVAL) || (i >= p->rings.n && fds[i].revents))
					fds[i].fd = -1;
		drain(p, &any);
		if (any && p->out.n)
			round_up(p);
		if (p->out.n >= FLUSH_BYTES || p->out.bad || (p->out.n && now >= flush_at)) {
			ok = flush(p, err);
			flush_at = now + FLUSH_NS;
		}
		update_facts(p);
		snprintf(text, sizeof(text), "%llu samples", (unsigned long long)p->sink.n_samples);
		gs_progress_report(progress, duration_ns ? (double)(now - begin) / (double)duration_ns : -1, text);
		if (all_ended(p)) {
			p->facts.target_ended = true;
			break;
		}
	}
	p->sink.end_ns = (uint64_t)gs_now_ns();
	free(fds);
	return ok || p->file.is_full;
}

static gs_str raw_build_id(const char *path, gs_arena *mem)
{
	GS_AUTO(file) f = { 0 };
	gs_elf e;

	if (!gs_file_open(path, 1ull << 40, &f, NULL) || !gs_elf_open(mem, f.bytes, &e, NULL))
		return (gs_str){ 0 };
	return gs_str_dup(mem, gs_elf_gnu_build_id(&e));
}

static void collect_kernel_ips(gs_perf *p)
{
	const gs_map *m = &p->sink.kernel_ips;

	p->kernel_ips = malloc((m->n + 1ul) * sizeof(*p->kernel_ips));
	if (!p->kernel_ips)
		return;
	for (uint32_t i = 0; i < m->cap; i++)
		if (m->slots[i].is_used)
			p->kernel_ips[p->facts.n_kernel_ips++] = m->slots[i].key;
	p->facts.kernel_ips = p->kernel_ips;
}

bool gs_perf_finish(gs_perf *p, gs_err *err)
{
	GS_AUTO(arena) *mem = gs_arena_create(1ull << 30);
	gs_perf_build_id *ids = gs_new(mem, gs_perf_build_id, p->binaries.n + 1);
	gs_perf_file_facts facts = { .command = p->o.command, .n_command = p->o.n_command, .version = p->o.version,
				     .build_ids = ids, .wall_ns = p->wall_ns, .clock_ns = p->clock_ns, .clockid = CLOCK_MONOTONIC };
	char kernel[64];
	bool any;

	for (size_t i = 0; i < p->events.n; i++)
		(void)ioctl(p->events.p[i], PERF_EVENT_IOC_DISABLE, 0);
	drain(p, &any);
	if (p->out.n)
		round_up(p);
	if (!p->file.is_full && !flush(p, err) && !p->file.is_full)
		return false;
	for (size_t i = 0; i < p->binaries.n; i++) {
		gs_perf_binary *b = &p->binaries.p[i];
		gs_str id = raw_build_id(b->open_path, mem);

		ids[facts.n_build_ids++] = (gs_perf_build_id){ .id = id, .path = gs_str_of(b->path), .pid = (int32_t)b->pid };
	}
	ids[facts.n_build_ids++] = (gs_perf_build_id){ gs_kernel_build_id(kernel), GS_S("[kernel.kallsyms]"), -1, true };
	facts.first_ns = p->sink.first_ns;
	facts.last_ns = p->sink.last_ns;
	update_facts(p);
	collect_kernel_ips(p);
	return gs_perf_file_finish(&p->file, &facts, err);
}

const gs_perf_facts *gs_perf_look(const gs_perf *p)
{
	return &p->facts;
}

void gs_perf_close(gs_perf *p)
{
	if (!p)
		return;
	close_events(p);
	for (size_t i = 0; i < p->pidfds.n; i++)
		close(p->pidfds.p[i]);
	gs_vec_release(&p->pidfds);
	for (size_t i = 0; i < p->binaries.n; i++) {
		free(p->binaries.p[i].path);
		close(p->binaries.p[i].fd);
	}
	gs_vec_release(&p->binaries);
	gs_perf_sink_release(&p->sink);
	gs_buf_release(&p->out);
	gs_leaf_free(p->leaf);
	free(p->kernel_ips);
	free(p);
}
