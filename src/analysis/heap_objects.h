/* Single objects: which ones match, and what is around one. */
#ifndef GS_ANALYSIS_HEAP_OBJECTS_H
#define GS_ANALYSIS_HEAP_OBJECTS_H

#include "analysis/heap_paths.h"
#include "base/re.h"

/* A bit for each object whose type's name matches. In `mem`; NULL: out of memory. */
uint64_t *gs_heap_objects_of_type(gs_arena *mem, const gs_heap *h, const gs_heap_names *names, const gs_re *re, gs_err *err);

typedef struct gs_heap_object_row {
	uint32_t object;
	uint64_t addr, size_bytes, retained_bytes;
} gs_heap_object_row;

typedef enum gs_heap_object_order { GS_HEAP_BY_RETAINED, GS_HEAP_BY_SIZE, GS_HEAP_BY_ADDRESS } gs_heap_object_order;

/* Those of `selected` with at least min_bytes retained, in order; the first `max` of them (0: all). In `mem`. GS_ERR_LIMIT: out of memory. */
typedef struct gs_heap_object_rows {
	gs_heap_object_row *rows;
	uint32_t n_rows;
	uint32_t n;	     /* that there are */
	uint64_t size_bytes; /* of all of them */
} gs_heap_object_rows;
bool gs_heap_objects_list(gs_arena *mem, const gs_heap *h, const gs_dominators *d, const uint64_t *selected, uint64_t min_bytes,
			  gs_heap_object_order order, uint32_t max, gs_heap_object_rows *out, gs_err *err);

/* Objects that point to `object`, and objects that it points to; each once, in the order of addresses. And the roots that point to it. In `mem`. */
typedef struct gs_heap_around {
	uint32_t *from, *to, *roots;
	uint32_t n_from, n_to, n_roots;
} gs_heap_around;
bool gs_heap_object_around(gs_arena *mem, const gs_heap *h, const gs_dominators *d, uint32_t object, gs_heap_around *out,
			   gs_err *err);

#endif
