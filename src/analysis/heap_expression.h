/* How a program would write down the way to an object: main.sessions["user:17"].body, or from a goroutine's frame. */
#ifndef GS_ANALYSIS_HEAP_EXPRESSION_H
#define GS_ANALYSIS_HEAP_EXPRESSION_H

#include "analysis/heap_paths.h"

/* `up` of gs_heap_shortest. Without a look the fields are missing. The same step many times over is told once: ".next (x17)". In `mem`. */
gs_str gs_heap_expression(gs_arena *mem, const gs_heap *h, const gs_dominators *d, const gs_heap_names *names, gs_heap_look *look,
			  const gs_packed *up, uint32_t object, bool is_exact);

#endif
