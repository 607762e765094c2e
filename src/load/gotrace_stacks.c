#include "load/gotrace_build.h"

#include "base/banned.h"

enum { MAX_LISTED = 1 << 20 };

/* NULL: the id is larger than what the runtime writes, or no memory. */
static uint32_t *listed(gs_trace_ids *ids, uint64_t id)
{
	while (id < MAX_LISTED && ids->n <= id)
		if (!gs_vec_push(ids, MAX_LISTED))
			return NULL;
	return id < MAX_LISTED ? &ids->p[id] : NULL;
}

uint32_t gs_trace_string(gs_trace_build *b, uint64_t id)
{
	uint32_t *known = listed(&b->string_ids, id), string;
	gs_str s;

	if (known && *known)
		return *known - 1;
	string = gs_gotrace_string(b->g, id, &s) ? gs_profile_builder_str(b->b, s) : 0;
	if (known)
		*known = string + 1;
	return string;
}

/* A program counter means the same in every generation, but its line tables are the trace's: what they say is part of the key. */
static uint32_t location_of(gs_trace_build *b, const gs_gotrace_frame *f)
{
	uint64_t key = gs_hash_u64(f->pc ^ gs_hash_bytes(f->function.p, f->function.n, f->line));
	bool is_new;
	uint32_t *slot = gs_map_put(&b->location_index, key, &is_new);
	gs_function fn;
	gs_frame line = { .line = f->line > INT64_MAX ? 0 : (int64_t)f->line };

	if (!slot)
		return GS_NO_ID;
	if (!is_new)
		return *slot;
	fn = (gs_function){ .name = gs_profile_builder_str(b->b, f->function), .file = gs_profile_builder_str(b->b, f->file) };
	if (fn.name == GS_NO_ID || fn.file == GS_NO_ID)
		return GS_NO_ID;
	fn.system_name = fn.name;
	line.function = gs_profile_builder_function(b->b, fn);
	if (line.function == GS_NO_ID)
		return GS_NO_ID;
	*slot = gs_profile_builder_location(b->b, f->pc, 0, false, &line, 1);
	return *slot;
}

uint32_t gs_trace_stack(gs_trace_build *b, uint64_t id)
{
	uint32_t *known = listed(&b->stack_nodes, id), n, node = GS_ROOT_NODE;
	const gs_gotrace_frame *frames;

	if (known && *known)
		return *known - 1;
	if (!gs_gotrace_stack(b->g, id, &frames, &n))
		return GS_ROOT_NODE;
	while (n-- > 0 && node != GS_NO_ID) {
		uint32_t location = location_of(b, &frames[n]);

		node = location == GS_NO_ID ? GS_NO_ID : gs_profile_builder_push(b->b, node, location);
	}
	if (known)
		*known = node + 1; /* none again for GS_NO_ID */
	return node;
}

bool gs_trace_entry(gs_trace_build *b, uint64_t stack, uint32_t *name, uint32_t *node)
{
	const gs_gotrace_frame *frames;
	uint32_t n, location;

	if (!gs_gotrace_stack(b->g, stack, &frames, &n) || !n)
		return true;
	*name = gs_profile_builder_str(b->b, frames[n - 1].function);
	location = location_of(b, &frames[n - 1]);
	*node = location == GS_NO_ID ? GS_NO_ID : gs_profile_builder_push(b->b, GS_ROOT_NODE, location);
	return *name != GS_NO_ID && *node != GS_NO_ID;
}
