#include "load/heap_typing.h"

#include "base/banned.h"

/*
 * Types of objects. The allocator wrote down those of objects beyond 512 bytes (Go 1.22 and later), interfaces say those of what they hold; from there it goes
 * on along the fields of each typed value. Where two disagree the one that covers more of the object wins: a pointer to a
 * struct's first field leads to the struct as well.
 */

enum {
	MAX_VARIABLES = 1 << 22,
};

/* Types that the allocator wrote down. */
static void exact(typing *y)
{
	for (gs_heap_walk w = gs_heap_walk_start(y->h); gs_heap_walk_next(&w);) {
		const gs_go_span *s = &y->rt->spans[w.span];
		uint64_t addr, room = s->elem_bytes;
		uint32_t index, model;

		if (s->scheme == GS_GO_HEADER) {
			addr = gs_go_load(s->bytes + (w.addr - s->base));
			room -= 8;
		} else if (s->scheme == GS_GO_LARGE && s->mask != UINT32_MAX) {
			addr = y->rt->masks[s->mask].type;
		} else {
			continue;
		}
		if (!heap_type_is_in_module(&y->t, addr) && s->scheme == GS_GO_LARGE && y->rt->minor < 24)
			continue; /* a made-up one that only has a mask */
		index = heap_type_at(&y->t, addr);
		if (index == UINT32_MAX || y->t.list.p[index].size == 0)
			continue;
		model = typing_model_type(y, index, room / y->t.list.p[index].size > 1 ? TYPING_ARRAY : TYPING_ONE);
		typing_set_source(y, model, GS_HEAP_TYPE_EXACT);
		typing_set_type(y, w.object, model);
		typing_enqueue(y, w.span, (uint32_t)((w.addr - s->base) / s->elem_bytes));
	}
}

/* Types that no pointer's own type leads to: debug information has them by name. */
typedef struct known_types {
	uint64_t g, labels;
} known_types;

static known_types find_known(typing *y)
{
	static const char *const names[] = { "runtime.g", "runtime/pprof.labelMap", "sync.Pool", "sync.poolLocal", "sync.eface" };
	uint64_t found[sizeof(names) / sizeof(*names)];

	if (!y->rt->dwarf)
		return (known_types){ 0 };
	gs_go_dwarf_descriptors(y->rt->dwarf, names, sizeof(names) / sizeof(*names), found);
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		found[i] = found[i] ? heap_type_descriptor(&y->t, found[i]) : 0;
	y->t.pool = found[2];
	y->t.pool_local = found[3];
	y->t.eface = found[4];
	return (known_types){ found[0], found[1] };
}

/* The runtime's own that we came by. */
static void known_records(typing *y)
{
	known_types known = find_known(y);
	gs_heap *h = y->h;
	uint32_t index = known.g ? heap_type_at(&y->t, known.g) : UINT32_MAX, g;

	if (index != UINT32_MAX && y->t.list.p[index].size == (uint64_t)y->rt->o.g_size) {
		g = typing_model_type(y, index, TYPING_ONE);
	} else {
		g = typing_named_type(y, GS_S("runtime.g"), GS_HEAP_TYPE_EXACT);
		y->t.model.p[g].size_bytes = (uint64_t)y->rt->o.g_size;
	}
	for (uint32_t i = 0; i < h->n_goroutines; i++) {
		typing_claim(y, h->goroutines[i].addr, g, GS_HEAP_TYPE_EXACT);
		if (known.labels && y->rt->o.g_labels != GS_GO_NONE)
			typing_claim_type(y, typing_word(y, h->goroutines[i].addr + (uint64_t)y->rt->o.g_labels), known.labels, TYPING_ONE, GS_HEAP_TYPE_FIELD);
	}
}

/* The dynamic type that the first word of an interface means: a type in a module, or an itab. */
static uint32_t dynamic_type(typing *y, uint64_t first)
{
	uint32_t *known, index = UINT32_MAX;
	bool is_new;

	if (first == 0 || (first & 7) || gs_go_span_at(y->rt, first))
		return UINT32_MAX;
	known = gs_map_put(&y->dynamic, first, &is_new);
	if (!known)
		return UINT32_MAX;
	if (!is_new)
		return *known;
	*known = UINT32_MAX;
	if (heap_type_is_in_module(&y->t, first)) {
		index = heap_type_at(&y->t, first);
	} else {
		uint64_t interface = typing_word(y, first), type = typing_word(y, first + 8);

		if (heap_type_is_in_module(&y->t, interface) && heap_type_is_in_module(&y->t, type)) {
			uint32_t i = heap_type_at(&y->t, interface);

			if (i != UINT32_MAX && y->t.list.p[i].kind == KIND_INTERFACE)
				index = heap_type_at(&y->t, type);
		}
	}
	/* The map may have grown meanwhile. */
	known = gs_map_get(&y->dynamic, first);
	if (known)
		*known = index;
	return index;
}

typedef struct pairs {
	typing *y;
	const unsigned char *object;
} pairs;

/* The first word of an interface is no pointer to the collector. */
static void visit(void *ctx, uint64_t offset, uint64_t value)
{
	const pairs *p = ctx;
	uint32_t index;

	if (offset < 8 || !gs_go_span_at(p->y->rt, value))
		return;
	index = dynamic_type(p->y, gs_go_load(p->object + offset - 8));
	if (index != UINT32_MAX)
		typing_claim_dynamic(p->y, p->y->t.list.p[index].addr, value);
}

/* What goroutines wait on. A channel says the type of its elements. */
static void channels(typing *y)
{
	gs_heap *h = y->h;

	for (uint32_t i = 0; i < h->n_waits; i++) {
		const gs_heap_wait *w = &h->waits[i];
		uint32_t index, model;

		if (w->object == GS_HEAP_NONE || gs_heap_type_of(h, w->object) != GS_HEAP_NONE ||
		    (w->kind != GS_HEAP_WAIT_SEND && w->kind != GS_HEAP_WAIT_RECEIVE))
			continue;
		index = heap_type_at(&y->t, typing_word(y, w->addr + (uint64_t)y->rt->o.hchan_elemtype));
		if (index == UINT32_MAX)
			continue;
		model = y->t.list.p[index].ids[TYPING_CHANNEL];
		if (!model) {
			GS_AUTO(arena) *scratch = gs_arena_create(1 << 20);
			gs_str package, name = heap_type_name(&y->t, scratch, &y->t.list.p[index], &package);

			model = typing_named_type(y, gs_strf(scratch, "chan %.*s", GS_FMT(name)), GS_HEAP_TYPE_FIELD) + 1;
			y->t.model.p[model - 1].kind = KIND_CHAN;
			y->t.list.p[index].ids[TYPING_CHANNEL] = model;
		}
		typing_claim(y, w->addr, model - 1, GS_HEAP_TYPE_FIELD);
		typing_claim_type(y, typing_word(y, w->addr + (uint64_t)y->rt->o.hchan_buf), y->t.list.p[index].addr, TYPING_ARRAY, GS_HEAP_TYPE_FIELD);
	}
	typing_drain(y);
}

/* Interfaces in what has no type itself: a type's address beside a pointer. */
static void interfaces(typing *y)
{
	gs_heap *h = y->h;

	for (uint32_t i = 0; i < h->n_roots; i++) {
		uint32_t index;

		if (h->roots[i].at < 8)
			continue;
		index = dynamic_type(y, typing_word(y, h->roots[i].at - 8));
		if (index != UINT32_MAX)
			typing_claim_dynamic(y, y->t.list.p[index].addr, typing_word(y, h->roots[i].at));
	}
	typing_drain(y);
	for (gs_heap_walk w = gs_heap_walk_start(h); gs_heap_walk_next(&w);) {
		const gs_go_span *s = &y->rt->spans[w.span];
		pairs p = { y, s->bytes + (w.addr - s->base) };

		if (gs_heap_type_of(h, w.object) != GS_HEAP_NONE || s->scheme == GS_GO_NOSCAN)
			continue;
		typing_claim_closure(y, w.addr); /* does it begin with a function? */
		if (gs_heap_type_of(h, w.object) != GS_HEAP_NONE)
			continue;
		gs_go_visit_object(&y->t.b->rt, s, w.addr - s->base, visit, &p);
		typing_drain(y);
	}
}

/* The parts of a map from its entries up: what points to an array of these alone, to tables, to a directory. */
enum { MAP_TABLE, MAP_DIRECTORY, MAP_RECORD, N_MAP_PARTS };

/* "map[K]V" of "map.group[K]V" and "map.bucket[K]V". */
static gs_str map_of_entries(gs_arena *mem, gs_str entries)
{
	static const gs_str heads[] = { { "map.group[", 10 }, { "map.bucket[", 11 } };

	for (unsigned i = 0; i < 2; i++)
		if (gs_str_starts(entries, heads[i]))
			return gs_strf(mem, "map[%.*s", GS_FMT(((gs_str){ entries.p + heads[i].n, entries.n - heads[i].n })));
	return (gs_str){ 0 };
}

typedef struct map_parts {
	gs_map of; /* model type * N_MAP_PARTS + part -> model type of that part of the same map */
	gs_map is; /* model type that is a part -> part + 1 */
} map_parts;

/* The type of an object that only points to objects of type `below`; GS_HEAP_NONE: it is no part of a map. */
static uint32_t part_above(typing *y, map_parts *m, uint32_t below, uint64_t size)
{
	static const char *const endings[] = { " (table)", " (directory)", "" };
	const uint32_t *known_part = gs_map_get(&m->is, below);
	GS_AUTO(arena) *scratch = gs_arena_create(1 << 20);
	gs_str name = gs_strtab_get(&y->h->strings, y->t.model.p[below].name), map;
	bool is_new, is_swiss = y->rt->o.map_size != GS_GO_NONE;
	unsigned part = known_part ? *known_part : MAP_TABLE;
	uint32_t *at;

	map = known_part ? (gs_str){ name.p, name.n - strlen(endings[part - 1]) } : map_of_entries(scratch, name);
	/* A small map has no table, an old one never. */
	if (part == MAP_TABLE && (!is_swiss || size != (uint64_t)y->rt->o.table_size))
		part = MAP_RECORD;
	if (map.n == 0 || part > MAP_RECORD ||
	    (part == MAP_RECORD && size != (uint64_t)(is_swiss ? y->rt->o.map_size : y->rt->o.hmap_size)))
		return GS_HEAP_NONE;
	at = gs_map_put(&m->of, (uint64_t)below * N_MAP_PARTS + part, &is_new);
	if (at && is_new) {
		*at = typing_named_type(y, gs_strf(scratch, "%.*s%s", GS_FMT(map), endings[part]), GS_HEAP_TYPE_FIELD);
		at = gs_map_put(&m->is, *at, &is_new);
		if (at)
			*at = part + 1;
		at = gs_map_get(&m->of, (uint64_t)below * N_MAP_PARTS + part);
	}
	if (!at)
		y->is_out_of_memory = true;
	return at ? *at : GS_HEAP_NONE;
}

/* In a stripped program maps are often known by their entries only: what leads to these is a part of the map, three steps up at most. */
static void maps(typing *y)
{
	gs_heap *h = y->h;
	map_parts m = { 0 };

	for (unsigned round = 0; round < N_MAP_PARTS; round++)
		for (gs_heap_walk w = gs_heap_walk_start(h); gs_heap_walk_next(&w);) {
			uint32_t from = gs_heap_edge_at(h, w.object), to = gs_heap_edge_at(h, w.object + 1), below;

			if (gs_heap_type_of(h, w.object) != GS_HEAP_NONE || from == to)
				continue;
			below = gs_heap_type_of(h, gs_heap_edge_to(h, from));
			for (uint32_t i = from + 1; i < to && below != GS_HEAP_NONE; i++)
				if (gs_heap_type_of(h, gs_heap_edge_to(h, i)) != below)
					below = GS_HEAP_NONE;
			if (below != GS_HEAP_NONE)
				below = part_above(y, &m, below, w.size_bytes);
			if (below != GS_HEAP_NONE)
				typing_set_type(y, w.object, below);
		}
	gs_map_release(&m.of);
	gs_map_release(&m.is);
}

/* The rest: its size is what is known. */
static void shapes(typing *y)
{
	for (gs_heap_walk w = gs_heap_walk_start(y->h); gs_heap_walk_next(&w);) {
		bool is_noscan = y->h->spans[w.span].is_noscan, is_new;
		uint32_t *known;

		if (gs_heap_type_of(y->h, w.object) != GS_HEAP_NONE)
			continue;
		known = gs_map_put(&y->shapes, w.size_bytes * 2 + is_noscan, &is_new);
		if (!known) {
			y->is_out_of_memory = true;
			return;
		}
		if (is_new) {
			GS_AUTO(arena) *scratch = gs_arena_create(1 << 20);

			*known = typing_named_type(y, gs_strf(scratch, "unknown, %llu bytes%s", (unsigned long long)w.size_bytes,
						       is_noscan ? " without pointers" : ""),
					    GS_HEAP_TYPE_SHAPE);
		}
		typing_set_type(y, w.object, *known);
	}
}

/* A package-level variable of a known type. */
static void claim_variable(void *ctx, gs_str name, uint64_t addr, gs_go_variable_kind kind, uint64_t type)
{
	typing *y = ctx;
	uint32_t index = heap_type_at(&y->t, type);
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 32);
	const unsigned char *p;
	heap_variable *known;
	uint64_t size;

	if (index == UINT32_MAX)
		return;
	known = gs_vec_push(&y->t.b->variables, MAX_VARIABLES);
	if (known)
		*known = (heap_variable){ addr, type, heap_string(y->t.b, name), (uint8_t)kind };
	if (kind != GS_GO_VARIABLE_VALUE) {
		typing_claim_type(y, typing_word(y, addr), type, kind == GS_GO_VARIABLE_SLICE ? TYPING_ARRAY : TYPING_ONE, GS_HEAP_TYPE_FIELD);
		return;
	}
	size = y->t.list.p[index].size;
	p = gs_go_bytes(&y->rt->image, scratch, addr, size);
	if (p)
		typing_follow_value(y, index, p, size);
}

/* A pointer in a frame. */
static void claim_local(void *ctx, const gs_heap_root *root, gs_go_variable_kind kind, uint64_t type, const type_slot *slot)
{
	typing *y = ctx;
	uint64_t v = typing_word(y, root->at);

	if (slot && slot->op != SLOT_EFACE && slot->op != SLOT_IFACE)
		typing_follow_slot(y, slot, v, 0);
	else if (!slot)
		typing_claim_type(y, v, type, kind == GS_GO_VARIABLE_SLICE ? TYPING_ARRAY : TYPING_ONE, GS_HEAP_TYPE_FIELD);
}

bool heap_type_objects(heap_build *b, gs_err *err)
{
	typing y = { .t = { .b = b }, .h = b->h, .rt = &b->rt };
	gs_heap *h = b->h;
	bool ok;

	if (!gs_growing_init(&y.type_ids, h->n_objects))
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for %u objects", h->n_objects);
	h->type_ids = y.type_ids.ids;
	y.string_type = typing_named_type(&y, GS_S("string"), GS_HEAP_TYPE_FIELD);
	y.t.model.p[y.string_type].kind = KIND_STRING;
	y.t.model.p[y.string_type].is_array = true;
	known_records(&y);
	exact(&y);
	typing_drain(&y);
	heap_type_globals(&y.t, &y, claim_variable);
	typing_drain(&y);
	heap_type_locals(&y.t, &y, claim_local);
	typing_drain(&y);
	typing_closures(&y);
	typing_drain(&y);
	interfaces(&y);
	channels(&y);
	maps(&y);
	shapes(&y);
	h->types = gs_try_new(h->mem, gs_heap_type, y.t.model.n);
	ok = gs_arena_adopt(h->mem, y.type_ids.mem);
	if (!ok)
		gs_growing_release(&y.type_ids);
	ok = ok && h->types && !y.is_out_of_memory;
	if (ok) {
		memcpy(h->types, y.t.model.p, y.t.model.n * sizeof(*h->types));
		h->n_types = (uint32_t)y.t.model.n;
	}
	gs_map_release(&y.t.index_of);
	gs_map_release(&y.closures);
	gs_map_release(&y.captured);
	gs_map_release(&y.dynamic);
	gs_map_release(&y.shapes);
	gs_map_release(&y.nodes);
	gs_vec_release(&y.t.list);
	gs_vec_release(&y.t.slots);
	gs_vec_release(&y.t.model);
	gs_vec_release(&y.origins);
	gs_vec_release(&y.queue);
	return ok || gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the types of objects");
}
