#include "load/pprof_rows.h"

#include "model/merge.h"

#include "base/banned.h"

#define MAX_BYTES ((size_t)16 << 20)

enum {
	LABEL_CACHE = 1024,
	LABEL_KEY_BYTES = 52,
};

/* Label sets seen lately, by their bytes. */
typedef struct label_seen {
	gs_str bytes;
	uint32_t set;
} label_seen;

typedef struct rows {
	const gs_pprof *pp;
	gs_arena *mem;
	gs_profile *p;
	gs_err *err;
	GS_VEC(gs_label_set) label_sets;
	GS_VEC(gs_label) labels;
	label_seen seen[LABEL_CACHE];
	uint32_t *locations, *ends;
	size_t n_locations, cap_locations;
	uint32_t n_samples;
	uint64_t n_frames;
} rows;

static bool no_memory(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "the profile needs more memory than its budget");
}

bool gs_pprof_rows_suit(const gs_pprof *pp)
{
	return pp->bytes.n <= MAX_BYTES;
}

/* Texts stay in the input where that can be had: they are most of it. Else they go into one block. */
static bool keep_texts(rows *r, gs_load_source *src, gs_str *list)
{
	const gs_pprof *pp = r->pp;
	size_t n = pp->strings.n, total = 0;
	char *to;

	if (n)
		memcpy(list, pp->strings.p, n * sizeof(*list));
	if (!pp->next_at && gs_load_can_keep(src)) {
		gs_str bytes;

		return gs_load_keep(src, r->mem, &bytes, r->err);
	}
	for (size_t i = 0; i < n; i++)
		total += list[i].n;
	to = gs_try_new(r->mem, char, total);
	if (!to)
		return no_memory(r->err);
	for (size_t i = 0; i < n; i++) {
		if (list[i].n)
			memcpy(to, list[i].p, list[i].n);
		list[i].p = to;
		to += list[i].n;
	}
	return true;
}

/* One more row than the file has, for a warning. */
static bool make_strings(rows *r, gs_load_source *src, uint64_t **hashes)
{
	size_t n = r->pp->strings.n;
	gs_str *list = gs_try_new(r->mem, gs_str, n + 1);

	*hashes = gs_try_new(r->mem, uint64_t, n + 1);
	if (!list || !*hashes)
		return no_memory(r->err);
	if (!keep_texts(r, src, list))
		return false;
	for (size_t i = 0; i < n; i++)
		(*hashes)[i] = gs_str_hash(list[i]);
	r->p->strings = (gs_strtab){ .mem = r->mem, .strings = list, .n = (uint32_t)n, .cap = (uint32_t)n + 1 };
	return true;
}

static bool make_header(rows *r)
{
	const gs_pprof *pp = r->pp;
	gs_profile *p = r->p;

	p->n_types = pp->n_types;
	for (uint32_t t = 0; t < pp->n_types; t++)
		p->types[t] = (gs_value_type){ pp->types[t].type, pp->types[t].unit };
	p->period_type = (gs_value_type){ pp->period_type.type, pp->period_type.unit };
	p->period = pp->period;
	p->time_ns = pp->time_ns;
	p->duration_ns = pp->duration_ns;
	p->default_type = pp->default_type;
	p->drop_frames = pp->drop_frames;
	p->keep_frames = pp->keep_frames;
	p->doc_url = pp->doc_url;
	p->is_heap_sampled = gs_pprof_is_heap_sampled(pp);
	p->n_comments = (uint32_t)pp->comments.n;
	p->comments = gs_try_new(r->mem, uint32_t, pp->comments.n);
	if (!p->comments)
		return no_memory(r->err);
	if (pp->comments.n)
		memcpy(p->comments, pp->comments.p, pp->comments.n * sizeof(*p->comments));
	return true;
}

static bool make_mappings(rows *r)
{
	const gs_pprof *pp = r->pp;
	gs_profile *p = r->p;

	/* Without any pprof makes one up, as load_pprof.c does. */
	p->n_mappings = (uint32_t)(pp->mappings.n ? pp->mappings.n : 1) + 1;
	p->mappings = gs_try_new(r->mem, gs_mapping, p->n_mappings);
	if (!p->mappings)
		return no_memory(r->err);
	for (size_t i = 0; i < pp->mappings.n; i++) {
		const gs_pprof_mapping *m = &pp->mappings.p[i];

		p->mappings[i + 1] = (gs_mapping){ .start = m->start,
						   .limit = m->limit,
						   .offset = m->offset,
						   .file = m->file,
						   .build_id = m->build_id,
						   .file_id = m->id,
						   .has_functions = m->has_functions,
						   .has_filenames = m->has_filenames,
						   .has_line_numbers = m->has_line_numbers,
						   .has_inline_frames = m->has_inline_frames };
	}
	return true;
}

static bool make_functions(rows *r)
{
	const gs_pprof *pp = r->pp;
	gs_profile *p = r->p;

	p->n_functions = (uint32_t)pp->functions.n + 1;
	p->functions = gs_try_new(r->mem, gs_function, p->n_functions);
	if (!p->functions)
		return no_memory(r->err);
	for (size_t i = 0; i < pp->functions.n; i++) {
		const gs_pprof_function *f = &pp->functions.p[i];

		p->functions[i + 1] = (gs_function){ .name = f->name,
						     .system_name = f->system_name,
						     .file = f->file,
						     .start_line = f->start_line,
						     .file_id = f->id };
	}
	return true;
}

/* Frame 0, of nothing, is that of a location without lines. */
static bool make_locations(rows *r)
{
	const gs_pprof *pp = r->pp;
	gs_profile *p = r->p;

	p->n_locations = (uint32_t)pp->locations.n + 1;
	p->n_frames = (uint32_t)pp->lines.n + 1;
	p->locations = gs_try_new(r->mem, gs_location, p->n_locations);
	p->frames = gs_try_new(r->mem, gs_frame, p->n_frames);
	if (!p->locations || !p->frames)
		return no_memory(r->err);
	for (size_t i = 0; i < pp->locations.n; i++) {
		const gs_pprof_location *l = &pp->locations.p[i];

		p->locations[i + 1] = (gs_location){
			.address = l->address,
			.file_id = l->id,
			.mapping = pp->mappings.n ? gs_pprof_ids_find(&pp->mapping_ids, l->mapping_id) : 1,
			.first_frame = l->n_lines ? l->first_line + 1 : 0,
			.n_frames = l->n_lines ? l->n_lines : 1,
			.is_folded = l->is_folded,
		};
	}
	for (size_t i = 0; i < pp->lines.n; i++) {
		const gs_pprof_line *l = &pp->lines.p[i];

		p->frames[i + 1] = (gs_frame){ .function = gs_pprof_ids_find(&pp->function_ids, l->function_id),
					       .line = l->line,
					       .column = l->column };
	}
	return true;
}

static uint32_t read_labels(rows *r, gs_str bytes)
{
	gs_label_set *set = gs_vec_push(&r->label_sets, INT32_MAX);
	uint32_t first = (uint32_t)r->labels.n;
	gs_pprof_label raw;

	if (!set)
		return no_memory(r->err), GS_NO_ID;
	while (gs_pprof_label_next(r->pp, &bytes, &raw, r->err)) {
		gs_label *row;

		if (!raw.str && !raw.num && !raw.unit) /* says nothing, and pprof drops it */
			continue;
		row = gs_vec_push(&r->labels, INT32_MAX);
		if (!row)
			return no_memory(r->err), GS_NO_ID;
		*row = (gs_label){ .key = raw.key,
				   .is_num = raw.str == 0,
				   .str = raw.str,
				   .num = raw.str ? 0 : raw.num,
				   .unit = raw.str ? 0 : raw.unit };
	}
	if (r->err->code)
		return GS_NO_ID;
	*set = (gs_label_set){ first, (uint32_t)r->labels.n - first };
	return (uint32_t)r->label_sets.n - 1;
}

static uint32_t find_labels(rows *r, gs_str bytes)
{
	label_seen *seen;

	if (!bytes.n)
		return 0;
	if (bytes.n > LABEL_KEY_BYTES)
		return read_labels(r, bytes);
	seen = &r->seen[gs_str_hash(bytes) % LABEL_CACHE];
	if (!gs_str_eq(seen->bytes, bytes)) {
		seen->set = read_labels(r, bytes);
		seen->bytes = bytes;
	}
	return seen->set;
}

static bool add_locations(rows *r, const gs_pprof_batch *batch)
{
	size_t want = r->n_locations + batch->locations.n;

	if (want > r->cap_locations) {
		size_t cap = want + want / 2;
		uint32_t *grown = gs_alloc_should_fail() ? NULL : realloc(r->locations, cap * sizeof(*grown));

		if (!grown)
			return no_memory(r->err);
		r->locations = grown;
		r->cap_locations = cap;
	}
	for (size_t i = 0; i < batch->locations.n; i++) {
		r->locations[r->n_locations + i] = batch->locations.p[i];
		r->n_frames += r->p->locations[batch->locations.p[i]].n_frames;
	}
	return true;
}

static bool add_batch(rows *r, const gs_pprof_batch *batch)
{
	gs_profile *p = r->p;
	uint32_t at = r->n_samples, n = (uint32_t)batch->ends.n;

	if (!add_locations(r, batch))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		r->ends[at + i] = (uint32_t)r->n_locations + batch->ends.p[i];
		p->sample_labels[at + i] = find_labels(r, batch->labels.p[i]);
		if (p->sample_labels[at + i] == GS_NO_ID)
			return false;
		for (uint32_t t = 0; t < p->n_types; t++)
			p->values[t][at + i] = batch->values.p[(size_t)i * p->n_types + t];
	}
	r->n_locations += batch->locations.n;
	r->n_samples += n;
	return true;
}

static void *copied(rows *r, const void *from, size_t bytes)
{
	void *to = gs_try_new(r->mem, char, bytes);

	if (to && bytes)
		memcpy(to, from, bytes);
	return to;
}

static bool make_samples(rows *r)
{
	const gs_pprof *pp = r->pp;
	gs_profile *p = r->p;
	gs_pprof_batch batch = { 0 };
	bool ok = gs_vec_push(&r->label_sets, INT32_MAX) != NULL;

	r->ends = gs_try_new(r->mem, uint32_t, pp->n_samples);
	p->sample_labels = gs_try_new(r->mem, uint32_t, pp->n_samples);
	ok = ok && r->ends && p->sample_labels;
	for (uint32_t t = 0; t < p->n_types; t++)
		ok = ok && (p->values[t] = gs_try_new(r->mem, int64_t, pp->n_samples));
	if (!ok)
		no_memory(r->err);
	for (size_t i = 0; ok && i < pp->chunks.n; i++)
		ok = gs_pprof_read_chunk(pp, &pp->chunks.p[i], &batch, r->err) && add_batch(r, &batch);
	gs_pprof_batch_release(&batch);
	if (!ok)
		return false;
	p->n_samples = r->n_samples;
	p->n_label_sets = (uint32_t)r->label_sets.n;
	p->n_labels = (uint32_t)r->labels.n;
	p->label_sets = copied(r, r->label_sets.p, r->label_sets.n * sizeof(*p->label_sets));
	p->labels = copied(r, r->labels.p, r->labels.n * sizeof(*p->labels));
	return (p->label_sets && p->labels) || no_memory(r->err);
}

static bool make_warning(rows *r, uint64_t *hashes, uint64_t trailing_bytes)
{
	gs_profile *p = r->p;
	gs_str text;

	if (!trailing_bytes)
		return true;
	p->warnings = gs_try_new(r->mem, uint32_t, 1);
	if (!p->warnings)
		return no_memory(r->err);
	text = gs_strf(r->mem, "%llu bytes after the packed profile were ignored", (unsigned long long)trailing_bytes);
	p->strings.strings[p->strings.n] = text;
	hashes[p->strings.n] = gs_str_hash(text);
	p->warnings[p->n_warnings++] = p->strings.n++;
	return true;
}

static bool make(rows *r, gs_document *doc, gs_load_source *src)
{
	gs_merge_rows *out = gs_try_new(r->mem, gs_merge_rows, 1);
	uint64_t *hashes;

	r->p = gs_try_new(r->mem, gs_profile, 1);
	if (!out || !r->p)
		return no_memory(r->err);
	r->p->mem = r->mem;
	if (!make_strings(r, src, &hashes) || !make_header(r) || !make_mappings(r) || !make_functions(r) || !make_locations(r) ||
	    !make_samples(r) || !make_warning(r, hashes, src->trailing_bytes))
		return false;
	if (r->n_frames > gs_pprof_max_nodes(r->pp))
		return true;
	*out = (gs_merge_rows){ copied(r, r->locations, r->n_locations * sizeof(*r->locations)), r->ends, hashes };
	if (!out->locations)
		return no_memory(r->err);
	doc->profile = r->p;
	doc->rows = out;
	return true;
}

bool gs_pprof_rows(const gs_pprof *pp, gs_document *doc, gs_load_source *src, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(UINT64_MAX);
	rows *r = gs_new(scratch, rows, 1);
	gs_err why = { 0 };
	bool ok;

	r->pp = pp;
	r->mem = doc->mem;
	r->err = &why;
	ok = make(r, doc, src);
	gs_vec_release(&r->label_sets);
	gs_vec_release(&r->labels);
	free(r->locations);
	if (!ok && err)
		*err = why;
	return ok;
}
