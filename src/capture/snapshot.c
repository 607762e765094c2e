#include "capture/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "capture/exe.h"
#include "capture/proc_text.h"
#include "capture/snapshot_copy.h"
#include "capture/snapshot_guard.h"
#include "format/core/core.h"
#include "base/banned.h"

/* Above this the process writes so much that a pause for the rest is no better than one for a child. */
#define MAX_REST_NS 20000000
/* All of it is copied in the pause. */
#define MAX_UNWATCHED_BYTES ((uint64_t)16 << 20)
/* A few threads stop in that. */
#define STOP_NS 300000

static bool proc_read(int32_t pid, const char *name, uint64_t max, gs_file *out, gs_err *err)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return gs_file_read(path, max, out, err);
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
static bool stop_target(int32_t pid, const gs_snapshot_plan *plan, bool wants_fork, gs_guard *g, int64_t *vain_pause_ns, gs_err *err)
{
	enum { STOP_TRIES = 10, LEND_TRIES = 20 };
	unsigned n_stop = 0, n_lend = 0;

	for (;;) {
		gs_err why = { 0 };

		if (!gs_guard_begin(pid, wants_fork ? GS_GUARD_FORK : GS_GUARD_STOP, plan->suspends_seccomp, NULL, 0, g, &why)) {
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

/* One that is being taken. */
typedef struct taking {
	int32_t pid;
	gs_snapshot_ask ask;
	gs_copier c;
	gs_guard watch, stop; /* released: shared is NULL */
	gs_snapshot_report *report;
	gs_arena *mem; /* of the report */
} taking;

/*
 * Copies ahead, while the target runs. False: that cannot be done, or is no better than what else there is; *err says why. The pause that
 * is left is then the plan's prediction, made of what was measured.
 */
static bool go_ahead(taking *t, gs_err *err)
{
	gs_snapshot_plan *plan = &t->report->plan;
	gs_guard_range *ranges = gs_new(t->c.image->mem, gs_guard_range, t->c.n_areas);
	gs_copy_ahead ahead;
	int64_t pause_ns;
	bool is_too_long;

	for (uint32_t i = 0; i < t->c.n_areas; i++)
		ranges[i] = (gs_guard_range){ t->c.areas[i].start, t->c.areas[i].limit };
	if (!gs_guard_begin(t->pid, GS_GUARD_WATCH, plan->suspends_seccomp, ranges, t->c.n_areas, &t->watch, err))
		return false;
	if (t->watch.shared->unwatched_bytes > MAX_UNWATCHED_BYTES)
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "somebody watches its writes already");
	if (!gs_copier_go_ahead(&t->c, t->pid, &t->watch, &ahead, err))
		return false;
	pause_ns = STOP_NS + ahead.rest_ns;
	is_too_long = t->ask.max_pause_ns && pause_ns > t->ask.max_pause_ns;
	if (plan->way_else == GS_SNAPSHOT_FORK && t->ask.way == GS_SNAPSHOT_AUTO && pause_ns > plan->fork_pause_ns &&
	    (pause_ns > MAX_REST_NS || is_too_long))
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "it writes to %.0f MB while they are copied", (double)ahead.rest_bytes / 1e6);
	plan->pause_ns = pause_ns;
	if (is_too_long)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE,
			       "process %d would pause for about %.1f ms (it writes to %.0f MB while they are copied), more than the %.1f ms allowed", t->pid,
			       (double)pause_ns / 1e6, (double)ahead.rest_bytes / 1e6, (double)t->ask.max_pause_ns / 1e6);
	return true;
}

/* On success the target stands, or runs on beside a child. */
static bool stop_somehow(taking *t, gs_err *err)
{
	gs_snapshot_report *r = t->report;
	gs_snapshot_way way = r->plan.way;
	bool is_too_long = t->ask.max_pause_ns && r->plan.copy_pause_ns > t->ask.max_pause_ns;
	int64_t vain_pause_ns = 0;
	bool ok;

	if (way == GS_SNAPSHOT_PRECOPY) {
		gs_err why = { 0 };

		if (!go_ahead(t, &why)) {
			gs_guard_release(&t->watch);
			if (t->ask.way == GS_SNAPSHOT_PRECOPY || why.code == GS_ERR_STOPPED || why.code == GS_ERR_LIMIT || why.code == GS_ERR_MISSING) {
				if (err)
					*err = why;
				return false;
			}
			t->c.is_watched = false;
			way = r->plan.way_else;
			r->note = gs_strf(t->mem, "%s", why.text);
			r->plan.pause_ns = way == GS_SNAPSHOT_FORK ? r->plan.fork_pause_ns : r->plan.copy_pause_ns;
			if (t->ask.max_pause_ns && r->plan.pause_ns > t->ask.max_pause_ns)
				return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE,
					       "process %d would pause for about %.1f ms (by %s: %s), more than the %.1f ms allowed", t->pid,
					       (double)r->plan.pause_ns / 1e6, gs_snapshot_way_name(way), why.text, (double)t->ask.max_pause_ns / 1e6);
		}
	}
	if (way == GS_SNAPSHOT_FORK)
		gs_copier_warm_up(&t->c);
	else
		gs_guard_hurry(true);
	ok = stop_target(t->pid, &r->plan, way == GS_SNAPSHOT_FORK, &t->stop, &vain_pause_ns, err);
	r->pause_ns = vain_pause_ns;
	if (!ok) {
		gs_guard_hurry(false);
		return false;
	}
	r->way = t->stop.shared->child_pid ? GS_SNAPSHOT_FORK : way == GS_SNAPSHOT_FORK ? GS_SNAPSHOT_COPY : way;
	if (way != GS_SNAPSHOT_FORK || r->way == way)
		return true;
	r->note = t->stop.shared->no_fork_errno < 0 ? GS_S("no thread slept where it could lend itself") :
						      gs_strf(t->mem, "no child could be made (%s)", strerror(t->stop.shared->no_fork_errno));
	if (t->ask.way == GS_SNAPSHOT_FORK || is_too_long)
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "no copy-on-write snapshot of process %d: %.*s%s", t->pid, GS_FMT(r->note),
			       is_too_long ? "; a copy while it stands would be too long a pause" : "");
	r->note = gs_strf(t->mem, "%.*s, so the process stood still for the copy", GS_FMT(r->note));
	return true;
}

static bool copy_it(taking *t, gs_err *err)
{
	gs_copier *c = &t->c;
	gs_snapshot_report *r = t->report;
	const gs_guard_shared *s = t->stop.shared;
	bool is_fork = r->way == GS_SNAPSHOT_FORK, was_guarded = true, ok;

	copy_threads(c->image, s);
	ok = gs_copier_open(c, is_fork ? s->child_pid : t->pid, is_fork, err) && gs_copier_copy_changing(c, err);
	if (!is_fork)
		was_guarded = gs_guard_finish(&t->stop);
	gs_guard_hurry(false);
	ok = ok && gs_copier_copy_fixed(c, err);
	was_guarded &= gs_guard_finish(&t->stop);
	if (ok && !was_guarded)
		ok = gs_fail(err, GS_ERR_IO, GS_ERR_NOWHERE, "the process that guards a snapshot was killed, so what was read may be of different moments");
	r->pause_ns = s->pause_ns > r->pause_ns ? s->pause_ns : r->pause_ns;
	r->lent_ns = s->lent_ns;
	if (is_fork && !s->is_reaped)
		r->note = GS_S("the snapshot's dead child could not be taken away: it stays as a zombie of the process, without memory");
	return ok;
}

gs_image *gs_snapshot_take(gs_arena *mem, int32_t pid, gs_snapshot_ask ask, const gs_progress *progress,
			   gs_snapshot_report *report, gs_err *err)
{
	taking t = { .pid = pid, .ask = ask, .watch = { .line = -1, .watch_fd = -1 }, .stop = { .line = -1, .watch_fd = -1 }, .report = report, .mem = mem };
	int64_t begin = gs_now_ns();
	gs_image *image;
	bool ok;

	*report = (gs_snapshot_report){ 0 };
	if (!gs_snapshot_plan_make(mem, pid, ask, &report->plan, err) || !gs_snapshot_has_room(&report->plan, ask.root, err))
		return NULL;
	gs_arena *own = gs_arena_create(1ull << 40);

	image = gs_new(own, gs_image, 1);
	image->mem = own;
	describe(image, pid);
	gs_copier_init(&t.c, image, progress);
	gs_copier_make_ready(&t.c, pid);
	ok = stop_somehow(&t, err) && copy_it(&t, err);
	gs_guard_release(&t.stop);
	if (t.watch.shared) {
		gs_guard_finish(&t.watch);
		report->lent_ns += t.watch.shared->lent_ns;
	}
	gs_guard_release(&t.watch);
	gs_copier_close(&t.c);
	report->copied_bytes = t.c.copied_bytes;
	report->total_ns = gs_now_ns() - begin;
	if (!ok) {
		gs_image_close(image);
		return NULL;
	}
	if (image->n_pieces) /* fixed ones came later */
		qsort(image->pieces, image->n_pieces, sizeof(*image->pieces), by_addr);
	if (t.c.shared_bytes || t.c.unread_bytes || t.c.left_out_bytes)
		image->incomplete = gs_strf(own, "not in it: %llu kB of shared memory, %llu kB of large mapped files, %llu kB that could not be read",
					    (unsigned long long)t.c.shared_bytes / 1024, (unsigned long long)t.c.left_out_bytes / 1024,
					    (unsigned long long)t.c.unread_bytes / 1024);
	return image;
}

bool gs_snapshot_write(const gs_image *image, const char *path, bool zstd, const gs_progress *progress, gs_snapshot_size *out,
		       gs_err *err)
{
	gs_core_written w;
	bool ok = gs_core_write(image, path, zstd, progress, &w, err);

	*out = (gs_snapshot_size){ w.size_bytes, w.disk_bytes };
	return ok;
}
