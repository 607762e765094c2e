/* Where to go on reading behind damage: a batch is told by its header, its generation, and what stands behind it. */
#include "format/gotrace/generation.h"

/* Few generations are missing, or what was found is none. */
enum { MAX_STEP = 16, EV_EVENT_BATCH = 1, EV_EXPERIMENTAL_BATCH = 49 };

static bool fits(const gs_gotrace_batch_header *h, uint64_t number)
{
	return h->generation >= number && h->generation - number <= MAX_STEP;
}

/* A batch, and behind it the end of the bytes, an end of generation or a batch. */
static bool looks_right(gs_rd r, uint64_t number)
{
	gs_gotrace_batch_header h;

	if (!gs_gotrace_batch_read(&r, &h, NULL) || h.is_end || !fits(&h, number))
		return false;
	return !gs_rd_left(&r) || (gs_gotrace_batch_read(&r, &h, NULL) && (h.is_end || fits(&h, number)));
}

bool gs_gotrace_resync(gs_rd *r, uint64_t number)
{
	for (; gs_rd_left(r); gs_rd_skip(r, 1))
		if ((*r->p == EV_EVENT_BATCH || *r->p == EV_EXPERIMENTAL_BATCH) && looks_right(*r, number))
			return true;
	return false;
}

void gs_gotrace_look_ahead(gs_rd r, uint64_t number, unsigned *generations, uint64_t *last_time)
{
	*generations = 0;
	*last_time = 0;
	while (gs_gotrace_resync(&r, number)) {
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
