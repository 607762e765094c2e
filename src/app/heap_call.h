/* What the operations on heaps have in common: their first arguments, and the heaps and who retains what of them. */
#ifndef GS_APP_HEAP_CALL_H
#define GS_APP_HEAP_CALL_H

#include "analysis/heap_allocated.h"
#include "analysis/heap_index.h"
#include "app/op.h"
#include "load/heap.h"

extern const gs_arg_group gs_heap_args; /* --binary */

/*
 * What every question about a heap needs is found out once for a document and shared by all calls: its index, and as its profile what they retain.
 * Nothing to do for documents that are no heap. GS_ERR_LIMIT.
 */
bool gs_heap_document_finish(gs_document *d, const gs_progress *progress, gs_err *err);

/* How many heaps the call is about, and the name of one. */
unsigned gs_call_n_heaps(const gs_op_call *call);
gs_str gs_call_heap_name(const gs_op_call *call, unsigned i);
/* Of a running process, by a snapshot. *note: which one and for how long it stood, in call->mem. NULL: as gs_snapshot_take and gs_heap_of_image. */
gs_heap *gs_call_heap_of_process(gs_op_call *call, gs_str target, gs_str *note, gs_err *err);
/* A document's, or that of the core or process at paths[i]: then it is in *opened, for the caller to free. NULL: as gs_heap_open. */
const gs_heap *gs_call_heap_at(gs_op_call *call, unsigned i, gs_heap **opened, gs_err *err);
/* Of the one heap that the call must have; lives as long as the call. Also GS_ERR_USAGE. */
const gs_heap *gs_call_heap(gs_op_call *call, gs_dominators *d, gs_err *err);
/* The heap alone, where nobody asks who holds what. */
const gs_heap *gs_call_heap_only(gs_op_call *call, gs_err *err);
/* The same with all that is known of it. */
const gs_heap_index *gs_call_heap_index(gs_op_call *call, gs_err *err);
/* The sites that the argument --allocated-by names, *selected: the live objects that were sampled there. NULL: also GS_ERR_MISSING when the heap has no samples at all. */
bool *gs_call_heap_sites(const gs_op_call *call, const gs_heap *h, uint64_t **selected, gs_err *err);
/* False with GS_ERR_MISSING and why: nothing is known of this heap's allocations. */
bool gs_call_heap_is_sampled(const gs_op_call *call, const gs_heap *h, gs_err *err);
/* The live object that the argument --address is in. False: GS_ERR_USAGE. */
bool gs_call_heap_object(const gs_op_call *call, const gs_heap *h, uint32_t *object, gs_err *err);

#endif
