#include "capture/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "capture/exe.h"
#include "capture/proc_text.h"
#include "capture/snapshot_guard.h"
#include "format/core/core.h"
#include "base/banned.h"

enum { MAX_SEGMENTS = 1 << 20, PAGEMAP_ENTRIES = 8192 };
#define PAGE ((uint64_t)4096)
#define MB ((uint64_t)1 << 20)
/* Of mapped files that are not the program's: larger ones are left to the file. */
#define MAX_FILE_BYTES (512 * MB)
#define PM_PRESENT (1ull << 63)
#define PM_SWAPPED (1ull << 62)

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool proc_read(int32_t pid, const char *name, uint64_t max, gs_file *out, gs_err *err)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return gs_file_read(path, max, out, err);
}

/* ---- copying ---- */

typedef struct mapping {
	void *p;
	size_t n;
	uint64_t start; /* of the target's memory that it is for */
} mapping;

static void unmap(void *ctx)
{
	mapping *m = ctx;

	munmap(m->p, m->n);
}

typedef struct copier {
	gs_image *image;
	gs_snapshot_report *report;
	const gs_progress *progress;
	int mem_fd, pagemap_fd;
	int32_t stopped_pid; /* the target itself, when that is what is read: 0 for a child */
	gs_proc_map *maps; /* of each segment */
	mapping *ready;	   /* made while the target ran, by address */
	uint32_t n_ready;
	uint64_t unread_bytes, shared_bytes, left_out_bytes;
} copier;

static void *at_address(uint64_t addr)
{
	return (void *)(uintptr_t)addr;
}

/* Bytes [from, limit) of the source to `to`, which reads as zeros where the source has none. */
static void copy_range(copier *c, uint64_t from, uint64_t limit, unsigned char *to)
{
	while (from < limit && !gs_progress_should_stop(c->progress)) {
		uint64_t want = limit - from < 64 * MB ? limit - from : 64 * MB;
		ssize_t got = -1;

		/* Twice as fast; but in a child the kernel would first make a copy of each page for it. */
		if (c->stopped_pid)
			got = process_vm_readv(c->stopped_pid, &(struct iovec){ to, (size_t)want }, 1, &(struct iovec){ at_address(from), (size_t)want }, 1, 0);
		if (got <= 0)
			got = pread(c->mem_fd, to, (size_t)want, (off_t)from);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) { /* a page that cannot be had (a file cut short, a guard): go past it */
			got = (ssize_t)(PAGE - from % PAGE);
			if ((uint64_t)got > limit - from)
				got = (ssize_t)(limit - from);
			c->unread_bytes += (uint64_t)got;
		} else {
			c->report->copied_bytes += (uint64_t)got;
		}
		from += (uint64_t)got;
		to += got;
	}
}

/* Next stretch of pages of [*page, end) that exist. No pagemap here: all of it is one. */
static bool next_present(int pagemap_fd, uint64_t *page, uint64_t end, uint64_t *from, uint64_t *limit)
{
	uint64_t entries[PAGEMAP_ENTRIES];

	*from = UINT64_MAX;
	while (*page < end) {
		uint64_t n = end - *page < PAGEMAP_ENTRIES ? end - *page : PAGEMAP_ENTRIES;
		ssize_t got = pread(pagemap_fd, entries, (size_t)n * 8, (off_t)(*page * 8));

		if (got < 8) {
			*from = *from == UINT64_MAX ? *page : *from;
			*page = end;
			break;
		}
		n = (uint64_t)got / 8;
		for (uint64_t i = 0; i < n; i++) {
			bool is = (entries[i] & (PM_PRESENT | PM_SWAPPED)) != 0;

			if (is && *from == UINT64_MAX)
				*from = *page + i;
			if (!is && *from != UINT64_MAX) {
				*limit = *page + i;
				*page = *limit;
				return true;
			}
		}
		*page += n;
	}
	*limit = end;
	return *from != UINT64_MAX;
}

/* Only pages that exist: reading others would make them exist, in the target's account. */
static void copy_present(copier *c, const gs_proc_map *m, unsigned char *to)
{
	uint64_t page = m->start / PAGE, from, limit;

	while (next_present(c->pagemap_fd, &page, m->limit / PAGE, &from, &limit))
		copy_range(c, from * PAGE, limit * PAGE, to + (from * PAGE - m->start));
}

static bool is_file(const gs_proc_map *m)
{
	return m->inode != 0;
}

/* What cannot change while the target runs may be copied after it was let go. */
static bool is_fixed(const gs_proc_map *m)
{
	return is_file(m) && !m->is_write;
}

static bool is_heap(const gs_proc_map *m)
{
	return m->is_read && m->is_write && !m->is_shared && !is_file(m);
}

/* Address space of our own, dropped with the image. NULL: there is none. */
static void *room(gs_image *image, size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	mapping *keep;

	if (p == MAP_FAILED)
		return NULL;
	keep = gs_new(image->mem, mapping, 1);
	/* Else the guard's process would share each page, and we would copy it when we write. */
	madvise(p, n, MADV_DONTFORK);
	*keep = (mapping){ .p = p, .n = n };
	gs_arena_on_free(image->mem, unmap, keep);
	return p;
}

/*
 * Large pages for what is to be copied to `p`, where they would hold it: a stack of 8 MB with one page in use, two thousand times, would
 * cost gigabytes of them.
 */
static void hint_pages(const copier *c, const gs_proc_map *m, unsigned char *p)
{
	uint64_t page = m->start / PAGE, from, limit, first = UINT64_MAX, last = 0, n = 0;

	while (next_present(c->pagemap_fd, &page, m->limit / PAGE, &from, &limit)) {
		first = first == UINT64_MAX ? from : first;
		last = limit;
		n += limit - from;
	}
	if (n && n >= (last - first) / 4)
		gs_memory_hint_large(p + (first * PAGE - m->start), (size_t)((last - first) * PAGE));
	else if (n)
		madvise(p, (size_t)(m->limit - m->start), MADV_NOHUGEPAGE);
}

/*
 * While the target still runs: memory to copy to, so that no page of it has to be found and cleared while the target stands, or a child
 * lives. With space for mappings that grow meanwhile. What changes otherwise is copied to elsewhere.
 */
static void make_ready(copier *c, int32_t pid)
{
	GS_AUTO(file) f = { 0 };
	gs_proc_map m, next;
	bool is_one;
	uint32_t n = 0;
	gs_str rest;

	if (c->pagemap_fd < 0 || !proc_read(pid, "maps", 1ull << 30, &f, NULL))
		return;
	for (rest = f.bytes; gs_proc_map_next(&rest, &m) && n < MAX_SEGMENTS;)
		n += is_heap(&m);
	c->ready = gs_new(c->image->mem, mapping, n);
	rest = f.bytes;
	for (is_one = gs_proc_map_next(&rest, &m); is_one && c->n_ready < n; m = next) {
		uint64_t page = m.start / PAGE, from, limit, bytes = m.limit - m.start;
		unsigned char *p;

		is_one = gs_proc_map_next(&rest, &next);
		if (!is_heap(&m))
			continue;
		bytes += is_one && next.start > m.limit && next.start - m.limit < bytes ? next.start - m.limit : bytes;
		p = room(c->image, (size_t)bytes);
		if (!p)
			return;
		hint_pages(c, &m, p);
		while (next_present(c->pagemap_fd, &page, m.limit / PAGE, &from, &limit))
			madvise(p + (from * PAGE - m.start), (limit - from) * PAGE, MADV_POPULATE_WRITE); /* or not: old kernels */
		c->ready[c->n_ready++] = (mapping){ p, (size_t)bytes, m.start };
	}
}

/*
 * The pause of a copy-on-write snapshot is the kernel counting each page up in its table of pages, and most of that is waiting for memory.
 * Whoever asks for the map of pages has the kernel look there, while the target still runs: a third of the pause less.
 */
static void warm_up(const copier *c)
{
	for (uint32_t i = 0; i < c->n_ready; i++) {
		uint64_t page = c->ready[i].start / PAGE, from, limit;

		while (next_present(c->pagemap_fd, &page, (c->ready[i].start + c->ready[i].n) / PAGE, &from, &limit))
			;
	}
}

static void *place_of(const copier *c, const gs_proc_map *m)
{
	uint32_t lo = 0, hi = c->n_ready;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (c->ready[mid].start <= m->start)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0 || m->start - c->ready[lo - 1].start > c->ready[lo - 1].n ||
	    m->limit - c->ready[lo - 1].start > c->ready[lo - 1].n)
		return NULL;
	return (char *)c->ready[lo - 1].p + (m->start - c->ready[lo - 1].start);
}

static bool copy_segment(copier *c, uint32_t i, gs_err *err)
{
	const gs_proc_map *m = &c->maps[i];
	gs_image *image = c->image;
	size_t n = (size_t)(m->limit - m->start);
	void *p;

	if (!m->is_read || gs_str_eq(m->path, GS_S("[vsyscall]")) || gs_str_starts(m->path, GS_S("[vvar")))
		return true;
	if (m->is_shared) {
		c->shared_bytes += n;
		return true;
	}
	if (is_file(m) && n > MAX_FILE_BYTES && !gs_str_eq(m->path, image->exe_path)) {
		c->left_out_bytes += n;
		return true;
	}
	p = is_heap(m) ? place_of(c, m) : NULL;
	if (!p) {
		p = room(image, n);
		if (!p)
			return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "no address space for a copy of %zu bytes", n);
		if (is_file(m))
			gs_memory_hint_large(p, n);
		else
			hint_pages(c, m, p);
	}
	if (is_file(m) || gs_str_eq(m->path, GS_S("[vdso]"))) /* the kernel's pages are in no page map */
		copy_range(c, m->start, m->limit, p);
	else
		copy_present(c, m, p);
	image->pieces[image->n_pieces++] = (gs_image_piece){ m->start, n, p };
	return true;
}

static void open_pagemap(copier *c, int32_t source)
{
	char path[64];

	if (c->pagemap_fd >= 0)
		close(c->pagemap_fd);
	snprintf(path, sizeof(path), "/proc/%d/pagemap", source);
	c->pagemap_fd = open(path, O_RDONLY | O_CLOEXEC);
}

static bool open_source(copier *c, int32_t source, gs_err *err)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", source);
	c->mem_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (c->mem_fd < 0)
		return gs_fail_errno(err, errno, "reading", path);
	open_pagemap(c, source);
	return true;
}

static bool read_maps(copier *c, int32_t source, gs_err *err)
{
	GS_AUTO(file) f = { 0 };
	gs_image *image = c->image;
	gs_str rest, text;
	gs_proc_map m;
	uint32_t n = 0;

	if (!proc_read(source, "maps", 1ull << 30, &f, err))
		return false;
	text = gs_str_dup(image->mem, f.bytes);
	for (rest = text; gs_proc_map_next(&rest, &m) && n < MAX_SEGMENTS;)
		n++;
	image->segments = gs_new(image->mem, gs_image_segment, n);
	image->pieces = gs_new(image->mem, gs_image_piece, n);
	c->maps = gs_new(image->mem, gs_proc_map, n);
	for (rest = text; image->n_segments < n && gs_proc_map_next(&rest, &m);) {
		c->maps[image->n_segments] = m;
		image->segments[image->n_segments++] = (gs_image_segment){
			.addr = m.start, .size = m.limit - m.start, .file_offset = m.offset, .path = m.path,
			.is_read = m.is_read, .is_write = m.is_write, .is_exec = m.is_exec, .is_shared = m.is_shared,
		};
	}
	return true;
}

static bool copy_all(copier *c, bool fixed, gs_err *err)
{
	for (uint32_t i = 0; i < c->image->n_segments; i++) {
		if (is_fixed(&c->maps[i]) != fixed)
			continue;
		if (gs_progress_should_stop(c->progress))
			return gs_fail(err, GS_ERR_STOPPED, GS_ERR_NOWHERE, "stopped");
		gs_progress_report(c->progress, (double)i / c->image->n_segments, "copying memory");
		if (!copy_segment(c, i, err))
			return false;
	}
	return !gs_progress_should_stop(c->progress) || gs_fail(err, GS_ERR_STOPPED, GS_ERR_NOWHERE, "stopped");
}

static int by_addr(const void *a, const void *b)
{
	const gs_image_piece *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* By what the kernel has open, whatever its path means to us, and for as long as the image lives: it may be deleted, or a container's. */
static void keep_program(gs_image *image, const char *path)
{
	gs_file f;

	if (gs_file_open(path, UINT64_MAX, &f, NULL))
		image->exe_bytes = gs_file_keep(&f, image->mem);
}

static void describe(gs_image *image, int32_t pid)
{
	GS_AUTO(file) auxv = { 0 };
	GS_AUTO(file) cmdline = { 0 };
	char path[64], link[4096];
	ssize_t n;
	gs_exe exe;
	gs_str name;

	image->pid = pid;
	image->word_bytes = 8;
#if defined(__x86_64__)
	image->machine = GS_MACHINE_AMD64;
#elif defined(__aarch64__)
	image->machine = GS_MACHINE_ARM64;
#endif
	if (proc_read(pid, "auxv", 65536, &auxv, NULL)) {
		image->aux = gs_new(image->mem, gs_image_aux, auxv.bytes.n / 16);
		for (size_t at = 0; at + 16 <= auxv.bytes.n; at += 16) {
			gs_image_aux *a = &image->aux[image->n_aux];

			memcpy(&a->type, auxv.bytes.p + at, 8);
			memcpy(&a->value, auxv.bytes.p + at + 8, 8);
			if (a->type == 0)
				break;
			image->n_aux++;
		}
	}
	if (proc_read(pid, "cmdline", 1 << 20, &cmdline, NULL))
		image->command = gs_proc_command_line(image->mem, cmdline.bytes);
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	n = readlink(path, link, sizeof(link));
	if (n > 0) {
		name = (gs_str){ link, (size_t)n };
		if (gs_str_ends(name, GS_S(" (deleted)")))
			name.n -= sizeof(" (deleted)") - 1;
		image->exe_path = gs_str_dup(image->mem, name);
	}
	if (gs_exe_read(image->mem, path, &exe, NULL))
		image->build_id = exe.build_id;
	keep_program(image, path);
}

static void copy_threads(gs_image *image, const gs_guard_shared *s)
{
	image->threads = gs_new(image->mem, gs_image_thread, s->n_threads);
	for (uint32_t i = 0; i < s->n_threads; i++)
		image->threads[i] = s->threads[i];
	image->n_threads = s->n_threads;
}

/*
 * A thread that waits for a disk, or for a child that has not called exec yet, does not stop; and at times no thread sleeps where it
 * could lend itself. Both pass: the target goes on, and is asked again a little later.
 */
static bool stop_target(int32_t pid, const gs_snapshot_plan *plan, gs_guard *g, int64_t *vain_pause_ns, gs_err *err)
{
	enum { STOP_TRIES = 10, LEND_TRIES = 20 };
	bool wants_fork = plan->way == GS_SNAPSHOT_FORK;
	unsigned n_stop = 0, n_lend = 0;

	for (;;) {
		gs_err why = { 0 };

		if (!gs_guard_begin(pid, wants_fork, plan->suspends_seccomp, g, &why)) {
			*vain_pause_ns = g->vain_pause_ns > *vain_pause_ns ? g->vain_pause_ns : *vain_pause_ns;
			if (why.code == GS_ERR_STOPPED && ++n_stop < STOP_TRIES) {
				nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
				continue;
			}
			if (err)
				*err = why;
			return false;
		}
		if (!wants_fork || g->shared->child_pid || g->shared->no_fork_errno >= 0 || ++n_lend == LEND_TRIES)
			return true;
		gs_guard_finish(g);
		*vain_pause_ns = g->shared->pause_ns > *vain_pause_ns ? g->shared->pause_ns : *vain_pause_ns;
		gs_guard_release(g);
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	}
}

gs_image *gs_snapshot_take(gs_arena *mem, int32_t pid, gs_snapshot_ask ask, const gs_progress *progress,
			   gs_snapshot_report *report, gs_err *err)
{
	copier c = { .report = report, .progress = progress, .mem_fd = -1, .pagemap_fd = -1 };
	int64_t begin = now_ns(), vain_pause_ns = 0;
	int32_t source;
	gs_guard g;
	bool ok, is_fork, was_guarded = true;

	*report = (gs_snapshot_report){ 0 };
	if (!gs_snapshot_plan_make(mem, pid, ask, &report->plan, err) || !gs_snapshot_has_room(&report->plan, ask.root, err))
		return NULL;
	gs_arena *own = gs_arena_create(1ull << 40);

	c.image = gs_new(own, gs_image, 1);
	c.image->mem = own;
	describe(c.image, pid);
	open_pagemap(&c, pid);
	make_ready(&c, pid);
	if (report->plan.way == GS_SNAPSHOT_FORK)
		warm_up(&c);
	if (!stop_target(pid, &report->plan, &g, &vain_pause_ns, err)) {
		gs_image_close(c.image);
		if (c.pagemap_fd >= 0)
			close(c.pagemap_fd);
		return NULL;
	}
	is_fork = g.shared->child_pid != 0;
	source = is_fork ? g.shared->child_pid : pid;
	c.stopped_pid = is_fork ? 0 : pid;
	report->way = is_fork ? GS_SNAPSHOT_FORK : GS_SNAPSHOT_COPY;
	if (report->plan.way != report->way) {
		bool is_too_long = ask.max_pause_ns && report->plan.copy_pause_ns > ask.max_pause_ns;

		report->note = g.shared->no_fork_errno < 0 ?
				       GS_S("no thread slept where it could lend itself") :
				       gs_strf(mem, "no child could be made (%s)", strerror(g.shared->no_fork_errno));
		if (ask.way == GS_SNAPSHOT_FORK || is_too_long) {
			gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "no copy-on-write snapshot of process %d: %.*s%s", pid, GS_FMT(report->note),
				is_too_long ? "; a copy while it stands would be too long a pause" : "");
			gs_guard_release(&g);
			gs_image_close(c.image);
			if (c.pagemap_fd >= 0)
				close(c.pagemap_fd);
			return NULL;
		}
		report->note = gs_strf(mem, "%.*s, so the process stood still for the copy", GS_FMT(report->note));
	}
	copy_threads(c.image, g.shared);
	ok = open_source(&c, source, err) && read_maps(&c, source, err) && copy_all(&c, false, err);
	if (!is_fork)
		was_guarded = gs_guard_finish(&g);
	ok = ok && copy_all(&c, true, err);
	was_guarded &= gs_guard_finish(&g);
	if (ok && !was_guarded)
		ok = gs_fail(err, GS_ERR_IO, GS_ERR_NOWHERE, "the process that guards a snapshot was killed, so what was read may be of different moments");
	report->pause_ns = g.shared->pause_ns > vain_pause_ns ? g.shared->pause_ns : vain_pause_ns;
	report->reap_ns = g.shared->reap_ns;
	if (is_fork && !g.shared->is_reaped)
		report->note = GS_S("the snapshot's dead child could not be taken away: it stays as a zombie of the process, without memory");
	gs_guard_release(&g);
	if (c.mem_fd >= 0)
		close(c.mem_fd);
	if (c.pagemap_fd >= 0)
		close(c.pagemap_fd);
	report->total_ns = now_ns() - begin;
	if (!ok) {
		gs_image_close(c.image);
		return NULL;
	}
	if (c.image->n_pieces) /* fixed ones came later */
		qsort(c.image->pieces, c.image->n_pieces, sizeof(*c.image->pieces), by_addr);
	if (c.shared_bytes || c.unread_bytes || c.left_out_bytes)
		c.image->incomplete = gs_strf(c.image->mem, "not in it: %llu kB of shared memory, %llu kB of large mapped files, %llu kB that could not be read",
					      (unsigned long long)c.shared_bytes / 1024, (unsigned long long)c.left_out_bytes / 1024,
					      (unsigned long long)c.unread_bytes / 1024);
	return c.image;
}

bool gs_snapshot_write(const gs_image *image, const char *path, bool zstd, const gs_progress *progress, gs_snapshot_size *out,
		       gs_err *err)
{
	gs_core_written w;
	bool ok = gs_core_write(image, path, zstd, progress, &w, err);

	*out = (gs_snapshot_size){ w.size_bytes, w.disk_bytes };
	return ok;
}
