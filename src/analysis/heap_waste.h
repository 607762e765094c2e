/* Memory that a program could do without: strings and byte slices that it has more than once. */
#ifndef GS_ANALYSIS_HEAP_WASTE_H
#define GS_ANALYSIS_HEAP_WASTE_H

#include "base/err.h"
#include "model/heap.h"

typedef struct gs_heap_twin {
	uint32_t object; /* the first of them */
	uint32_t count;
	uint64_t addr, size_bytes; /* of one */
	uint64_t wasted_bytes;	   /* by all but one */
	bool is_zero;		   /* nothing has been written into any of them */
} gs_heap_twin;

typedef struct gs_heap_twins {
	gs_heap_twin *rows; /* most wasted first */
	uint32_t n;
	uint64_t n_compared, compared_bytes; /* objects that hold bytes */
	uint64_t n_unread;		     /* of them, that are not there to be read */
	uint64_t count, wasted_bytes;	     /* over all rows: objects that need not be, and their bytes */
} gs_heap_twins;

/*
 * Objects without pointers that hold bytes, or small values of which nobody knows more, with equal contents. The whole slot is compared: the length of a string is
 * not known to its bytes, and what lies behind them is not always cleared, so that some twins are missed; none is made up. In `mem`.
 * GS_ERR_UNSUPPORTED: the heap's memory is gone; GS_ERR_LIMIT.
 */
bool gs_heap_twins_find(gs_arena *mem, const gs_heap *h, gs_heap_twins *out, gs_err *err);

#endif
