#include "analysis/heap_allocated.h"

#include <math.h>

#include "base/banned.h"

static bool no_memory(gs_err *err, const gs_heap *h)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for %u sampled allocations", h->n_samples);
}

/* ---- places ---- */

typedef struct library { /* what tells the standard library */
	const gs_heap *h;
	gs_str root; /* where its files lie, with the slash; empty: the program was built with -trimpath */
} library;

static gs_str text_of(const gs_heap *h, uint32_t id)
{
	return gs_strtab_get(&h->strings, id);
}

static library find_library(const gs_heap *h)
{
	for (uint32_t i = 0; i < h->n_sites; i++)
		for (uint32_t k = 0; k < h->sites[i].n_calls; k++) {
			const gs_heap_call *c = &h->calls[h->sites[i].first_call + k];
			const gs_heap_frame *f = &h->call_frames[c->frame + c->n_frames - 1];
			gs_str file = text_of(h, f->file);

			if (gs_str_eq(text_of(h, f->function), GS_S("runtime.main")) && gs_str_ends(file, GS_S("runtime/proc.go")))
				return (library){ h, gs_str_slice(file, 0, file.n - 15) };
		}
	return (library){ h, { 0 } };
}

static bool is_library(const library *l, const gs_heap_frame *f)
{
	gs_str file = text_of(l->h, f->file), first, rest;

	if (l->root.n)
		return gs_str_starts(file, l->root);
	if (gs_str_starts(text_of(l->h, f->function), GS_S("main.")))
		return false;
	gs_str_cut(file, '/', &first, &rest);
	return first.n && gs_str_find(first, GS_S(".")) == SIZE_MAX;
}

static gs_heap_place place_of(const library *l, const gs_heap_site *s)
{
	const gs_heap_frame *innermost = NULL, *own = NULL;

	for (uint32_t i = s->n_hidden; i < s->n_calls && !own; i++) {
		const gs_heap_call *c = &l->h->calls[s->first_call + i];

		for (uint32_t k = 0; k < c->n_frames && !own; k++) {
			const gs_heap_frame *f = &l->h->call_frames[c->frame + k];

			if (!innermost)
				innermost = f;
			if (!is_library(l, f))
				own = f;
		}
	}
	if (!innermost)
		return (gs_heap_place){ 0 };
	if (!own)
		own = innermost;
	return (gs_heap_place){ own->function, own->file, own->line, own == innermost ? 0 : innermost->function };
}

bool gs_heap_places_find(gs_arena *mem, const gs_heap *h, gs_heap_places *out, gs_err *err)
{
	library l = find_library(h);
	GS_AUTO(map) seen = { 0 };

	*out = (gs_heap_places){ .list = gs_try_new(mem, gs_heap_place, h->n_sites), .of_site = gs_try_new(mem, uint32_t, h->n_sites) };
	if (!out->list || !out->of_site)
		return no_memory(err, h);
	for (uint32_t i = 0; i < h->n_sites; i++) {
		gs_heap_place p = place_of(&l, &h->sites[i]);
		bool is_new;
		uint32_t *at = gs_map_put(&seen, gs_hash_bytes(&p, sizeof(p), 0), &is_new);

		if (!at)
			return no_memory(err, h);
		if (is_new) {
			*at = out->n;
			out->list[out->n++] = p;
		}
		out->of_site[i] = *at;
	}
	return true;
}

/* ---- samples ---- */

gs_heap_weight gs_heap_site_weight(const gs_heap *h, uint32_t site)
{
	double bytes = (double)h->sites[site].object_bytes, scale = 1;

	if (h->sample_rate > 1 && bytes > 0)
		scale = 1 / -expm1(-bytes / (double)h->sample_rate);
	return (gs_heap_weight){ scale, scale * bytes };
}

uint64_t gs_heap_whole(double estimate)
{
	return estimate < 0x1p60 ? (uint64_t)(estimate + 0.5) : (uint64_t)1 << 60;
}

uint32_t gs_heap_samples_of(const gs_heap *h, uint32_t object, uint32_t *first)
{
	uint32_t lo = 0, hi = h->n_samples, n = 0;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (h->samples[mid].object < object)
			lo = mid + 1;
		else
			hi = mid;
	}
	*first = lo;
	while (lo + n < h->n_samples && h->samples[lo + n].object == object)
		n++;
	return n;
}

bool *gs_heap_sites_matching(gs_arena *mem, const gs_heap *h, const gs_re *re, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 34);
	bool *out = gs_try_new(mem, bool, h->n_sites);
	uint8_t *known = gs_try_new(scratch, uint8_t, h->strings.n); /* of functions: 1 no, 2 yes */

	if (!out || !known) {
		no_memory(err, h);
		return NULL;
	}
	for (uint32_t i = 0; i < h->n_sites; i++)
		for (uint32_t k = 0; k < h->sites[i].n_calls && !out[i]; k++) {
			const gs_heap_call *c = &h->calls[h->sites[i].first_call + k];

			for (uint32_t f = 0; f < c->n_frames && !out[i]; f++) {
				uint32_t name = h->call_frames[c->frame + f].function;

				if (!known[name])
					known[name] = gs_re_match(re, text_of(h, name)) ? 2 : 1;
				out[i] = known[name] == 2;
			}
		}
	return out;
}

uint64_t *gs_heap_objects_of_sites(gs_arena *mem, const gs_heap *h, const bool *sites, gs_err *err)
{
	uint64_t *out = gs_try_new(mem, uint64_t, h->n_objects / 64 + 1);

	if (!out) {
		no_memory(err, h);
		return NULL;
	}
	for (uint32_t i = 0; i < h->n_samples; i++)
		if (sites[h->samples[i].site])
			out[h->samples[i].object / 64] |= (uint64_t)1 << (h->samples[i].object & 63);
	return out;
}

/* ---- who keeps them ---- */

static uint32_t group_of(const gs_dominators *d, uint32_t *groups, uint32_t object)
{
	uint32_t at = object, group;

	while (groups[at] == GS_HEAP_NONE && gs_dominators_above(d, at) != GS_HEAP_NONE)
		at = gs_dominators_above(d, at);
	group = groups[at];
	for (at = object; group != GS_HEAP_NONE && groups[at] == GS_HEAP_NONE; at = gs_dominators_above(d, at))
		groups[at] = group;
	return group;
}

static int by_key(const void *a, const void *b)
{
	const gs_heap_allocated *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	if (x->site != y->site)
		return x->site < y->site ? -1 : 1;
	return x->type < y->type ? -1 : x->type > y->type;
}

static int by_bytes(const void *a, const void *b)
{
	const gs_heap_allocated *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return x->bytes != y->bytes ? x->bytes > y->bytes ? -1 : 1 : by_key(a, b);
}

bool gs_heap_allocated_by(gs_arena *mem, const gs_heap *h, const gs_dominators *d, uint32_t *groups, gs_heap_allocated_list *out, gs_err *err)
{
	uint32_t n = 0;

	*out = (gs_heap_allocated_list){ .rows = gs_try_new(mem, gs_heap_allocated, h->n_samples) };
	if (!out->rows)
		return no_memory(err, h);
	for (uint32_t i = 0; i < h->n_samples; i++) {
		const gs_heap_sample *s = &h->samples[i];
		gs_heap_weight w = gs_heap_site_weight(h, s->site);

		out->rows[i] = (gs_heap_allocated){ group_of(d, groups, s->object), s->site, gs_heap_type_of(h, s->object), 1, w.count, w.bytes };
	}
	if (h->n_samples)
		qsort(out->rows, h->n_samples, sizeof(*out->rows), by_key);
	for (uint32_t i = 0; i < h->n_samples; i++) {
		if (n && by_key(&out->rows[n - 1], &out->rows[i]) == 0) {
			out->rows[n - 1].n_samples++;
			out->rows[n - 1].count += out->rows[i].count;
			out->rows[n - 1].bytes += out->rows[i].bytes;
		} else {
			out->rows[n++] = out->rows[i];
		}
	}
	out->n = n;
	if (n)
		qsort(out->rows, n, sizeof(*out->rows), by_bytes);
	return true;
}

bool gs_heap_allocated_by_holder(gs_arena *mem, const gs_heap *h, const gs_dominators *d, const gs_heap_names *names, gs_heap_allocated_list *out, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 36);
	uint32_t *groups = gs_try_new(scratch, uint32_t, d->n_nodes);

	if (!groups)
		return no_memory(err, h);
	memset(groups, 0xff, d->n_objects * sizeof(*groups));
	memcpy(groups + d->n_objects, names->of_holder, d->n_holders * sizeof(*groups));
	groups[gs_dominators_root(d)] = names->shared;
	return gs_heap_allocated_by(mem, h, d, groups, out, err);
}

gs_profile *gs_heap_allocated_profile(gs_arena *mem, const gs_heap *h, const gs_heap_allocated_list *rows, const gs_heap_names *names, gs_err *err)
{
	gs_profile_builder *b = gs_profile_builder_create(mem, err);
	gs_heap_stacks stacks;
	gs_profile *p;
	uint32_t holder, type;

	if (!b)
		return NULL;
	p = gs_profile_builder_profile(b);
	p->n_types = 2;
	p->types[0] = (gs_value_type){ gs_profile_builder_str(b, GS_S("live_objects")), gs_profile_builder_str(b, GS_S("count")) };
	p->types[1] = (gs_value_type){ gs_profile_builder_str(b, GS_S("live_space")), gs_profile_builder_str(b, GS_S("bytes")) };
	p->default_type = p->types[1].type;
	holder = gs_profile_builder_str(b, GS_S("holder"));
	type = gs_profile_builder_str(b, GS_S("type"));
	gs_heap_stacks_start(&stacks, b, h);
	for (uint32_t i = 0; i < rows->n; i++) {
		const gs_heap_allocated *r = &rows->rows[i];
		int64_t values[2] = { (int64_t)gs_heap_whole(r->count), (int64_t)gs_heap_whole(r->bytes) };
		gs_label labels[2] = { { .key = type, .str = gs_profile_builder_str(b, gs_strtab_get(&names->strings, names->of_type[r->type])) },
				       { .key = holder, .str = gs_profile_builder_str(b, gs_strtab_get(&names->strings, r->group)) } };
		gs_sample sample = { .node = gs_heap_stacks_push(&stacks, r->site), .values = values };

		sample.labels = gs_profile_builder_labels(b, labels, 2);
		if (sample.node == GS_NO_ID || sample.labels == GS_NO_ID || !gs_profile_builder_sample(b, &sample))
			break;
	}
	return gs_profile_builder_finish(b, err);
}
