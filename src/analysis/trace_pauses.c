#include "analysis/trace_pauses.h"

#include <stdlib.h>

typedef struct pause {
	uint32_t owner; /* goroutine; 0 for the world */
	int64_t start_ns, end_ns;
} pause;

struct gs_trace_pauses {
	pause *assists, *stops; /* by owner, then start; those of one owner do not overlap */
	uint32_t n_assists, n_stops;
};

static int compare(const void *a, const void *b)
{
	const pause *x = a, *y = b;

	if (x->owner != y->owner)
		return x->owner < y->owner ? -1 : 1;
	return x->start_ns < y->start_ns ? -1 : x->start_ns > y->start_ns;
}

gs_trace_pauses *gs_trace_pauses_of(gs_arena *mem, const gs_timeline *t, const gs_profile *p)
{
	gs_trace_pauses *x = gs_new(mem, gs_trace_pauses, 1);

	x->assists = gs_try_new(mem, pause, t->n_ranges);
	x->stops = gs_try_new(mem, pause, t->n_ranges);
	if (!x->assists || !x->stops)
		return NULL;
	for (uint32_t i = 0; i < t->n_ranges; i++) {
		const gs_timeline_range *r = &t->ranges[i];
		gs_str name = gs_profile_str(p, r->name);

		if (r->scope == GS_RANGE_GOROUTINE && gs_str_eq(name, GS_S("GC mark assist")))
			x->assists[x->n_assists++] = (pause){ r->owner, r->start_ns, r->end_ns };
		else if (gs_str_starts(name, GS_S("stop-the-world")))
			x->stops[x->n_stops++] = (pause){ 0, r->start_ns, r->end_ns };
	}
	qsort(x->assists, x->n_assists, sizeof(pause), compare);
	qsort(x->stops, x->n_stops, sizeof(pause), compare);
	return x;
}

static int64_t sum(const pause *list, uint32_t n, uint32_t owner, int64_t start_ns, int64_t end_ns)
{
	uint32_t low = 0, high = n;
	int64_t total = 0;

	/* The first of this owner that ends after the start. */
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (list[mid].owner < owner || (list[mid].owner == owner && list[mid].end_ns <= start_ns))
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < n && list[low].owner == owner && list[low].start_ns < end_ns; low++) {
		int64_t a = list[low].start_ns > start_ns ? list[low].start_ns : start_ns;
		int64_t b = list[low].end_ns < end_ns ? list[low].end_ns : end_ns;

		total += b > a ? b - a : 0;
	}
	return total;
}

int64_t gs_trace_assist_ns(const gs_trace_pauses *x, uint32_t goroutine, int64_t start_ns, int64_t end_ns)
{
	return sum(x->assists, x->n_assists, goroutine, start_ns, end_ns);
}

int64_t gs_trace_stw_ns(const gs_trace_pauses *x, int64_t start_ns, int64_t end_ns)
{
	return sum(x->stops, x->n_stops, 0, start_ns, end_ns);
}
