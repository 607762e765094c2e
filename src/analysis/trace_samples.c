#include "analysis/trace_samples.h"

#include "analysis/trace_creation.h"
#include "base/buf.h"

typedef struct item {
	int64_t time_ns, value;
	uint32_t node, labels, goroutine; /* index */
	uint16_t proc, thread;
} item;

typedef struct build {
	const gs_trace_selection *s;
	gs_time_value type;
	gs_creation *creation; /* NULL: stacks as they are */
	gs_map sets;
	bool network[256], sync[256];
	GS_VEC(item) items;
	bool failed;
} build;

static void put(build *b, item i)
{
	item *to = gs_vec_push(&b->items, UINT32_MAX - 1);

	if (b->creation)
		i.node = gs_creation_node(b->creation, i.goroutine, i.node);
	if (to)
		*to = i;
	b->failed = b->failed || !to || i.node == GS_NO_ID;
}

static void add_goroutine(build *b, uint32_t k)
{
	uint32_t index = b->s->goroutines[k];
	const gs_timeline_goroutine *g = &b->s->timeline->goroutines[index];
	gs_selected_walk w = gs_selected_of(b->s, k);
	gs_selected v;

	while (!b->failed && gs_selected_next(&w, &v)) {
		const gs_interval *i = &v.interval;
		int64_t values[GS_N_TIME_VALUES] = { 0 };
		gs_sum_key key = { g->name, (uint8_t)i->phase, i->reason };
		bool goes_on = w.has_ahead && w.ahead.is_more;

		if (i->phase == GS_PHASE_NONE || i->phase == GS_PHASE_UNKNOWN)
			continue;
		gs_time_values_add(values, i->phase, b->network[i->reason], b->sync[i->reason], v.has_end && !goes_on,
				   v.end_ns - v.start_ns);
		if (values[b->type])
			put(b, (item){ .time_ns = v.start_ns,
				       .value = values[b->type],
				       .node = i->phase != GS_PHASE_RUNNING ? i->stack : v.end_stack ? v.end_stack : g->entry,
				       .labels = gs_timeline_label_set(&b->sets, key),
				       .goroutine = index,
				       .proc = i->proc,
				       .thread = i->thread });
	}
}

/* Samples without a goroutine belong to everything only. */
static bool has_sample(const build *b, const uint32_t *place, const gs_timeline_cpu_sample *c)
{
	const gs_trace_selection *s = b->s;

	if (c->time_ns < s->time.start_ns || c->time_ns >= s->time.end_ns)
		return false;
	if (c->goroutine == GS_NO_INDEX)
		return s->has_all;
	return place[c->goroutine] != GS_NO_INDEX && gs_selected_overlap(s, place[c->goroutine], c->time_ns, c->time_ns + 1);
}

static void add_cpu_samples(build *b, const uint32_t *place)
{
	const gs_timeline *t = b->s->timeline;

	for (uint32_t i = 0; i < t->n_cpu_samples && !b->failed; i++) {
		const gs_timeline_cpu_sample *c = &t->cpu_samples[i];
		uint32_t name = c->goroutine == GS_NO_INDEX ? 0 : t->goroutines[c->goroutine].name;

		if (has_sample(b, place, c))
			put(b, (item){ .time_ns = c->time_ns,
				       .value = b->type == GS_TIME_CPU ? c->weight_ns : 1,
				       .node = c->stack,
				       .labels = gs_timeline_label_set(&b->sets, (gs_sum_key){ name, GS_PHASE_RUNNING, 0 }),
				       .goroutine = c->goroutine,
				       .proc = c->proc,
				       .thread = c->thread });
	}
}

static gs_profile *finish(const build *b, gs_arena *mem)
{
	const gs_timeline *t = b->s->timeline;
	const size_t n = b->items.n;
	gs_profile *p = gs_try_new(mem, gs_profile, 1);
	int64_t *zeros = gs_try_new(mem, int64_t, n + 1);

	if (!p || !zeros)
		return NULL;
	*p = *b->s->profile;
	p->mem = mem;
	p->n_samples = (uint32_t)n;
	p->time_zero_ns = 0;
	p->sample_node = gs_try_new(mem, uint32_t, n + 1);
	p->sample_labels = gs_try_new(mem, uint32_t, n + 1);
	p->sample_time_ns = gs_try_new(mem, int64_t, n + 1);
	p->sample_goroutine = gs_try_new(mem, uint64_t, n + 1);
	p->sample_thread = gs_try_new(mem, uint32_t, n + 1);
	p->sample_cpu = gs_try_new(mem, uint32_t, n + 1);
	for (uint32_t v = 0; v < p->n_types; v++)
		p->values[v] = zeros;
	p->values[b->type] = gs_try_new(mem, int64_t, n + 1);
	if (!p->sample_node || !p->sample_labels || !p->sample_time_ns || !p->sample_goroutine || !p->sample_thread || !p->sample_cpu ||
	    !p->values[b->type])
		return NULL;
	for (size_t i = 0; i < n; i++) {
		const item *x = &b->items.p[i];

		p->sample_node[i] = x->node;
		p->sample_labels[i] = x->labels;
		p->sample_time_ns[i] = x->time_ns;
		p->sample_goroutine[i] = x->goroutine == GS_NO_INDEX ? 0 : t->goroutines[x->goroutine].id;
		p->sample_thread[i] = x->thread == UINT16_MAX ? 0 : (uint32_t)t->threads[x->thread].id;
		p->sample_cpu[i] = x->proc == UINT16_MAX ? 0 : (uint32_t)t->procs[x->proc].id;
		p->values[b->type][i] = x->value;
	}
	p->duration_ns = b->s->time.end_ns - b->s->time.start_ns;
	return !b->creation || gs_creation_finish(b->creation, p) ? p : NULL;
}

gs_profile *gs_trace_samples(gs_arena *mem, const gs_trace_selection *s, gs_time_value type, bool by_creation, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(UINT64_MAX);
	const gs_timeline *t = s->timeline;
	build b = { .s = s, .type = type };
	uint32_t *place = gs_try_new(scratch, uint32_t, t->n_goroutines + 1u);
	gs_profile *p = NULL;

	if (by_creation)
		b.creation = gs_creation_create(scratch, t, s->profile);
	b.failed = !place || (by_creation && !b.creation) || !gs_timeline_label_sets(&b.sets, s->profile, t);
	for (uint32_t i = 0; i < t->n_reasons && i < 256; i++) {
		b.network[i] = gs_reason_is_network(gs_profile_str(s->profile, t->reasons[i]));
		b.sync[i] = gs_reason_is_sync(gs_profile_str(s->profile, t->reasons[i]));
	}
	if (!b.failed && (type == GS_TIME_CPU || type == GS_TIME_CPU_SAMPLES)) {
		memset(place, 0xff, t->n_goroutines * sizeof(*place));
		for (uint32_t k = 0; k < s->n; k++)
			place[s->goroutines[k]] = k;
		add_cpu_samples(&b, place);
	} else {
		for (uint32_t k = 0; k < s->n && !b.failed; k++)
			add_goroutine(&b, k);
	}
	if (!b.failed)
		p = finish(&b, mem);
	gs_vec_release(&b.items);
	gs_map_release(&b.sets);
	if (!p)
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for single samples: take a shorter --time");
	return p;
}
