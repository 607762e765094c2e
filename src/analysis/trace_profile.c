#include "analysis/trace_profile.h"

#include "analysis/trace_creation.h"
#include "model/timeline_sums.h"

/* What stacks become: themselves, or by creation tree. */
static uint32_t node_of(gs_timeline_sums *sums, gs_creation *creation, uint32_t goroutine, uint32_t node)
{
	if (!creation)
		return node;
	node = gs_creation_node(creation, goroutine, node);
	sums->failed = sums->failed || node == GS_NO_ID;
	return node;
}

static void add_goroutine(gs_timeline_sums *sums, const gs_trace_selection *s, gs_creation *creation, uint32_t k)
{
	const gs_timeline_goroutine *g = &s->timeline->goroutines[s->goroutines[k]];
	gs_selected_walk w = gs_selected_of(s, k);
	gs_selected v;

	while (gs_selected_next(&w, &v)) {
		gs_sum_key key = { g->name, (uint8_t)v.interval.phase, v.interval.reason };
		uint32_t node = v.interval.stack;
		bool goes_on = w.has_ahead && w.ahead.is_more;

		if (v.interval.phase == GS_PHASE_NONE || v.interval.phase == GS_PHASE_UNKNOWN)
			continue;
		if (v.interval.phase == GS_PHASE_RUNNING)
			node = v.end_stack ? v.end_stack : g->entry;
		node = node_of(sums, creation, s->goroutines[k], node);
		gs_timeline_sums_add(sums, key, node, v.has_end && !goes_on, v.end_ns - v.start_ns);
	}
}

/* Places of the selected goroutines; GS_NO_INDEX for the others. */
static uint32_t *places(gs_arena *mem, const gs_trace_selection *s)
{
	uint32_t *out = gs_try_new(mem, uint32_t, s->timeline->n_goroutines + 1);

	if (!out)
		return NULL;
	memset(out, 0xff, s->timeline->n_goroutines * sizeof(*out));
	for (uint32_t k = 0; k < s->n; k++)
		out[s->goroutines[k]] = k;
	return out;
}

/* Samples without a goroutine belong to everything only. */
static void add_samples(gs_timeline_sums *sums, const gs_trace_selection *s, gs_creation *creation, const uint32_t *place)
{
	const gs_timeline *t = s->timeline;

	for (uint32_t i = 0; i < t->n_cpu_samples; i++) {
		const gs_timeline_cpu_sample *c = &t->cpu_samples[i];
		uint32_t name = 0;

		if (c->time_ns < s->time.start_ns || c->time_ns >= s->time.end_ns)
			continue;
		if (c->goroutine == GS_NO_INDEX) {
			if (!s->has_all)
				continue;
		} else {
			uint32_t k = place[c->goroutine];

			if (k == GS_NO_INDEX || !gs_selected_overlap(s, k, c->time_ns, c->time_ns + 1))
				continue;
			name = t->goroutines[c->goroutine].name;
		}
		gs_timeline_sums_add_cpu(sums, (gs_sum_key){ name, GS_PHASE_RUNNING, 0 },
					 node_of(sums, creation, c->goroutine, c->stack), c->weight_ns);
	}
}

gs_profile *gs_trace_profile(gs_arena *mem, const gs_trace_selection *s, bool by_creation, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(UINT64_MAX);
	gs_creation *creation = by_creation ? gs_creation_create(scratch, s->timeline, s->profile) : NULL;
	gs_timeline_sums sums = { 0 };
	uint32_t *place = places(scratch, s);
	gs_profile *out = NULL;

	if (place && (creation || !by_creation)) {
		for (uint32_t k = 0; k < s->n; k++)
			add_goroutine(&sums, s, creation, k);
		add_samples(&sums, s, creation, place);
		out = creation ? gs_timeline_sums_rows(mem, &sums, s->profile, s->timeline) :
				 gs_timeline_sums_profile(mem, &sums, s->profile, s->timeline);
	}
	if (out && creation && !gs_creation_finish(creation, out))
		out = NULL;
	gs_timeline_sums_release(&sums);
	if (!out) {
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the profile of a part of the trace");
		return NULL;
	}
	out->duration_ns = s->time.end_ns - s->time.start_ns;
	return out;
}
