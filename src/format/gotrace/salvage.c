/* Where to go on reading behind damage: a batch is told by its header, its generation, and what stands behind it. */
#include "format/gotrace/generation.h"

/* What says to be much later is none. A batch of 64 KiB, with its header, has no room for one event more from FULL_BYTES on. */
enum { MAX_STEP = 1000, EV_EVENT_BATCH = 1, EV_EXPERIMENTAL_BATCH = 49, FULL_BYTES = (64 << 10) - 256 };

static bool fits(const gs_gotrace_batch_header *h, uint64_t number, uint64_t min_time)
{
	return h->generation && h->batch.time >= min_time / 2 && (!number || (h->generation >= number && h->generation - number <= MAX_STEP));
}

/* A batch, and behind it the end of the bytes, an end of generation or a batch: two of them where it is not of the generation at hand. */
static bool looks_right(gs_rd r, uint64_t number, uint64_t min_time)
{
	gs_gotrace_batch_header h;
	unsigned n;

	if (!gs_gotrace_batch_read(&r, &h, NULL) || h.is_end || !fits(&h, number, min_time))
		return false;
	n = h.generation == number ? 1 : 2;
	for (unsigned i = 0; i < n && gs_rd_left(&r); i++) {
		number = h.generation;
		if (!gs_gotrace_batch_read(&r, &h, NULL))
			return false;
		if (h.is_end)
			return true;
		if (!fits(&h, number, min_time))
			return false;
	}
	return true;
}

bool gs_gotrace_begins_later(const gs_gotrace_batch_header *h, gs_rd after, uint64_t number)
{
	gs_gotrace_batch_header next;

	return h->generation > number && fits(h, number, 0) &&
	       (!gs_rd_left(&after) || !gs_gotrace_batch_read(&after, &next, NULL) || next.is_end || next.generation >= h->generation);
}

bool gs_gotrace_may_lack_next(const gs_gotrace_generation *g, const gs_gotrace_batch *b)
{
	return b->at < g->lost_at && b->data.n >= FULL_BYTES && (b->next == UINT32_MAX || g->batches.p[b->next].at > g->lost_at);
}

bool gs_gotrace_may_lack_first(const gs_gotrace_generation *g)
{
	for (size_t i = 0; g->lost_bytes >= FULL_BYTES && i < g->threads.n; i++)
		if (g->batches.p[g->threads.p[i].first].at > g->lost_at)
			return true;
	return false;
}

bool gs_gotrace_resync(gs_rd *r, uint64_t number, uint64_t min_time)
{
	for (; gs_rd_left(r); gs_rd_skip(r, 1))
		if ((*r->p == EV_EVENT_BATCH || *r->p == EV_EXPERIMENTAL_BATCH) && looks_right(*r, number, min_time))
			return true;
	return false;
}

void gs_gotrace_look_ahead(gs_rd r, uint64_t number, uint64_t min_time, unsigned *generations, uint64_t *last_time)
{
	*generations = 0;
	*last_time = 0;
	while (gs_gotrace_resync(&r, number, min_time)) {
		gs_gotrace_batch_header h;

		if (!gs_gotrace_batch_read(&r, &h, NULL))
			return;
		if (h.batch.time > *last_time)
			*last_time = h.batch.time;
		if (h.generation > number) {
			number = h.generation;
			++*generations;
		}
	}
}
