#include "analysis/heap_allocations.h"

#include <math.h>

#include "base/banned.h"

enum { MAX_LINES = 128 }; /* inlined calls in one place */

static int64_t whole(double v)
{
	return v >= 9.2e18 ? INT64_MAX : v <= -9.2e18 ? INT64_MIN : (int64_t)v;
}

gs_heap_estimate gs_heap_estimate_of(int64_t count, int64_t bytes, int64_t rate)
{
	double scale;

	if (count == 0 || bytes == 0)
		return (gs_heap_estimate){ 0 };
	if (rate <= 1)
		return (gs_heap_estimate){ count, bytes };
	scale = 1 / (1 - exp(-((double)bytes / (double)count) / (double)rate));
	return (gs_heap_estimate){ whole((double)count * scale), whole((double)bytes * scale) };
}

void gs_heap_stacks_start(gs_heap_stacks *s, gs_profile_builder *b, const gs_heap *h)
{
	*s = (gs_heap_stacks){ b, h, gs_profile_builder_mapping(b, (gs_mapping){
					      .start = h->code_start, .limit = h->code_limit, .offset = h->code_offset,
					      .file = gs_profile_builder_str(b, h->executable),
					      .build_id = gs_profile_builder_str(b, h->build_id) }) };
}

static uint32_t location_of(const gs_heap_stacks *s, const gs_heap_call *c)
{
	gs_frame lines[MAX_LINES];
	uint32_t n = c->n_frames < MAX_LINES ? c->n_frames : MAX_LINES;

	for (uint32_t i = 0; i < n; i++) {
		const gs_heap_frame *f = &s->h->call_frames[c->frame + i];
		const gs_heap_symbol *symbol = &s->h->call_symbols[c->frame + i];
		/* runtime/pprof writes type arguments since Go 1.21. */
		uint32_t function = s->h->go_minor >= 21 ? symbol->name : f->function;
		uint32_t name = gs_profile_builder_str(s->b, gs_strtab_get(&s->h->strings, function));
		uint32_t file = gs_profile_builder_str(s->b, gs_strtab_get(&s->h->strings, f->file));

		if (name == GS_NO_ID || file == GS_NO_ID)
			return GS_NO_ID;
		lines[i] = (gs_frame){ .function = gs_profile_builder_function(s->b, (gs_function){ .name = name, .system_name = name, .file = file,
												     .start_line = symbol->start_line }),
				       .line = f->line };
		if (lines[i].function == GS_NO_ID)
			return GS_NO_ID;
	}
	gs_profile_builder_mapping_resolved(s->b, s->mapping, lines, n);
	return gs_profile_builder_location_intern(s->b, c->pc, s->mapping, lines, n);
}

uint32_t gs_heap_stacks_push(const gs_heap_stacks *s, uint32_t site)
{
	const gs_heap_site *from = &s->h->sites[site];
	uint32_t node = GS_ROOT_NODE;

	if (s->mapping == GS_NO_ID)
		return GS_NO_ID;
	for (uint32_t i = from->n_calls; i-- > from->n_hidden && node != GS_NO_ID;) {
		uint32_t location = location_of(s, &s->h->calls[from->first_call + i]);

		node = location == GS_NO_ID ? GS_NO_ID : gs_profile_builder_push(s->b, node, location);
	}
	return node;
}

void gs_heap_allocation_types(gs_profile_builder *b, const gs_heap *h)
{
	static const char *const names[GS_HEAP_ALLOCATION_TYPES][2] = {
		{ "alloc_objects", "count" }, { "alloc_space", "bytes" }, { "inuse_objects", "count" }, { "inuse_space", "bytes" } };
	gs_profile *p = gs_profile_builder_profile(b);

	for (unsigned i = 0; i < GS_HEAP_ALLOCATION_TYPES; i++)
		p->types[p->n_types++] = (gs_value_type){ gs_profile_builder_str(b, gs_str_of(names[i][0])), gs_profile_builder_str(b, gs_str_of(names[i][1])) };
	p->period_type = (gs_value_type){ gs_profile_builder_str(b, GS_S("space")), gs_profile_builder_str(b, GS_S("bytes")) };
	p->period = h->sample_rate;
	p->is_heap_sampled = h->sample_rate > 1;
}

bool gs_heap_allocation_samples(gs_profile_builder *b, const gs_heap *h, unsigned n_before)
{
	uint32_t key = gs_profile_builder_str(b, GS_S("bytes"));
	gs_heap_stacks stacks;
	int64_t values[GS_MAX_SAMPLE_TYPES] = { 0 };

	gs_heap_stacks_start(&stacks, b, h);
	for (uint32_t i = 0; i < h->n_sites; i++) {
		const gs_heap_site *s = &h->sites[i];
		gs_heap_estimate alloc = gs_heap_estimate_of(s->allocs, s->alloc_bytes, h->sample_rate);
		gs_heap_estimate inuse = gs_heap_estimate_of(s->allocs - s->frees, s->alloc_bytes - s->free_bytes, h->sample_rate);
		gs_label label = { .key = key, .num = (int64_t)s->object_bytes, .is_num = true };
		gs_sample sample = { .node = gs_heap_stacks_push(&stacks, i), .values = values };

		values[n_before] = alloc.count;
		values[n_before + 1] = alloc.bytes;
		values[n_before + 2] = inuse.count;
		values[n_before + 3] = inuse.bytes;
		/* Before Go 1.27 the size is that of what has been published. */
		sample.labels = gs_profile_builder_labels(b, &label, h->go_minor >= 27 || s->allocs > 0);
		if (sample.node == GS_NO_ID || sample.labels == GS_NO_ID || !gs_profile_builder_sample(b, &sample))
			return false;
	}
	return true;
}

gs_profile *gs_heap_allocations(gs_arena *mem, const gs_heap *h, gs_err *err)
{
	gs_profile_builder *b = gs_profile_builder_create(mem, err);

	if (!b)
		return NULL;
	gs_heap_allocation_types(b, h);
	gs_heap_allocation_samples(b, h, 0);
	return gs_profile_builder_finish(b, err);
}
