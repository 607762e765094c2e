#include "analysis/view_sums.h"

#include <pthread.h>

#include "base/banned.h"

struct gs_view_memo {
	pthread_mutex_t lock;
	gs_arena *mem; /* of the sums; the view's own arena belongs to the thread that built it */
	gs_view_sums sums;
	bool is_made;
};

static void memo_free(void *ctx)
{
	gs_view_memo *m = ctx;

	gs_arena_free(m->mem);
	pthread_mutex_destroy(&m->lock);
}

gs_view_memo *gs_view_memo_create(gs_arena *mem)
{
	gs_view_memo *m = gs_new(mem, gs_view_memo, 1);

	pthread_mutex_init(&m->lock, NULL);
	m->mem = gs_arena_create(gs_arena_budget_bytes(mem));
	gs_arena_on_free(mem, memo_free, m);
	return m;
}

static int64_t magnitude(int64_t v)
{
	return v == INT64_MIN ? INT64_MAX : v < 0 ? -v : v;
}

/* NULL when memory is out. */
static int64_t *weights(gs_arena *mem, const gs_view *v)
{
	int64_t *weight = gs_try_new(mem, int64_t, v->n_nodes);

	if (!weight)
		return NULL;
	for (uint32_t i = 0; i < v->n_nodes; i++) {
		int64_t w = magnitude(v->self[i]), b = v->base_self ? magnitude(v->base_self[i]) : 0;

		weight[i] = w > b ? w : b;
	}
	for (uint32_t i = v->n_nodes; i-- > 1;) {
		int64_t *up = &weight[v->nodes[i].parent];

		if (__builtin_add_overflow(*up, weight[i], up))
			*up = INT64_MAX;
	}
	return weight;
}

/* Nothing is negative and nothing wraps: then the weight is the total. */
static bool total_is_weight(const gs_view *v)
{
	int64_t sum = 0;

	for (uint32_t i = 0; i < v->n_nodes; i++)
		if (v->self[i] < 0 || __builtin_add_overflow(sum, v->self[i], &sum))
			return false;
	return !v->base_self;
}

static bool make(gs_view_memo *m, const gs_view *v)
{
	double *raw = gs_view_raw_self(m->mem, v, false);
	gs_view_sums s = { .total = gs_view_totals(m->mem, v, v->self) };

	if (!raw || !s.total)
		return false;
	for (uint32_t i = v->n_nodes; i-- > 1;)
		raw[v->nodes[i].parent] += raw[i];
	s.raw_total = raw;
	s.base_total = v->base_self ? gs_view_totals(m->mem, v, v->base_self) : NULL;
	s.weight = total_is_weight(v) ? s.total : weights(m->mem, v);
	m->sums = s;
	return s.weight && (s.base_total || !v->base_self);
}

const gs_view_sums *gs_view_sums_of(const gs_view *v)
{
	gs_view_memo *m = v->memo;
	bool ok;

	pthread_mutex_lock(&m->lock);
	if (!m->is_made)
		m->is_made = make(m, v);
	ok = m->is_made;
	pthread_mutex_unlock(&m->lock);
	return ok ? &m->sums : NULL;
}
