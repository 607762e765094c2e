/* A treemap of a heap as a picture, and as what the page draws. */
#ifndef GS_PRESENT_HEAP_TREEMAP_H
#define GS_PRESENT_HEAP_TREEMAP_H

#include "analysis/heap_treemap.h"
#include "base/buf.h"

void gs_heap_map_svg(gs_buf *out, const gs_heap_index *x, const gs_heap_map_query *q, const gs_heap_map *map);
void gs_heap_map_json(gs_buf *out, gs_arena *scratch, const gs_heap_index *x, const gs_heap_map_query *q, const gs_heap_map *map);

#endif
