#include "analysis/heap_index.h"

#include "base/banned.h"

gs_heap_index *gs_heap_index_build(gs_arena *mem, const gs_heap *h, const gs_dominators *known, gs_err *err)
{
	gs_heap_index *x = gs_new(mem, gs_heap_index, 1);
	gs_dominators *d = &x->dominators;

	x->heap = h;
	if (known)
		*d = *known;
	else if (!gs_dominators_build(mem, h, d, err))
		return NULL;
	x->names = gs_heap_names_build(mem, h, d, err);
	return x->names && gs_heap_paths_merge(mem, h, d, x->names, &(gs_heap_merge){ .up = &d->above }, &x->held, err) ? x : NULL;
}
