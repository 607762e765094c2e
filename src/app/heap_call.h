/* What the operations on heaps have in common: their first arguments, and the heap and its dominators from the core that they name. */
#ifndef GS_APP_HEAP_CALL_H
#define GS_APP_HEAP_CALL_H

#include "analysis/dominators.h"
#include "app/op.h"
#include "load/heap.h"

extern const gs_arg_group gs_heap_args; /* --binary */

/* The core at paths[i]. NULL: as gs_heap_open. */
gs_heap *gs_call_heap_at(gs_op_call *call, unsigned i, gs_err *err);
/* Of the one core that the call must have; also GS_ERR_USAGE. */
gs_heap *gs_call_heap(gs_op_call *call, gs_dominators *d, gs_err *err);
/* The live object that the argument --address is in. False: GS_ERR_USAGE. */
bool gs_call_heap_object(const gs_op_call *call, const gs_heap *h, uint32_t *object, gs_err *err);

#endif
