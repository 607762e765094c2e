#include "capture/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/pool.h"
#include "base/banned.h"

/* Is it a file that captures consist of? */
static bool is_part(const char *name)
{
	static const char *const names[] = { "capture.json", "perf.data", "kallsyms", "vdso.so", "goroutines.txt", "goroutines-start.txt", "maps.txt", "threads.txt", "trace.out" };
	gs_str s = gs_str_of(name);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return gs_str_ends(s, GS_S(".pprof")) || (gs_str_starts(s, GS_S("maps.")) && gs_str_ends(s, GS_S(".txt"))) ||
	       (name[0] == '.' && gs_str_ends(s, GS_S(".part")));
}

void gs_folder_empty(gs_folder *f)
{
	int again = openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = again >= 0 ? fdopendir(again) : NULL;
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (is_part(e->d_name))
			(void)unlinkat(f->fd, e->d_name, 0);
	if (dir)
		closedir(dir);
	else if (again >= 0)
		close(again);
}

/* Is it a folder that we may fill? */
static bool is_usable(const char *path, bool replace, gs_err *err)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	bool is_empty = true, is_capture = false;

	if (!dir)
		return gs_fail_errno(err, errno, "use", path);
	while ((e = readdir(dir))) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			is_empty = false;
		if (strcmp(e->d_name, "capture.json") == 0)
			is_capture = true;
	}
	closedir(dir);
	if (is_empty || (replace && is_capture))
		return true;
	return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, is_capture ?
			       "%s holds an earlier capture: choose another folder, or --force to replace it" :
			       "%s has other files in it: choose another folder",
		       path);
}

static void safe_name(gs_str hint, char out[48])
{
	size_t n = 0;

	for (size_t i = 0; i < hint.n && n < 40; i++) {
		char c = hint.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';

		if (plain)
			out[n++] = c;
		else if (n && out[n - 1] != '-')
			out[n++] = '-';
	}
	while (n && (out[n - 1] == '-' || out[n - 1] == '.'))
		n--;
	out[n] = '\0';
}

static bool make_named(gs_str hint, gs_folder *out, gs_err *err)
{
	char name[48], when[32];
	time_t now = time(NULL);
	struct tm tm;

	safe_name(hint, name);
	localtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y%m%d-%H%M%S", &tm);
	for (unsigned i = 1; i < 1000; i++) {
		int n = snprintf(out->path, sizeof(out->path), "gospect-%s%s%s", name, name[0] ? "-" : "", when);

		if (i > 1)
			snprintf(out->path + n, sizeof(out->path) - (size_t)n, "-%u", i);
		out->is_made = mkdir(out->path, 0700) == 0;
		if (out->is_made)
			return true;
		if (errno != EEXIST)
			return gs_fail_errno(err, errno, "make the folder", out->path);
	}
	return gs_fail_errno(err, EEXIST, "make the folder", out->path);
}

bool gs_folder_create(const char *path, gs_str hint, bool replace, gs_folder *out, gs_err *err)
{
	out->fd = -1;
	if (path) {
		int n = snprintf(out->path, sizeof(out->path), "%s", path);

		while (n > 1 && (size_t)n < sizeof(out->path) && out->path[n - 1] == '/')
			out->path[--n] = '\0';
		if (n <= 0 || (size_t)n >= sizeof(out->path))
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "\"%s\" is no name for a folder", path);
		out->is_made = mkdir(out->path, 0700) == 0;
		if (!out->is_made && (errno != EEXIST ? !gs_fail_errno(err, errno, "make the folder", out->path) :
								 !is_usable(out->path, replace, err)))
			return false;
	} else if (!make_named(hint, out, err)) {
		return false;
	}
	out->fd = open(out->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (out->fd < 0)
		return gs_fail_errno(err, errno, "open the folder", out->path);
	if (path && replace) /* what an earlier capture left would look like part of the new one */
		gs_folder_empty(out);
	return true;
}

void gs_folder_close(gs_folder *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

static void part_name(const char *name, char out[300])
{
	snprintf(out, 300, ".%s.part", name);
}

static bool fail_file(gs_folder *f, const char *name, int errnum, const char *doing, gs_err *err)
{
	char path[4400];

	snprintf(path, sizeof(path), "%s/%s", f->path, name);
	return gs_fail_errno(err, errnum, doing, path);
}

int gs_folder_begin(gs_folder *f, const char *name, gs_err *err)
{
	char tmp[300];
	int fd;

	part_name(name, tmp);
	fd = openat(f->fd, tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		fail_file(f, name, errno, "create", err);
	return fd;
}

int gs_folder_stream(gs_folder *f, const char *name, gs_err *err)
{
	int fd = openat(f->fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		fail_file(f, name, errno, "create", err);
	return fd;
}

bool gs_folder_commit(gs_folder *f, const char *name, int fd, gs_err *err)
{
	char tmp[300];

	part_name(name, tmp);
	/* Only close tells about a full disk on some file systems. */
	if (close(fd) || renameat(f->fd, tmp, f->fd, name)) {
		int e = errno;

		unlinkat(f->fd, tmp, 0);
		return fail_file(f, name, e, "write", err);
	}
	return true;
}

void gs_folder_discard(gs_folder *f, const char *name, int fd)
{
	char tmp[300];

	part_name(name, tmp);
	close(fd);
	unlinkat(f->fd, tmp, 0);
}

bool gs_folder_write(gs_folder *f, const char *name, gs_str bytes, gs_err *err)
{
	int fd = gs_folder_begin(f, name, err);

	if (fd < 0)
		return false;
	if (!gs_fd_write(fd, bytes, err)) {
		gs_folder_discard(f, name, fd);
		return gs_err_context(err, "%s/%s", f->path, name);
	}
	return gs_folder_commit(f, name, fd, err);
}

void gs_capture_clock_now(gs_capture_clock *out)
{
	int64_t best = INT64_MAX;

	/* The tightest of a few readings: an interruption between two clocks would look like an offset. */
	for (int i = 0; i < 5; i++) {
		int64_t before = gs_now_ns(), wall = gs_clock_ns(CLOCK_REALTIME), boot = gs_clock_ns(CLOCK_BOOTTIME);
		int64_t after = gs_now_ns();

		if (after - before < best) {
			best = after - before;
			*out = (gs_capture_clock){ wall, before + (after - before) / 2, boot };
		}
	}
}

static void opt(gs_json *j, const char *key, gs_str s)
{
	if (s.n)
		gs_json_kstr(j, key, s);
}

static void put_process(gs_json *j, const gs_process *p)
{
	gs_json_key(j, "process");
	gs_json_object(j);
	gs_json_ki64(j, "pid", p->pid);
	if (p->ns_pid != p->pid)
		gs_json_ki64(j, "ns_pid", p->ns_pid);
	opt(j, "name", p->name);
	opt(j, "command", p->command);
	opt(j, "exe", p->exe);
	opt(j, "user", p->user);
	gs_json_ki64(j, "started_ns", p->started_ns);
	opt(j, "container", p->container);
	opt(j, "container_name", p->container_name);
	opt(j, "runtime", p->container_runtime);
	opt(j, "pod", p->pod_uid);
	opt(j, "hostname", p->hostname);
	opt(j, "pprof", p->pprof);
	opt(j, "go_version", p->info.go_version);
	opt(j, "main_package", p->info.main_package);
	opt(j, "module", p->info.module);
	opt(j, "module_version", p->info.module_version);
	opt(j, "build_id", p->info.build_id);
	opt(j, "build_info", p->info.settings);
	gs_json_object_end(j);
}

static void put_parts(gs_json *j, const gs_capture_info *info)
{
	static const char *const states[] = { "pending", "done", "failed" };

	gs_json_key(j, "parts");
	gs_json_array(j);
	for (uint32_t i = 0; i < info->n_parts; i++) {
		const gs_part *p = &info->parts[i];

		gs_json_object(j);
		gs_json_kstr(j, "file", p->file);
		gs_json_kstr(j, "kind", p->kind);
		gs_json_kstr(j, "state", gs_str_of(states[p->state]));
		opt(j, "how", p->how);
		if (p->state == GS_PART_DONE)
			gs_json_ku64(j, "size_bytes", p->size_bytes);
		if (p->duration_ns)
			gs_json_ki64(j, "duration_ns", p->duration_ns);
		opt(j, "note", p->note);
		opt(j, "error", p->error);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
}

bool gs_capture_info_write(gs_folder *f, const gs_capture_info *info, gs_err *err)
{
	GS_AUTO(buf) b = { 0 };
	gs_json j = gs_json_to(&b);
	struct utsname uts = { 0 };

	gs_buf_init(&b, 16 << 20);
	uname(&uts);
	gs_json_object(&j);
	gs_json_ki64(&j, "capture", 1);
	gs_json_kstr(&j, "tool", GS_S("gospect"));
	gs_json_kstr(&j, "version", info->version);
	gs_json_kstr(&j, "state", info->state);
	gs_json_key(&j, "source");
	gs_json_object(&j);
	gs_json_kstr(&j, "kind", info->source_kind);
	gs_json_kstr(&j, "text", info->source);
	gs_json_object_end(&j);
	if (info->process)
		put_process(&j, info->process);
	if (info->n_processes > 1)
		gs_json_ku64(&j, "processes", info->n_processes);
	gs_json_key(&j, "host");
	gs_json_object(&j);
	gs_json_kstr(&j, "name", gs_str_of(uts.nodename));
	gs_json_kstr(&j, "kernel", gs_str_of(uts.release));
	gs_json_kstr(&j, "arch", gs_str_of(uts.machine));
	gs_json_ku64(&j, "cpus", gs_cpu_count());
	gs_json_object_end(&j);
	gs_json_key(&j, "clock");
	gs_json_object(&j);
	gs_json_ki64(&j, "wall_ns", info->clock.wall_ns);
	gs_json_ki64(&j, "monotonic_ns", info->clock.monotonic_ns);
	gs_json_ki64(&j, "boottime_ns", info->clock.boottime_ns);
	gs_json_object_end(&j);
	gs_json_key(&j, "asked");
	gs_json_object(&j);
	gs_json_ki64(&j, "duration_ns", info->asked_duration_ns);
	gs_json_ku64(&j, "frequency_hz", info->frequency_hz);
	opt(&j, "only", info->only);
	gs_json_object_end(&j);
	gs_json_ki64(&j, "duration_ns", info->duration_ns);
	opt(&j, "ended", info->ended);
	put_parts(&j, info);
	gs_json_key(&j, "notes");
	gs_json_array(&j);
	for (uint32_t i = 0; i < info->n_notes; i++)
		gs_json_str(&j, info->notes[i]);
	gs_json_array_end(&j);
	gs_json_object_end(&j);
	gs_buf_c(&b, '\n');
	if (b.bad)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "capture.json would be too large");
	return gs_folder_write(f, "capture.json", gs_buf_view(&b), err);
}
