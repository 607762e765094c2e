/*
 * Rows in compressed form: for each of many the numbers from one place to another in a column. Where rows begin takes ten bits each.
 */
#ifndef GS_MODEL_HEAP_ROWS_H
#define GS_MODEL_HEAP_ROWS_H

#include "base/packed.h"

enum { GS_HEAP_ROWS_BLOCK = 16, GS_HEAP_ROWS_FAR = 255 };

typedef struct gs_heap_rows_block {
	uint32_t first;			    /* where its first row begins; of a block of long rows a place in `far` */
	uint8_t behind[GS_HEAP_ROWS_BLOCK]; /* how far behind that each begins; [0] is GS_HEAP_ROWS_FAR in a block of long rows */
} gs_heap_rows_block;

typedef struct gs_heap_rows {
	gs_heap_rows_block *blocks;
	uint32_t *far; /* where rows of such blocks begin */
	uint32_t n_far, n_rows, end;
} gs_heap_rows;

/* Room for `n` rows with `n_numbers` in all. In `mem`; false: no memory. */
bool gs_heap_rows_init(gs_heap_rows *r, gs_arena *mem, uint32_t n, uint32_t n_numbers);
/* The next row; not more than were said. After the last one the rows are complete. */
void gs_heap_rows_add(gs_heap_rows *r, uint32_t length);

/* Where a row begins; that of n_rows is the end of the last one. */
static inline uint32_t gs_heap_rows_at(const gs_heap_rows *r, uint32_t row)
{
	const gs_heap_rows_block *b = &r->blocks[row / GS_HEAP_ROWS_BLOCK];
	uint32_t i = row % GS_HEAP_ROWS_BLOCK;

	return b->behind[0] == GS_HEAP_ROWS_FAR ? r->far[b->first + i] : b->first + b->behind[i];
}

#endif
