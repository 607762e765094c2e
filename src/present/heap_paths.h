/* The merged ways of a heap as an indented tree or as JSON. */
#ifndef GS_PRESENT_HEAP_PATHS_H
#define GS_PRESENT_HEAP_PATHS_H

#include "analysis/heap_paths.h"
#include "base/json.h"

typedef struct gs_heap_paths_style {
	uint32_t max_rows;  /* the largest ones; 0: all */
	uint32_t max_depth; /* 0: all */
	uint64_t min_bytes; /* rows with less are left out, with all below them */
	uint64_t of_bytes;  /* what is 100% */
	const char *bytes_name; /* head of the column, "retained" */
} gs_heap_paths_style;

void gs_heap_paths_text(gs_buf *out, gs_arena *mem, const gs_heap_paths *p, const gs_heap_names *names,
			const gs_heap_paths_style *style);
/* "n_steps", and an array "steps": parents come before children and are named by their "id". Inside an object that is open. */
void gs_heap_paths_json(gs_json *j, gs_arena *mem, const gs_heap_paths *p, const gs_heap_names *names,
			const gs_heap_paths_style *style);

#endif
