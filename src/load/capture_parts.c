#include "load/capture_parts.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "format/zip/zip.h"

#include "base/banned.h"

/* What people look at first comes first; "-start" is what a difference began with. */
static unsigned rank_of(gs_str path)
{
	static const char *const order[] = { "cpu.",	  "perf.", "cpu",   "heap.",	   "allocs",
					     "goroutine", "mutex", "block", "threadcreate" };
	gs_str name = gs_load_name_of(path, NULL);
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
	static const char *const names[] = { "/kallsyms", "/maps.txt", "/threads.txt", "/vdso.so" };

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

typedef struct member {
	gs_str name; /* "FILE.zip/cpu.pprof" */
	const gs_zip_file *file;
} member;

/* The parts of a capture: files, or members of an archive. */
typedef struct capture {
	gs_str path;  /* for messages */
	gs_str group; /* what documents of it are called together */
	gs_str *files;
	const member *members; /* instead of files */
	size_t n;
	gs_zip *zip; /* of `members`, else NULL */
	gs_str meta; /* capture.json of an archive */
} capture;

static bool load_part(const capture *c, size_t i, const gs_load_options *options, gs_documents *out, gs_err *err)
{
	GS_AUTO(file) f = { 0 };
	GS_AUTO(buf) bytes = { .max = SIZE_MAX };

	if (!c->zip)
		return gs_load_parts_of_file(c->files[i], options, NULL, out, err);
	if (!gs_zip_read(c->zip, c->members[i].file, &bytes, err))
		return gs_err_context(err, "%.*s", GS_FMT(c->path));
	f = (gs_file){ .bytes = gs_buf_view(&bytes), .is_owned = true };
	bytes = (gs_buf){ 0 };
	return gs_load_parts_of(&f, c->members[i].name, options, NULL, out, err);
}

static bool load_capture(gs_arena *scratch, const capture *c, const gs_load_options *options, const gs_progress *progress,
			 gs_documents *out, gs_buf *skipped, gs_err *err)
{
	unsigned first = out->n;
	bool has_error = false, has_overlays = options->n_overlays != 0;
	gs_load_options with = *options;

	for (size_t i = 0; i < c->n; i++) {
		gs_err why = { 0 };
		unsigned before = out->n;

		if (gs_progress_should_stop(progress))
			return gs_fail(err, GS_ERR_STOPPED, GS_ERR_NOWHERE, "stopped");
		if (!has_overlays)
			lay_over(scratch, out, first, &with);
		if (!load_part(c, i, &with, out, &why)) {
			if (skipped)
				gs_buf_f(skipped, "%s\n", why.text);
			if (!has_error && err)
				*err = why;
			has_error = true;
		}
		for (unsigned d = before; d < out->n; d++) {
			out->list[d]->group = gs_str_dup(out->list[d]->mem, c->group);
			out->list[d]->capture_json = gs_str_dup(out->list[d]->mem, c->meta);
			default_to_allocations(out->list[d]);
		}
		gs_progress_report(progress, (double)(i + 1) / (double)c->n, "reading");
	}
	if (out->n > first)
		return true;
	if (has_error)
		return gs_err_context(err, "no profile in the %s %.*s", c->zip ? "archive" : "folder", GS_FMT(c->path));
	return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "no profile in the %s %.*s", c->zip ? "archive" : "folder", GS_FMT(c->path));
}

bool gs_load_folder(const char *path, const gs_load_options *options, const gs_progress *progress, gs_documents *out,
		    gs_buf *skipped, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(UINT64_MAX);
	gs_str p = gs_str_of(path);
	capture c = { .path = p };

	c.group = gs_load_name_of(gs_str_ends(p, GS_S("/")) ? gs_str_slice(p, 0, p.n - 1) : p, NULL);
	return list_folder(scratch, path, &c.files, &c.n, err) &&
	       load_capture(scratch, &c, options ? options : &(gs_load_options){ 0 }, progress, out, skipped, err);
}

static gs_str folder_of(gs_str name)
{
	size_t slash = gs_str_rfind_char(name, '/');

	return gs_str_slice(name, 0, slash == SIZE_MAX ? 0 : slash + 1);
}

static gs_str base_of(gs_str name)
{
	return gs_str_skip(name, folder_of(name).n);
}

/* Zipped on its own or with other things: the folder of capture.json, else the first that is nearest to the top. */
static gs_str capture_folder_of(const gs_zip *z)
{
	gs_str best = { 0 };
	bool has_best = false;

	for (size_t i = 0; i < z->n; i++) {
		gs_str folder = folder_of(z->files[i].name);

		if (gs_str_eq(base_of(z->files[i].name), GS_S("capture.json")))
			return folder;
		if (!has_best || folder.n < best.n)
			best = folder;
		has_best = true;
	}
	return best;
}

static const gs_zip_file *find_in(const gs_zip *z, gs_str folder, gs_str base)
{
	for (size_t i = 0; i < z->n; i++)
		if (gs_str_eq(folder_of(z->files[i].name), folder) && gs_str_eq(base_of(z->files[i].name), base))
			return &z->files[i];
	return NULL;
}

/* An explanation that cannot be read is missed, and no more than that. */
static gs_str read_companion(gs_zip *z, const gs_zip_file *f, size_t max_bytes, gs_buf *out)
{
	gs_err ignored;

	gs_buf_init(out, max_bytes);
	return f && gs_zip_read(z, f, out, &ignored) && !out->bad ? gs_buf_view(out) : (gs_str){ 0 };
}

static int by_name_rank(const void *a, const void *b)
{
	return by_rank(&((const member *)a)->name, &((const member *)b)->name);
}

/* Members of the folder, sorted, hidden ones and companions left out. */
static void list_members(gs_arena *mem, gs_str folder, capture *c)
{
	const gs_zip *z = c->zip;
	member *list = gs_new(mem, member, z->n + 1);

	for (size_t i = 0; i < z->n; i++) {
		gs_str base = base_of(z->files[i].name);
		gs_str name = gs_strf(mem, "%.*s/%.*s", GS_FMT(c->path), GS_FMT(base));

		if (gs_str_eq(folder_of(z->files[i].name), folder) && base.p[0] != '.' && !is_companion(name))
			list[c->n++] = (member){ name, &z->files[i] };
	}
	qsort(list, c->n, sizeof(*list), by_name_rank);
	c->members = list;
}

bool gs_load_zip(gs_str bytes, gs_str path, const gs_load_options *options, const gs_progress *progress, gs_documents *out,
		 gs_buf *skipped, gs_err *err)
{
	enum { MAX_META = 1 << 20, MAX_KALLSYMS = 256 << 20 };
	GS_AUTO(arena) *scratch = gs_arena_create(UINT64_MAX);
	GS_AUTO(zip) z = { 0 };
	GS_AUTO(buf) meta = { 0 };
	GS_AUTO(buf) kallsyms = { 0 };
	GS_AUTO(buf) threads = { 0 };
	gs_load_options with = options ? *options : (gs_load_options){ 0 };
	capture c = { .path = path, .zip = &z };
	gs_str folder;

	if (!gs_zip_open(bytes, with.max_bytes ? with.max_bytes : gs_unpack_default_max(bytes.n), &z, err))
		return gs_err_context(err, "%.*s", GS_FMT(path));
	folder = capture_folder_of(&z);
	c.group = gs_load_name_of(folder.n ? gs_str_slice(folder, 0, folder.n - 1) : path, NULL);
	c.meta = read_companion(&z, find_in(&z, folder, GS_S("capture.json")), MAX_META, &meta);
	with.kallsyms = read_companion(&z, find_in(&z, folder, GS_S("kallsyms")), MAX_KALLSYMS, &kallsyms);
	with.thread_names = read_companion(&z, find_in(&z, folder, GS_S("threads.txt")), MAX_META, &threads);
	list_members(scratch, folder, &c);
	return load_capture(scratch, &c, &with, progress, out, skipped, err);
}
