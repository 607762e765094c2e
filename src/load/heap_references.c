#include "load/heap_types.h"
#include "model/go_slots.h"

#include "base/banned.h"

/*
 * Every pointer with what its type says of the bytes that it is good for; and how much room maps have. Whatever is not certain is said to be unknown: a pointer
 * into an object of an unknown type, one that the runtime itself casts, one to a byte (whose length somebody else knows).
 */

enum {
	MAX_MAP_STEPS = 1 << 28, /* tables looked at, over all maps */
	GROUP_SLOTS = 8,
	MAX_LOAD = 7,	 /* of a group */
	MAX_TABLE = 1024, /* slots */
	MAX_B = 40,
	MIN_EXTRA_B = 4, /* from here on there are spare buckets */
};

typedef struct walk {
	heap_types *t;
	const gs_heap *h;
	const gs_go_runtime *rt;
	const uint64_t *only; /* bits of the objects that are asked for; NULL: all */
	gs_map tricky; /* type -> 1: pointers to it may mean more */
	void *ctx;
	void (*take)(void *ctx, const gs_heap_reference *r);
	/* the object being looked at, or a root */
	gs_heap_reference now;
	uint64_t size, head, each;  /* of it, of one value; each 0: of no known type */
	uint32_t index;
	uint64_t rest; /* bytes of the object that the pointer leads to, from there on */
} walk;

static uint64_t word(const walk *w, uint64_t addr)
{
	return gs_go_u64(&w->rt->image, addr);
}

/* Types of the runtime and its like, which are cast to longer ones; and those without a size or of one byte, which stand for memory of any length. */
static bool is_tricky(walk *w, uint64_t type)
{
	static const char *const packages[] = { "runtime", "reflect", "internal/", "sync", "unique", "weak", "unsafe", "syscall" };
	uint32_t index = heap_type_at(w->t, type), *known;
	GS_AUTO(arena) *scratch = NULL;
	heap_type copy;
	gs_str package;
	bool is_new, is = false;

	if (index == UINT32_MAX)
		return true;
	known = gs_map_put(&w->tricky, type, &is_new);
	if (!known)
		return true;
	if (!is_new)
		return *known;
	scratch = gs_arena_create(1 << 20);
	copy = w->t->list.p[index];
	heap_type_name(w->t, scratch, &copy, &package);
	for (unsigned i = 0; i < sizeof(packages) / sizeof(*packages); i++) {
		size_t n = strlen(packages[i]);

		is |= gs_str_starts(package, gs_str_of(packages[i])) && (package.n == n || packages[i][n - 1] == '/' || package.p[n] == '/');
	}
	*known = is || copy.size == 0 || (copy.size == 1 && copy.kind != KIND_BOOL);
	return *known;
}

/* The allocator knows the type of what is in it. */
static bool is_exact(const gs_go_runtime *rt, const gs_go_span *s)
{
	return s->scheme == GS_GO_HEADER || (s->scheme == GS_GO_LARGE && s->mask != UINT32_MAX && rt->minor >= 24);
}

static void give_unknown(walk *w, uint64_t reach)
{
	w->now.kind = GS_HEAP_REFERENCE_UNKNOWN;
	w->now.reach_bytes = reach < w->rest ? reach : w->rest;
	w->take(w->ctx, &w->now);
}

static bool is_asked(const walk *w, uint32_t object)
{
	return !w->only || w->only[object / 64] >> (object & 63) & 1;
}

/* The next pointer leads to `addr`. False: nobody asks for what is there. */
static bool lead_to(walk *w, uint64_t addr)
{
	uint32_t object = gs_heap_find(w->h, addr);
	const gs_go_span *s;
	uint64_t offset, head;

	if (object == GS_HEAP_NONE || !is_asked(w, object))
		return false;
	s = gs_go_span_at(w->rt, addr);
	offset = addr - gs_heap_addr(w->h, object);
	head = s && s->scheme == GS_GO_HEADER ? 8 : 0;
	w->now.to = object;
	w->now.offset = offset < head ? 0 : offset - head;
	w->now.is_whole = offset == head;
	w->rest = gs_heap_size(w->h, object) - (offset < head ? head : offset);
	return true;
}

/* A reference to `used` and `room` bytes. */
static void give(walk *w, gs_heap_reference_kind kind, uint64_t addr, uint64_t used, uint64_t room)
{
	const gs_go_span *s = gs_go_span_at(w->rt, addr);

	bool is_in_head = w->now.offset == 0 && !w->now.is_whole;

	if (!s || s->scheme == GS_GO_USER_ARENA || is_in_head || used > room || room > w->rest) {
		give_unknown(w, UINT64_MAX); /* such a value is none of ours */
		return;
	}
	w->now.kind = (uint8_t)kind;
	w->now.used_bytes = used;
	w->now.room_bytes = w->now.reach_bytes = room;
	/* Something longer may begin here, unless we know what this is: it is kept, though not through this pointer. */
	if (kind == GS_HEAP_REFERENCE_POINTER && w->now.is_whole && !is_exact(w->rt, s) &&
	    gs_go_slot_bytes(used, s->scheme != GS_GO_NOSCAN, w->rt->minor) < s->elem_bytes)
		give_unknown(w, room);
	else
		w->take(w->ctx, &w->now);
}

static void give_pointer(walk *w, uint64_t addr, uint64_t type)
{
	uint32_t index = heap_type_at(w->t, type);

	if (is_tricky(w, type))
		give_unknown(w, UINT64_MAX);
	else
		give(w, GS_HEAP_REFERENCE_POINTER, addr, w->t->list.p[index].size, w->t->list.p[index].size);
}

static void give_slice(walk *w, uint64_t addr, uint64_t elem, uint64_t len, uint64_t cap)
{
	uint32_t index = heap_type_at(w->t, elem);
	uint64_t each = index == UINT32_MAX ? 0 : w->t->list.p[index].size;

	if (!each || __builtin_mul_overflow(len, each, &len) || __builtin_mul_overflow(cap, each, &cap))
		give_unknown(w, UINT64_MAX);
	else
		give(w, GS_HEAP_REFERENCE_SLICE, addr, len, cap);
}

static void give_dynamic(walk *w, uint64_t addr, uint64_t type)
{
	uint32_t index = heap_type_at(w->t, type);
	const heap_type *d = index == UINT32_MAX ? NULL : &w->t->list.p[index];

	if (d && !d->is_direct && d->size)
		give(w, GS_HEAP_REFERENCE_POINTER, addr, d->size, d->size);
	else if (d && d->is_direct && d->kind == KIND_POINTER)
		give_pointer(w, addr, d->elem);
	else
		give_unknown(w, UINT64_MAX);
}

/* The pointer `value` at byte `offset` of a value of a type that begins at `base`. */
static void give_word(walk *w, uint32_t index, uint64_t base, uint64_t offset, uint64_t value)
{
	const type_slot *at = heap_type_slot_at(w->t, index, offset);
	uint64_t addr = base + offset;
	type_slot s;

	if (!at || offset - at->offset > 8) {
		give_unknown(w, UINT64_MAX);
		return;
	}
	s = *at;
	if (offset - s.offset == 8) {
		if (s.op == SLOT_EFACE)
			give_dynamic(w, value, word(w, addr - 8));
		else if (s.op == SLOT_IFACE)
			give_dynamic(w, value, word(w, word(w, addr - 8) + 8));
		else
			give_unknown(w, UINT64_MAX);
	} else if (offset != s.offset) {
		give_unknown(w, UINT64_MAX);
	} else if (s.op == SLOT_POINTER) {
		give_pointer(w, value, s.type);
	} else if (s.op == SLOT_SLICE) {
		give_slice(w, value, s.type, word(w, addr + 8), word(w, addr + 16));
	} else if (s.op == SLOT_STRING) {
		give(w, GS_HEAP_REFERENCE_STRING, value, word(w, addr + 8), word(w, addr + 8));
	} else {
		give_unknown(w, UINT64_MAX);
	}
}

static void visit(void *ctx, uint64_t offset, uint64_t value)
{
	walk *w = ctx;
	uint64_t at = offset - w->head;

	if (!lead_to(w, value))
		return;
	w->now.from_offset = offset;
	if (!w->each || offset < w->head || at / w->each >= w->size / w->each)
		give_unknown(w, UINT64_MAX); /* of no type, or behind the last value */
	else
		give_word(w, w->index, gs_heap_addr(w->h, w->now.from) + w->head + at / w->each * w->each, at % w->each, value);
}

static bool has_asked(const walk *w, uint32_t object)
{
	for (uint32_t k = gs_heap_edge_at(w->h, object); w->only && k < gs_heap_edge_at(w->h, object + 1); k++)
		if (is_asked(w, gs_heap_edge_to(w->h, k)))
			return true;
	return !w->only;
}

static void walk_objects(walk *w)
{
	for (gs_heap_walk i = gs_heap_walk_start(w->h); gs_heap_walk_next(&i);) {
		const gs_go_span *s = gs_go_span_at(w->rt, i.addr);
		const gs_heap_type *type = &w->h->types[gs_heap_type_of(w->h, i.object)];

		if (!s || s->scheme == GS_GO_NOSCAN || !has_asked(w, i.object))
			continue;
		w->now = (gs_heap_reference){ .from = i.object, .root = GS_HEAP_NONE };
		w->head = s->scheme == GS_GO_HEADER ? 8 : 0;
		w->size = i.size_bytes - w->head;
		w->index = type->form == GS_HEAP_FORM_VALUE && type->addr ? heap_type_at(w->t, type->addr) : UINT32_MAX;
		w->each = w->index == UINT32_MAX ? 0 : w->t->list.p[w->index].size;
		if (w->each && !type->is_array)
			w->size = w->each < w->size ? w->each : w->size;
		gs_go_visit_object(&w->t->b->rt, s, i.addr - s->base, visit, w);
	}
}

static void give_variable(walk *w, const heap_variable *v, uint64_t at)
{
	uint32_t index = v ? heap_type_at(w->t, v->type) : UINT32_MAX;
	uint64_t value = word(w, at);

	if (index == UINT32_MAX)
		give_unknown(w, UINT64_MAX);
	else if (v->kind == GS_GO_VARIABLE_VALUE && at - v->addr < w->t->list.p[index].size)
		give_word(w, index, v->addr, at - v->addr, value);
	else if (v->kind == GS_GO_VARIABLE_SLICE && at == v->addr)
		give_slice(w, value, v->type, word(w, at + 8), word(w, at + 16));
	else if (v->kind == GS_GO_VARIABLE_POINTER && at == v->addr)
		give_pointer(w, value, v->type);
	else
		give_unknown(w, UINT64_MAX);
}

void heap_references(heap_types *t, const gs_heap *h, const uint64_t *only, void *ctx, void (*take)(void *ctx, const gs_heap_reference *r))
{
	walk w = { .t = t, .h = h, .rt = &t->b->rt, .only = only, .ctx = ctx, .take = take };

	walk_objects(&w);
	for (uint32_t i = 0; i < h->n_roots; i++) {
		const gs_heap_root *r = &h->roots[i];

		if (!is_asked(&w, r->object))
			continue;
		w.now = (gs_heap_reference){ .from = GS_HEAP_NONE, .root = i };
		if (gs_heap_find(h, word(&w, r->at)) != r->object) { /* a register's */
			w.now.to = r->object;
			w.rest = gs_heap_size(h, r->object);
			give_unknown(&w, UINT64_MAX);
			continue;
		}
		(void)lead_to(&w, word(&w, r->at));
		if (r->kind == GS_HEAP_ROOT_GLOBAL && !r->is_guess)
			give_variable(&w, heap_variable_at(h, r->at), r->at);
		else
			give_unknown(&w, UINT64_MAX);
	}
	gs_map_release(&w.tricky);
}

/* ---- maps ---- */

/* Bytes of the slot that begins at `addr`, 0 when there is none; and whether there are pointers in it. */
static uint64_t slot_size(const gs_go_runtime *rt, uint64_t addr, bool *has_pointers)
{
	const gs_go_span *s = gs_go_span_at(rt, addr);
	uint32_t slot = s ? gs_go_slot_at(s, addr) : UINT32_MAX;

	if (slot == UINT32_MAX || addr != s->base + slot * s->elem_bytes + (s->scheme == GS_GO_HEADER ? 8 : 0))
		return 0;
	*has_pointers = s->scheme != GS_GO_NOSCAN;
	return s->elem_bytes;
}

static uint64_t power_above(uint64_t n)
{
	return n <= 1 ? 1 : (uint64_t)1 << (64 - __builtin_clzll(n - 1));
}

/* Before Go 1.24: an array of buckets, sixteenth as many for overflow behind it. */
static bool buckets_room(const gs_go_runtime *rt, uint64_t map, uint64_t group, gs_heap_map_room *out)
{
	const gs_go_offsets *o = &rt->o;
	uint8_t b = gs_go_u8(&rt->image, map + (uint64_t)o->hmap_b), need = 0;
	uint64_t n;
	bool has_pointers = false;

	out->n_entries = gs_go_u64(&rt->image, map + (uint64_t)o->hmap_count);
	if (b > MAX_B || gs_go_u64(&rt->image, map + (uint64_t)o->hmap_oldbuckets))
		return false;
	out->n_slots = (uint64_t)GROUP_SLOTS << b;
	out->have_bytes = slot_size(rt, gs_go_u64(&rt->image, map + (uint64_t)o->hmap_buckets), &has_pointers);
	while (need < b && out->n_entries > GROUP_SLOTS && out->n_entries > 13 * (((uint64_t)1 << need) / 2))
		need++;
	n = ((uint64_t)1 << need) + (need >= MIN_EXTRA_B ? (uint64_t)1 << (need - MIN_EXTRA_B) : 0);
	if (__builtin_mul_overflow(n, group, &n))
		return false;
	out->need_bytes = gs_go_slot_bytes(n, has_pointers, rt->minor);
	return out->have_bytes;
}

static bool groups_room(const gs_go_runtime *rt, uint64_t map, uint64_t group, uint32_t *steps, gs_heap_map_room *out)
{
	const gs_go_offsets *o = &rt->o;
	uint64_t first = gs_go_u64(&rt->image, map + (uint64_t)o->map_dir_ptr), n = gs_go_u64(&rt->image, map + (uint64_t)o->map_dir_len);
	uint64_t last = 0, slots, tables, each;
	bool has_pointers = false, ignored;

	out->n_entries = gs_go_u64(&rt->image, map + (uint64_t)o->map_used);
	if (n == 0 || n > slot_size(rt, first, &ignored) / 8)
		return false; /* of one group: there is no smaller one */
	for (uint64_t i = 0; i < n; i++) {
		uint64_t table = gs_go_u64(&rt->image, first + 8 * i), groups, bytes;

		if (++*steps > MAX_MAP_STEPS)
			return false;
		if (!table || table == last)
			continue;
		last = table;
		groups = table + (uint64_t)o->table_groups;
		bytes = slot_size(rt, gs_go_u64(&rt->image, groups), &has_pointers);
		slots = (gs_go_u64(&rt->image, groups + 8) + 1) * GROUP_SLOTS;
		if (!bytes || slots / GROUP_SLOTS > bytes / group)
			return false;
		out->have_bytes += bytes;
		out->n_slots += slots;
	}
	if (out->n_entries > out->n_slots)
		return false;
	if (out->n_entries <= GROUP_SLOTS) {
		out->need_bytes = gs_go_slot_bytes(group, has_pointers, rt->minor);
		return true;
	}
	slots = out->n_entries * GROUP_SLOTS / MAX_LOAD;
	tables = power_above((slots + MAX_TABLE - 1) / MAX_TABLE);
	each = power_above(slots / tables) / GROUP_SLOTS;
	out->need_bytes = tables * gs_go_slot_bytes((each ? each : 1) * group, has_pointers, rt->minor);
	return true;
}

void heap_map_rooms(heap_types *t, const gs_heap *h, void *ctx, void (*take)(void *ctx, const gs_heap_map_room *m))
{
	const gs_go_runtime *rt = &t->b->rt;
	bool is_swiss = rt->o.map_size != GS_GO_NONE, ok;
	uint32_t steps = 0;

	for (gs_heap_walk w = gs_heap_walk_start(h); gs_heap_walk_next(&w);) {
		const gs_heap_type *type = &h->types[gs_heap_type_of(h, w.object)];
		gs_heap_map_room m = { .object = w.object };
		uint32_t index, group;
		uint64_t each;

		if (type->form != GS_HEAP_FORM_RECORD || type->kind != KIND_MAP || !type->addr)
			continue;
		if (w.size_bytes < (uint64_t)(is_swiss ? rt->o.map_size : rt->o.hmap_size))
			continue;
		index = heap_type_at(t, type->addr);
		group = index == UINT32_MAX ? UINT32_MAX : heap_type_at(t, t->list.p[index].group);
		each = group == UINT32_MAX ? 0 : t->list.p[group].size;
		if (!each)
			continue;
		ok = is_swiss ? groups_room(rt, w.addr, each, &steps, &m) : buckets_room(rt, w.addr, each, &m);
		if (ok && m.have_bytes > m.need_bytes)
			take(ctx, &m);
	}
}
