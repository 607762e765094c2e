#include "analysis/sample_rows.h"

#include <stdlib.h>

typedef struct sort_item {
	int64_t by;
	gs_sample_row row;
} sort_item;

static int compare(const void *a, const void *b)
{
	const sort_item *x = a, *y = b;

	if (x->by != y->by)
		return x->by < y->by ? -1 : 1;
	if (x->row.profile != y->row.profile)
		return x->row.profile < y->row.profile ? -1 : 1;
	return x->row.sample < y->row.sample ? -1 : x->row.sample > y->row.sample;
}

gs_sample_rows *gs_sample_rows_build(gs_arena *mem, const gs_view *v, gs_sample_order order, gs_err *err)
{
	gs_sample_rows *r = gs_new(mem, gs_sample_rows, 1);
	GS_AUTO(arena) *scratch = gs_arena_create(UINT64_MAX);
	sort_item *items;
	uint64_t max = 0;

	r->view = v;
	for (unsigned i = 0; i < v->n_profiles; i++)
		max += v->profiles[i].is_base ? 0 : v->profiles[i].profile->n_samples;
	items = max < UINT32_MAX ? gs_try_new(scratch, sort_item, max) : NULL;
	if (!items)
		goto limit;
	for (unsigned i = 0; i < v->n_profiles; i++) {
		const gs_view_profile *vp = &v->profiles[i];
		const gs_profile *p = vp->profile;

		if (vp->is_base)
			continue;
		r->has_time = r->has_time || p->sample_time_ns;
		r->has_goroutine = r->has_goroutine || p->sample_goroutine;
		r->has_thread = r->has_thread || p->sample_thread;
		r->has_cpu = r->has_cpu || p->sample_cpu;
		r->has_pid = r->has_pid || p->sample_pid;
		for (uint32_t s = 0; s < p->n_samples; s++) {
			int64_t value = p->values[vp->type][s];

			if (vp->sample_node[s] == GS_NO_ID)
				continue;
			r->total = (int64_t)((uint64_t)r->total + (uint64_t)value);
			items[r->n].row = (gs_sample_row){ i, s };
			items[r->n++].by = order == GS_SAMPLES_BY_VALUE ? value == INT64_MIN ? INT64_MIN : value < 0 ? value : -value :
					   p->sample_time_ns		? p->sample_time_ns[s] - p->time_zero_ns :
									  0;
		}
	}
	qsort(items, r->n, sizeof(*items), compare);
	r->list = gs_try_new(mem, gs_sample_row, r->n);
	if (!r->list)
		goto limit;
	for (uint32_t i = 0; i < r->n; i++)
		r->list[i] = items[i].row;
	return r;
limit:
	gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for samples");
	return NULL;
}
