/* Stacks of allocations. */
#ifndef GS_PRESENT_HEAP_STACK_H
#define GS_PRESENT_HEAP_STACK_H

#include "base/json.h"
#include "model/heap.h"

/* "  /src/shop/main.go:17"; nothing without a file. */
void gs_heap_line_text(gs_buf *out, gs_str file, uint32_t line);
/* One frame after the other, innermost first, without the runtime's allocator: "  main.load  /src/shop/main.go:17". And as a JSON array of function, file, line. */
void gs_heap_stack_text(gs_buf *out, const gs_heap *h, uint32_t site);
void gs_heap_stack_json(gs_json *j, const char *key, const gs_heap *h, uint32_t site);
/* The next callers of function `from` (string id): " < main.serve < main.main". */
void gs_heap_callers_text(gs_buf *out, const gs_heap *h, uint32_t site, uint32_t from, unsigned max);

#endif
