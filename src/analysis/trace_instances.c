#include "analysis/trace_instances.h"

#include <stdlib.h>

#include "analysis/names.h"
#include "analysis/trace_frames.h"
#include "base/buf.h"

typedef struct finder {
	gs_arena *mem;
	const gs_timeline *t;
	const gs_profile *p;
	const gs_instance_query *q;
	GS_VEC(gs_trace_instance) found;
	uint8_t *idle; /* by node, 1 no, 2 yes: waits for a request */
	bool failed, is_looker; /* is_looker: the connection being read served net/http/pprof */
} finder;

const char *gs_instance_kind_name(gs_instance_kind kind)
{
	static const char *const names[] = { "auto", "task", "region", "request", "goroutine" };

	return names[kind];
}

static void add(finder *f, gs_trace_instance i)
{
	const gs_instance_query *q = f->q;
	gs_trace_instance *to;

	if (i.goroutine == GS_NO_INDEX || (q->name && !gs_re_match(q->name, i.name)) ||
	    (q->has_goroutine && f->t->goroutines[i.goroutine].id != q->goroutine))
		return;
	if (q->end_ns > q->start_ns) {
		i.start_ns = i.start_ns > q->start_ns ? i.start_ns : q->start_ns;
		i.end_ns = i.end_ns < q->end_ns ? i.end_ns : q->end_ns;
	}
	if (i.end_ns <= i.start_ns)
		return;
	to = gs_vec_push(&f->found, INT32_MAX);
	if (to)
		*to = i;
	else
		f->failed = true;
}

static void find_tasks(finder *f)
{
	for (uint32_t i = 0; i < f->t->n_tasks; i++) {
		const gs_timeline_task *k = &f->t->tasks[i];

		add(f, (gs_trace_instance){ .start_ns = k->start_ns,
					    .end_ns = k->end_ns,
					    .goroutine = gs_timeline_task_goroutine(k),
					    .name = gs_profile_str(f->p, k->name),
					    .index = i,
					    .is_cut = !k->saw_start || !k->saw_end });
	}
}

static void find_regions(finder *f)
{
	for (uint32_t i = 0; i < f->t->n_regions; i++) {
		const gs_timeline_region *r = &f->t->regions[i];

		add(f, (gs_trace_instance){ .start_ns = r->start_ns,
					    .end_ns = r->end_ns,
					    .goroutine = r->goroutine,
					    .name = gs_profile_str(f->p, r->name),
					    .index = i,
					    .is_cut = !r->saw_start || !r->saw_end });
	}
}

static void find_goroutines(finder *f)
{
	for (uint32_t i = 0; i < f->t->n_goroutines; i++) {
		const gs_timeline_goroutine *g = &f->t->goroutines[i];

		if (!g->is_system || f->q->has_goroutine)
			add(f, (gs_trace_instance){ .start_ns = g->start_ns,
						    .end_ns = g->end_ns,
						    .goroutine = i,
						    .name = gs_trace_goroutine_name(f->mem, f->p, f->t, i),
						    .index = GS_NO_INDEX,
						    .is_cut = !g->saw_start || !g->saw_end });
	}
}

static bool is_idle(finder *f, uint32_t stack)
{
	if (!f->idle[stack])
		f->idle[stack] = gs_trace_is_http_idle(f->p, stack) ? 2 : 1;
	return f->idle[stack] == 2;
}

static const gs_str nameless = { "net/http request", 16 };

static void add_request(finder *f, uint32_t goroutine, int64_t start_ns, int64_t end_ns, uint32_t handler, bool is_cut)
{
	gs_str package = gs_name_package(gs_profile_str(f->p, f->p->functions[handler].name));

	/* Who looks is not what is looked at, unless asked for. */
	if (gs_str_eq(package, GS_S("net/http/pprof")) && !f->q->name) {
		f->is_looker = true;
		return;
	}
	add(f, (gs_trace_instance){ .start_ns = start_ns,
				    .end_ns = end_ns,
				    .goroutine = goroutine,
				    .name = handler ? gs_profile_str(f->p, f->p->functions[handler].name) : nameless,
				    .index = GS_NO_INDEX,
				    .is_cut = is_cut });
}

/* CPU samples know the handler of a request that never blocked. They are sorted by time, not by goroutine. */
static uint32_t handler_by_samples(const finder *f, uint32_t goroutine, int64_t start_ns, int64_t end_ns)
{
	const gs_timeline *t = f->t;
	uint32_t low = 0, high = t->n_cpu_samples;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (t->cpu_samples[mid].time_ns < start_ns)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < t->n_cpu_samples && t->cpu_samples[low].time_ns < end_ns; low++) {
		uint32_t handler = t->cpu_samples[low].goroutine == goroutine ?
					   gs_trace_http_handler(f->p, t->cpu_samples[low].stack) :
					   0;

		if (handler)
			return handler;
	}
	return 0;
}

static void find_requests_of(finder *f, uint32_t goroutine)
{
	gs_interval_walk w = gs_intervals_of(f->t, goroutine);
	const gs_timeline_goroutine *g = &f->t->goroutines[goroutine];
	gs_interval i;
	int64_t since = g->start_ns;
	uint32_t handler = 0;
	bool after_wait = false, was_idle = false;

	while (gs_interval_next(&w, &i)) {
		/* A waker's stack is not this goroutine's. */
		bool own = i.phase == GS_PHASE_WAITING || i.phase == GS_PHASE_SYSCALL ||
			   (i.phase == GS_PHASE_RUNNABLE && i.peer == GS_NO_INDEX);

		if (was_idle) {
			since = i.start_ns;
			after_wait = true;
			was_idle = false;
		}
		if (i.phase == GS_PHASE_WAITING && is_idle(f, i.stack)) {
			if (!handler)
				handler = handler_by_samples(f, goroutine, since, i.start_ns);
			if (after_wait || handler)
				add_request(f, goroutine, since, i.start_ns, handler, !after_wait && !g->saw_start);
			handler = 0;
			was_idle = true;
		} else if (own && !handler) {
			handler = gs_trace_http_handler(f->p, i.stack);
		}
	}
	if (!was_idle && handler)
		add_request(f, goroutine, since, g->end_ns, handler, !g->saw_end || (!after_wait && !g->saw_start));
}

/* On the connection of somebody who looks, a request that was too short to say whose it is is his as well. */
static void leave_out_lookers(finder *f, size_t from)
{
	size_t n = from;

	for (size_t i = from; f->is_looker && i < f->found.n; i++)
		if (!gs_str_eq(f->found.p[i].name, nameless))
			f->found.p[n++] = f->found.p[i];
	f->found.n = f->is_looker ? n : f->found.n;
}

static void find_requests(finder *f)
{
	f->idle = gs_try_new(f->mem, uint8_t, f->p->n_nodes);
	if (!f->idle) {
		f->failed = true;
		return;
	}
	for (uint32_t i = 0; i < f->t->n_goroutines; i++) {
		const gs_timeline_goroutine *g = &f->t->goroutines[i];
		gs_str name = gs_profile_str(f->p, g->name);

		if (gs_str_eq(name, GS_S("net/http.(*conn).serve"))) {
			size_t before = f->found.n;

			f->is_looker = false;
			find_requests_of(f, i);
			leave_out_lookers(f, before);
		} else if (gs_str_ends(name, GS_S("erverConn).runHandler"))) {
			add_request(f, i, g->start_ns, g->end_ns, 0, !g->saw_start || !g->saw_end);
		}
	}
}

static int longest_first(const void *a, const void *b)
{
	const gs_trace_instance *x = a, *y = b;
	int64_t dx = x->end_ns - x->start_ns, dy = y->end_ns - y->start_ns;

	if (dx != dy)
		return dx > dy ? -1 : 1;
	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	return x->goroutine < y->goroutine ? -1 : x->goroutine > y->goroutine;
}

static void find(finder *f, gs_instance_kind kind)
{
	switch (kind) {
	case GS_INSTANCE_TASK:
		find_tasks(f);
		break;
	case GS_INSTANCE_REGION:
		find_regions(f);
		break;
	case GS_INSTANCE_REQUEST:
		find_requests(f);
		break;
	default:
		find_goroutines(f);
	}
}

/* A few that nobody can name, and that took no time to speak of, are not what the program is for. */
static bool are_worth_it(const finder *f, gs_instance_kind kind)
{
	enum { SHARE = 10000 };
	int64_t total_ns = 0;

	for (size_t i = 0; i < f->found.n; i++) {
		if (kind != GS_INSTANCE_REQUEST || !gs_str_eq(f->found.p[i].name, nameless))
			return true;
		total_ns += f->found.p[i].end_ns - f->found.p[i].start_ns;
	}
	return total_ns > f->t->duration_ns / SHARE;
}

gs_trace_instances *gs_trace_instances_find(gs_arena *mem, const gs_timeline *t, const gs_profile *p, const gs_instance_query *q,
					    gs_err *err)
{
	gs_trace_instances *out = gs_new(mem, gs_trace_instances, 1);
	finder f = { .mem = mem, .t = t, .p = p, .q = q };

	out->kind = q->kind;
	if (q->kind == GS_INSTANCE_AUTO)
		for (out->kind = GS_INSTANCE_TASK; !f.failed && f.found.n == 0; out->kind++) {
			find(&f, out->kind);
			if (!are_worth_it(&f, out->kind))
				f.found.n = 0;
			if (f.found.n || out->kind == GS_INSTANCE_GOROUTINE)
				break;
		}
	else
		find(&f, q->kind);
	out->n = (uint32_t)f.found.n;
	out->list = gs_try_new(mem, gs_trace_instance, f.found.n);
	if (f.failed || !out->list) {
		gs_vec_release(&f.found);
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a list of %ss", gs_instance_kind_name(out->kind));
		return NULL;
	}
	if (out->n) {
		qsort(f.found.p, f.found.n, sizeof(*f.found.p), longest_first);
		memcpy(out->list, f.found.p, f.found.n * sizeof(*f.found.p));
	}
	gs_vec_release(&f.found);
	for (uint32_t i = 0; i < out->n; i++)
		out->total_ns += out->list[i].end_ns - out->list[i].start_ns;
	if (!out->n) {
		gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE,
			"no %s of that kind in this trace: it has %u tasks, %u regions and %u goroutines",
			gs_instance_kind_name(out->kind), t->n_tasks, t->n_regions, t->n_goroutines);
		return NULL;
	}
	return out;
}
