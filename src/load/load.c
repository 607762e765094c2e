#include "load/load.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/banned.h"

#define MAX_FILE_BYTES ((uint64_t)1 << 40)
#define MODEL_BUDGET ((uint64_t)64 << 30)

static const gs_recogniser *find_named(const char *name)
{
	for (const gs_recogniser *const *r = gs_recognisers; *r; r++)
		if (strcmp((*r)->name, name) == 0)
			return *r;
	return NULL;
}

static bool has_low_bytes(gs_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < '\t')
			return true;
	return false;
}

static const gs_recogniser *find_best(gs_str bytes)
{
	const gs_recogniser *best = NULL;
	int sureness = GS_PROBE_NO;

	for (const gs_recogniser *const *r = gs_recognisers; *r && sureness < GS_PROBE_SURE; r++) {
		int now;

		/* Those that look for lines of text take their time: do not ask them about what is likely something binary. */
		if (best && (*r)->is_text && has_low_bytes(gs_str_slice(bytes, 0, 512)))
			continue;
		now = (*r)->probe(bytes);
		if (now > sureness) {
			sureness = now;
			best = *r;
		}
	}
	return best;
}

/* What else it might be, so that the error helps. */
static const char *guess(gs_str bytes)
{
	static const struct {
		const char *head;
		size_t n;
		const char *what;
	} known[] = {
		{ "\x7f"
		  "ELF", 4, "an ELF program, not a profile of one" },
		{ "PK\3\4", 4, "a zip archive" },
		{ "<", 1, "HTML or XML, perhaps an error page" },
		{ "{", 1, "JSON" },
		{ "\x89PNG", 4, "a picture" },
	};

	if (bytes.n == 0)
		return "nothing: it is empty";
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (bytes.n >= known[i].n && memcmp(bytes.p, known[i].head, known[i].n) == 0)
			return known[i].what;
	return "no format that gospect knows";
}

static gs_document *document_new(gs_str name, gs_str path)
{
	gs_arena *mem = gs_arena_create(MODEL_BUDGET);
	gs_document *doc = gs_new(mem, gs_document, 1);

	doc->mem = mem;
	doc->name = gs_str_dup(mem, name);
	doc->path = gs_str_dup(mem, path);
	return doc;
}

/* Decode unpacked bytes. */
static gs_document *decode(gs_load_source *src, gs_str path, gs_err *err)
{
	const gs_recogniser *r = src->options->format ? find_named(src->options->format) : find_best(src->bytes);
	gs_document *doc;

	if (!r && src->options->format)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "there is no format called %s",
			       src->options->format),
		       NULL;
	if (!r)
		return gs_fail(err, GS_ERR_FORMAT, 0, "%.*s holds %s", GS_FMT(src->name), guess(src->bytes)), NULL;
	gs_progress_report(src->progress, 0.2, "reading");
	doc = document_new(src->name, path);
	doc->format = gs_str_of(r->name);
	if (!r->load(src, doc, err))
		gs_err_context(err, "%.*s", GS_FMT(src->name));
	else if (gs_progress_should_stop(src->progress))
		gs_fail(err, GS_ERR_STOPPED, GS_ERR_NOWHERE, "stopped");
	else
		return doc;
	gs_document_close(doc);
	return NULL;
}

static const gs_load_options defaults;

static gs_str name_of(gs_str path, const gs_load_options *options)
{
	size_t slash = gs_str_rfind_char(path, '/');

	if (gs_str_eq(path, GS_S("-")))
		return GS_S("standard input");
	if ((options && options->keep_path_name) || slash == SIZE_MAX || slash + 1 == path.n)
		return path;
	return gs_str_skip(path, slash + 1);
}

/* Bytes of an input, ours (a file, then closed once it is unpacked) or lent. */
static bool source_open(gs_load_source *src, gs_str bytes, gs_file *file, gs_unpacked *u, gs_err *err)
{
	gs_progress_report(src->progress, 0, "unpacking");
	if (!gs_unpack(file ? file->bytes : bytes, src->options->max_bytes, u, err))
		return gs_err_context(err, "%.*s", GS_FMT(src->name));
	src->bytes = u->bytes;
	src->trailing_bytes = u->trailing_bytes;
	src->file = file;
	src->unpacked = u;
	src->may_discard = file || u->packing != GS_PACKING_NONE;
	src->is_reread = file && file->is_mapped && u->packing == GS_PACKING_NONE;
	if (file && u->packing != GS_PACKING_NONE)
		gs_file_close(file);
	return true;
}

static void release_unpacked(void *ctx)
{
	gs_unpacked_release(ctx);
}

bool gs_load_keep(gs_load_source *src, gs_arena *mem, gs_str *bytes, gs_err *err)
{
	*bytes = src->bytes;
	if (src->unpacked->packing != GS_PACKING_NONE) {
		gs_unpacked *kept = gs_new(mem, gs_unpacked, 1);

		*kept = *src->unpacked;
		*src->unpacked = (gs_unpacked){ 0 };
		gs_arena_on_free(mem, release_unpacked, kept);
		return true;
	}
	if (src->file) {
		gs_file_keep(src->file, mem);
		return true;
	}
	bytes->p = gs_try_new(mem, char, bytes->n);
	if (!bytes->p)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for %zu bytes", bytes->n);
	memcpy((char *)(uintptr_t)bytes->p, src->bytes.p, bytes->n);
	return true;
}

static gs_document *load(gs_str bytes, gs_file *file, gs_str path, const gs_load_options *options,
			 const gs_progress *progress, gs_err *err)
{
	GS_AUTO(unpacked) u = { 0 };
	gs_load_source src = { .name = name_of(path, options),
			       .options = options ? options : &defaults,
			       .progress = progress };
	gs_document *doc = source_open(&src, bytes, file, &u, err) ? decode(&src, path, err) : NULL;

	if (doc)
		gs_progress_report(progress, 1, "done");
	return doc;
}

gs_document *gs_load_file(const char *path, const gs_load_options *options, const gs_progress *progress, gs_err *err)
{
	GS_AUTO(file) f = { 0 };

	if (!gs_file_open(path, MAX_FILE_BYTES, &f, err))
		return NULL;
	return load((gs_str){ 0 }, &f, gs_str_of(path), options, progress, err);
}

gs_document *gs_load_bytes(gs_str bytes, gs_str name, const gs_load_options *options, const gs_progress *progress,
			   gs_err *err)
{
	return load(bytes, NULL, name, options, progress, err);
}

static bool documents_add(gs_documents *out, gs_document *doc, gs_err *err)
{
	gs_document **grown = gs_alloc_should_fail() ? NULL : realloc(out->list, (out->n + 1) * sizeof(*grown));

	if (!grown) {
		gs_document_close(doc);
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory");
	}
	out->list = grown;
	out->list[out->n++] = doc;
	return true;
}

static bool load_parts(gs_str bytes, gs_file *file, gs_str path, const gs_load_options *options,
		       const gs_progress *progress, gs_documents *out, gs_err *err)
{
	GS_AUTO(unpacked) u = { 0 };
	uint64_t next = 0;
	gs_load_source src = { .name = name_of(path, options),
			       .options = options ? options : &defaults,
			       .progress = progress,
			       .next_at = &next };

	if (!source_open(&src, bytes, file, &u, err))
		return false;
	do {
		gs_document *doc;

		next = 0;
		doc = decode(&src, path, err);
		if (!doc || !documents_add(out, doc, err))
			return false;
		src.bytes = gs_str_skip(src.bytes, (size_t)next);
	} while (next);
	gs_progress_report(progress, 1, "done");
	return true;
}

bool gs_load_parts(gs_str bytes, gs_str path, const gs_load_options *options, const gs_progress *progress,
		   gs_documents *out, gs_err *err)
{
	return load_parts(bytes, NULL, path, options, progress, out, err);
}

bool gs_load_parts_of_file(gs_str path, const gs_load_options *options, const gs_progress *progress,
			   gs_documents *out, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(UINT64_MAX);
	GS_AUTO(file) f = { 0 };

	return gs_file_open(gs_cstr(scratch, path), MAX_FILE_BYTES, &f, err) &&
	       load_parts((gs_str){ 0 }, &f, path, options, progress, out, err);
}

/* What people look at first comes first; "-start" is what a difference began with. */
static unsigned rank_of(gs_str path)
{
	static const char *const order[] = { "cpu.",	  "perf.", "cpu",   "heap.",	   "allocs",
					     "goroutine", "mutex", "block", "threadcreate" };
	gs_str name = name_of(path, NULL);
	unsigned late = gs_str_has(name, GS_S("-start")) ? 100 : 0;

	for (unsigned i = 0; i < sizeof(order) / sizeof(*order); i++)
		if (gs_str_starts(name, gs_str_of(order[i])))
			return i + late;
	return 50 + late;
}

static int by_rank(const void *a, const void *b)
{
	gs_str x = *(const gs_str *)a, y = *(const gs_str *)b;
	unsigned rx = rank_of(x), ry = rank_of(y);

	return rx != ry ? (rx > ry) - (rx < ry) : gs_str_cmp(x, y);
}

/* The runtime's difference of two allocs profiles forgets which of its values is meant. */
static void default_to_allocations(gs_document *doc)
{
	gs_profile *p = doc->profile;
	uint32_t type = gs_strtab_find(&p->strings, GS_S("alloc_space"));

	if (gs_str_starts(doc->name, GS_S("allocs")) && !p->default_type && type != UINT32_MAX)
		p->default_type = type;
}

/* What lies in a capture to explain its profiles and is none itself. */
static bool is_companion(gs_str path)
{
	static const char *const names[] = { "/kallsyms", "/maps.txt", "/vdso.so" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (gs_str_ends(path, gs_str_of(names[i])))
			return true;
	return gs_str_ends(path, GS_S(".json"));
}

/* Regular files of a folder, sorted, hidden ones and companions left out. */
static bool list_folder(gs_arena *mem, const char *path, gs_str **names, size_t *n, gs_err *err)
{
	DIR *dir = opendir(path);
	GS_VEC(gs_str) found = { 0 };
	struct dirent *e;

	if (!dir)
		return gs_fail_errno(err, errno, "open", path);
	while ((e = readdir(dir))) {
		gs_str full = gs_strf(mem, "%s/%s", path, e->d_name);
		struct stat st;
		gs_str *row;

		if (e->d_name[0] == '.' || is_companion(full) || stat(full.p, &st) ||
		    !S_ISREG(st.st_mode))
			continue;
		row = gs_vec_push(&found, 100000);
		if (row)
			*row = full;
	}
	closedir(dir);
	*names = gs_new(mem, gs_str, found.n);
	*n = found.n;
	if (found.n) {
		memcpy(*names, found.p, found.n * sizeof(*found.p));
		qsort(*names, *n, sizeof(**names), by_rank);
	}
	gs_vec_release(&found);
	return true;
}

/* What was opened so far was taken together with what comes. */
static void lay_over(gs_arena *mem, const gs_documents *docs, unsigned first, gs_load_options *options)
{
	const gs_document **list = gs_new(mem, const gs_document *, docs->n - first);

	options->n_overlays = docs->n - first;
	for (unsigned i = 0; i < options->n_overlays; i++)
		list[i] = docs->list[first + i];
	options->overlays = list;
}

static bool load_folder(const char *path, const gs_load_options *options, const gs_progress *progress,
			gs_documents *out, gs_buf *skipped, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(UINT64_MAX);
	gs_str group = name_of(gs_str_ends(gs_str_of(path), GS_S("/")) ?
				       gs_str_slice(gs_str_of(path), 0, strlen(path) - 1) :
				       gs_str_of(path),
			       NULL);
	gs_str *names = NULL;
	size_t n = 0;
	unsigned first = out->n;
	bool has_error = false;
	gs_load_options with = options ? *options : defaults;

	if (!list_folder(scratch, path, &names, &n, err))
		return false;
	for (size_t i = 0; i < n; i++) {
		gs_err why = { 0 };
		unsigned before = out->n;

		if (gs_progress_should_stop(progress))
			return gs_fail(err, GS_ERR_STOPPED, GS_ERR_NOWHERE, "stopped");
		if (!options || !options->n_overlays)
			lay_over(scratch, out, first, &with);
		if (!gs_load_parts_of_file(names[i], &with, NULL, out, &why)) {
			if (skipped)
				gs_buf_f(skipped, "%s\n", why.text);
			if (!has_error && err)
				*err = why;
			has_error = true;
		}
		for (unsigned d = before; d < out->n; d++) {
			out->list[d]->group = gs_str_dup(out->list[d]->mem, group);
			default_to_allocations(out->list[d]);
		}
		gs_progress_report(progress, (double)(i + 1) / (double)n, "reading");
	}
	if (out->n > first)
		return true;
	if (has_error)
		return gs_err_context(err, "no profile in the folder %s", path);
	return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "no profile in the folder %s", path);
}

bool gs_load_input(const char *path, const gs_load_options *options, const gs_progress *progress, gs_documents *out,
		   gs_buf *skipped, gs_err *err)
{
	struct stat st;
	unsigned before = out->n;
	bool ok;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		ok = load_folder(path, options, progress, out, skipped, err);
	else
		ok = gs_load_parts_of_file(gs_str_of(path), options, progress, out, err);
	while (!ok && out->n > before)
		gs_document_close(out->list[--out->n]);
	return ok;
}

void gs_documents_close(gs_documents *d)
{
	for (unsigned i = 0; i < d->n; i++)
		gs_document_close(d->list[i]);
	free(d->list);
	*d = (gs_documents){ 0 };
}
