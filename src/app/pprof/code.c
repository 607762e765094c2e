/* Source files for listings, found where pprof looks for them. */
#include "app/pprof/pprof.h"

#include <errno.h>
#include <unistd.h>

#include "analysis/names.h"
#include "analysis/paths.h"
#include "app/code.h"

#include "base/banned.h"

enum { MAX_SOURCE_BYTES = 64 << 20 };

typedef struct known_file {
	gs_str name;
	const gs_str *lines;
	uint32_t n;
	char error[600];
} known_file;

typedef struct finder {
	gs_pprofcmd *p;
	gs_arena *mem;
	gs_str search_path, trim_path;
	known_file files[256];
	unsigned n_files;
} finder;

static void split_lines(gs_arena *mem, gs_str text, known_file *out)
{
	gs_str rest = text, line, *lines;
	uint32_t n = 0;

	while (gs_str_line(&rest, &line))
		n++;
	lines = gs_new(mem, gs_str, n);
	rest = text;
	n = 0;
	while (gs_str_line(&rest, &line))
		lines[n++] = line;
	out->lines = lines;
	out->n = n;
}

static bool try_path(finder *f, const char *path, known_file *out, gs_err *err)
{
	gs_file file;

	if (!gs_file_read(path, MAX_SOURCE_BYTES, &file, err))
		return false;
	split_lines(f->mem, gs_file_keep(&file, f->mem), out);
	return true;
}

static bool find(finder *f, gs_str name, known_file *out)
{
	gs_str path = gs_path_trim(name, f->trim_path, f->search_path), dirs = f->search_path, dir;
	gs_err err = { 0 };

	if (path.n && path.p[0] == '/') {
		if (try_path(f, gs_cstr(f->mem, path), out, &err))
			return true;
		if (err.code == GS_ERR_MISSING)
			snprintf(out->error, sizeof(out->error), "open %.*s: no such file or directory", GS_FMT(path));
		else
			snprintf(out->error, sizeof(out->error), "%s", err.text);
		return false;
	}
	while (dirs.n) {
		gs_str_cut(dirs, ':', &dir, &dirs);
		for (;;) {
			gs_str full = gs_strf(f->mem, "%.*s/%.*s", GS_FMT(dir), GS_FMT(path));
			size_t slash = gs_str_rfind_char(dir, '/');

			if (access(full.p, R_OK) == 0 && try_path(f, full.p, out, &err))
				return true;
			if (slash == SIZE_MAX || dir.n <= 1)
				break;
			dir = gs_str_slice(dir, 0, slash ? slash : 1);
		}
	}
	snprintf(out->error, sizeof(out->error), "could not find file %.*s on path %.*s", GS_FMT(path),
		 GS_FMT(f->search_path));
	return false;
}

static bool open_source(void *ctx, gs_str name, const gs_str **lines, uint32_t *n, gs_err *err)
{
	finder *f = ctx;
	known_file *k = NULL;

	for (unsigned i = 0; i < f->n_files; i++)
		if (gs_str_eq(f->files[i].name, name))
			k = &f->files[i];
	if (!k) {
		k = &f->files[f->n_files < 255 ? f->n_files++ : 255];
		*k = (known_file){ .name = name };
		find(f, name, k);
	}
	*lines = k->lines;
	*n = k->n;
	return k->lines || gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "%s", k->error);
}

void gs_pprofcmd_code_init(gs_pprofcmd *p, gs_arena *mem, const gs_query *q, gs_report_code *code, gs_report_sources *sources)
{
	finder *f = gs_new(mem, finder, 1);

	f->p = p;
	f->mem = mem;
	f->trim_path = q->trim_path;
	f->search_path = q->source_path;
	if (!f->search_path.n) {
		char *dir = getcwd(NULL, 0);

		if (dir)
			f->search_path = gs_str_dup(mem, gs_str_of(dir));
		free(dir);
	}
	*sources = (gs_report_sources){ open_source, f };
	*code = gs_code_for_report(gs_code_create(mem, p->symbolizer, NULL, NULL), true);
}
