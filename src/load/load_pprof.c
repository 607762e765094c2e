/* profile.proto -> document. */
#include "base/file.h"
#include "base/pool.h"
#include "format/pprof/pprof.h"
#include "load/pprof_rows.h"
#include "load/recognisers.h"

#include "base/banned.h"

enum {
	LABEL_CACHE = 4096,
	LABEL_KEY_BYTES = 52,
	SMALL = 1 << 20, /* bytes from which on a second thread pays */
	DISCARD_STEP = 4 << 20,
};

/* Labels of samples seen lately, by their bytes: most samples have one of few sets. */
typedef struct label_seen {
	uint32_t set;
	uint8_t n; /* bytes used, 0: free */
	char bytes[LABEL_KEY_BYTES];
} label_seen;

typedef struct loading {
	const gs_pprof *pp;
	gs_profile_builder *b;
	gs_profile *p;
	gs_err *err;
	const gs_progress *progress;
	uint32_t *strings; /* file's index -> id of the model */
	uint32_t *functions; /* file's position -> id of the model */
	GS_VEC(gs_frame) frames;
	GS_VEC(gs_label) labels;
	label_seen *seen;
	struct worker {
		gs_pprof_batch batch;
		gs_err err;
		uint32_t nodes[GS_PPROF_CHUNK], sets[GS_PPROF_CHUNK];
	} *workers;
	bool may_discard;
	uint64_t discarded; /* bytes */
	bool is_failed;
} loading;

static bool no_memory(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "the profile needs more memory than its budget");
}

static uint32_t *new_ids(gs_arena *mem, size_t n)
{
	return gs_try_new(mem, uint32_t, n ? n : 1);
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
	p->is_heap_sampled = gs_pprof_is_heap_sampled(pp);
}

static bool load_mappings(loading *l)
{
	const gs_pprof *pp = l->pp;

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
		uint32_t at = gs_pprof_ids_find(&l->pp->function_ids, line->function_id);
		gs_frame *f = gs_vec_push(&l->frames, INT32_MAX);

		if (!f)
			return no_memory(l->err);
		*f = (gs_frame){ .function = l->functions[at - 1], .line = line->line, .column = line->column };
	}
	/* An unknown mapping is no mapping, as pprof has it; with none at all, the one made up is it. */
	mapping = l->pp->mappings.n ? gs_pprof_ids_find(&l->pp->mapping_ids, loc->mapping_id) : 1;
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

	for (size_t i = 0; i < pp->locations.n; i++)
		if (!load_location(l, &pp->locations.p[i]))
			return false;
	return true;
}

/* A label whose string index, number and unit are all 0 says nothing, and pprof drops it. */
static uint32_t read_labels(loading *l, gs_str bytes, gs_err *err)
{
	gs_pprof_label raw;
	uint32_t set;

	l->labels.n = 0;
	while (gs_pprof_label_next(l->pp, &bytes, &raw, err)) {
		gs_label *row;

		if (!raw.str && !raw.num && !raw.unit)
			continue;
		row = gs_vec_push(&l->labels, INT32_MAX);
		if (!row)
			return no_memory(err), GS_NO_ID;
		row->key = l->strings[raw.key];
		row->is_num = raw.str == 0;
		row->str = l->strings[raw.str];
		row->num = raw.str ? 0 : raw.num;
		row->unit = raw.str ? 0 : l->strings[raw.unit];
	}
	if (err->code)
		return GS_NO_ID;
	set = gs_profile_builder_labels(l->b, l->labels.p, (uint32_t)l->labels.n);
	if (set == GS_NO_ID)
		no_memory(err);
	return set;
}

static uint32_t find_labels(loading *l, gs_str bytes, gs_err *err)
{
	label_seen *seen;
	uint32_t set;

	if (!bytes.n)
		return 0;
	if (bytes.n > LABEL_KEY_BYTES)
		return read_labels(l, bytes, err);
	seen = &l->seen[gs_str_hash(bytes) % LABEL_CACHE];
	if (seen->n == bytes.n && memcmp(seen->bytes, bytes.p, bytes.n) == 0)
		return seen->set;
	set = read_labels(l, bytes, err);
	if (set != GS_NO_ID) {
		seen->set = set;
		seen->n = (uint8_t)bytes.n;
		memcpy(seen->bytes, bytes.p, bytes.n);
	}
	return set;
}

static void read_chunk(void *ctx, unsigned worker, size_t i)
{
	loading *l = ctx;
	struct worker *w = &l->workers[worker];

	w->err.code = GS_ERR_NONE;
	gs_pprof_read_chunk(l->pp, &l->pp->chunks.p[i], &w->batch, &w->err);
}

/* In the order of the file, one at a time. */
static void add_chunk(void *ctx, unsigned worker, size_t i)
{
	loading *l = ctx;
	struct worker *w = &l->workers[worker];
	const gs_pprof_batch *batch = &w->batch;
	uint32_t n = (uint32_t)batch->ends.n;

	if (l->is_failed)
		return;
	for (uint32_t k = 0; k < n && !w->err.code; k++)
		w->sets[k] = find_labels(l, batch->labels.p[k], &w->err);
	if (!w->err.code && (!gs_profile_builder_push_stacks(l->b, batch->locations.p, batch->ends.p, n, w->nodes) ||
			     !gs_profile_builder_samples(l->b, w->nodes, w->sets, batch->values.p, n)))
		no_memory(&w->err);
	/* Strings are interned and tables read: what lies before the next chunk has served. */
	if (l->may_discard && l->pp->chunks.p[i].end - l->discarded > DISCARD_STEP) {
		gs_bytes_discard(gs_str_slice(l->pp->bytes, (size_t)l->discarded, (size_t)l->pp->chunks.p[i].end));
		l->discarded = l->pp->chunks.p[i].end & ~(uint64_t)(DISCARD_STEP - 1);
	}
	if (i % 64 == 0) {
		gs_progress_report(l->progress, 0.2 + 0.8 * (double)i / (double)l->pp->chunks.n, "reading");
		if (gs_progress_should_stop(l->progress))
			gs_fail(&w->err, GS_ERR_STOPPED, GS_ERR_NOWHERE, "stopped");
	}
	if (w->err.code) {
		l->is_failed = true;
		*l->err = w->err;
	}
}

static bool load_samples(loading *l, unsigned threads, gs_arena *scratch)
{
	size_t n_chunks = l->pp->chunks.n;
	unsigned n;

	if (l->pp->bytes.n < SMALL)
		threads = 1;
	n = gs_pool_workers(threads, n_chunks);
	l->workers = gs_try_new(scratch, struct worker, n);
	l->seen = gs_try_new(scratch, label_seen, LABEL_CACHE);
	if (!l->workers || !l->seen || !gs_profile_builder_reserve_samples(l->b, l->pp->n_samples))
		return no_memory(l->err);
	gs_profile_builder_limit_nodes(l->b, gs_pprof_max_nodes(l->pp));
	gs_pool_run_ordered(threads, n_chunks, read_chunk, add_chunk, l);
	for (unsigned i = 0; i < n; i++)
		gs_pprof_batch_release(&l->workers[i].batch);
	return !l->is_failed;
}

static bool load_profile(const gs_pprof *pp, gs_document *doc, const gs_load_source *src, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(gs_arena_budget_bytes(doc->mem));
	gs_err why = { 0 };
	loading l = { .pp = pp,
		      .err = &why,
		      .progress = src->progress,
		      .may_discard = src->may_discard,
		      .b = gs_profile_builder_create(doc->mem, err) };
	bool ok;

	if (!l.b)
		return false;
	l.p = gs_profile_builder_profile(l.b);
	ok = load_strings(&l, scratch);
	if (ok)
		load_header(&l);
	ok = ok && load_mappings(&l) && load_functions(&l, scratch) && load_locations(&l) &&
	     load_samples(&l, src->options->threads, scratch);
	if (ok && src->trailing_bytes)
		gs_profile_builder_warn(l.b, "%llu bytes after the packed profile were ignored",
					(unsigned long long)src->trailing_bytes);
	gs_vec_release(&l.frames);
	gs_vec_release(&l.labels);
	if (!ok && err)
		*err = why;
	if (!ok)
		return false;
	doc->profile = gs_profile_builder_finish(l.b, err);
	return doc->profile != NULL;
}

static int probe(gs_str bytes)
{
	return gs_pprof_looks_right(gs_str_slice(bytes, 0, 512)) ? GS_PROBE_LIKELY : GS_PROBE_NO;
}

static bool load(gs_load_source *src, gs_document *doc, gs_err *err)
{
	gs_pprof pp;
	bool ok = gs_pprof_scan(src->bytes, &pp, err);

	if (ok && src->next_at)
		*src->next_at = pp.next_at;
	else if (ok && pp.next_at)
		ok = gs_fail(err, GS_ERR_FORMAT, pp.next_at,
			     "another profile follows at byte %llu of the unpacked file; `gospect merge` adds them up",
			     (unsigned long long)pp.next_at);
	if (ok && src->options->for_merging && gs_pprof_rows_suit(&pp))
		ok = gs_pprof_rows(&pp, doc, src, err);
	ok = ok && (doc->rows || load_profile(&pp, doc, src, err));
	gs_pprof_release(&pp);
	return ok;
}

const gs_recogniser gs_recogniser_pprof = {
	.name = "pprof",
	.title = "a pprof profile (profile.proto)",
	.probe = probe,
	.load = load,
};
