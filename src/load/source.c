#include "load/source.h"

#include <limits.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "load/source_roots.h"
#include "base/banned.h"

enum {
	MAX_FILE_BYTES = 32 << 20,
	MAX_TRIED_BYTES = 64 << 10,
	MAX_PROGRAMS = 64,
	MAX_FILES = 1 << 20,
};

typedef struct program {
	gs_str version, package;
	gs_go_module main;
	gs_go_module *deps;
	uint32_t n_deps;
} program;

struct gs_source {
	gs_arena *mem;
	gs_str source_path, trim_path, root;
	program programs[MAX_PROGRAMS];
	unsigned n_programs;

	pthread_mutex_t lock;
	bool has_roots;
	gs_source_roots roots;
	gs_strtab names; /* of files asked for; the id is the index into `files` */
	GS_VEC(gs_source_file *) files;
};

/* One question. */
typedef struct search {
	gs_source *s;
	gs_str file, package;
	gs_buf tried;
	gs_str found;
	gs_str go_version; /* of the installation that it was found in */
} search;

gs_source *gs_source_create(const gs_source_options *o)
{
	static const gs_source_options none;
	gs_arena *mem = gs_arena_create((uint64_t)4 << 30);
	gs_source *s = gs_new(mem, gs_source, 1);
	char cwd[PATH_MAX];

	if (!o)
		o = &none;
	s->mem = mem;
	s->source_path = gs_str_dup(mem, gs_str_of(o->source_path));
	s->trim_path = gs_str_dup(mem, gs_str_of(o->trim_path));
	s->root = gs_str_dup(mem, gs_str_of(o->root));
	s->roots.cwd = o->dir ? gs_str_dup(mem, gs_str_of(o->dir)) :
		       getcwd(cwd, sizeof(cwd)) ? gs_str_dup(mem, gs_str_of(cwd)) : GS_S("/");
	pthread_mutex_init(&s->lock, NULL);
	if (!gs_strtab_init(&s->names, mem))
		abort();
	return s;
}

void gs_source_free(gs_source *s)
{
	if (!s)
		return;
	gs_vec_release(&s->files);
	pthread_mutex_destroy(&s->lock);
	gs_arena_free(s->mem); /* the source itself lives there */
}

static gs_go_module copy_module(gs_arena *mem, const gs_go_module *m)
{
	return (gs_go_module){ .path = gs_str_dup(mem, m->path),
			       .version = gs_str_dup(mem, m->version),
			       .new_path = gs_str_dup(mem, m->new_path),
			       .new_version = gs_str_dup(mem, m->new_version) };
}

void gs_source_add_program(gs_source *s, const gs_go_buildinfo *info)
{
	program *p;

	for (unsigned i = 0; i < s->n_programs; i++)
		if (gs_str_eq(s->programs[i].package, info->package) &&
		    gs_str_eq(s->programs[i].version, info->go_version))
			return;
	if (s->n_programs == MAX_PROGRAMS)
		return;
	p = &s->programs[s->n_programs++];
	p->version = gs_str_dup(s->mem, info->go_version);
	p->package = gs_str_dup(s->mem, info->package);
	p->main = copy_module(s->mem, &info->main);
	p->deps = gs_new(s->mem, gs_go_module, info->n_deps);
	p->n_deps = info->n_deps;
	for (uint32_t i = 0; i < info->n_deps; i++)
		p->deps[i] = copy_module(s->mem, &info->deps[i]);
}

void gs_source_add_profile(gs_source *s, const gs_profile *p, gs_symbolizer *symbolizer)
{
	for (uint32_t i = 1; i < p->n_mappings; i++) {
		const gs_mapping *m = &p->mappings[i];
		gs_symbol_map map = { gs_profile_str(p, m->file), gs_profile_str(p, m->build_id), m->start, m->limit,
				      m->offset };
		gs_binary *b;

		if (gs_symbol_is_kernel(map.file, m->start))
			continue;
		b = gs_symbolizer_binary(symbolizer, &map, NULL);
		if (b && gs_binary_go(b))
			gs_source_add_program(s, gs_binary_go(b));
	}
}

/* ---- names ---- */

/* A name out of a profile that may not leave the directory it is put behind. */
static bool is_inside(gs_str path)
{
	gs_str part, rest = path;

	while (rest.n) {
		gs_str_cut(rest, '/', &part, &rest);
		if (gs_str_eq(part, GS_S("..")))
			return false;
	}
	return path.n != 0 && memchr(path.p, 0, path.n) == NULL;
}

/* What may be shown: source by its ending, so that a profile cannot ask for keys and passwords. */
static bool looks_like_source(gs_str path)
{
	static const char *const endings[] = { ".go", ".s", ".S", ".c", ".h", ".cc", ".cpp", ".cxx", ".hh", ".hpp",
					       ".hxx", ".inc", ".inl", ".m", ".mm", ".rs", ".py", ".y", ".l", ".f",
					       ".f90", ".java", ".kt", ".swift", ".zig", ".pl", ".proto", ".rl",
					       ".tmpl", ".templ", ".sx", ".asm" };

	for (unsigned i = 0; i < sizeof(endings) / sizeof(*endings); i++)
		if (gs_str_ends(path, gs_str_of(endings[i])))
			return true;
	return false;
}

static gs_str base_of(gs_str path)
{
	size_t slash = gs_str_rfind_char(path, '/');

	return slash == SIZE_MAX ? path : gs_str_skip(path, slash + 1);
}

/* Import path of a function: up to the first dot behind the last slash, type arguments apart; "%2e" is a dot. */
static gs_str package_of(gs_arena *mem, gs_str function)
{
	gs_str name = gs_str_slice(function, 0, gs_str_find_char(function, '['));
	size_t paren = gs_str_find_char(name, '('), slash, dot;
	char *out;
	size_t n = 0;

	name = gs_str_slice(name, 0, paren);
	slash = gs_str_rfind_char(name, '/');
	slash = slash == SIZE_MAX ? 0 : slash + 1;
	dot = gs_str_find_char(gs_str_skip(name, slash), '.');
	if (dot == SIZE_MAX)
		return (gs_str){ 0 };
	name = gs_str_slice(name, 0, slash + dot);
	out = gs_new(mem, char, name.n + 1);
	for (size_t i = 0; i < name.n; i++) {
		uint64_t c;

		if (name.p[i] == '%' && gs_str_u64(gs_str_slice(name, i + 1, i + 3), 16, &c) && i + 2 < name.n) {
			out[n++] = (char)c;
			i += 2;
		} else {
			out[n++] = name.p[i];
		}
	}
	return (gs_str){ out, n };
}

/* Standard library: the first part of an import path has no dot. */
static bool is_std(gs_str package)
{
	gs_str first, rest;

	gs_str_cut(package, '/', &first, &rest);
	return first.n && gs_str_find_char(first, '.') == SIZE_MAX;
}

/* As the module cache writes paths and versions: an upper-case letter is '!' and its lower-case form. */
static gs_str escaped(gs_arena *mem, gs_str s)
{
	char *out = gs_new(mem, char, 2 * s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] >= 'A' && s.p[i] <= 'Z') {
			out[n++] = '!';
			out[n++] = (char)(s.p[i] + ('a' - 'A'));
		} else {
			out[n++] = s.p[i];
		}
	}
	return (gs_str){ out, n };
}

/* *rest: what follows `prefix` and a slash in `path`. */
static bool below(gs_str path, gs_str prefix, gs_str *rest)
{
	if (prefix.n == 0 || !gs_str_starts(path, prefix) || path.n <= prefix.n + 1 || path.p[prefix.n] != '/')
		return false;
	*rest = gs_str_skip(path, prefix.n + 1);
	return true;
}

/* ---- trying ---- */

static bool try_file(search *q, gs_str path)
{
	struct stat st;
	gs_str seen;
	size_t at;

	if (q->found.n)
		return true;
	if (path.n == 0 || path.n >= PATH_MAX || memchr(path.p, 0, path.n))
		return false;
	seen = gs_buf_view(&q->tried);
	at = gs_str_find(seen, path);
	if (at != SIZE_MAX && (at == 0 || seen.p[at - 1] == '\n') && at + path.n < seen.n && seen.p[at + path.n] == '\n')
		return false;
	gs_buf_f(&q->tried, "%.*s\n", GS_FMT(path));
	if (stat(gs_cstr(q->s->mem, path), &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	q->found = gs_str_dup(q->s->mem, path);
	return true;
}

__attribute__((format(printf, 2, 3))) static bool try_f(search *q, const char *fmt, ...)
{
	GS_AUTO(buf) b = { 0 };
	va_list ap;

	gs_buf_init(&b, PATH_MAX);
	va_start(ap, fmt);
	gs_buf_vf(&b, fmt, ap);
	va_end(ap);
	return !b.bad && try_file(q, gs_buf_view(&b));
}

static bool is_wanted_version(const gs_source *s, gs_str version)
{
	for (unsigned i = 0; i < s->n_programs; i++) {
		gs_str word, rest;

		gs_str_cut(s->programs[i].version, ' ', &word, &rest);
		if (gs_str_eq(word, version))
			return true;
	}
	return false;
}

/* `path` below GOROOT/src: installations of the program's version first. */
static bool try_go_roots(search *q, gs_str path)
{
	const gs_source_roots *r = &q->s->roots;

	if (!is_inside(path))
		return false;
	for (unsigned pass = 0; pass < 2; pass++)
		for (unsigned i = 0; i < r->n_go; i++)
			if (is_wanted_version(q->s, r->go[i].version) == (pass == 0) &&
			    try_f(q, "%.*s/src/%.*s", GS_FMT(r->go[i].dir), GS_FMT(path))) {
				if (q->go_version.n == 0)
					q->go_version = r->go[i].version;
				return true;
			}
	return false;
}

static bool try_mod_caches(search *q, gs_str path)
{
	if (!is_inside(path))
		return false;
	for (unsigned i = 0; i < q->s->roots.n_mod_caches; i++)
		if (try_f(q, "%.*s/%.*s", GS_FMT(q->s->roots.mod_caches[i]), GS_FMT(path)))
			return true;
	return false;
}

/* A file of a module by import path, version and place within it. */
static bool try_module(search *q, gs_str path, gs_str version, gs_str rest)
{
	gs_arena *mem = q->s->mem;
	gs_str p = escaped(mem, path), v = escaped(mem, version);

	return version.n && try_mod_caches(q, gs_strf(mem, "%.*s@%.*s/%.*s", GS_FMT(p), GS_FMT(v), GS_FMT(rest)));
}

/* `path` is an import path and a file name: which module has it, and where does that lie? */
static bool try_import(search *q, gs_str path)
{
	const gs_source *s = q->s;
	gs_str rest;

	if (!is_inside(path))
		return false;
	for (unsigned i = 0; i < s->roots.n_modules; i++) {
		const gs_local_module *m = &s->roots.modules[i];

		if (below(path, m->path, &rest) && try_f(q, "%.*s/%.*s", GS_FMT(m->dir), GS_FMT(rest)))
			return true;
	}
	for (unsigned i = 0; i < s->roots.n_modules; i++)
		if (try_f(q, "%.*s/vendor/%.*s", GS_FMT(s->roots.modules[i].dir), GS_FMT(path)))
			return true;
	for (unsigned k = 0; k < s->n_programs; k++) {
		const program *p = &s->programs[k];

		for (uint32_t i = 0; i <= p->n_deps; i++) {
			const gs_go_module *m = i < p->n_deps ? &p->deps[i] : &p->main;

			if (!below(path, m->path, &rest))
				continue;
			if (m->new_path.n && m->new_version.n ? try_module(q, m->new_path, m->new_version, rest) :
								try_module(q, m->path, m->version, rest))
				return true;
		}
	}
	for (unsigned i = 0; i < s->roots.n_gopaths; i++)
		if (try_f(q, "%.*s/src/%.*s", GS_FMT(s->roots.gopaths[i]), GS_FMT(path)))
			return true;
	return false;
}

/* ---- rules, in the order in which they are tried ---- */

/* pprof's trimPath: what is left of the name. */
static gs_str trimmed(const gs_source *s, gs_str search_path, gs_str file)
{
	gs_str one, rest;
	static const char *const always[] = { "/proc/self/cwd/./", "/proc/self/cwd/" };

	if (s->trim_path.n == 0)
		for (rest = search_path; rest.n;) {
			gs_str want;
			size_t at;

			gs_str_cut(rest, ':', &one, &rest);
			want = gs_strf(s->mem, "/%.*s/", GS_FMT(base_of(one)));
			at = gs_str_find(file, want);
			if (want.n > 2 && at != SIZE_MAX)
				return gs_str_skip(file, at + want.n);
		}
	for (rest = s->trim_path; rest.n;) {
		gs_str_cut(rest, ':', &one, &rest);
		if (one.n && one.p[one.n - 1] == '/' && gs_str_starts(file, one))
			return gs_str_skip(file, one.n);
		if (one.n && file.n > one.n && gs_str_starts(file, one) && file.p[one.n] == '/')
			return gs_str_skip(file, one.n + 1);
	}
	for (unsigned i = 0; i < 2; i++)
		if (gs_str_starts(file, gs_str_of(always[i])))
			return gs_str_skip(file, strlen(always[i]));
	return file;
}

/* -source_path and -trim_path: each directory and its parents, as pprof does. */
static bool by_user_rules(search *q)
{
	const gs_source *s = q->s;
	gs_str path = s->source_path.n ? s->source_path : s->roots.cwd;
	gs_str name = trimmed(s, path, q->file), dir;

	if (name.n == 0 || name.p[0] == '/')
		return s->source_path.n && name.n && try_file(q, name);
	if (!is_inside(name))
		return false;
	while (path.n) {
		gs_str_cut(path, ':', &dir, &path);
		while (dir.n) {
			size_t slash = gs_str_rfind_char(dir, '/');

			if (try_f(q, "%.*s/%.*s", GS_FMT(gs_str_eq(dir, GS_S("/")) ? GS_S("") : dir), GS_FMT(name)))
				return true;
			/* Without the user's word the parents of the working directory mean nothing. */
			if (slash == SIZE_MAX || s->source_path.n == 0)
				break;
			dir = gs_str_slice(dir, 0, slash);
		}
	}
	return false;
}

static bool as_it_is(search *q)
{
	if (q->file.p[0] != '/')
		return false;
	return (q->s->root.n && try_f(q, "%.*s%.*s", GS_FMT(q->s->root), GS_FMT(q->file))) || try_file(q, q->file);
}

/* Names that carry their place: ".../pkg/mod/...", "module@version/...", "GOROOT/src/...". */
static bool by_pattern(search *q)
{
	gs_str file = q->file, tail;
	size_t at = gs_str_find(file, GS_S("/pkg/mod/")), slash;

	if (at != SIZE_MAX) {
		tail = gs_str_skip(file, at + 9);
		if (try_mod_caches(q, tail))
			return true;
		/* A Go toolchain in somebody's module cache is a GOROOT. */
		at = gs_str_find(tail, GS_S("/src/"));
		if (gs_str_starts(tail, GS_S("golang.org/toolchain@")) && at != SIZE_MAX)
			return try_go_roots(q, gs_str_skip(tail, at + 5));
		file = tail;
	}
	at = gs_str_find_char(file, '@');
	slash = at == SIZE_MAX ? SIZE_MAX : gs_str_find_char(gs_str_skip(file, at), '/');
	if (file.p[0] != '/' && slash != SIZE_MAX) {
		gs_str module = gs_str_slice(file, 0, at), version = gs_str_slice(file, at + 1, at + slash);
		gs_str rest = gs_str_skip(file, at + slash + 1);

		if (try_module(q, module, version, rest) ||
		    try_import(q, gs_strf(q->s->mem, "%.*s/%.*s", GS_FMT(module), GS_FMT(rest))))
			return true;
	}
	if (file.p[0] == '/' && (q->package.n == 0 || is_std(q->package))) {
		at = gs_str_find(file, GS_S("/src/"));
		while (at != SIZE_MAX) {
			gs_str more;
			size_t next;

			tail = gs_str_skip(file, at + 5);
			if (is_std(tail) && try_go_roots(q, tail))
				return true;
			more = gs_str_skip(file, at + 4);
			next = gs_str_find(more, GS_S("/src/"));
			at = next == SIZE_MAX ? SIZE_MAX : at + 4 + next;
		}
	}
	return false;
}

/* -trimpath: "runtime/proc.go", "example.com/app/x.go", "command-line-arguments/main.go". */
static bool by_trimmed_name(search *q)
{
	gs_str rest;

	if (q->file.p[0] == '/' || !is_inside(q->file))
		return false;
	if (below(q->file, GS_S("command-line-arguments"), &rest) &&
	    try_f(q, "%.*s/%.*s", GS_FMT(q->s->roots.cwd), GS_FMT(rest)))
		return true;
	if (is_std(q->file) && try_go_roots(q, q->file))
		return true;
	return try_import(q, q->file);
}

/* The function's package says which directory, whatever path the build machine had. */
static bool by_package(search *q)
{
	gs_str base = base_of(q->file);
	gs_arena *mem = q->s->mem;

	if (q->package.n == 0 || base.n == 0)
		return false;
	if (gs_str_eq(q->package, GS_S("main"))) {
		for (unsigned i = 0; i < q->s->n_programs; i++) {
			const program *p = &q->s->programs[i];

			/* The main package is often the module's own directory, which is no prefix of itself. */
			if (p->package.n && try_import(q, gs_strf(mem, "%.*s/%.*s", GS_FMT(p->package), GS_FMT(base))))
				return true;
		}
		return false;
	}
	if (is_std(q->package) && try_go_roots(q, gs_strf(mem, "%.*s/%.*s", GS_FMT(q->package), GS_FMT(base))))
		return true;
	return try_import(q, gs_strf(mem, "%.*s/%.*s", GS_FMT(q->package), GS_FMT(base)));
}

/* A build directory elsewhere (a container's /app): the longest tail of the name that our own module has. */
static bool by_tail(search *q)
{
	gs_str tail = q->file;

	if (!is_inside(tail) || (q->package.n && is_std(q->package) && !gs_str_eq(q->package, GS_S("main"))))
		return false;
	for (size_t slash; (slash = gs_str_find_char(tail, '/')) != SIZE_MAX;) {
		tail = gs_str_skip(tail, slash + 1);
		for (unsigned i = 0; i < q->s->roots.n_modules; i++)
			if (try_f(q, "%.*s/%.*s", GS_FMT(q->s->roots.modules[i].dir), GS_FMT(tail)))
				return true;
	}
	return false;
}

/* ---- reading ---- */

static bool read_text(gs_source *s, gs_source_file *f, gs_err *err)
{
	gs_file file;
	uint32_t n = 0, *at;

	if (!gs_file_read(gs_cstr(s->mem, f->path), MAX_FILE_BYTES, &file, err))
		return false;
	f->text = gs_file_keep(&file, s->mem);
	if (f->text.n && memchr(f->text.p, 0, f->text.n))
		return gs_fail(err, GS_ERR_FORMAT, GS_ERR_NOWHERE, "%.*s is no text", GS_FMT(f->path));
	for (size_t i = 0; i < f->text.n; i++)
		n += f->text.p[i] == '\n';
	if (f->text.n && f->text.p[f->text.n - 1] != '\n')
		n++;
	at = gs_try_new(s->mem, uint32_t, (size_t)n + 1);
	if (!at)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "too many source files");
	f->n_lines = n;
	n = 0;
	for (size_t i = 0; i < f->text.n; i++)
		if (i == 0 || f->text.p[i - 1] == '\n')
			at[n++] = (uint32_t)i;
	at[n] = (uint32_t)f->text.n;
	f->line_at = at;
	return true;
}

static void find(gs_source *s, gs_source_file *f, gs_str file, gs_str function)
{
	search q = { .s = s, .file = file, .package = package_of(s->mem, function) };
	gs_err err;

	gs_buf_init(&q.tried, MAX_TRIED_BYTES);
	if (!looks_like_source(file) || !is_inside(gs_str_starts(file, GS_S("/")) ? gs_str_skip(file, 1) : file)) {
		f->note = gs_strf(s->mem, "%.*s is not the name of a source file", GS_FMT(file));
		return;
	}
	if (by_user_rules(&q) || as_it_is(&q) || by_pattern(&q) || by_trimmed_name(&q) || by_package(&q) || by_tail(&q)) {
		f->path = q.found;
		if (q.go_version.n && s->n_programs && !is_wanted_version(s, q.go_version)) {
			f->is_other_version = true;
			f->note = gs_strf(s->mem, "the program was built with %.*s, this is %.*s: lines may be off",
					  GS_FMT(s->programs[0].version), GS_FMT(q.go_version));
		}
		if (!read_text(s, f, &err)) {
			f->path = (gs_str){ 0 };
			f->text = (gs_str){ 0 };
			f->n_lines = 0;
			f->note = gs_strf(s->mem, "%s", err.text);
		}
	} else {
		f->note = gs_strf(s->mem, "no source for %.*s on this machine", GS_FMT(file));
	}
	f->tried = gs_str_dup(s->mem, gs_buf_view(&q.tried));
	gs_buf_release(&q.tried);
}

const gs_source_file *gs_source_open(gs_source *s, gs_str file, gs_str function)
{
	static const gs_source_file nothing = { .note = { "too many source files", 21 } };
	gs_source_file *f = NULL;
	uint32_t id;

	pthread_mutex_lock(&s->lock);
	if (!s->has_roots) {
		gs_str cwd = s->roots.cwd;

		s->has_roots = true;
		gs_source_roots_find(&s->roots, s->mem, cwd);
		for (unsigned i = 0; i < s->n_programs; i++)
			gs_source_roots_add_version(&s->roots, s->programs[i].version);
	}
	id = gs_strtab_id(&s->names, file);
	if (id != GS_NO_ID && id < MAX_FILES) {
		while (s->files.n <= id && gs_vec_push(&s->files, MAX_FILES))
			;
		if (id < s->files.n) {
			f = s->files.p[id];
			if (!f) {
				f = s->files.p[id] = gs_new(s->mem, gs_source_file, 1);
				find(s, f, file, function);
			}
		}
	}
	pthread_mutex_unlock(&s->lock);
	return f ? f : &nothing;
}

gs_str gs_source_line(const gs_source_file *f, uint32_t number)
{
	gs_str line;

	if (number == 0 || number > f->n_lines)
		return (gs_str){ 0 };
	line = gs_str_slice(f->text, f->line_at[number - 1], f->line_at[number]);
	while (line.n && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
		line.n--;
	return line;
}
