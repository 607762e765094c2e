#include "analysis/heap_profile.h"

#include "analysis/heap_allocations.h"

#include "base/banned.h"

static bool no_memory(gs_err *err, const gs_heap_paths *p)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a profile of %u steps", p->n);
}

/* Code that a step stands for. */
typedef struct place {
	uint32_t file; /* in gs_heap.strings; 0 none */
	uint32_t line;
} place;

static void note(gs_arena *scratch, const gs_heap *h, const gs_heap_names *names, const char *kind, const gs_heap_frame *f, place *places)
{
	uint32_t name = gs_strtab_find(&names->strings, gs_strf(scratch, "%s %.*s", kind, GS_FMT(gs_strtab_get(&h->strings, f->function))));

	if (name != UINT32_MAX && !places[name].file)
		places[name] = (place){ f->file, f->line };
}

/* By name. Each function is looked up once, however many frames it has. */
static place *find_places(gs_arena *scratch, const gs_heap *h, const gs_heap_names *names)
{
	place *places = gs_try_new(scratch, place, names->strings.n);
	bool *is_known = gs_try_new(scratch, bool, (size_t)h->strings.n * 2);

	if (!places || !is_known)
		return NULL;
	for (uint32_t i = 0; i < h->n_frames; i++)
		if (!is_known[h->frames[i].function]) {
			is_known[h->frames[i].function] = true;
			note(scratch, h, names, "frame", &h->frames[i], places);
		}
	is_known += h->strings.n;
	for (uint32_t i = 0; i < h->n_goroutines; i++)
		if (!is_known[h->goroutines[i].start.function]) {
			is_known[h->goroutines[i].start.function] = true;
			note(scratch, h, names, "goroutine", &h->goroutines[i].start, places);
		}
	return places;
}

static uint32_t push(gs_profile_builder *b, uint32_t parent, gs_str name, gs_str file, uint32_t at)
{
	uint32_t id = gs_profile_builder_str(b, name), where = gs_profile_builder_str(b, file);
	gs_frame line = { .function = gs_profile_builder_function(b, (gs_function){ .name = id, .system_name = id, .file = where }), .line = at };
	uint32_t location;

	if (id == GS_NO_ID || line.function == GS_NO_ID)
		return GS_NO_ID;
	location = gs_profile_builder_location_intern(b, 0, 0, &line, 1);
	return location == GS_NO_ID ? GS_NO_ID : gs_profile_builder_push(b, parent, location);
}

static gs_profile *build(gs_arena *mem, const gs_heap *h, const gs_heap_paths *paths, const gs_heap_names *names, bool has_allocations, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 36);
	uint32_t *node = gs_try_new(scratch, uint32_t, paths->n);
	place *places = node ? find_places(scratch, h, names) : NULL;
	gs_profile_builder *b = places ? gs_profile_builder_create(mem, err) : NULL;
	int64_t values[2 + GS_HEAP_ALLOCATION_TYPES] = { 0 };
	gs_profile *p;

	if (!b) {
		no_memory(err, paths);
		return NULL;
	}
	p = gs_profile_builder_profile(b);
	p->n_types = 2;
	p->types[0] = (gs_value_type){ gs_profile_builder_str(b, GS_S("retained_objects")), gs_profile_builder_str(b, GS_S("count")) };
	p->types[1] = (gs_value_type){ gs_profile_builder_str(b, GS_S("retained_space")), gs_profile_builder_str(b, GS_S("bytes")) };
	p->default_type = p->types[1].type;
	if (has_allocations)
		gs_heap_allocation_types(b, h);
	for (uint32_t i = 1; i < paths->n; i++) {
		const gs_heap_step *s = &paths->steps[i];
		gs_sample sample = { .values = values };

		values[0] = (int64_t)s->own_count;
		values[1] = (int64_t)s->own_bytes;
		node[i] = push(b, node[s->parent], gs_strtab_get(&names->strings, s->name),
			       gs_strtab_get(&h->strings, places[s->name].file), places[s->name].line);
		if (node[i] == GS_NO_ID)
			break;
		sample.node = node[i];
		if (s->own_count && !gs_profile_builder_sample(b, &sample))
			break;
	}
	if (has_allocations)
		gs_heap_allocation_samples(b, h, 2);
	return gs_profile_builder_finish(b, err);
}

gs_profile *gs_heap_profile(gs_arena *mem, const gs_heap *h, const gs_heap_paths *paths, const gs_heap_names *names, gs_err *err)
{
	return build(mem, h, paths, names, false, err);
}

gs_profile *gs_heap_profile_of_all(gs_arena *mem, const gs_heap *h, const gs_heap_paths *paths, const gs_heap_names *names, gs_err *err)
{
	return build(mem, h, paths, names, h->n_sites > 0, err);
}
