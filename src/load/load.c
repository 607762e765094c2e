#include "load/load.h"

#include <sys/stat.h>

#include "format/zip/zip.h"
#include "load/capture_parts.h"

#include "base/banned.h"

#define MAX_FILE_BYTES ((uint64_t)1 << 40)

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
		  "ELF", 4, "an ELF program, not a profile of one: gospect record -- PROGRAM takes one" },
		{ "PK\3\4", 4, "a zip archive, which only commands that take a capture open" },
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
	doc = gs_document_create(src->name, path);
	doc->format = gs_str_of(r->name);
	doc->file_bytes = src->file_bytes;
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

static bool is_stdin(gs_str path)
{
	return gs_str_eq(path, GS_S("-"));
}

gs_str gs_load_name_of(gs_str path, const gs_load_options *options)
{
	size_t slash = gs_str_rfind_char(path, '/');

	if (options && options->name.n)
		return options->name;
	if (is_stdin(path))
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
	gs_load_source src = { .name = gs_load_name_of(path, options),
			       .options = options ? options : &defaults,
			       .progress = progress,
			       .file_bytes = file && !is_stdin(path) ? file->bytes.n : 0 };
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

bool gs_documents_add(gs_documents *out, gs_document *doc, gs_err *err)
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
	gs_load_source src = { .name = gs_load_name_of(path, options),
			       .options = options ? options : &defaults,
			       .progress = progress,
			       .file_bytes = file && !is_stdin(path) ? file->bytes.n : 0,
			       .next_at = &next };

	if (!source_open(&src, bytes, file, &u, err))
		return false;
	do {
		gs_document *doc;

		next = 0;
		doc = decode(&src, path, err);
		if (!doc || !gs_documents_add(out, doc, err))
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

static bool open_file(const char *path, const gs_load_options *options, gs_file *f, gs_err *err)
{
	return (options && options->is_growing ? gs_file_read : gs_file_open)(path, MAX_FILE_BYTES, f, err);
}

bool gs_load_parts_of_file(gs_str path, const gs_load_options *options, const gs_progress *progress,
			   gs_documents *out, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(UINT64_MAX);
	GS_AUTO(file) f = { 0 };

	return open_file(gs_cstr(scratch, path), options, &f, err) &&
	       gs_load_parts_of(&f, path, options, progress, out, err);
}

bool gs_load_parts_of(gs_file *file, gs_str path, const gs_load_options *options, const gs_progress *progress, gs_documents *out,
		      gs_err *err)
{
	return load_parts((gs_str){ 0 }, file, path, options, progress, out, err);
}

bool gs_load_input(const char *path, const gs_load_options *options, const gs_progress *progress, gs_documents *out,
		   gs_buf *skipped, gs_err *err)
{
	GS_AUTO(file) f = { 0 };
	struct stat st;
	unsigned before = out->n;
	bool ok;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		ok = gs_load_folder(path, options, progress, out, skipped, err);
	else if (!open_file(path, options, &f, err))
		return false;
	else if (gs_zip_is(f.bytes))
		ok = gs_load_zip(f.bytes, gs_str_of(path), options, progress, out, skipped, err);
	else
		ok = gs_load_parts_of(&f, gs_str_of(path), options, progress, out, err);
	while (!ok && out->n > before)
		gs_document_close(out->list[--out->n]);
	return ok;
}

bool gs_load_is_archive(const char *path)
{
	GS_AUTO(file) f = { 0 };
	gs_err ignored;

	return strcmp(path, "-") != 0 && gs_file_open(path, MAX_FILE_BYTES, &f, &ignored) && gs_zip_is(f.bytes);
}

void gs_documents_close(gs_documents *d)
{
	for (unsigned i = 0; i < d->n; i++)
		gs_document_close(d->list[i]);
	free(d->list);
	*d = (gs_documents){ 0 };
}
