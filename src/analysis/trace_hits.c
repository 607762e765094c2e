#include "analysis/trace_samples.h"
#include "analysis/trace_tiles.h"
#include "analysis/view.h"
#include "base/pool.h"

#include "base/banned.h"

enum { BATCH = 256 };

typedef struct job {
	const gs_lanes *l;
	const gs_lane_extras *x;
	const gs_stack_set *set;
	gs_window window;
	const uint8_t *wanted;
	int64_t *hit_ns;
	uint32_t n;
} job;

static void run_batch(void *ctx, size_t i)
{
	const job *j = ctx;
	uint32_t from = (uint32_t)i * BATCH, to = j->n - from > BATCH ? from + BATCH : j->n;
	GS_AUTO(tiles) out = { 0 };

	for (uint32_t g = from; g < to; g++) {
		if (!j->wanted[g])
			continue;
		j->hit_ns[g] = gs_tiles_hits(&out, j->l, j->x, (gs_lane){ GS_LANE_OF_GOROUTINE, g }, 0, j->set, &j->window);
		out.cells.n = out.tracks.n = 0;
	}
}

void gs_lanes_hit_ns(const gs_lanes *l, const gs_lane_extras *x, const gs_stack_set *set, int64_t from_ns, int64_t to_ns,
		     const uint8_t *wanted, int64_t *hit_ns)
{
	/* One cell: what it looks like is not asked for. */
	job j = { l, x, set, { from_ns, to_ns, to_ns > 0 ? to_ns : 1 }, wanted, hit_ns, gs_lanes_timeline(l)->n_goroutines };

	if (from_ns < to_ns)
		gs_pool_run(0, (j.n + BATCH - 1) / BATCH, run_batch, &j);
}

struct gs_hit_filter {
	const gs_filter_bound *bound;
	const gs_timeline *t;
	gs_map labels; /* which label set a sum key has */
	bool network[256], sync[256];
	uint32_t type;
};

static void release_labels(void *ctx)
{
	gs_map_release(&((gs_hit_filter *)ctx)->labels);
}

gs_hit_filter *gs_hit_filter_create(gs_arena *mem, const gs_filter *f, const gs_timeline *t, const gs_profile *p, gs_str value,
				    gs_err *err)
{
	gs_hit_filter *out = gs_new(mem, gs_hit_filter, 1);

	out->t = t;
	gs_arena_on_free(mem, release_labels, out);
	if (!gs_sample_index(p, value, &out->type, err))
		return NULL;
	if (!gs_timeline_label_sets(&out->labels, p, t)) {
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for filters");
		return NULL;
	}
	for (uint32_t i = 0; i < t->n_reasons && i < 256; i++) {
		out->network[i] = gs_reason_is_network(gs_profile_str(p, t->reasons[i]));
		out->sync[i] = gs_reason_is_sync(gs_profile_str(p, t->reasons[i]));
	}
	out->bound = gs_filter_bind_given(mem, f, p, err);
	return out->bound ? out : NULL;
}

static bool match(const gs_hit_filter *f, gs_filter_sample s, gs_sum_key key, uint16_t thread, uint16_t proc)
{
	s.labels = gs_timeline_label_set(&f->labels, key);
	s.thread = thread == UINT16_MAX ? 0 : (uint32_t)f->t->threads[thread].id;
	s.cpu = proc == UINT16_MAX ? 0 : (uint32_t)f->t->procs[proc].id;
	return gs_filter_match_given(f->bound, &s, f->type);
}

bool gs_hit_filter_span(const gs_hit_filter *f, uint32_t goroutine, const gs_interval *i, uint32_t stack)
{
	const gs_timeline_goroutine *g = &f->t->goroutines[goroutine];
	int64_t values[GS_N_TIME_VALUES] = { 0 };

	gs_time_values_add(values, i->phase, f->network[i->reason], f->sync[i->reason], !i->is_more, i->end_ns - i->start_ns);
	return match(f, (gs_filter_sample){ .node = stack, .goroutine = g->id, .time_ns = i->start_ns, .value = values[f->type] },
		     (gs_sum_key){ g->name, (uint8_t)i->phase, i->reason }, i->thread, i->proc);
}

bool gs_hit_filter_sample(const gs_hit_filter *f, const gs_timeline_cpu_sample *s)
{
	const gs_timeline_goroutine *g = s->goroutine == GS_NO_INDEX ? NULL : &f->t->goroutines[s->goroutine];

	return match(f, (gs_filter_sample){ .node = s->stack, .goroutine = g ? g->id : 0, .time_ns = s->time_ns,
					    .value = f->type == GS_TIME_CPU ? s->weight_ns : 1 },
		     (gs_sum_key){ g ? g->name : 0, GS_PHASE_RUNNING, 0 }, s->thread, s->proc);
}

uint64_t *gs_stacks_with(gs_arena *mem, const gs_profile *p, gs_str function)
{
	uint64_t *marked = gs_try_new(mem, uint64_t, p->n_nodes / 64 + 1);
	uint8_t *is_it = gs_try_new(mem, uint8_t, p->n_functions);

	if (!marked || !is_it)
		return NULL;
	for (uint32_t f = 1; f < p->n_functions; f++)
		is_it[f] = gs_str_eq(gs_profile_str(p, p->functions[f].name), function);
	for (uint32_t n = 1; n < p->n_nodes; n++) {
		uint32_t up = p->nodes[n].parent;

		if (is_it[p->frames[p->nodes[n].frame].function] || marked[up / 64] >> (up % 64) & 1)
			marked[n / 64] |= (uint64_t)1 << (n % 64);
	}
	return marked;
}

bool gs_stack_set_of_type(gs_stack_set *set, gs_str type)
{
	enum {
		SYNC = 1 << GS_LANE_SYNC | 1 << GS_LANE_CHANNEL,
		WAIT = SYNC | 1 << GS_LANE_NETWORK | 1 << GS_LANE_SLEEP | 1 << GS_LANE_GC | 1 << GS_LANE_WAITING,
		OFF = WAIT | 1 << GS_LANE_RUNNABLE | 1 << GS_LANE_SYSCALL,
	};
	static const struct {
		const char *name;
		unsigned states;
	} types[] = {
		{ "sched", 1 << GS_LANE_RUNNABLE }, { "network", 1 << GS_LANE_NETWORK }, { "sync", SYNC }, { "syscall", 1 << GS_LANE_SYSCALL },
		{ "wait", WAIT }, { "off_cpu", OFF }, { "wall", OFF | 1 << GS_LANE_RUNNING }, { "running", 1 << GS_LANE_RUNNING },
	};

	if (gs_str_ends(type, GS_S("_count")))
		type = gs_str_slice(type, 0, type.n - 6);
	set->samples = gs_str_eq(type, GS_S("cpu")) || gs_str_eq(type, GS_S("cpu_samples"));
	set->states = 0;
	for (unsigned i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (gs_str_eq(type, gs_str_of(types[i].name)))
			set->states = types[i].states;
	return set->samples || set->states;
}
