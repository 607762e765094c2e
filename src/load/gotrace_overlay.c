/*
 * Profiles of the same process, taken while the trace was, on the trace's clock. Samples with times (perf.data) become the CPU samples of
 * the goroutines that were on their threads, with the kernel's frames that a trace never has; others are known by when they were taken.
 */
#include <stdlib.h>

#include "load/gotrace_build.h"
#include "model/timeline_runs.h"

#include "base/banned.h"

typedef struct laying {
	gs_trace_build *b;
	const gs_document *from;
	const gs_profile *p;
	gs_arena *scratch;
	gs_map threads; /* id -> index */
	gs_timeline_runs *runs;
	uint32_t *functions, *mappings, *locations; /* of the profile -> of the builder; 0: not yet */
	uint32_t *nodes;	  /* GS_NO_ID: not yet */
	GS_VEC(uint32_t) way;
	gs_timeline_overlay *o;
} laying;

static bool refused(gs_err *err, const gs_document *from, const char *why)
{
	return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "%.*s cannot be laid over the trace: %s", GS_FMT(from->name), why);
}

/* ---- stacks ---- */

static uint32_t text_of(laying *l, uint32_t id)
{
	return gs_profile_builder_str(l->b->b, gs_profile_str(l->p, id));
}

static uint32_t function_of(laying *l, uint32_t id)
{
	gs_function f = l->p->functions[id];

	if (!id || l->functions[id])
		return l->functions[id];
	f.name = text_of(l, f.name);
	f.system_name = text_of(l, f.system_name);
	f.file = text_of(l, f.file);
	f.file_id = 0;
	return l->functions[id] = gs_profile_builder_function(l->b->b, f);
}

static uint32_t mapping_of(laying *l, uint32_t id)
{
	gs_mapping m = l->p->mappings[id];

	if (!id || l->mappings[id])
		return l->mappings[id];
	m.file = text_of(l, m.file);
	m.build_id = text_of(l, m.build_id);
	m.file_id = 0;
	return l->mappings[id] = gs_profile_builder_mapping(l->b->b, m);
}

static uint32_t location_of(laying *l, uint32_t id)
{
	const gs_location *from = &l->p->locations[id];
	gs_frame *lines;
	uint32_t mapping;

	if (l->locations[id])
		return l->locations[id];
	lines = gs_try_new(l->scratch, gs_frame, from->n_frames + 1u);
	mapping = mapping_of(l, from->mapping);
	if (!lines || mapping == GS_NO_ID)
		return GS_NO_ID;
	for (uint32_t i = 0; i < from->n_frames; i++) {
		lines[i] = l->p->frames[from->first_frame + i];
		lines[i].function = function_of(l, lines[i].function);
		if (lines[i].function == GS_NO_ID)
			return GS_NO_ID;
	}
	return l->locations[id] =
		       gs_profile_builder_location(l->b->b, from->address, mapping, from->is_folded, lines, from->n_frames);
}

/* Every goroutine's stack ends in it where perf looks, and in no trace. */
static bool is_goexit(const laying *l, uint32_t location)
{
	const gs_location *loc = &l->p->locations[location];
	gs_str name = gs_profile_str(l->p, l->p->functions[l->p->frames[loc->first_frame].function].name);

	return gs_str_eq(name, GS_S("runtime.goexit")) || gs_str_eq(name, GS_S("runtime.goexit.abi0"));
}

/* The node of a location's caller. */
static uint32_t caller_of(const laying *l, uint32_t node)
{
	const gs_location *loc = &l->p->locations[l->p->frames[l->p->nodes[node].frame].location];

	for (uint32_t i = 0; i < loc->n_frames && node; i++)
		node = l->p->nodes[node].parent;
	return node;
}

static uint32_t node_of(laying *l, uint32_t node)
{
	uint32_t to = GS_ROOT_NODE;

	l->way.n = 0;
	for (; node; node = caller_of(l, node)) {
		uint32_t *step;

		if (l->nodes[node] != GS_NO_ID) {
			to = l->nodes[node];
			break;
		}
		step = gs_vec_push(&l->way, GS_TRACE_MAX_ROWS);
		if (!step)
			return GS_NO_ID;
		*step = node;
	}
	while (l->way.n && to != GS_NO_ID) {
		uint32_t step = l->way.p[--l->way.n], location = l->p->frames[l->p->nodes[step].frame].location, id;

		if (to != GS_ROOT_NODE || !is_goexit(l, location)) {
			id = location_of(l, location);
			to = id == GS_NO_ID ? GS_NO_ID : gs_profile_builder_push(l->b->b, to, id);
		}
		l->nodes[step] = to;
	}
	return to;
}

static bool prepare(laying *l)
{
	const gs_profile *p = l->p;
	gs_timeline *t = l->b->t;

	l->functions = gs_try_new(l->scratch, uint32_t, p->n_functions);
	l->mappings = gs_try_new(l->scratch, uint32_t, p->n_mappings);
	l->locations = gs_try_new(l->scratch, uint32_t, p->n_locations);
	l->nodes = gs_try_new(l->scratch, uint32_t, p->n_nodes);
	if (!l->functions || !l->mappings || !l->locations || !l->nodes)
		return false;
	memset(l->nodes, 0xff, p->n_nodes * sizeof(*l->nodes));
	l->runs = gs_timeline_runs_create(l->scratch, t);
	if (!l->runs || !gs_timeline_runs_make(l->runs))
		return false;
	for (uint32_t i = 0; i < t->n_threads; i++) {
		bool is_new;
		uint32_t *slot = gs_map_put(&l->threads, t->threads[i].id, &is_new);

		if (!slot)
			return false;
		*slot = i;
	}
	return true;
}

/* ---- samples ---- */

static int by_id(const void *id, const void *name)
{
	uint32_t a = *(const uint32_t *)id, b = ((const gs_thread_name *)name)->id;

	return (a > b) - (a < b);
}

/* The trace's index of the thread that a sample was taken on; NULL: none of it. */
static const uint32_t *thread_of(const laying *l, uint32_t sample)
{
	uint32_t id = l->p->sample_thread[sample];
	const gs_thread_name *name =
		l->p->n_thread_names ? bsearch(&id, l->p->thread_names, l->p->n_thread_names, sizeof(*name), by_id) : NULL;

	return gs_map_get(&l->threads, name ? name->inside : id);
}

/* The process that has most samples on threads of the trace; 0: none. */
static uint32_t process_of(const laying *l)
{
	uint32_t best = 0, n_best = 0, pid = 0, n = 0;

	/* A recording of one process or a few: counting the next one whenever the last one is done is enough. */
	for (uint32_t done = 0; done <= 16; done++, n = 0) {
		uint32_t next = UINT32_MAX;

		for (uint32_t i = 0; i < l->p->n_samples; i++) {
			uint32_t of = l->p->sample_pid[i];

			if (of > pid && of < next && thread_of(l, i))
				next = of;
		}
		if (next == UINT32_MAX)
			break;
		pid = next;
		for (uint32_t i = 0; i < l->p->n_samples; i++)
			n += l->p->sample_pid[i] == pid && thread_of(l, i);
		if (n > n_best) {
			best = pid;
			n_best = n;
		}
	}
	return best;
}

/* The column that is CPU time; GS_NO_ID. */
static uint32_t cpu_column(const gs_profile *p)
{
	for (uint32_t v = 0; v < p->n_types; v++)
		if (gs_str_eq(gs_profile_str(p, p->types[v].unit), GS_S("nanoseconds")))
			return v;
	return GS_NO_ID;
}

static uint32_t weight_of(const gs_profile *p, uint32_t column, uint32_t sample)
{
	int64_t ns = column != GS_NO_ID ? p->values[column][sample] : p->sample_gap_ns ? p->sample_gap_ns : GS_CPU_SAMPLE_NS;

	return ns < 0 ? 0 : ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

static bool add_sample(laying *l, uint32_t i, uint32_t column, int64_t time_ns, gs_timeline_cpu_sample *to)
{
	const gs_timeline *t = l->b->t;
	const uint32_t *thread = thread_of(l, i);
	gs_interval on;
	gs_run run;

	*to = (gs_timeline_cpu_sample){ .time_ns = time_ns, .goroutine = GS_NO_INDEX, .stack = node_of(l, l->p->sample_node[i]),
					.proc = GS_NO_LANE, .thread = GS_NO_LANE, .weight_ns = weight_of(l->p, column, i) };
	if (to->stack == GS_NO_ID)
		return false;
	if (thread)
		to->thread = (uint16_t)*thread;
	if (thread && gs_run_on_thread(l->runs, *thread, time_ns, &run)) {
		on = gs_timeline_interval_at(t, run.chunk, run.transition);
		if (time_ns < on.end_ns) {
			to->goroutine = gs_timeline_goroutine_at(t, run.chunk, run.transition);
			to->proc = on.proc;
			return true;
		}
	}
	l->o->n_unplaced++;
	return true;
}

static int by_time(const void *a, const void *b)
{
	const gs_timeline_cpu_sample *x = a, *y = b;

	return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

/* Instead of the trace's own: those stop at the kernel's door, and the same time must not count twice. */
static bool take_over(laying *l, gs_timeline_cpu_sample *samples, uint32_t n)
{
	gs_trace_build *b = l->b;

	qsort(samples, n, sizeof(*samples), by_time);
	b->t->cpu_samples = samples;
	b->t->n_cpu_samples = n;
	gs_timeline_sums_drop_cpu(&b->sums);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t g = samples[i].goroutine, name = g == GS_NO_INDEX ? 0 : b->t->goroutines[g].name;

		gs_timeline_sums_add_cpu(&b->sums, (gs_sum_key){ name, GS_PHASE_RUNNING, 0 },
					 samples[i].stack, samples[i].weight_ns);
	}
	return !b->sums.failed;
}

static bool lay_samples(laying *l, gs_err *err)
{
	const gs_profile *p = l->p;
	gs_timeline *t = l->b->t;
	gs_timeline_cpu_sample *samples = gs_try_new(l->b->mem, gs_timeline_cpu_sample, p->n_samples + 1u);
	uint32_t pid, n = 0, column = cpu_column(p);
	int64_t first = INT64_MAX, last = INT64_MIN;

	if (!samples || !prepare(l))
		return gs_trace_no_memory(err);
	pid = process_of(l);
	if (!pid)
		return refused(err, l->from, t->format_minor < 22 ? "before Go 1.22 a trace does not say which thread ran what" :
				       "none of its threads is in the trace: another process, or one that another PID namespace numbers otherwise");
	for (uint32_t i = 0; i < p->n_samples; i++) {
		int64_t at;

		if (p->sample_pid[i] != pid ||
		    !gs_timeline_from_monotonic(t, (uint64_t)(p->sample_time_ns[i] - p->monotonic_offset_ns), &at))
			continue;
		first = at < first ? at : first;
		last = at > last ? at : last;
		l->o->n_samples++;
		if (at < 0 || at >= t->duration_ns)
			l->o->n_outside++;
		else if (!add_sample(l, i, column, at, &samples[n++]))
			return gs_trace_no_memory(err);
	}
	l->o->start_ns = first;
	l->o->end_ns = last;
	if (!n)
		return refused(err, l->from, "it was taken at another time");
	return take_over(l, samples, n) || gs_trace_no_memory(err);
}

/* ---- when it was taken ---- */

/* Wall time on the trace's clock; a recording beside it may know what the trace does not. */
static bool from_wall(const gs_trace_build *b, int64_t wall_ns, int64_t *time_ns)
{
	if (gs_timeline_from_wall(b->t, wall_ns, time_ns))
		return true;
	for (unsigned i = 0; i < b->n_overlays; i++) {
		const gs_profile *p = b->overlays[i]->profile;

		if (p->is_monotonic && p->monotonic_offset_ns)
			return gs_timeline_from_monotonic(b->t, (uint64_t)(wall_ns - p->monotonic_offset_ns), time_ns);
	}
	return false;
}

static bool lay_interval(laying *l, gs_err *err)
{
	const gs_profile *p = l->p;

	if (!p->time_ns || !p->duration_ns)
		return refused(err, l->from, "it does not say when it was taken");
	if (!from_wall(l->b, p->time_ns, &l->o->start_ns))
		return refused(err, l->from, "the trace does not say what time it was: only Go 1.25 and later do");
	l->o->end_ns = l->o->start_ns + p->duration_ns;
	if (l->o->end_ns < 0 || l->o->start_ns >= l->b->t->duration_ns)
		return refused(err, l->from, "it was taken at another time");
	return true;
}

static bool lay(laying *l, bool has_samples, gs_err *err)
{
	const gs_profile *p = l->p;

	*l->o = (gs_timeline_overlay){ .name = gs_profile_builder_str(l->b->b, l->from->name) };
	l->o->has_times = !l->from->goroutines && p->sample_time_ns && /* a dump is of one moment */ p->sample_thread && p->sample_pid && p->n_samples;
	if (l->o->name == GS_NO_ID)
		return gs_trace_no_memory(err);
	if (l->from->timeline)
		return refused(err, l->from, "it is a trace itself");
	if (!l->o->has_times)
		return lay_interval(l, err);
	if (has_samples)
		return refused(err, l->from, "another profile with times lies there already");
	if (!p->is_monotonic)
		return refused(err, l->from,
			       "its clock is not the trace's: record with perf record --clockid CLOCK_MONOTONIC, or with gospect record");
	if (!gs_timeline_from_monotonic(l->b->t, 0, &l->o->start_ns))
		return refused(err, l->from, "the trace's clock is not the system's: only Go 1.22 and later have that, on Linux");
	return lay_samples(l, err);
}

bool gs_trace_overlay(gs_trace_build *b, gs_err *err)
{
	bool has_samples = false;

	b->t->overlays = gs_try_new(b->mem, gs_timeline_overlay, b->n_overlays + 1u);
	if (!b->t->overlays)
		return gs_trace_no_memory(err);
	for (unsigned i = 0; i < b->n_overlays; i++) {
		GS_AUTO(arena) *scratch = gs_arena_create(gs_arena_budget_bytes(b->mem));
		laying l = { .b = b, .from = b->overlays[i], .p = b->overlays[i]->profile, .scratch = scratch,
			     .o = &b->t->overlays[b->t->n_overlays] };
		gs_err why = { .at = GS_ERR_NOWHERE };
		bool ok = lay(&l, has_samples, &why);

		gs_map_release(&l.threads);
		gs_vec_release(&l.way);
		if (ok) {
			has_samples = has_samples || l.o->has_times;
			b->t->n_overlays++;
		} else if (why.code == GS_ERR_LIMIT || b->must_overlay) {
			*err = why;
			return false;
		} else if (l.o->has_times) {
			gs_profile_builder_warn(b->b, "%s", why.text);
		}
	}
	return true;
}
