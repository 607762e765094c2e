#include "app/trace_index.h"

#include <pthread.h>
#include <stdlib.h>

#include "app/trace_args.h"
#include "app/view_cache.h"
#include "model/timeline_sums.h"

#include "base/banned.h"

#define INDEX_BUDGET_BYTES ((uint64_t)64 << 30)

typedef struct entry {
	struct entry *next;
	gs_arena *mem;
	gs_trace_index index;
} entry;

struct gs_trace_indexes {
	pthread_mutex_t lock;
	entry *list;
};

gs_trace_indexes *gs_trace_indexes_create(void)
{
	gs_trace_indexes *x = calloc(1, sizeof(*x));

	if (!x)
		abort();
	pthread_mutex_init(&x->lock, NULL);
	return x;
}

void gs_trace_indexes_free(gs_trace_indexes *x)
{
	if (!x)
		return;
	while (x->list) {
		entry *e = x->list;

		x->list = e->next;
		gs_arena_free(e->mem);
	}
	pthread_mutex_destroy(&x->lock);
	free(x);
}

void gs_trace_indexes_forget(gs_trace_indexes *x, const gs_timeline *t)
{
	entry *gone = NULL;

	pthread_mutex_lock(&x->lock);
	for (entry **at = &x->list; *at; at = &(*at)->next)
		if ((*at)->index.timeline == t) {
			gone = *at;
			*at = gone->next;
			break;
		}
	pthread_mutex_unlock(&x->lock);
	if (gone)
		gs_arena_free(gone->mem);
}

static bool build(gs_arena *mem, const gs_document *d, gs_trace_index *x, gs_err *err)
{
	x->timeline = d->timeline;
	x->lanes = gs_lanes_build(mem, d->timeline, d->profile, err);
	x->extras = x->lanes ? gs_lane_extras_build(mem, x->lanes, err) : NULL;
	x->curves = x->extras ? gs_curves_build(mem, x->lanes, err) : NULL;
	return x->curves != NULL;
}

/* Who asks while it is being built waits: it takes a fraction of a second for the largest traces. */
static const gs_trace_index *shared(gs_trace_indexes *all, const gs_document *d, gs_err *err)
{
	entry *e;

	pthread_mutex_lock(&all->lock);
	e = all->list;
	while (e && e->index.timeline != d->timeline)
		e = e->next;
	if (!e) {
		gs_arena *mem = gs_arena_create(INDEX_BUDGET_BYTES);

		e = gs_new(mem, entry, 1);
		e->mem = mem;
		if (build(mem, d, &e->index, err)) {
			e->next = all->list;
			all->list = e;
		} else {
			gs_arena_free(mem);
			e = NULL;
		}
	}
	pthread_mutex_unlock(&all->lock);
	return e ? &e->index : NULL;
}

const gs_trace_index *gs_call_lanes(const gs_op_call *call, gs_err *err)
{
	gs_trace_source source;
	gs_trace_index *x;

	if (!gs_call_trace(call, &source, err))
		return NULL;
	if (call->views)
		return shared(gs_view_cache_traces(call->views), call->docs[0], err);
	x = gs_new(call->mem, gs_trace_index, 1);
	return build(call->mem, call->docs[0], x, err) ? x : NULL;
}

static const gs_arg window[] = {
	{ "time", GS_ARG_STRING, .help = "only this part of the trace, such as 1.2s..1.4s", .unit = "from..to" },
	{ 0 },
};
const gs_arg_group gs_args_trace_window = { "Time", window };

static const gs_arg stacks[] = {
	{ "function", GS_ARG_STRING, .help = "mark where a stack has this function", .unit = "name" },
	{ "filter", GS_ARG_STRING, .unit = "expression",
	  .help = "mark what it holds for: 'reason == \"sync\" && value > 1ms', of the intervals behind `value`; see gospect help samples" },
	{ "value", GS_ARG_STRING, "wall", .help = "which time of it: a sample type of the trace, such as wall, off_cpu, sync, cpu", .unit = "type" },
	{ 0 },
};
const gs_arg_group gs_args_trace_stacks = { "Stacks", stacks };

bool gs_call_window(const gs_op_call *call, const gs_trace_index *x, int64_t *from_ns, int64_t *to_ns, gs_err *err)
{
	int64_t duration = x->timeline->duration_ns;

	if (!gs_call_time(call, from_ns, to_ns, err))
		return false;
	if (*to_ns > duration)
		*to_ns = duration;
	if (*from_ns < *to_ns)
		return true;
	return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s: nothing lies in that time: the trace is %.9g s long", call->op->name,
		       (double)duration / 1e9);
}

bool gs_call_stack_set(const gs_op_call *call, const gs_trace_index *x, gs_stack_set *set, bool *is_set, gs_err *err)
{
	gs_str value = gs_call_str(call, "value");

	gs_str filter = gs_call_str(call, "filter");
	bool has_function = gs_call_is_set(call, "function");

	*is_set = has_function || filter.n;
	if (!*is_set)
		return true;
	if (!gs_stack_set_of_type(set, value))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s: \"%.*s\" is no time that a trace knows", call->op->name, GS_FMT(value));
	if (filter.n) {
		const gs_filter *f = gs_filter_parse(call->mem, filter, err);

		set->filter = f ? gs_hit_filter_create(call->mem, f, x->timeline, gs_lanes_profile(x->lanes), value, err) : NULL;
		if (!set->filter)
			return false;
	}
	if (!has_function)
		return true;
	set->marked = gs_stacks_with(call->mem, gs_lanes_profile(x->lanes), gs_call_str(call, "function"));
	return set->marked ? true : gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "the trace's stacks need more memory than allowed");
}
