/* gospect heap summary --by allocation: which lines allocated what is alive, and who keeps it. */
#ifndef GS_APP_HEAP_BY_ALLOCATION_H
#define GS_APP_HEAP_BY_ALLOCATION_H

#include "analysis/heap_allocated.h"
#include "app/op.h"

/* The answer of the call, as text or JSON. `top` 0: all rows. */
bool gs_heap_by_allocation(gs_op_call *call, const gs_heap *h, const gs_dominators *d, bool is_by_count, uint32_t top, gs_err *err);

#endif
