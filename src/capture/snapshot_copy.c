#include "capture/snapshot_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "capture/page_watch.h"
#include "base/banned.h"

enum { MAX_SEGMENTS = 1 << 20, PAGEMAP_ENTRIES = 8192, MAX_RUNS = 4096, MAX_IOVECS = 512, MAX_ROUNDS = 8 };
#define PAGE GS_PAGE_BYTES
#define MB ((uint64_t)1 << 20)
/* Of mapped files that are not the program's: larger ones are left to the file. */
#define MAX_FILE_BYTES (512 * MB)
#define PM_PRESENT (1ull << 63)
#define PM_SWAPPED (1ull << 62)
/* What one look protects is copied at once: the later, the more has been written to again. */
#define AHEAD_BYTES (64 * MB)
/* So little is copied while the target stands as fast as another round is begun. */
#define REST_BYTES (4 * MB)

/* ---- bits of pages ---- */

static bool bit_is_set(const uint64_t *bits, uint64_t i)
{
	return bits[i / 64] >> (i % 64) & 1;
}

static void set_bits(uint64_t *bits, uint64_t from, uint64_t limit)
{
	for (uint64_t i = from; i < limit;) {
		if (i % 64 == 0 && limit - i >= 64) {
			bits[i / 64] = UINT64_MAX;
			i += 64;
		} else {
			bits[i / 64] |= 1ull << (i % 64);
			i++;
		}
	}
}

/* The first of [from, limit) whose bit is `want`; limit: none is. */
static uint64_t next_bit(const uint64_t *bits, uint64_t from, uint64_t limit, bool want)
{
	while (from < limit) {
		if (from % 64 == 0 && limit - from >= 64 && bits[from / 64] == (want ? 0 : UINT64_MAX))
			from += 64;
		else if (bit_is_set(bits, from) == want)
			return from;
		else
			from++;
	}
	return limit;
}

/* ---- reading ---- */

static bool proc_read(int32_t pid, const char *name, uint64_t max, gs_file *out, gs_err *err)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return gs_file_read(path, max, out, err);
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void open_pagemap(gs_copier *c, int32_t source)
{
	char path[64];

	shut(&c->pagemap_fd);
	snprintf(path, sizeof(path), "/proc/%d/pagemap", source);
	c->pagemap_fd = open(path, O_RDONLY | O_CLOEXEC);
}

static bool open_source(gs_copier *c, int32_t source, gs_err *err)
{
	char path[64];

	shut(&c->mem_fd);
	snprintf(path, sizeof(path), "/proc/%d/mem", source);
	c->mem_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (c->mem_fd < 0)
		return gs_fail_errno(err, errno, "reading", path);
	open_pagemap(c, source);
	return true;
}

static void *at_address(uint64_t addr)
{
	return (void *)(uintptr_t)addr;
}

/* Bytes [from, limit) of the source to `to`, which reads as zeros where the source has none. */
static void copy_range(gs_copier *c, uint64_t from, uint64_t limit, unsigned char *to)
{
	while (from < limit && !gs_progress_should_stop(c->progress)) {
		uint64_t want = limit - from < 64 * MB ? limit - from : 64 * MB;
		ssize_t got = -1;

		/* Twice as fast; but in a child the kernel would first make a copy of each page for it. */
		if (c->live_pid)
			got = process_vm_readv(c->live_pid, &(struct iovec){ to, (size_t)want }, 1, &(struct iovec){ at_address(from), (size_t)want }, 1, 0);
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
			c->copied_bytes += (uint64_t)got;
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

/* Only pages that exist: reading others would make them exist, in the target's account. `area`: that `to` is of, or NULL. */
static void copy_present(gs_copier *c, const gs_proc_map *m, gs_copy_area *area, unsigned char *to)
{
	uint64_t page = m->start / PAGE, end = page, from, limit;

	while (next_present(c->pagemap_fd, &page, m->limit / PAGE, &from, &limit)) {
		if (area)
			set_bits(area->gone, end - area->start / PAGE, from - area->start / PAGE);
		copy_range(c, from * PAGE, limit * PAGE, to + (from * PAGE - m->start));
		end = limit;
	}
	if (area)
		set_bits(area->gone, end - area->start / PAGE, (m->limit - area->start) / PAGE);
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

typedef struct own_memory {
	void *p;
	size_t n;
} own_memory;

static void unmap(void *ctx)
{
	own_memory *m = ctx;

	munmap(m->p, m->n);
}

/* Address space of our own, dropped with the image. NULL: there is none. */
static void *room(gs_image *image, size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	own_memory *keep;

	if (p == MAP_FAILED)
		return NULL;
	keep = gs_new(image->mem, own_memory, 1);
	/* Else the guard's process would share each page, and we would copy it when we write. */
	madvise(p, n, MADV_DONTFORK);
	*keep = (own_memory){ p, n };
	gs_arena_on_free(image->mem, unmap, keep);
	return p;
}

/*
 * Large pages for what is to be copied to `p`, where they would hold it: a stack of 8 MB with one page in use, two thousand times, would
 * cost gigabytes of them.
 */
static void hint_pages(const gs_copier *c, const gs_proc_map *m, unsigned char *p)
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

/* NULL: none was made, or it has outgrown it. */
static gs_copy_area *area_of(const gs_copier *c, const gs_proc_map *m)
{
	uint32_t lo = 0, hi = c->n_areas;
	gs_copy_area *a;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (c->areas[mid].start <= m->start)
			lo = mid + 1;
		else
			hi = mid;
	}
	a = lo ? &c->areas[lo - 1] : NULL;
	return a && m->limit - a->start <= a->n ? a : NULL;
}

/* For a mapping of which no area is yet; `next`: the one behind it, or NULL. False: no room. */
static bool add_area(gs_copier *c, const gs_proc_map *m, const gs_proc_map *next)
{
	uint64_t page = m->start / PAGE, from, limit, bytes = m->limit - m->start, n_words;
	gs_copy_area *areas = c->areas;
	uint32_t i = c->n_areas;
	unsigned char *p;

	bytes += next && next->start > m->limit && next->start - m->limit < bytes ? next->start - m->limit : bytes;
	p = room(c->image, (size_t)bytes);
	if (!p)
		return false;
	hint_pages(c, m, p);
	while (next_present(c->pagemap_fd, &page, m->limit / PAGE, &from, &limit))
		madvise(p + (from * PAGE - m->start), (limit - from) * PAGE, MADV_POPULATE_WRITE); /* or not: old kernels */
	if (c->n_areas == c->max_areas) {
		c->max_areas = c->max_areas ? 2 * c->max_areas : 64;
		areas = gs_new(c->image->mem, gs_copy_area, c->max_areas);
		if (c->n_areas)
			memcpy(areas, c->areas, c->n_areas * sizeof(*areas));
		c->areas = areas;
	}
	for (; i && areas[i - 1].start > m->start; i--)
		areas[i] = areas[i - 1];
	n_words = bytes / PAGE / 64 + 1;
	areas[i] = (gs_copy_area){ p, (size_t)bytes, m->start, m->limit, gs_new(c->image->mem, uint64_t, n_words), gs_new(c->image->mem, uint64_t, n_words) };
	c->n_areas++;
	return true;
}

/* Areas for all mappings that are to be copied; those that have grown grow. */
static void make_areas(gs_copier *c, int32_t pid)
{
	GS_AUTO(file) f = { 0 };
	gs_proc_map m, next;
	gs_str rest;
	bool is_one;

	if (c->pagemap_fd < 0 || !proc_read(pid, "maps", 1ull << 30, &f, NULL))
		return;
	rest = f.bytes;
	for (is_one = gs_proc_map_next(&rest, &m); is_one && c->n_areas < MAX_SEGMENTS; m = next) {
		gs_copy_area *a;

		is_one = gs_proc_map_next(&rest, &next);
		if (!is_heap(&m))
			continue;
		a = area_of(c, &m);
		if (a && m.start <= a->limit)
			a->limit = m.limit > a->limit ? m.limit : a->limit;
		else if (!a && !add_area(c, &m, is_one ? &next : NULL))
			return;
	}
}

void gs_copier_make_ready(gs_copier *c, int32_t pid)
{
	open_pagemap(c, pid);
	make_areas(c, pid);
}

void gs_copier_warm_up(const gs_copier *c)
{
	for (uint32_t i = 0; i < c->n_areas; i++) {
		uint64_t page = c->areas[i].start / PAGE, from, limit;

		while (next_present(c->pagemap_fd, &page, (c->areas[i].start + c->areas[i].n) / PAGE, &from, &limit))
			;
	}
}

/* ---- ahead of the pause ---- */

/* Runs of an area, many with one system call. Returns their bytes. */
static uint64_t copy_runs(gs_copier *c, gs_copy_area *a, const gs_page_run *runs, size_t n)
{
	struct iovec local[MAX_IOVECS], remote[MAX_IOVECS];
	uint64_t all = 0;

	for (size_t i = 0; i < n;) {
		size_t first = i, k = 0;
		uint64_t bytes = 0;
		ssize_t got;

		for (; i < n && k < MAX_IOVECS; i++, k++) {
			size_t len = (size_t)(runs[i].limit - runs[i].from);

			local[k] = (struct iovec){ a->p + (runs[i].from - a->start), len };
			remote[k] = (struct iovec){ at_address(runs[i].from), len };
			bytes += len;
		}
		all += bytes;
		got = process_vm_readv(c->live_pid, local, k, remote, k, 0);
		if (got >= 0 && (uint64_t)got == bytes) {
			c->copied_bytes += bytes;
			for (size_t r = first; r < i; r++)
				set_bits(a->copied, (runs[r].from - a->start) / PAGE, (runs[r].limit - a->start) / PAGE);
			continue;
		}
		for (size_t r = first; r < i; r++) {
			uint64_t before = c->unread_bytes;

			copy_range(c, runs[r].from, runs[r].limit, a->p + (runs[r].from - a->start));
			if (c->unread_bytes == before)
				set_bits(a->copied, (runs[r].from - a->start) / PAGE, (runs[r].limit - a->start) / PAGE);
		}
	}
	return all;
}

static bool copy_round(gs_copier *c, const gs_guard *watch, uint64_t *bytes, int64_t *scan_ns, gs_err *err)
{
	gs_page_run runs[MAX_RUNS];

	*bytes = 0;
	*scan_ns = 0;
	for (uint32_t i = 0; i < c->n_areas; i++) {
		gs_copy_area *a = &c->areas[i];

		for (uint64_t at = a->start; at < a->limit;) {
			uint64_t limit = at + AHEAD_BYTES < a->limit ? at + AHEAD_BYTES : a->limit;
			int64_t begin = gs_now_ns();
			size_t n;

			if (gs_progress_should_stop(c->progress))
				return gs_fail(err, GS_ERR_STOPPED, GS_ERR_NOWHERE, "stopped");
			if (!gs_guard_lives(watch) || !gs_page_watch_scan(c->pagemap_fd, &at, limit, true, runs, MAX_RUNS, &n))
				return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "the watch over its writes ended");
			*scan_ns += gs_now_ns() - begin;
			*bytes += copy_runs(c, a, runs, n);
			c->unread_bytes = 0; /* nothing has been lost yet */
			gs_progress_report(c->progress, (double)i / c->n_areas, "copying memory while it runs");
		}
	}
	return true;
}

/* What the process has mapped meanwhile. What cannot be watched is copied in the pause. */
static void watch_new(gs_copier *c, int32_t pid, int watch_fd)
{
	make_areas(c, pid);
	for (uint32_t i = 0; i < c->n_areas; i++)
		(void)gs_page_watch_add(watch_fd, c->areas[i].start, c->areas[i].limit);
}

bool gs_copier_go_ahead(gs_copier *c, int32_t pid, const gs_guard *watch, gs_copy_ahead *out, gs_err *err)
{
	uint64_t before = UINT64_MAX, bytes;
	int64_t before_ns = 0;

	*out = (gs_copy_ahead){ 0 };
	if (!open_source(c, pid, err))
		return false;
	c->live_pid = pid;
	c->is_ahead = true;
	c->is_watched = true;
	for (;;) {
		int64_t begin = gs_now_ns(), scan_ns, took;

		if (out->n_rounds)
			watch_new(c, pid, watch->watch_fd);
		if (!copy_round(c, watch, &bytes, &scan_ns, err))
			return false;
		took = gs_now_ns() - begin;
		out->n_rounds++;
		/* In the time of this round as much is written to for each moment as in that of the one before. */
		out->rest_bytes = before_ns ? (uint64_t)((double)bytes * (double)took / (double)before_ns) : bytes;
		out->rest_ns = scan_ns + (bytes ? (int64_t)((double)(took - scan_ns) * (double)out->rest_bytes / (double)bytes) : 0);
		if (bytes <= REST_BYTES || out->n_rounds == MAX_ROUNDS || (out->n_rounds > 2 && bytes > before / 4 * 3))
			return true;
		before = bytes;
		before_ns = took;
	}
}

/* What no round had in this area, although nobody has written to it since: mappings that were joined, or moved. */
static void copy_missed(gs_copier *c, const gs_proc_map *m, gs_copy_area *a)
{
	uint64_t n = (m->limit - a->start) / PAGE;

	for (uint64_t from = next_bit(a->copied, (m->start - a->start) / PAGE, n, false), limit; from < n; from = next_bit(a->copied, limit, n, false)) {
		limit = next_bit(a->copied, from, n, true);
		for (uint64_t here = next_bit(a->gone, from, limit, false), end; here < limit; here = next_bit(a->gone, end, limit, false)) {
			end = next_bit(a->gone, here, limit, true);
			copy_runs(c, a, &(gs_page_run){ a->start + here * PAGE, a->start + end * PAGE, 0 }, 1);
		}
	}
}

/* Of a mapping that stands: what was written to since the last round. */
static bool copy_rest(gs_copier *c, const gs_proc_map *m, gs_copy_area *a, gs_err *err)
{
	gs_page_run runs[MAX_RUNS];

	for (uint64_t at = m->start; at < m->limit;) {
		size_t n, n_todo = 0;

		if (!gs_page_watch_scan(c->pagemap_fd, &at, m->limit, false, runs, MAX_RUNS, &n))
			return gs_fail(err, GS_ERR_IO, GS_ERR_NOWHERE, "process %d is gone", c->live_pid);
		for (size_t i = 0; i < n; i++) {
			if (!(runs[i].is & (GS_PAGE_PRESENT | GS_PAGE_SWAPPED)))
				set_bits(a->gone, (runs[i].from - a->start) / PAGE, (runs[i].limit - a->start) / PAGE);
			else if (runs[i].is & GS_PAGE_WRITTEN)
				runs[n_todo++] = runs[i];
		}
		copy_runs(c, a, runs, n_todo);
	}
	copy_missed(c, m, a);
	return true;
}

/* Pages that were copied and then given back by the process: they read as zeros. */
static void clear_gone(gs_copier *c)
{
	for (uint32_t i = 0; i < c->n_areas; i++) {
		gs_copy_area *a = &c->areas[i];
		uint64_t n = a->n / PAGE;

		for (uint64_t from = next_bit(a->gone, 0, n, true), limit; from < n; from = next_bit(a->gone, limit, n, true)) {
			limit = next_bit(a->gone, from, n, false);
			for (uint64_t old = next_bit(a->copied, from, limit, true), end; old < limit; old = next_bit(a->copied, end, limit, true)) {
				end = next_bit(a->copied, old, limit, false);
				memset(a->p + old * PAGE, 0, (size_t)((end - old) * PAGE));
			}
		}
	}
}

/* ---- segments ---- */

static bool copy_segment(gs_copier *c, uint32_t i, gs_err *err)
{
	const gs_proc_map *m = &c->maps[i];
	gs_image *image = c->image;
	size_t n = (size_t)(m->limit - m->start);
	gs_copy_area *area;
	unsigned char *p;
	bool ok = true;

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
	area = is_heap(m) ? area_of(c, m) : NULL;
	p = area ? area->p + (m->start - area->start) : room(image, n);
	if (!p)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "no address space for a copy of %zu bytes", n);
	if (!area && is_file(m))
		gs_memory_hint_large(p, n);
	else if (!area)
		hint_pages(c, m, p);
	if (is_file(m) || gs_str_eq(m->path, GS_S("[vdso]"))) /* the kernel's pages are in no page map */
		copy_range(c, m->start, m->limit, p);
	else if (area && c->is_watched)
		ok = copy_rest(c, m, area, err);
	else
		copy_present(c, m, area, p);
	image->pieces[image->n_pieces++] = (gs_image_piece){ m->start, n, p };
	return ok;
}

static bool read_maps(gs_copier *c, int32_t source, gs_err *err)
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

static bool copy_all(gs_copier *c, bool fixed, gs_err *err)
{
	for (uint32_t i = 0; i < c->image->n_segments; i++) {
		if (is_fixed(&c->maps[i]) != fixed)
			continue;
		if (gs_progress_should_stop(c->progress))
			return gs_fail(err, GS_ERR_STOPPED, GS_ERR_NOWHERE, "stopped");
		if (fixed || !c->is_watched) /* else it is all but done, and the target stands */
			gs_progress_report(c->progress, (double)i / c->image->n_segments, "copying memory");
		if (!copy_segment(c, i, err))
			return false;
	}
	return !gs_progress_should_stop(c->progress) || gs_fail(err, GS_ERR_STOPPED, GS_ERR_NOWHERE, "stopped");
}

bool gs_copier_open(gs_copier *c, int32_t source, bool is_child, gs_err *err)
{
	c->live_pid = is_child ? 0 : source;
	return open_source(c, source, err) && read_maps(c, source, err);
}

bool gs_copier_copy_changing(gs_copier *c, gs_err *err)
{
	return copy_all(c, false, err);
}

bool gs_copier_copy_fixed(gs_copier *c, gs_err *err)
{
	if (c->is_ahead)
		clear_gone(c);
	return copy_all(c, true, err);
}

void gs_copier_init(gs_copier *c, gs_image *image, const gs_progress *progress)
{
	*c = (gs_copier){ .image = image, .progress = progress, .mem_fd = -1, .pagemap_fd = -1 };
}

void gs_copier_close(gs_copier *c)
{
	shut(&c->mem_fd);
	shut(&c->pagemap_fd);
}
