/* Memory events of a trace (GODEBUG=traceallocfree=1): ids become addresses, sizes and types. */
#include "load/gotrace_build.h"
#include "model/go_slots.h"

#include "base/banned.h"

/* Spans of small objects are a few pages; objects of larger ones begin on the first. */
enum { MAX_SPAN_PAGES = 16 };

static uint64_t class_size(uint64_t kind_class, uint64_t span_bytes)
{
	uint64_t c = kind_class >> 2;

	return kind_class & 1 || c >= GS_GO_N_CLASSES ? 0 : c ? gs_go_class_bytes[c] : span_bytes;
}

static bool keep_span(gs_trace_build *b, uint64_t page, uint64_t pages, uint64_t kind_class)
{
	uint64_t size = class_size(kind_class, pages * b->memory.page_bytes);

	for (uint64_t i = 0; i < pages && i < MAX_SPAN_PAGES; i++) {
		bool is_new;
		uint32_t *slot = gs_map_put(&b->span_objects, page + i, &is_new);

		if (!slot)
			return false;
		*slot = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
	}
	return true;
}

static bool object(gs_trace_build *b, const gs_trace_memory *row, gs_timeline_memory *to)
{
	const gs_gotrace_go_type *type = row->type == GS_GOTRACE_HEAP_OBJECT_FREE ? NULL : gs_gotrace_go_type_of(b->g, row->args[1]);
	const uint32_t *size = gs_map_get(&b->span_objects, row->args[0] * b->memory.object_align_bytes / b->memory.page_bytes);

	to->address = b->memory.min_heap_address + row->args[0] * b->memory.object_align_bytes;
	to->size_bytes = size ? *size : type ? type->size_bytes : 0;
	if (type) {
		to->type = gs_profile_builder_str(b->b, type->name);
		to->type_bytes = type->size_bytes;
	}
	return to->type != GS_NO_ID;
}

static bool span(gs_trace_build *b, const gs_trace_memory *row, gs_timeline_memory *to)
{
	to->address = b->memory.min_heap_address + row->args[0] * b->memory.page_bytes;
	if (row->type == GS_GOTRACE_SPAN_FREE)
		return true;
	to->size_bytes = row->args[1] * b->memory.page_bytes;
	return keep_span(b, row->args[0], row->args[1], row->args[2]);
}

static void stack(const gs_trace_build *b, const gs_trace_memory *row, gs_timeline_memory *to)
{
	to->address = b->memory.min_heap_address + row->args[0] * b->memory.stack_align_bytes;
	if (row->type != GS_GOTRACE_GOROUTINE_STACK_FREE && row->args[1] && row->args[1] <= 64)
		to->size_bytes = (uint64_t)1 << (row->args[1] - 1);
}

bool gs_trace_build_memory(gs_trace_build *b, const gs_gotrace_stitch *s)
{
	const gs_gotrace_memory_info *info = gs_gotrace_memory_info_of(b->g);

	if (info)
		b->memory = *info;
	if (!b->memory.page_bytes) /* ids alone say nothing */
		return true;
	for (size_t i = 0; i < b->rows->memory.n; i++) {
		const gs_trace_memory *row = &b->rows->memory.p[i];
		gs_timeline_memory *to = gs_vec_push(&b->memory_events, GS_TRACE_MAX_ROWS);
		bool ok = to != NULL;

		if (!ok)
			return false;
		*to = (gs_timeline_memory){ .time_ns = gs_gotrace_stitched_time(s, row->event, row->time_ns) - b->start_ns,
					    .goroutine = row->goroutine == GS_NO_INDEX ? GS_NO_INDEX : b->g_of[row->goroutine],
					    .kind = (uint8_t)(row->type - GS_GOTRACE_SPAN) };
		if (row->type <= GS_GOTRACE_SPAN_FREE)
			ok = span(b, row, to);
		else if (row->type <= GS_GOTRACE_HEAP_OBJECT_FREE)
			ok = object(b, row, to);
		else
			stack(b, row, to);
		if (!ok)
			return false;
	}
	return true;
}
