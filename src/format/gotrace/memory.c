/* Tables of the AllocFree experiment (GODEBUG=traceallocfree=1). Source: runtime/traceallocfree.go and tracetype.go of the Go tree. */
#include "format/gotrace/generation.h"

enum { ALLOC_FREE = 1, TYPES = 0, INFO = 1, MAX_TYPES = 1 << 24 };

/* What does not read well is passed over, as all of an experiment: no other part of the trace refers to it. */
void gs_gotrace_memory_read(gs_gotrace_generation *g, unsigned experiment, gs_str payload)
{
	gs_rd r = gs_rd_of(payload);
	unsigned kind = gs_rd_u8(&r);

	if (experiment != ALLOC_FREE)
		return;
	if (kind == INFO) {
		gs_gotrace_memory_info i = { .min_heap_address = gs_rd_varint(&r) };

		i.page_bytes = gs_rd_varint(&r);
		i.object_align_bytes = gs_rd_varint(&r);
		i.stack_align_bytes = gs_rd_varint(&r);
		if (!r.bad && i.page_bytes && i.object_align_bytes && i.stack_align_bytes) {
			g->memory_info = i;
			g->has_memory_info = true;
		}
		return;
	}
	while (kind == TYPES && gs_rd_left(&r)) {
		gs_gotrace_go_type t = { .id = gs_rd_varint(&r) }, *kept;
		uint32_t *slot;
		bool is_new;

		t.address = gs_rd_varint(&r);
		t.size_bytes = gs_rd_varint(&r);
		t.pointer_bytes = gs_rd_varint(&r);
		t.name = gs_rd_bytes(&r, gs_rd_varint(&r));
		slot = r.bad ? NULL : gs_map_put(&g->type_index, t.id, &is_new);
		kept = slot && is_new ? gs_vec_push(&g->types, MAX_TYPES) : NULL;
		if (!kept)
			return;
		*kept = t;
		*slot = (uint32_t)g->types.n - 1;
	}
}

const gs_gotrace_go_type *gs_gotrace_go_type_of(const gs_gotrace_generation *g, uint64_t id)
{
	const uint32_t *i = gs_map_get(&g->type_index, id);

	return i && *i < g->types.n ? &g->types.p[*i] : NULL;
}

const gs_gotrace_memory_info *gs_gotrace_memory_info_of(const gs_gotrace_generation *g)
{
	return g->has_memory_info ? &g->memory_info : NULL;
}
