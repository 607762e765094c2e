/* profile.proto -> document. */
#include "format/pprof/pprof.h"
#include "load/recognisers.h"

#include "base/banned.h"

/* The file's 64-bit ids to ids of the model. Nearly every writer counts 1, 2, 3...: then there is no table. */
typedef struct id_map {
	gs_map map;
	uint32_t n;
	bool is_dense;
} id_map;

typedef struct loading {
	const gs_pprof *pp;
	gs_profile_builder *b;
	gs_profile *p;
	gs_err *err;
	uint32_t *strings; /* file's index -> id of the model */
	uint32_t *functions; /* file's position -> id of the model */
	id_map function_ids, mapping_ids, location_ids;
	GS_VEC(gs_frame) frames;
	GS_VEC(gs_label) labels;
} loading;

static bool no_memory(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "the profile needs more memory than its budget");
}

static uint32_t *new_ids(gs_arena *mem, size_t n)
{
	return gs_try_new(mem, uint32_t, n ? n : 1);
}

/* Position + 1 for an id of the file, 0 when there is no such id. */
static inline uint32_t id_find(const id_map *m, uint64_t id)
{
	const uint32_t *found;

	if (m->is_dense)
		return id <= m->n ? (uint32_t)id : 0;
	found = gs_map_get(&m->map, id);
	return found ? *found : 0;
}

static bool id_map_build(id_map *m, const char *what, size_t n, uint64_t (*id_at)(const gs_pprof *, size_t),
			 const gs_pprof *pp, gs_err *err)
{
	m->n = (uint32_t)n;
	m->is_dense = true;
	for (size_t i = 0; i < n && m->is_dense; i++)
		m->is_dense = id_at(pp, i) == i + 1;
	if (m->is_dense)
		return true;
	if (!gs_map_reserve(&m->map, m->n))
		return no_memory(err);
	for (size_t i = 0; i < n; i++) {
		uint64_t id = id_at(pp, i);
		bool is_new;
		uint32_t *slot = gs_map_put(&m->map, id, &is_new);

		if (!slot)
			return no_memory(err);
		if (id == 0)
			return gs_fail(err, GS_ERR_FORMAT, GS_ERR_NOWHERE,
				       "pprof: %s number %zu has the id 0, which is reserved", what, i + 1);
		if (!is_new)
			return gs_fail(err, GS_ERR_FORMAT, GS_ERR_NOWHERE, "pprof: two %ss have the id %llu", what,
				       (unsigned long long)id);
		*slot = (uint32_t)i + 1;
	}
	return true;
}

static uint64_t function_id_at(const gs_pprof *pp, size_t i)
{
	return pp->functions.p[i].id;
}

static uint64_t mapping_id_at(const gs_pprof *pp, size_t i)
{
	return pp->mappings.p[i].id;
}

static uint64_t location_id_at(const gs_pprof *pp, size_t i)
{
	return pp->locations.p[i].id;
}

static bool load_strings(loading *l, gs_arena *scratch)
{
	const gs_pprof *pp = l->pp;

	l->strings = new_ids(scratch, pp->strings.n);
	if (!l->strings)
		return no_memory(l->err);
	for (size_t i = 0; i < pp->strings.n; i++) {
		l->strings[i] = gs_profile_builder_str(l->b, pp->strings.p[i]);
		if (l->strings[i] == GS_NO_ID)
			return no_memory(l->err);
	}
	return true;
}

static void load_header(loading *l)
{
	const gs_pprof *pp = l->pp;
	gs_profile *p = l->p;

	p->n_types = pp->n_types;
	for (uint32_t t = 0; t < pp->n_types; t++)
		p->types[t] = (gs_value_type){ l->strings[pp->types[t].type], l->strings[pp->types[t].unit] };
	p->period_type = (gs_value_type){ l->strings[pp->period_type.type], l->strings[pp->period_type.unit] };
	p->period = pp->period;
	p->time_ns = pp->time_ns;
	p->duration_ns = pp->duration_ns;
	p->default_type = l->strings[pp->default_type];
	p->drop_frames = l->strings[pp->drop_frames];
	p->keep_frames = l->strings[pp->keep_frames];
	p->doc_url = l->strings[pp->doc_url];
	for (size_t i = 0; i < pp->comments.n; i++)
		gs_profile_builder_comment(l->b, pp->strings.p[pp->comments.p[i]]);
	p->is_heap_sampled = gs_str_eq(pp->strings.p[pp->period_type.type], GS_S("space")) &&
			     gs_str_eq(pp->strings.p[pp->period_type.unit], GS_S("bytes")) && pp->period > 1;
}

static bool load_mappings(loading *l)
{
	const gs_pprof *pp = l->pp;

	if (!id_map_build(&l->mapping_ids, "mapping", pp->mappings.n, mapping_id_at, pp, l->err))
		return false;
	for (size_t i = 0; i < pp->mappings.n; i++) {
		const gs_pprof_mapping *m = &pp->mappings.p[i];
		gs_mapping row = { .start = m->start,
				   .limit = m->limit,
				   .offset = m->offset,
				   .file = l->strings[m->file],
				   .build_id = l->strings[m->build_id],
				   .file_id = m->id,
				   .has_functions = m->has_functions,
				   .has_filenames = m->has_filenames,
				   .has_line_numbers = m->has_line_numbers,
				   .has_inline_frames = m->has_inline_frames };

		if (gs_profile_builder_mapping(l->b, row) == GS_NO_ID)
			return no_memory(l->err);
	}
	/* pprof makes one up, so that symbols may be looked for; a report or a copy then shows it. */
	return pp->mappings.n || gs_profile_builder_mapping(l->b, (gs_mapping){ 0 }) != GS_NO_ID || no_memory(l->err);
}

static bool load_functions(loading *l, gs_arena *scratch)
{
	const gs_pprof *pp = l->pp;

	if (!id_map_build(&l->function_ids, "function", pp->functions.n, function_id_at, pp, l->err))
		return false;
	l->functions = new_ids(scratch, pp->functions.n);
	if (!l->functions)
		return no_memory(l->err);
	for (size_t i = 0; i < pp->functions.n; i++) {
		const gs_pprof_function *f = &pp->functions.p[i];
		gs_function row = { .name = l->strings[f->name],
				    .system_name = l->strings[f->system_name],
				    .file = l->strings[f->file],
				    .start_line = f->start_line,
				    .file_id = f->id };

		l->functions[i] = gs_profile_builder_function(l->b, row);
		if (l->functions[i] == GS_NO_ID)
			return no_memory(l->err);
	}
	return true;
}

static bool load_location(loading *l, const gs_pprof_location *loc)
{
	uint32_t mapping, id;

	l->frames.n = 0;
	for (uint32_t i = 0; i < loc->n_lines; i++) {
		const gs_pprof_line *line = &l->pp->lines.p[loc->first_line + i];
		uint32_t at = id_find(&l->function_ids, line->function_id);
		gs_frame *f = gs_vec_push(&l->frames, INT32_MAX);

		if (!f)
			return no_memory(l->err);
		if (!at)
			return gs_fail(l->err, GS_ERR_FORMAT, GS_ERR_NOWHERE,
				       "pprof: location %llu names the function %llu, which the file does not have",
				       (unsigned long long)loc->id, (unsigned long long)line->function_id);
		*f = (gs_frame){ .function = l->functions[at - 1], .line = line->line, .column = line->column };
	}
	/* An unknown mapping is no mapping, as pprof has it; with none at all, the one made up is it. */
	mapping = l->pp->mappings.n ? id_find(&l->mapping_ids, loc->mapping_id) : 1;
	id = gs_profile_builder_location(l->b, loc->address, mapping, loc->is_folded, l->frames.p,
					 (uint32_t)l->frames.n);
	if (id == GS_NO_ID)
		return no_memory(l->err);
	gs_profile_builder_location_file_id(l->b, id, loc->id);
	return true;
}

static bool load_locations(loading *l)
{
	const gs_pprof *pp = l->pp;

	if (!id_map_build(&l->location_ids, "location", pp->locations.n, location_id_at, pp, l->err))
		return false;
	for (size_t i = 0; i < pp->locations.n; i++)
		if (!load_location(l, &pp->locations.p[i]))
			return false;
	return true;
}

/* A label whose string index, number and unit are all 0 says nothing, and pprof drops it. */
static bool load_labels(loading *l, const gs_pprof_sample *s, uint32_t *set)
{
	l->labels.n = 0;
	for (size_t i = 0; i < s->labels.n; i++) {
		gs_pprof_label raw;
		gs_label *row;

		if (!gs_pprof_label_read(l->pp, s->labels.p[i], &raw, l->err))
			return false;
		if (!raw.str && !raw.num && !raw.unit)
			continue;
		row = gs_vec_push(&l->labels, INT32_MAX);
		if (!row)
			return no_memory(l->err);
		row->key = l->strings[raw.key];
		row->is_num = raw.str == 0;
		row->str = l->strings[raw.str];
		row->num = raw.str ? 0 : raw.num;
		row->unit = raw.str ? 0 : l->strings[raw.unit];
	}
	*set = gs_profile_builder_labels(l->b, l->labels.p, (uint32_t)l->labels.n);
	return *set != GS_NO_ID || no_memory(l->err);
}

static bool load_sample(loading *l, const gs_pprof_sample *s)
{
	gs_sample row = { .node = GS_ROOT_NODE, .values = s->values.p };

	for (size_t i = s->location_ids.n; i-- > 0;) {
		uint32_t at = id_find(&l->location_ids, s->location_ids.p[i]);

		if (!at)
			return gs_fail(l->err, GS_ERR_FORMAT, s->at,
				       "pprof: the sample at byte %llu names the location %llu, which the file "
				       "does not have",
				       (unsigned long long)s->at, (unsigned long long)s->location_ids.p[i]);
		row.node = gs_profile_builder_push(l->b, row.node, at);
		if (row.node == GS_NO_ID)
			return no_memory(l->err);
	}
	if (!load_labels(l, s, &row.labels))
		return false;
	return gs_profile_builder_sample(l->b, &row) || no_memory(l->err);
}

static bool load_samples(loading *l)
{
	gs_pprof_sample s = { 0 };
	gs_err err = { 0 };
	bool ok = true;

	for (size_t i = 0; ok && i < l->pp->chunks.n; i++) {
		gs_pprof_samples it = gs_pprof_samples_of(l->pp, &l->pp->chunks.p[i]);

		while (ok && gs_pprof_sample_next(&it, &s, &err))
			ok = load_sample(l, &s);
		if (err.code) {
			ok = false;
			if (l->err)
				*l->err = err;
		}
	}
	gs_pprof_sample_release(&s);
	return ok;
}

static bool load_profile(const gs_pprof *pp, gs_document *doc, const gs_load_source *src, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(gs_arena_budget_bytes(doc->mem));
	loading l = { .pp = pp, .err = err, .b = gs_profile_builder_create(doc->mem, err) };
	bool ok;

	if (!l.b)
		return false;
	l.p = gs_profile_builder_profile(l.b);
	ok = load_strings(&l, scratch);
	if (ok)
		load_header(&l);
	ok = ok && load_mappings(&l) && load_functions(&l, scratch) && load_locations(&l) && load_samples(&l);
	if (ok && src->trailing_bytes)
		gs_profile_builder_warn(l.b, "%llu bytes after the packed profile were ignored",
					(unsigned long long)src->trailing_bytes);
	gs_map_release(&l.function_ids.map);
	gs_map_release(&l.mapping_ids.map);
	gs_map_release(&l.location_ids.map);
	gs_vec_release(&l.frames);
	gs_vec_release(&l.labels);
	if (!ok)
		return false;
	doc->profile = gs_profile_builder_finish(l.b, err);
	return doc->profile != NULL;
}

static int probe(gs_str bytes)
{
	return gs_pprof_looks_right(gs_str_slice(bytes, 0, 512)) ? GS_PROBE_LIKELY : GS_PROBE_NO;
}

static bool load(const gs_load_source *src, gs_document *doc, gs_err *err)
{
	gs_pprof pp;
	bool ok = gs_pprof_scan(src->bytes, &pp, err);

	if (ok && src->next_at)
		*src->next_at = pp.next_at;
	else if (ok && pp.next_at)
		ok = gs_fail(err, GS_ERR_FORMAT, pp.next_at,
			     "another profile follows at byte %llu of the unpacked file; `gospect merge` adds them up",
			     (unsigned long long)pp.next_at);
	ok = ok && load_profile(&pp, doc, src, err);
	gs_pprof_release(&pp);
	return ok;
}

const gs_recogniser gs_recogniser_pprof = {
	.name = "pprof",
	.title = "a pprof profile (profile.proto)",
	.probe = probe,
	.load = load,
};
