#include "analysis/trace_why.h"

#include <stdlib.h>

#include "analysis/trace_frames.h"
#include "analysis/trace_pauses.h"
#include "base/buf.h"
#include "base/map.h"

enum { MAX_ROWS = 1 << 20, MAX_LOOKED = 200000, MIN_SAMPLES = 10 };

/* Running time of the goroutines that were started with one function, and how many CPU samples fell into it. */
typedef struct running_kind {
	uint32_t goroutine_name;
	bool is_other;
	uint64_t samples;
	int64_t total_ns, slow_ns;
} running_kind;

typedef struct running_place {
	uint32_t goroutine_name, node;
	bool is_other;
	uint64_t samples;
} running_place;

typedef struct build {
	const gs_timeline *t;
	const gs_profile *p;
	gs_why *why;
	GS_VEC(gs_why_part) parts;
	GS_VEC(gs_why_blocker) blockers;
	GS_VEC(gs_why_cause) causes;
	GS_VEC(running_kind) kinds;
	GS_VEC(running_place) sampled;
	gs_map part_of, blocker_of, cause_of, kind_of, sampled_of;
	uint32_t *own; /* by node: the reader's own node + 1 */
	uint8_t *collector; /* by node, 1 no, 2 yes */
	bool failed;
} build;

static uint32_t own_node(build *b, uint32_t stack)
{
	if (!b->own[stack])
		b->own[stack] = gs_trace_own_node(b->p, stack) + 1;
	return b->own[stack] - 1;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	return gs_hash_u64(a * 0x9e3779b97f4a7c15u + b);
}

/* A line of code, whatever the way to it. */
static uint64_t place(const build *b, uint32_t node)
{
	const gs_frame *f = &b->p->frames[b->p->nodes[node].frame];

	return node ? mix(f->function, (uint64_t)f->line) : 0;
}

/* The row of a key, made when it is new. Keys are 64-bit hashes: two of a few thousand rows do not collide. */
#define ROW(b, index, list, key, fresh)                                                                     \
	__extension__({                                                                                     \
		bool is_new_;                                                                               \
		uint32_t *at_ = gs_map_put(&(b)->index, (key), &is_new_);                                   \
		__typeof__((b)->list.p) row_ = NULL;                                                        \
		if (at_ && is_new_) {                                                                       \
			*at_ = (uint32_t)(b)->list.n;                                                       \
			row_ = gs_vec_push(&(b)->list, MAX_ROWS);                                           \
			if (row_)                                                                           \
				*row_ = (fresh);                                                            \
		} else if (at_ && *at_ < (b)->list.n) {                                                     \
			row_ = &(b)->list.p[*at_];                                                          \
		}                                                                                           \
		(b)->failed = (b)->failed || !row_;                                                         \
		row_;                                                                                       \
	})

static bool is_collector(build *b, const gs_path_step *s)
{
	if (s->phase != GS_PHASE_WAITING)
		return false;
	if (!b->collector[s->stack])
		b->collector[s->stack] = gs_trace_is_collector(b->p, s->stack) ? 2 : 1;
	return b->collector[s->stack] == 2;
}

static void add_part(build *b, const gs_path_step *s, bool is_slow)
{
	int64_t ns = s->end_ns - s->start_ns;
	uint8_t reason = s->phase == GS_PHASE_WAITING ? s->reason : 0;
	bool gc = is_collector(b, s);
	gs_why_part *row = ROW(b, part_of, parts, mix(mix(s->phase, reason), gc),
			       ((gs_why_part){ .phase = s->phase, .reason = reason, .is_collector = gc }));

	if (!row)
		return;
	row->count++;
	row->total_ns += ns;
	row->slow_ns += is_slow ? ns : 0;
	row->max_ns = ns > row->max_ns ? ns : row->max_ns;
}

/* A wait whose place nobody wrote down: it began before the trace did. */
static bool is_older(const gs_path_step *s)
{
	return s->phase == GS_PHASE_WAITING && s->is_older && !s->stack;
}

static void add_blocker(build *b, const gs_path_step *s, bool is_slow)
{
	int64_t ns = s->end_ns - s->start_ns;
	uint32_t name = s->waker == GS_NO_INDEX ? 0 : b->t->goroutines[s->waker].name;
	uint32_t node = own_node(b, s->stack), waker_node = s->waker == GS_NO_INDEX ? 0 : own_node(b, s->waker_stack);
	bool gc = is_collector(b, s), older = is_older(s);
	uint32_t own_name = older ? b->t->goroutines[s->goroutine].name : 0;
	uint64_t key = mix(mix(s->reason * 2u + gc, mix(place(b, node), own_name * 2u + older)),
			   mix(mix(place(b, waker_node), waker_node != 0), name));
	gs_why_blocker *row = ROW(b, blocker_of, blockers, key,
				  ((gs_why_blocker){ .reason = s->reason,
						     .is_collector = gc,
						     .node = node,
						     .is_older = older,
						     .name = own_name,
						     .waker_node = waker_node,
						     .waker_name = name }));

	if (!row)
		return;
	row->count++;
	row->total_ns += ns;
	row->slow_ns += is_slow ? ns : 0;
	if (ns > row->max_ns) {
		row->max_ns = ns;
		row->max_at_ns = s->start_ns;
		row->max_goroutine = s->goroutine;
		row->max_waker = s->waker;
	}
}

static void add_cause(build *b, const gs_path_step *s, uint32_t asked, bool is_slow)
{
	int64_t ns = s->end_ns - s->start_ns;
	bool is_other = s->goroutine != asked;
	uint32_t name = s->goroutine == GS_NO_INDEX ? 0 : b->t->goroutines[s->goroutine].name;
	uint8_t reason = s->phase == GS_PHASE_WAITING ? s->reason : 0;
	/* Runnable: the stack is of whoever made it so. */
	uint32_t node = s->phase == GS_PHASE_RUNNABLE ? 0 : own_node(b, s->stack);
	bool gc = is_collector(b, s), older = is_older(s);
	uint64_t key = mix(mix(s->phase, (reason * 2u + gc) * 2u + older), mix(mix(place(b, node), name), is_other));
	gs_why_cause *row = ROW(b, cause_of, causes, key,
				((gs_why_cause){ .phase = s->phase,
						 .reason = reason,
						 .is_collector = gc,
						 .is_older = older,
						 .is_other = is_other,
						 .node = node,
						 .goroutine_name = name }));

	if (!row)
		return;
	row->total_ns += ns;
	row->slow_ns += is_slow ? ns : 0;
}

/*
 * Running time is told apart by CPU samples. One of a hundred short runs holds a sample, so those of all runs of a kind of goroutine
 * share out the whole time of that kind.
 */
static void add_running(build *b, const gs_path_step *s, uint32_t asked, bool is_slow)
{
	const gs_timeline *t = b->t;
	bool is_other = s->goroutine != asked;
	uint32_t name = t->goroutines[s->goroutine].name, low = 0, high = t->n_cpu_samples;
	running_kind *kind = ROW(b, kind_of, kinds, mix(name, is_other),
				 ((running_kind){ .goroutine_name = name, .is_other = is_other }));
	int64_t ns = s->end_ns - s->start_ns;

	if (!kind)
		return;
	kind->total_ns += ns;
	kind->slow_ns += is_slow ? ns : 0;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (t->cpu_samples[mid].time_ns < s->start_ns)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < t->n_cpu_samples && t->cpu_samples[low].time_ns < s->end_ns; low++) {
		uint32_t node;
		running_place *place_row;

		if (t->cpu_samples[low].goroutine != s->goroutine)
			continue;
		node = own_node(b, t->cpu_samples[low].stack);
		place_row = ROW(b, sampled_of, sampled, mix(mix(name, is_other), place(b, node)),
				((running_place){ .goroutine_name = name, .is_other = is_other, .node = node }));
		if (!place_row)
			return;
		place_row->samples++;
		kind->samples++;
	}
}

static void put_cause(build *b, gs_why_cause c)
{
	gs_why_cause *to = c.total_ns ? gs_vec_push(&b->causes, MAX_ROWS) : NULL;

	if (to)
		*to = c;
	b->failed = b->failed || (c.total_ns && !to);
}

static void share_out_running(build *b)
{
	for (size_t k = 0; k < b->kinds.n; k++) {
		const running_kind *kind = &b->kinds.p[k];
		gs_why_cause c = { .phase = GS_PHASE_RUNNING,
				   .is_other = kind->is_other,
				   .goroutine_name = kind->goroutine_name,
				   .total_ns = kind->total_ns,
				   .slow_ns = kind->slow_ns };

		if (kind->samples < MIN_SAMPLES) {
			put_cause(b, c);
			continue;
		}
		for (size_t i = 0; i < b->sampled.n; i++) {
			const running_place *at = &b->sampled.p[i];
			double share = (double)at->samples / (double)kind->samples;

			if (at->goroutine_name != kind->goroutine_name || at->is_other != kind->is_other)
				continue;
			c.node = at->node;
			c.total_ns = (int64_t)(share * (double)kind->total_ns);
			c.slow_ns = (int64_t)(share * (double)kind->slow_ns);
			put_cause(b, c);
		}
	}
}

static bool add_instance(build *b, gs_arena *scratch, const gs_trace_instance *i, bool is_slow, gs_err *err)
{
	gs_path *path = gs_path_find(scratch, b->t, i->goroutine, i->start_ns, i->end_ns, err);

	if (!path)
		return false;
	b->why->is_cut = b->why->is_cut || path->is_cut;
	for (uint32_t k = 0; k < path->n; k++) {
		const gs_path_step *s = &path->steps[k];

		if (s->depth == 0)
			add_part(b, s, is_slow);
		if (s->depth == 0 && s->phase == GS_PHASE_WAITING)
			add_blocker(b, s, is_slow);
		if (s->phase == GS_PHASE_RUNNING)
			add_running(b, s, i->goroutine, is_slow);
		else if (!s->is_followed)
			add_cause(b, s, i->goroutine, is_slow);
	}
	return !b->failed || gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the reasons");
}

#define BY_TOTAL(name, type)                                                                                \
	static int name(const void *a, const void *b)                                                       \
	{                                                                                                   \
		const type *x = a, *y = b;                                                                  \
		return x->total_ns != y->total_ns ? (x->total_ns > y->total_ns ? -1 : 1) :                  \
						    x->reason < y->reason ? -1 : x->reason > y->reason;         \
	}
BY_TOTAL(parts_by_total, gs_why_part)
BY_TOTAL(blockers_by_total, gs_why_blocker)
BY_TOTAL(causes_by_total, gs_why_cause)

#define TAKE(mem, list, to, n_to, by)                                                              \
	__extension__({                                                                            \
		(n_to) = (uint32_t)(list).n;                                                       \
		(to) = gs_try_new((mem), __typeof__(*(to)), (list).n);                             \
		if ((list).n && (to)) {                                                            \
			memcpy((to), (list).p, (list).n * sizeof(*(to)));                          \
			qsort((to), (list).n, sizeof(*(to)), (by));                                \
		}                                                                                  \
		(to) != NULL;                                                                      \
	})

/* The list is longest first. */
static int64_t percentile(const gs_trace_instances *in, double share)
{
	uint32_t at = (uint32_t)((double)(in->n - 1) * (1 - share) + 0.5);

	return in->list[at].end_ns - in->list[at].start_ns;
}

gs_why *gs_why_build(gs_arena *mem, const gs_timeline *t, const gs_profile *p, const gs_trace_instances *in, gs_err *err)
{
	GS_AUTO(arena) *columns = gs_arena_create(UINT64_MAX);
	gs_why *why = gs_new(mem, gs_why, 1);
	build b = { .t = t, .p = p, .why = why, .own = gs_try_new(columns, uint32_t, p->n_nodes),
		    .collector = gs_try_new(columns, uint8_t, p->n_nodes) };
	gs_trace_pauses *pauses = gs_trace_pauses_of(columns, t, p);
	bool ok = b.own && b.collector && pauses;

	why->instances = in;
	why->n_looked = in->n < MAX_LOOKED ? in->n : MAX_LOOKED;
	why->n_slow = why->n_looked / 10 ? why->n_looked / 10 : why->n_looked ? 1 : 0;
	why->p50_ns = percentile(in, 0.5);
	why->p90_ns = percentile(in, 0.9);
	why->p99_ns = percentile(in, 0.99);
	why->max_ns = percentile(in, 1);
	if (!ok)
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the reasons");
	for (uint32_t i = 0; ok && i < why->n_looked; i++) {
		const gs_trace_instance *one = &in->list[i];
		GS_AUTO(arena) *scratch = gs_arena_create(UINT64_MAX);
		int64_t ns = one->end_ns - one->start_ns;
		int64_t assist = gs_trace_assist_ns(pauses, one->goroutine, one->start_ns, one->end_ns);
		int64_t stw = gs_trace_stw_ns(pauses, one->start_ns, one->end_ns);
		bool is_slow = i < why->n_slow;

		why->total_ns += ns;
		why->assist_ns += assist;
		why->stw_ns += stw;
		if (is_slow) {
			why->slow_ns += ns;
			why->assist_slow_ns += assist;
			why->stw_slow_ns += stw;
		}
		ok = add_instance(&b, scratch, one, is_slow, err);
	}
	if (ok)
		share_out_running(&b);
	if (ok && (b.failed || !(TAKE(mem, b.parts, why->parts, why->n_parts, parts_by_total) &&
		    TAKE(mem, b.blockers, why->blockers, why->n_blockers, blockers_by_total) &&
		    TAKE(mem, b.causes, why->causes, why->n_causes, causes_by_total))))
		ok = gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the reasons");
	gs_vec_release(&b.parts);
	gs_vec_release(&b.blockers);
	gs_vec_release(&b.causes);
	gs_map_release(&b.part_of);
	gs_map_release(&b.blocker_of);
	gs_map_release(&b.cause_of);
	gs_vec_release(&b.kinds);
	gs_vec_release(&b.sampled);
	gs_map_release(&b.kind_of);
	gs_map_release(&b.sampled_of);
	return ok ? why : NULL;
}
