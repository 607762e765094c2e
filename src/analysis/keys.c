#include "analysis/keys.h"

#include "analysis/names.h"
#include "analysis/paths.h"

static uint64_t key_hash(const gs_key *k)
{
	uint64_t h = gs_hash_u64((uint64_t)k->name << 32 | k->file);

	h = gs_hash_u64(h ^ k->address ^ (uint64_t)k->object << 40);
	return gs_hash_u64(h ^ (uint64_t)k->line ^ (uint64_t)k->column << 32 ^ (uint64_t)k->start_line << 44);
}

static bool key_equal(const gs_key *a, const gs_key *b)
{
	return a->name == b->name && a->file == b->file && a->object == b->object && a->address == b->address &&
	       a->line == b->line && a->column == b->column && a->start_line == b->start_line;
}

void gs_key_table_release(gs_key_table *t)
{
	free(t->slots);
	*t = (gs_key_table){ 0 };
}

static bool grow(gs_view *v, gs_key_table *t)
{
	uint32_t n = t->n_slots ? t->n_slots * 2 : 1024;
	uint32_t *slots = gs_alloc_should_fail() || n > INT32_MAX ? NULL : calloc(n, sizeof(*slots));

	if (!slots)
		return false;
	for (uint32_t i = 0; i < v->n_keys; i++) {
		uint64_t at = key_hash(&v->keys[i]);

		while (slots[at & (n - 1)])
			at++;
		slots[at & (n - 1)] = i + 1;
	}
	free(t->slots);
	t->slots = slots;
	t->n_slots = n;
	return true;
}

uint32_t gs_key_intern(gs_view *v, gs_key_table *t, const gs_key *k)
{
	uint64_t at;

	if (v->n_keys >= t->n_slots / 2 && !grow(v, t))
		return GS_NO_ID;
	for (at = key_hash(k); t->slots[at & (t->n_slots - 1)]; at++) {
		uint32_t id = t->slots[at & (t->n_slots - 1)] - 1;

		if (key_equal(&v->keys[id], k))
			return id;
	}
	if (v->n_keys == t->cap_keys) {
		uint32_t cap = t->cap_keys ? t->cap_keys * 2 : 1024;
		gs_key *keys = gs_try_new(v->mem, gs_key, cap);

		if (!keys)
			return GS_NO_ID;
		if (v->n_keys)
			memcpy(keys, v->keys, v->n_keys * sizeof(*keys));
		v->keys = keys;
		t->cap_keys = cap;
	}
	v->keys[v->n_keys] = *k;
	t->slots[at & (t->n_slots - 1)] = v->n_keys + 1;
	return v->n_keys++;
}

/* One function's part of its frames' keys, worked out once. */
typedef struct function_part {
	uint32_t name, file, flags;
	bool is_known;
} function_part;

typedef struct maker {
	gs_view *v;
	const gs_profile *p;
	const gs_query *q;
	function_part *functions;
	uint32_t *objects; /* mapping -> string of the view, + 1 */
	uint32_t *by_function; /* function -> key + 1, when nothing else is part of a key */
	bool with_name, with_file, with_line, with_column, with_address;
} maker;

static bool is_go_file(gs_str file)
{
	return gs_str_ends(file, GS_S(".go")) || gs_str_ends(file, GS_S(".s"));
}

static uint32_t object_of(maker *m, uint32_t mapping)
{
	if (!mapping)
		return 0;
	if (!m->objects[mapping])
		m->objects[mapping] =
			gs_strtab_id_borrow(&m->v->strings, gs_profile_str(m->p, m->p->mappings[mapping].file)) + 1;
	return m->objects[mapping] - 1;
}

static const function_part *part_of(maker *m, uint32_t function, uint32_t mapping)
{
	function_part *part = &m->functions[function];
	const gs_function *f = &m->p->functions[function];
	gs_str name = gs_profile_str(m->p, f->name), file = gs_profile_str(m->p, f->file);

	if (part->is_known)
		return part;
	part->is_known = true;
	if (m->q->granularity == GS_BY_PACKAGES) {
		gs_str package = gs_name_package(name);

		if (!package.n && mapping)
			package = gs_strf(m->v->mem, "[%.*s]",
					  GS_FMT(gs_path_base(gs_profile_str(m->p, m->p->mappings[mapping].file))));
		part->name = gs_strtab_id_borrow(&m->v->strings, package.n ? package : name);
	} else {
		part->name = gs_strtab_id_borrow(&m->v->strings, name);
	}
	part->file = 0;
	if (file.n) {
		gs_str trimmed = gs_path_trim(file, m->q->trim_path, m->q->source_path);

		if (trimmed.n)
			part->file = gs_strtab_id_borrow(&m->v->strings, gs_path_clean(m->v->mem, trimmed));
	}
	if (gs_name_is_runtime(name))
		part->flags |= GS_VIEW_RUNTIME;
	else if (file.n && !is_go_file(file) && !gs_str_eq(file, GS_S("_cgo_gotypes.go")))
		part->flags |= GS_VIEW_NATIVE;
	return part;
}

static uint32_t key_of(maker *m, gs_key_table *table, uint32_t frame)
{
	const gs_frame *f = &m->p->frames[frame];
	const gs_location *l = &m->p->locations[f->location];
	gs_key k = { 0 };

	if (!f->function) {
		gs_str file = l->mapping ? gs_profile_str(m->p, m->p->mappings[l->mapping].file) : (gs_str){ 0 };

		k.object = object_of(m, l->mapping);
		k.address = m->with_address ? l->address : 0;
		if (file.n && file.p[0] == '[' && gs_str_starts(file, GS_S("[kernel")))
			k.flags |= GS_VIEW_KERNEL;
		else
			k.flags |= GS_VIEW_NATIVE;
	} else {
		const function_part *part = part_of(m, f->function, l->mapping);
		const gs_function *fn = &m->p->functions[f->function];

		k.address = m->with_address ? l->address : 0;
		k.name = m->with_name ? part->name : 0;
		k.file = m->with_file ? part->file : 0;
		k.line = m->with_line ? f->line : 0;
		k.column = m->with_column ? f->column : 0;
		if (m->q->keep_objects || k.name == 0) {
			k.object = object_of(m, l->mapping);
			k.start_line = fn->start_line;
		}
		k.flags = part->flags;
		k.at_file = part->file;
		k.at_line = fn->start_line ? fn->start_line : f->line;
	}
	k.at_object = object_of(m, l->mapping);
	if (f->flags & GS_FRAME_KERNEL)
		k.flags = (k.flags & ~(unsigned)GS_VIEW_NATIVE) | GS_VIEW_KERNEL;
	if (f->flags & GS_FRAME_LABEL)
		k.flags = GS_VIEW_LABEL;
	return gs_key_intern(m->v, table, &k);
}

uint32_t *gs_keys_of_frames(gs_view *v, const gs_selection *sel, gs_key_table *table, gs_err *err)
{
	const gs_profile *p = sel->profile;
	const gs_query *q = v->query;
	gs_arena *scratch = gs_arena_create(UINT64_MAX);
	maker m = { .v = v, .p = p, .q = q };
	uint32_t *keys = gs_try_new(v->mem, uint32_t, p->n_frames);
	gs_granularity by = q->granularity;

	m.with_name = by != GS_BY_FILES;
	m.with_file = by == GS_BY_FILEFUNCTIONS || by == GS_BY_FILES || by == GS_BY_LINES || by == GS_BY_ADDRESSES;
	m.with_line = by == GS_BY_LINES || by == GS_BY_ADDRESSES;
	m.with_address = by == GS_BY_ADDRESSES;
	m.with_column = m.with_line && (q->showcolumns || (by == GS_BY_ADDRESSES && !q->noinlines));
	m.functions = gs_try_new(scratch, function_part, p->n_functions);
	m.objects = gs_try_new(scratch, uint32_t, p->n_mappings);
	m.by_function = gs_try_new(scratch, uint32_t, p->n_functions);
	if (!keys || !m.functions || !m.objects || !m.by_function)
		goto limit;
	for (uint32_t i = 0; i < p->n_frames; i++) {
		uint32_t function = p->frames[i].function;
		/* The common case costs one look: with functions, a named function is the whole key. */
		bool simple = !m.with_line && !q->keep_objects && function && m.with_name &&
			      p->functions[function].name && !(p->frames[i].flags & (GS_FRAME_LABEL | GS_FRAME_KERNEL));

		if (i == 0 || !(sel->frame[i] & GS_SHOWN)) {
			keys[i] = GS_NO_ID;
			continue;
		}
		if (simple && m.by_function[function]) {
			keys[i] = m.by_function[function] - 1;
			continue;
		}
		keys[i] = key_of(&m, table, i);
		if (keys[i] == GS_NO_ID)
			goto limit;
		if (simple)
			m.by_function[function] = keys[i] + 1;
	}
	gs_arena_free(scratch);
	return keys;
limit:
	gs_arena_free(scratch);
	gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the frames of a report");
	return NULL;
}
