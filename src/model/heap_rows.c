#include "model/heap_rows.h"

#include "base/banned.h"

bool gs_heap_rows_init(gs_heap_rows *r, gs_arena *mem, uint32_t n, uint32_t n_numbers)
{
	uint64_t n_blocks = n / GS_HEAP_ROWS_BLOCK + 1u, max_far = n_numbers / GS_HEAP_ROWS_FAR; /* blocks with that many numbers */

	*r = (gs_heap_rows){ 0 };
	r->blocks = gs_try_new(mem, gs_heap_rows_block, n_blocks);
	r->far = gs_try_new(mem, uint32_t, (max_far < n_blocks ? max_far : n_blocks) * GS_HEAP_ROWS_BLOCK);
	return r->blocks && r->far;
}

/* Where the next row begins. */
static void begin(gs_heap_rows *r)
{
	gs_heap_rows_block *b = &r->blocks[r->n_rows / GS_HEAP_ROWS_BLOCK];
	uint32_t i = r->n_rows % GS_HEAP_ROWS_BLOCK, *far;

	if (i == 0)
		b->first = r->end;
	if (b->behind[0] != GS_HEAP_ROWS_FAR && r->end - b->first < GS_HEAP_ROWS_FAR) {
		b->behind[i] = (uint8_t)(r->end - b->first);
		return;
	}
	if (b->behind[0] != GS_HEAP_ROWS_FAR) {
		far = &r->far[r->n_far];
		for (uint32_t k = 0; k < i; k++)
			far[k] = b->first + b->behind[k];
		b->first = r->n_far;
		b->behind[0] = GS_HEAP_ROWS_FAR;
		r->n_far += GS_HEAP_ROWS_BLOCK;
	}
	r->far[b->first + i] = r->end;
}

void gs_heap_rows_add(gs_heap_rows *r, uint32_t length)
{
	if (r->n_rows == 0)
		begin(r);
	r->end += length;
	r->n_rows++;
	begin(r);
}
