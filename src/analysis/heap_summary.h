/*
 * A heap by type: how many objects, how many bytes of their own, how many they retain.
 */
#ifndef GS_ANALYSIS_HEAP_SUMMARY_H
#define GS_ANALYSIS_HEAP_SUMMARY_H

#include "analysis/dominators.h"

typedef struct gs_heap_type_row {
	uint32_t type; /* index in gs_heap.types */
	uint64_t count, shallow_bytes;
	/* Freed if all objects of the type went: what they dominate, each byte once though some of them hold others. */
	uint64_t retained_bytes;
} gs_heap_type_row;

typedef struct gs_heap_summary {
	gs_heap_type_row *rows; /* types with objects, most retained first */
	uint32_t n_rows;
} gs_heap_summary;

/* In `mem`. GS_ERR_LIMIT: out of memory. */
bool gs_heap_summarize(gs_arena *mem, const gs_heap *h, const gs_dominators *d, gs_heap_summary *out, gs_err *err);

#endif
