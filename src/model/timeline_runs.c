#include "model/timeline_runs.h"

#include <stdlib.h>
#include <string.h>

#include "base/pool.h"

/* A run while its chunk's are put in order. */
typedef struct run {
	uint32_t offset_ns, transition;
} run;

enum { DIGIT_BITS = 11, DIGITS = 3, N_DIGIT = 1 << DIGIT_BITS };

/* Stable, by offset; with room for another copy behind the n. */
static run *sort_runs(run *runs, uint32_t n)
{
	run *from = runs, *to = runs + n;

	for (unsigned d = 0; d < DIGITS; d++) {
		uint32_t at[N_DIGIT + 1] = { 0 };
		unsigned shift = d * DIGIT_BITS;
		run *swap = from;

		for (uint32_t i = 0; i < n; i++)
			at[(from[i].offset_ns >> shift) % N_DIGIT + 1]++;
		for (unsigned i = 1; i < N_DIGIT; i++)
			at[i] += at[i - 1];
		for (uint32_t i = 0; i < n; i++)
			to[at[(from[i].offset_ns >> shift) % N_DIGIT]++] = from[i];
		from = to;
		to = swap;
	}
	return from;
}

static bool is_run(const gs_timeline_chunk *c, uint32_t i)
{
	gs_phase phase = gs_chunk_phase(c, i);

	return phase == GS_PHASE_RUNNING || phase == GS_PHASE_SYSCALL;
}

/* Room for the lists of a chunk. first[p + 2] becomes the length of list p, then first[p + 1] where it begins. */
static bool make_room(gs_timeline_runs *r, uint32_t chunk)
{
	const gs_timeline *t = r->timeline;
	const gs_timeline_chunk *c = &t->chunks[chunk];
	gs_chunk_runs out = { .proc_first = gs_try_new(r->mem, uint32_t, t->n_procs + 2),
			      .thread_first = gs_try_new(r->mem, uint32_t, t->n_threads + 2) };

	if (!out.proc_first || !out.thread_first)
		return false;
	for (uint32_t i = 0; i < c->n; i++) {
		gs_timeline_place place = gs_chunk_place(c, i);

		if (!is_run(c, i))
			continue;
		if (place.proc < t->n_procs)
			out.proc_first[place.proc + 2]++;
		if (place.thread < t->n_threads)
			out.thread_first[place.thread + 2]++;
	}
	for (uint32_t i = 2; i < t->n_procs + 2; i++)
		out.proc_first[i] += out.proc_first[i - 1];
	for (uint32_t i = 2; i < t->n_threads + 2; i++)
		out.thread_first[i] += out.thread_first[i - 1];
	out.proc_runs = gs_try_new(r->mem, uint32_t, out.proc_first[t->n_procs + 1]);
	out.thread_runs = gs_try_new(r->mem, uint32_t, out.thread_first[t->n_threads + 1]);
	if (!out.proc_runs || !out.thread_runs)
		return false;
	r->by_chunk[chunk] = out;
	return true;
}

static bool fill(const gs_timeline_runs *r, uint32_t chunk)
{
	const gs_timeline *t = r->timeline;
	const gs_timeline_chunk *c = &t->chunks[chunk];
	const gs_chunk_runs *out = &r->by_chunk[chunk];
	run *runs = gs_alloc_should_fail() ? NULL : malloc(((size_t)c->n + 1) * 2 * sizeof(*runs)), *sorted;
	uint32_t n = 0;

	if (!runs)
		return false;
	for (uint32_t i = 0; i < c->n; i++)
		if (is_run(c, i))
			runs[n++] = (run){ c->offset_ns[i], i };
	sorted = sort_runs(runs, n);
	for (uint32_t i = 0; i < n; i++) {
		gs_timeline_place place = gs_chunk_place(c, sorted[i].transition);

		if (place.proc < t->n_procs)
			out->proc_runs[out->proc_first[place.proc + 1]++] = sorted[i].transition;
		if (place.thread < t->n_threads)
			out->thread_runs[out->thread_first[place.thread + 1]++] = sorted[i].transition;
	}
	free(runs);
	return true;
}

gs_timeline_runs *gs_timeline_runs_create(gs_arena *mem, const gs_timeline *t)
{
	gs_timeline_runs *r = gs_try_new(mem, gs_timeline_runs, 1);

	if (!r)
		return NULL;
	*r = (gs_timeline_runs){ mem, t, gs_try_new(mem, gs_chunk_runs, t->n_chunks) };
	return r->by_chunk ? r : NULL;
}

const gs_chunk_runs *gs_timeline_runs_of(gs_timeline_runs *r, uint32_t chunk)
{
	gs_chunk_runs *of = &r->by_chunk[chunk];

	if (!of->proc_first && (!make_room(r, chunk) || !fill(r, chunk))) {
		*of = (gs_chunk_runs){ 0 };
		return NULL;
	}
	return of;
}

typedef struct job {
	gs_timeline_runs *r;
	uint32_t *chunks; /* that were missing */
	bool *has_failed;
} job;

static void fill_one(void *ctx, size_t i)
{
	job *j = ctx;

	j->has_failed[i] = !fill(j->r, j->chunks[i]);
}

bool gs_timeline_runs_make(gs_timeline_runs *r)
{
	GS_AUTO(arena) *scratch = gs_arena_create(gs_arena_budget_bytes(r->mem));
	uint32_t n_chunks = r->timeline->n_chunks, n = 0;
	job j = { r, gs_try_new(scratch, uint32_t, n_chunks), gs_try_new(scratch, bool, n_chunks) };

	if (!j.chunks || !j.has_failed)
		return false;
	for (uint32_t i = 0; i < n_chunks; i++) {
		if (r->by_chunk[i].proc_first)
			continue;
		if (!make_room(r, i))
			return false;
		j.chunks[n++] = i;
	}
	gs_pool_run(0, n, fill_one, &j);
	for (uint32_t i = 0; i < n; i++)
		if (j.has_failed[i])
			return false;
	return true;
}

uint32_t gs_runs_until(const gs_timeline_chunk *c, const uint32_t *runs, uint32_t first, uint32_t end, int64_t time_ns)
{
	while (first < end) {
		uint32_t mid = first + (end - first) / 2;

		if (c->base_ns + c->offset_ns[runs[mid]] <= time_ns)
			first = mid + 1;
		else
			end = mid;
	}
	return first;
}

static bool run_until(gs_timeline_runs *r, bool is_proc, uint32_t lane, int64_t time_ns, gs_run *out)
{
	const gs_timeline *t = r->timeline;

	if (!t->n_chunks || lane >= (is_proc ? t->n_procs : t->n_threads))
		return false;
	for (uint32_t chunk = gs_timeline_chunk_at(t, time_ns) + 1; chunk-- > 0;) {
		const gs_chunk_runs *of = gs_timeline_runs_of(r, chunk);
		const uint32_t *first, *runs;
		uint32_t i;

		if (!of)
			return false;
		first = is_proc ? of->proc_first : of->thread_first;
		runs = is_proc ? of->proc_runs : of->thread_runs;
		i = gs_runs_until(&t->chunks[chunk], runs, first[lane], first[lane + 1], time_ns);
		if (i > first[lane]) {
			*out = (gs_run){ chunk, runs[i - 1] };
			return true;
		}
	}
	return false;
}

bool gs_run_on_proc(gs_timeline_runs *r, uint32_t proc, int64_t time_ns, gs_run *out)
{
	return run_until(r, true, proc, time_ns, out);
}

bool gs_run_on_thread(gs_timeline_runs *r, uint32_t thread, int64_t time_ns, gs_run *out)
{
	return run_until(r, false, thread, time_ns, out);
}
