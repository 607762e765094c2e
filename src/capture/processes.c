#include "capture/processes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/map.h"
#include "capture/proc_text.h"
#include "base/banned.h"

enum { MAX_PROCESSES = 1 << 20, MAX_TEXT = 4 << 20 };

static bool proc_path(char *out, size_t size, int32_t pid, const char *name)
{
	int n = snprintf(out, size, "/proc/%d/%s", pid, name);

	return n > 0 && (size_t)n < size;
}

/* Empty when it cannot be read. Kept by the arena. */
static gs_str proc_read(gs_arena *mem, int32_t pid, const char *name)
{
	char path[64];
	gs_file f;

	if (!proc_path(path, sizeof(path), pid, name) || !gs_file_read(path, MAX_TEXT, &f, NULL))
		return (gs_str){ 0 };
	return gs_file_keep(&f, mem);
}

static gs_str proc_link(gs_arena *mem, int32_t pid, const char *name)
{
	char path[64], to[4096];
	ssize_t n;

	if (!proc_path(path, sizeof(path), pid, name))
		return (gs_str){ 0 };
	n = readlink(path, to, sizeof(to));
	return n > 0 ? gs_str_dup(mem, (gs_str){ to, (size_t)n }) : (gs_str){ 0 };
}

static bool is_same_ns(int32_t pid, const char *ns)
{
	char path[64], own[64];
	struct stat a, b;

	snprintf(own, sizeof(own), "/proc/self/%s", ns);
	return !proc_path(path, sizeof(path), pid, ns) || stat(path, &a) || stat(own, &b) ||
	       (a.st_ino == b.st_ino && a.st_dev == b.st_dev);
}

static gs_str user_name(gs_arena *mem, uint32_t uid)
{
	char space[4096];
	struct passwd pw, *found = NULL;

	if (getpwuid_r(uid, &pw, space, sizeof(space), &found) == 0 && found)
		return gs_str_dup(mem, gs_str_of(pw.pw_name));
	return gs_strf(mem, "%u", uid);
}

/* Names that container engines keep in files that root may read. */
static gs_str container_name(gs_arena *mem, const gs_container *c)
{
	char path[256];
	gs_file f;
	gs_str text, key = GS_S("\"Name\":\"/"), name = { 0 };
	size_t at;

	if (strcmp(c->runtime, "docker") != 0 || c->id.n != 64)
		return name;
	snprintf(path, sizeof(path), "/var/lib/docker/containers/%.*s/config.v2.json", GS_FMT(c->id));
	if (!gs_file_read(path, MAX_TEXT, &f, NULL))
		return name;
	text = f.bytes;
	at = gs_str_find(text, key);
	if (at != SIZE_MAX) {
		text = gs_str_skip(text, at + key.n);
		name = gs_str_dup(mem, gs_str_slice(text, 0, gs_str_find_char(text, '"')));
	}
	gs_file_close(&f);
	return name;
}

static void look_at_container(gs_arena *mem, gs_process *p)
{
	gs_container c;
	char path[64];
	gs_file f;

	p->is_own_mnt_ns = !is_same_ns(p->pid, "ns/mnt");
	p->is_own_net_ns = !is_same_ns(p->pid, "ns/net");
	p->is_own_pid_ns = !is_same_ns(p->pid, "ns/pid");
	if (gs_proc_container(proc_read(mem, p->pid, "cgroup"), &c)) {
		p->container = c.id;
		p->container_runtime = gs_str_of(c.runtime);
		p->pod_uid = c.pod_uid;
		p->container_name = container_name(mem, &c);
	}
	if (p->is_own_mnt_ns && proc_path(path, sizeof(path), p->pid, "root/etc/hostname") &&
	    gs_file_read(path, 256, &f, NULL)) {
		p->hostname = gs_str_dup(mem, gs_str_trim(f.bytes));
		gs_file_close(&f);
	}
}

static int64_t boot_ns(void)
{
	return gs_clock_ns(CLOCK_REALTIME) - gs_clock_ns(CLOCK_BOOTTIME);
}

/* All but what the executable says. False: gone, or nothing of ours to see. */
static bool look(gs_arena *mem, int32_t pid, gs_process *p, int *err)
{
	gs_str stat_text = proc_read(mem, pid, "stat"), status, ids;
	gs_proc_stat st;
	uint64_t v, ticks = (uint64_t)sysconf(_SC_CLK_TCK);
	size_t at;

	*p = (gs_process){ .pid = pid, .ns_pid = pid, .cpu_pct = -1 };
	*err = ENOENT;
	if (!gs_proc_stat_parse(stat_text, &st) || st.state == 'Z' || st.state == 'X')
		return false;
	errno = 0;
	p->exe = proc_link(mem, pid, "exe");
	if (p->exe.n == 0) {
		*err = errno; /* ENOENT: a kernel thread */
		return false;
	}
	if (gs_str_ends(p->exe, GS_S(" (deleted)"))) {
		p->exe.n -= 10;
		p->is_exe_deleted = true;
	}
	p->ppid = st.ppid;
	p->name = st.comm;
	p->n_threads = st.n_threads;
	p->is_stopped = st.state == 'T' || st.state == 't';
	p->rss_bytes = st.rss_pages * (uint64_t)sysconf(_SC_PAGESIZE);
	p->start_ticks = st.start_ticks;
	p->started_ns = boot_ns() + (int64_t)(st.start_ticks * (1000000000 / ticks));
	p->command = gs_proc_command_line(mem, proc_read(mem, pid, "cmdline"));
	status = proc_read(mem, pid, "status");
	ids = gs_proc_status_value(status, "Uid");
	if (gs_str_u64(gs_str_slice(ids, 0, gs_str_find_char(ids, '\t')), 10, &v))
		p->uid = (uint32_t)v;
	ids = gs_proc_status_value(status, "NSpid");
	at = gs_str_rfind_char(ids, '\t');
	if (gs_str_u64(at == SIZE_MAX ? ids : gs_str_skip(ids, at + 1), 10, &v))
		p->ns_pid = (int32_t)v;
	return true;
}

static void finish(gs_arena *mem, gs_process *p)
{
	p->user = user_name(mem, p->uid);
	look_at_container(mem, p);
}

bool gs_process_look(gs_arena *mem, int32_t pid, gs_process *out, gs_err *err)
{
	char path[64];
	int e;

	if (!look(mem, pid, out, &e)) {
		gs_proc_stat st;

		if (gs_proc_stat_parse(proc_read(mem, pid, "stat"), &st) && (st.state == 'Z' || st.state == 'X'))
			return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "process %d has ended; its parent, process %d, has not asked yet how (a zombie)", pid,
				       st.ppid);
		proc_path(path, sizeof(path), pid, "");
		if (e == EACCES || e == EPERM)
			return gs_fail(err, GS_ERR_DENIED, GS_ERR_NOWHERE,
				       "process %d belongs to another user: run gospect as that user, or with sudo", pid);
		if (access(path, F_OK) == 0)
			return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE,
				       "process %d runs no program: it is a kernel thread, or just ending", pid);
		return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "there is no process %d", pid);
	}
	finish(mem, out);
	proc_path(path, sizeof(path), pid, "exe");
	(void)gs_exe_read(mem, path, &out->info, NULL); /* not ELF: simply not Go */
	return true;
}

/* What the kernel says of the process now. False: it has ended, and another may have its number. */
static bool stat_now(const gs_process *p, gs_proc_stat *out)
{
	char path[64];
	GS_AUTO(file) f = { 0 };

	return proc_path(path, sizeof(path), p->pid, "stat") && gs_file_read(path, MAX_TEXT, &f, NULL) && gs_proc_stat_parse(f.bytes, out) &&
	       out->start_ticks == p->start_ticks;
}

bool gs_process_is_alive(const gs_process *p)
{
	gs_proc_stat st;

	return stat_now(p, &st) && st.state != 'Z' && st.state != 'X';
}

bool gs_process_is_stopped(const gs_process *p)
{
	gs_proc_stat st;

	return stat_now(p, &st) && (st.state == 'T' || st.state == 't');
}

/* Nanoseconds on CPU of all threads that are there now. */
static uint64_t cpu_time_ns(int32_t pid)
{
	char path[64];
	DIR *dir;
	struct dirent *e;
	uint64_t sum = 0;

	proc_path(path, sizeof(path), pid, "task");
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		char sched[384];
		gs_file f;
		uint64_t v;

		snprintf(sched, sizeof(sched), "%s/%s/schedstat", path, e->d_name);
		if (e->d_name[0] == '.' || !gs_file_read(sched, 256, &f, NULL))
			continue;
		if (gs_str_u64(gs_str_slice(f.bytes, 0, gs_str_find_char(f.bytes, ' ')), 10, &v))
			sum += v;
		gs_file_close(&f);
	}
	if (dir)
		closedir(dir);
	return sum;
}

/* What one executable says, read once however many processes run it. */
typedef struct exe_cache {
	gs_map by_inode; /* key: hash of device, inode and time of change; value: index */
	GS_VEC(gs_exe) exes;
} exe_cache;

static const gs_exe *exe_of(exe_cache *cache, gs_arena *mem, int32_t pid)
{
	static const gs_exe none;
	char path[64];
	struct stat st;
	bool is_new;
	uint32_t *slot;
	gs_exe *e;

	proc_path(path, sizeof(path), pid, "exe");
	if (stat(path, &st))
		return &none;
	slot = gs_map_put(&cache->by_inode,
			  gs_hash_u64(st.st_ino ^ gs_hash_u64(st.st_dev ^ gs_hash_u64((uint64_t)st.st_mtime))), &is_new);
	if (!slot)
		return &none;
	if (!is_new)
		return &cache->exes.p[*slot];
	*slot = (uint32_t)cache->exes.n;
	e = gs_vec_push(&cache->exes, MAX_PROCESSES);
	if (!e)
		return &none;
	(void)gs_exe_read(mem, path, e, NULL);
	return e;
}

static int by_pid(const void *a, const void *b)
{
	const gs_process *p = a, *q = b;

	return (p->pid > q->pid) - (p->pid < q->pid);
}

static void measure_cpu(gs_process *list, uint32_t n, gs_arena *mem, const gs_progress *progress)
{
	uint64_t *before = gs_new(mem, uint64_t, n);
	int64_t *at = gs_new(mem, int64_t, n);

	for (uint32_t i = 0; i < n; i++) {
		before[i] = cpu_time_ns(list[i].pid);
		at[i] = gs_now_ns();
	}
	for (int i = 0; i < 5 && !gs_progress_should_stop(progress); i++)
		usleep(50000);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t after = cpu_time_ns(list[i].pid);
		int64_t span = gs_now_ns() - at[i];

		/* Threads that ended meanwhile take their time with them: never below zero. */
		list[i].cpu_pct = after > before[i] && span > 0 ? 100.0 * (double)(after - before[i]) / (double)span : 0;
	}
}

bool gs_processes_list(gs_arena *mem, const gs_processes_options *options, gs_processes *out, gs_err *err)
{
	DIR *dir = opendir("/proc");
	GS_VEC(gs_process) list = { 0 };
	GS_AUTO(arena) *scratch = NULL;
	exe_cache cache = { 0 };
	struct dirent *e;

	*out = (gs_processes){ 0 };
	if (!dir)
		return gs_fail_errno(err, errno, "read", "/proc");
	while ((e = readdir(dir)) && !gs_progress_should_stop(options->progress)) {
		const gs_exe *exe;
		gs_process p;
		uint64_t pid;
		int why;

		if (!gs_str_u64(gs_str_of(e->d_name), 10, &pid) || pid > INT32_MAX)
			continue;
		gs_arena_free(scratch);
		scratch = gs_arena_create(UINT64_MAX);
		if (!look(scratch, (int32_t)pid, &p, &why)) {
			out->n_hidden += why == EACCES || why == EPERM;
			continue;
		}
		out->n_seen++;
		exe = exe_of(&cache, mem, p.pid);
		if (!exe->is_go && !options->all)
			continue;
		gs_process *kept = gs_vec_push(&list, MAX_PROCESSES);

		if (!kept)
			break;
		if (!look(mem, p.pid, kept, &why)) {
			list.n--;
			continue;
		}
		kept->info = *exe;
		finish(mem, kept);
	}
	closedir(dir);
	if (list.n)
		qsort(list.p, list.n, sizeof(*list.p), by_pid);
	out->n = (uint32_t)list.n;
	out->list = gs_new(mem, gs_process, list.n);
	if (list.n)
		memcpy(out->list, list.p, list.n * sizeof(*list.p));
	gs_vec_release(&list);
	gs_vec_release(&cache.exes);
	gs_map_release(&cache.by_inode);
	if (options->measure_cpu)
		measure_cpu(out->list, out->n, mem, options->progress);
	if (options->find_endpoints)
		gs_process_endpoints(mem, out->list, out->n, options->progress);
	return true;
}

static gs_str base_name(gs_str path)
{
	size_t slash = gs_str_rfind_char(path, '/');

	return slash == SIZE_MAX ? path : gs_str_skip(path, slash + 1);
}

/* 0: no match; a smaller number is a better kind of match. */
static unsigned match(const gs_process *p, gs_str text)
{
	uint64_t pid;

	if (gs_str_u64(text, 10, &pid) && pid == (uint64_t)p->pid)
		return 1;
	if (p->container.n && (gs_str_eq(p->container, text) || gs_str_eq(p->container_name, text)))
		return 2;
	if (p->container.n && text.n >= 4 && gs_str_starts(p->container, text))
		return 3;
	if (gs_str_eq(base_name(p->exe), text))
		return 4;
	if (gs_str_eq(p->name, text) || gs_str_eq(base_name(p->info.main_package), text) ||
	    gs_str_eq(p->info.main_package, text))
		return 5;
	if (p->hostname.n && gs_str_eq(p->hostname, text))
		return 6;
	if ((p->container_name.n && gs_str_starts(p->container_name, text)) ||
	    (p->hostname.n && gs_str_starts(p->hostname, text)))
		return 7;
	return 0;
}

uint32_t gs_processes_find(const gs_processes *all, gs_str text, uint32_t *found, uint32_t max)
{
	unsigned best = UINT32_MAX;
	uint32_t n = 0;

	for (uint32_t i = 0; i < all->n && text.n; i++) {
		unsigned m = match(&all->list[i], text);

		if (m == 0 || m > best)
			continue;
		if (m < best) {
			best = m;
			n = 0;
		}
		if (n < max)
			found[n] = i;
		n++;
	}
	return n;
}
