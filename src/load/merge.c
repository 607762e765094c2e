#include "load/merge.h"

#include <stdatomic.h>

#include "base/pool.h"
#include "model/merge.h"
#include "model/units.h"

#include "base/banned.h"

/* The sample types of a merge: those of the first profile that all the others have. */
typedef struct type_set {
	gs_merge_type types[GS_MAX_SAMPLE_TYPES];
	uint32_t n;
} type_set;

static void types_of(type_set *s, const gs_profile *p, gs_arena *mem)
{
	s->n = p->n_types;
	for (uint32_t t = 0; t < p->n_types; t++)
		s->types[t] = (gs_merge_type){ gs_str_dup(mem, gs_profile_str(p, p->types[t].type)),
					       gs_str_dup(mem, gs_profile_str(p, p->types[t].unit)) };
}

static uint32_t find_type(const gs_profile *p, gs_str name)
{
	for (uint32_t t = 0; t < p->n_types; t++)
		if (gs_str_eq(gs_profile_str(p, p->types[t].type), name))
			return t;
	return GS_NO_ID;
}

/*
 * Keep what the profile has too, in the finer of the two units where they convert; the names of those that went are added to `gone`.
 * True when nothing changed.
 */
static bool intersect(type_set *s, const gs_profile *p, gs_arena *mem, gs_buf *gone)
{
	uint32_t kept = 0, before = s->n;
	bool same = true;

	for (uint32_t t = 0; t < s->n; t++) {
		uint32_t at = find_type(p, s->types[t].type);
		double ratio = 1;

		if (at == GS_NO_ID) {
			gs_buf_f(gone, "%s%.*s", gone->n ? ", " : "", GS_FMT(s->types[t].type));
			continue;
		}
		s->types[kept] = s->types[t];
		gs_unit_ratio(gs_profile_str(p, p->types[at].unit), s->types[t].unit, &ratio);
		if (ratio < 1) {
			s->types[kept].unit = gs_str_dup(mem, gs_profile_str(p, p->types[at].unit));
			same = false;
		}
		kept++;
	}
	s->n = kept;
	return same && kept == before;
}

static bool nothing_in_common(gs_str name, gs_err *err)
{
	return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
		       "%.*s has no sample type in common with the profiles before it: they cannot be added up",
		       GS_FMT(name));
}

static bool same_types(const type_set *s, const gs_profile *p)
{
	bool same = s->n == p->n_types;

	for (uint32_t t = 0; same && t < s->n; t++)
		same = gs_str_eq(s->types[t].type, gs_profile_str(p, p->types[t].type)) &&
		       gs_str_eq(s->types[t].unit, gs_profile_str(p, p->types[t].unit));
	return same;
}

/* Where the types of the set stand in the document, and what its values are multiplied with, when it has not just these. */
static bool columns_of(const type_set *s, const gs_document *doc, uint32_t *columns, double *ratios, gs_err *err)
{
	const gs_profile *p = doc->profile;

	for (uint32_t t = 0; t < s->n; t++) {
		gs_str unit;

		columns[t] = find_type(p, s->types[t].type);
		if (columns[t] == GS_NO_ID)
			return nothing_in_common(doc->name, err);
		unit = gs_profile_str(p, p->types[columns[t]].unit);
		if (!gs_unit_ratio(unit, s->types[t].unit, &ratios[t]))
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
				       "%.*s counts %.*s in %.*s, the profiles before it in %.*s", GS_FMT(doc->name),
				       GS_FMT(s->types[t].type), GS_FMT(unit), GS_FMT(s->types[t].unit));
	}
	return true;
}

static bool add(gs_merger *m, const type_set *s, const gs_document *doc, const double *factors, bool is_diff_base,
		gs_err *err)
{
	uint32_t columns[GS_MAX_SAMPLE_TYPES];
	double ratios[GS_MAX_SAMPLE_TYPES];
	gs_merge_part part = { .profile = doc->profile, .rows = doc->rows, .ratios = factors, .is_diff_base = is_diff_base };

	if (!same_types(s, doc->profile)) {
		bool has_all = s->n == doc->profile->n_types;

		if (!columns_of(s, doc, columns, ratios, err))
			return false;
		for (uint32_t t = 0; t < s->n; t++) {
			ratios[t] *= factors ? factors[t] : 1;
			has_all = has_all && columns[t] == t;
		}
		part.columns = has_all ? NULL : columns; /* only units differ */
		part.ratios = ratios;
	}
	return gs_merger_add(m, &part, err) || gs_err_context(err, "%.*s", GS_FMT(doc->name));
}

static gs_document *document_new(const gs_document *first, gs_str name)
{
	gs_document *doc = gs_document_create(name, first->path);

	doc->format = gs_str_dup(doc->mem, first->format);
	doc->group = gs_str_dup(doc->mem, first->group);
	return doc;
}

static gs_str name_of_many(gs_arena *mem, gs_str first, unsigned n)
{
	return n > 1 ? gs_strf(mem, "%.*s and %u more", GS_FMT(first), n - 1) : first;
}

static bool finish(gs_document *doc, gs_merger *m, gs_str gone, gs_err *err)
{
	if (gone.n)
		gs_merger_warn(m, "sample types that are not in all of the profiles were left out: %.*s",
			       GS_FMT(gone));
	doc->profile = gs_merger_finish(m, &doc->rows, err);
	return doc->profile != NULL;
}

typedef struct part {
	const gs_document *doc;
	const double *ratios;
	bool is_diff_base;
} part;

static gs_document *merge_parts(const part *parts, unsigned n, bool keep_rows, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(UINT64_MAX);
	GS_AUTO(document) *doc = document_new(parts[0].doc, name_of_many(scratch, parts[0].doc->name, n));
	GS_AUTO(buf) gone = { .max = 4096 };
	type_set set;
	gs_merger *m;
	gs_document *done;

	types_of(&set, parts[0].doc->profile, scratch);
	for (unsigned i = 1; i < n; i++) {
		intersect(&set, parts[i].doc->profile, scratch, &gone);
		if (!set.n)
			return nothing_in_common(parts[i].doc->name, err), NULL;
	}
	m = gs_merger_create(doc->mem, set.types, set.n, keep_rows, err);
	for (unsigned i = 0; m && i < n; i++)
		if (!add(m, &set, parts[i].doc, parts[i].ratios, parts[i].is_diff_base, err))
			return NULL;
	if (!m || !finish(doc, m, gs_buf_view(&gone), err))
		return NULL;
	done = doc;
	doc = NULL;
	return done;
}

/* One document as it is, several merged: then *owned is to be closed. */
static const gs_document *merged(const gs_document *const *docs, unsigned n, gs_document **owned, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(UINT64_MAX);
	part *parts = gs_new(scratch, part, n);

	if (n == 1)
		return docs[0];
	for (unsigned i = 0; i < n; i++)
		parts[i].doc = docs[i];
	return *owned = merge_parts(parts, n, false, err);
}

/* What to multiply the profile's values with so that they add up to the base's. */
static bool norm_ratios(const gs_profile *p, const gs_profile *base, double *ratios, gs_err *err)
{
	if (p->n_types != base->n_types)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
			       "normalizing needs profiles with the same sample types");
	for (uint32_t t = 0; t < p->n_types; t++) {
		uint64_t sum = 0, base_sum = 0;
		double unit; /* of the base, in that of the profile */

		if (!gs_unit_ratio(gs_profile_str(base, base->types[t].unit), gs_profile_str(p, p->types[t].unit), &unit) ||
		    !gs_str_eq(gs_profile_str(p, p->types[t].type), gs_profile_str(base, base->types[t].type)))
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
				       "normalizing needs profiles with the same sample types");
		for (uint32_t i = 0; i < p->n_samples; i++)
			sum += (uint64_t)p->values[t][i];
		for (uint32_t i = 0; i < base->n_samples; i++)
			base_sum += (uint64_t)base->values[t][i];
		ratios[t] = sum ? (double)(int64_t)base_sum * unit / (double)(int64_t)sum : 0;
	}
	return true;
}

gs_document *gs_merge_documents(const gs_document *const *docs, unsigned n_docs, const gs_document *const *bases,
				unsigned n_bases, const gs_merge_options *options, gs_err *err)
{
	GS_AUTO(document) *own_docs = NULL, *own_bases = NULL;
	double norm[GS_MAX_SAMPLE_TYPES], minus[GS_MAX_SAMPLE_TYPES];
	const gs_document *p, *base;
	part parts[2];
	gs_document *out;

	if (!n_bases) {
		GS_AUTO(arena) *scratch = gs_arena_create(UINT64_MAX);
		part *all = gs_new(scratch, part, n_docs);

		for (unsigned i = 0; i < n_docs; i++)
			all[i].doc = docs[i];
		return merge_parts(all, n_docs, options && options->for_writing, err);
	}
	p = merged(docs, n_docs, &own_docs, err);
	base = p ? merged(bases, n_bases, &own_bases, err) : NULL;
	if (!p || !base)
		return NULL;
	for (uint32_t t = 0; t < GS_MAX_SAMPLE_TYPES; t++)
		minus[t] = -1;
	parts[0] = (part){ .doc = p };
	parts[1] = (part){ .doc = base, .ratios = minus, .is_diff_base = options && options->is_diff_base };
	if (options && options->normalize) {
		if (!norm_ratios(p->profile, base->profile, norm, err))
			return NULL;
		parts[0].ratios = norm;
	}
	out = merge_parts(parts, 2, options && options->for_writing, err);
	if (out)
		out->name = gs_strf(out->mem, "%.*s against %.*s", GS_FMT(p->name), GS_FMT(base->name));
	return out;
}

/* ---- thousands of files ---- */

typedef struct file_merge {
	const gs_str *paths;
	unsigned n;
	const gs_load_options *options;
	bool for_writing;
	const gs_progress *progress;
	gs_buf left_out; /* why, a line each */
	struct loaded {
		gs_documents docs;
		gs_err why;
		bool is_ok;
	} *slots;
	/* Of the thread that adds; only is_over is looked at by the others. */
	atomic_bool is_over; /* failed, or is to begin again */
	gs_arena *scratch;
	gs_document *doc;
	gs_merger *merger;
	type_set types;
	bool has_types;
	gs_buf gone;
	unsigned n_skipped, n_added;
	gs_err err, first_skip;
	bool is_failed, is_narrowed; /* a later file lacks a type, or has it in a finer unit: begin again with what is common */
} file_merge;

static void add_document(file_merge *f, const gs_document *doc)
{
	if (!f->has_types) {
		types_of(&f->types, doc->profile, f->scratch);
		f->has_types = true;
	}
	if (!intersect(&f->types, doc->profile, f->scratch, &f->gone)) {
		if (!f->types.n)
			f->is_failed = !nothing_in_common(doc->name, &f->err);
		else
			f->is_narrowed = f->n_added != 0;
	}
	if (!f->is_failed && !f->is_narrowed) {
		if (!f->merger) {
			f->doc = document_new(doc, doc->name);
			f->merger = gs_merger_create(f->doc->mem, f->types.types, f->types.n, f->for_writing, &f->err);
		}
		f->is_failed = !f->merger || !add(f->merger, &f->types, doc, NULL, false, &f->err);
		f->n_added++;
	}
	f->is_over = f->is_failed || f->is_narrowed;
}

static void read_one(void *ctx, unsigned worker, unsigned slot, size_t i)
{
	file_merge *f = ctx;
	struct loaded *w = &f->slots[slot];

	(void)worker;
	w->is_ok = !f->is_over && gs_load_parts_of_file(f->paths[i], f->options, NULL, &w->docs, &w->why);
}

/* In the order of the files, one at a time. */
static void add_one(void *ctx, unsigned slot, size_t i)
{
	file_merge *f = ctx;
	struct loaded *w = &f->slots[slot];

	for (unsigned d = 0; d < w->docs.n && !f->is_over; d++)
		add_document(f, w->docs.list[d]);
	gs_documents_close(&w->docs);
	if (f->is_over)
		return;
	if (!w->is_ok) {
		gs_buf_f(&f->left_out, "%s\n", w->why.text);
		if (!f->n_skipped++)
			f->first_skip = w->why;
	}
	gs_progress_report(f->progress, (double)i / (double)f->n, "merging");
	if (gs_progress_should_stop(f->progress)) {
		f->is_failed = true;
		f->is_over = !gs_fail(&f->err, GS_ERR_STOPPED, GS_ERR_NOWHERE, "stopped");
	}
}

static gs_document *merge_all(file_merge *f, unsigned threads)
{
	gs_document *done;

	do {
		gs_document_close(f->doc);
		f->doc = NULL;
		f->merger = NULL;
		f->n_added = f->n_skipped = 0;
		f->is_narrowed = false;
		f->is_over = false;
		f->left_out.n = 0;
		gs_pool_run_ahead(threads, 2 * gs_pool_workers(threads, f->n), f->n, read_one, add_one, f);
	} while (f->is_narrowed);
	if (!f->is_failed && !f->n_added) {
		f->err = f->first_skip;
		f->is_failed = true;
	}
	for (gs_str rest = gs_buf_view(&f->left_out), line; !f->is_failed && gs_str_line(&rest, &line);)
		gs_merger_comment(f->merger, gs_strf(f->scratch, "left out: %.*s", GS_FMT(line)));
	if (!f->is_failed)
		f->is_failed = !finish(f->doc, f->merger, gs_buf_view(&f->gone), &f->err);
	if (f->is_failed) {
		gs_document_close(f->doc);
		return NULL;
	}
	done = f->doc;
	done->name = name_of_many(done->mem, done->name, f->n_added);
	return done;
}

gs_document *gs_merge_files(const gs_str *paths, unsigned n, const gs_load_options *options,
			    const gs_progress *progress, gs_buf *skipped, unsigned *n_skipped, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(UINT64_MAX);
	gs_load_options one = options ? *options : (gs_load_options){ 0 };
	unsigned threads = one.threads;
	file_merge f = { .paths = paths,
			 .n = n,
			 .options = &one,
			 .for_writing = one.for_merging,
			 .progress = progress,
			 .left_out = { .max = (size_t)1 << 20 },
			 .scratch = scratch,
			 .gone = { .max = 4096 },
			 .slots = gs_new(scratch, struct loaded, 2 * gs_pool_workers(threads, n)) };
	gs_document *doc;

	one.threads = 1; /* files are the unit of parallel work here */
	one.for_merging = true;
	doc = merge_all(&f, threads);
	if (!doc && err)
		*err = f.err;
	if (n_skipped)
		*n_skipped = f.n_skipped;
	if (skipped)
		gs_buf_str(skipped, gs_buf_view(&f.left_out));
	gs_buf_release(&f.left_out);
	gs_buf_release(&f.gone);
	return doc;
}
