#include "load/source_roots.h"

#include <glob.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/banned.h"

enum { MAX_SMALL_FILE = 1 << 20 };

/* First lines of a small file, in r->mem; empty when it is not there. */
static gs_str slurp(gs_source_roots *r, gs_str path)
{
	gs_err ignored;
	gs_file f;
	gs_str text;

	if (!gs_file_read(gs_cstr(r->mem, path), MAX_SMALL_FILE, &f, &ignored))
		return (gs_str){ 0 };
	text = gs_str_dup(r->mem, f.bytes);
	gs_file_close(&f);
	return text;
}

static void add_go_root(gs_source_roots *r, gs_str dir)
{
	gs_str version, line;

	while (dir.n > 1 && dir.p[dir.n - 1] == '/')
		dir.n--;
	if (dir.n == 0 || r->n_go == GS_SOURCE_ROOTS_MAX)
		return;
	for (unsigned i = 0; i < r->n_go; i++)
		if (gs_str_eq(r->go[i].dir, dir))
			return;
	version = slurp(r, gs_strf(r->mem, "%.*s/VERSION", GS_FMT(dir)));
	if (!gs_str_line(&version, &line))
		return;
	r->go[r->n_go++] = (gs_go_root){ gs_str_dup(r->mem, dir), line };
}

static void add_dir(gs_str *list, unsigned *n, gs_str dir)
{
	if (dir.n == 0 || *n == GS_SOURCE_ROOTS_MAX)
		return;
	for (unsigned i = 0; i < *n; i++)
		if (gs_str_eq(list[i], dir))
			return;
	list[(*n)++] = dir;
}

static gs_str env(const char *name)
{
	const char *v = getenv(name);

	return gs_str_of(v);
}

/* go's own settings: the environment, else the file that `go env -w` writes. */
static gs_str go_env(gs_source_roots *r, const char *name)
{
	gs_str v = env(name), path = env("GOENV"), text, line, key, value;

	if (v.n)
		return v;
	if (path.n == 0)
		path = env("XDG_CONFIG_HOME").n ? gs_strf(r->mem, "%s/go/env", getenv("XDG_CONFIG_HOME")) :
						  gs_strf(r->mem, "%.*s/.config/go/env", GS_FMT(env("HOME")));
	text = slurp(r, path);
	while (gs_str_line(&text, &line))
		if (gs_str_cut(line, '=', &key, &value) && gs_str_eq(key, gs_str_of(name)))
			return value;
	return (gs_str){ 0 };
}

static void add_glob(gs_source_roots *r, gs_str pattern)
{
	glob_t g;

	if (glob(gs_cstr(r->mem, pattern), 0, NULL, &g) != 0)
		return;
	for (size_t i = 0; i < g.gl_pathc && i < 32; i++)
		add_go_root(r, gs_str_of(g.gl_pathv[i]));
	globfree(&g);
}

/* The installation behind the `go` command that a shell would run. */
static void add_go_command(gs_source_roots *r)
{
	gs_str path = env("PATH"), dir;
	char real[PATH_MAX];

	while (path.n) {
		gs_str bin;
		size_t slash;

		gs_str_cut(path, ':', &dir, &path);
		if (dir.n == 0 || !realpath(gs_cstr(r->mem, gs_strf(r->mem, "%.*s/go", GS_FMT(dir))), real))
			continue;
		bin = gs_str_of(real);
		slash = gs_str_rfind_char(bin, '/');
		bin = gs_str_slice(bin, 0, slash);
		slash = gs_str_rfind_char(bin, '/');
		if (slash != SIZE_MAX)
			add_go_root(r, gs_str_slice(bin, 0, slash));
		return;
	}
}

static bool is_file(gs_source_roots *r, gs_str path)
{
	struct stat st;

	return stat(gs_cstr(r->mem, path), &st) == 0 && S_ISREG(st.st_mode);
}

/* The next word of a go.mod or go.work line; quotes are taken off, comments end it. */
static gs_str next_word(gs_str *line)
{
	gs_str s = gs_str_trim(*line), word;
	size_t n = 0;

	if (s.n == 0 || (s.n >= 2 && s.p[0] == '/' && s.p[1] == '/'))
		return (gs_str){ 0 };
	if (s.p[0] == '"' || s.p[0] == '`') {
		size_t close = gs_str_find_char(gs_str_skip(s, 1), s.p[0]);

		if (close == SIZE_MAX)
			return (gs_str){ 0 };
		*line = gs_str_skip(s, close + 2);
		return gs_str_slice(s, 1, close + 1);
	}
	while (n < s.n && s.p[n] != ' ' && s.p[n] != '\t')
		n++;
	word = gs_str_slice(s, 0, n);
	*line = gs_str_skip(s, n);
	return word;
}

static gs_str join(gs_source_roots *r, gs_str dir, gs_str path)
{
	char real[PATH_MAX];
	gs_str joined = path.n && path.p[0] == '/' ? path : gs_strf(r->mem, "%.*s/%.*s", GS_FMT(dir), GS_FMT(path));

	return realpath(gs_cstr(r->mem, joined), real) ? gs_str_dup(r->mem, gs_str_of(real)) : joined;
}

static void add_module(gs_source_roots *r, gs_str path, gs_str dir)
{
	if (path.n == 0 || r->n_modules == GS_SOURCE_ROOTS_MAX)
		return;
	for (unsigned i = 0; i < r->n_modules; i++)
		if (gs_str_eq(r->modules[i].path, path))
			return;
	r->modules[r->n_modules++] = (gs_local_module){ gs_str_dup(r->mem, path), gs_str_dup(r->mem, dir) };
}

/* Directives of go.mod and go.work: one per line, or several in a block of parentheses. */
static void read_mod_file(gs_source_roots *r, gs_str dir, const char *name, bool is_work);

static void directive(gs_source_roots *r, gs_str dir, gs_str verb, gs_str line, bool is_work)
{
	gs_str word = next_word(&line);

	if (gs_str_eq(verb, GS_S("module"))) {
		add_module(r, word, dir);
	} else if (gs_str_eq(verb, GS_S("use")) && is_work) {
		read_mod_file(r, join(r, dir, word), "go.mod", false);
	} else if (gs_str_eq(verb, GS_S("replace"))) {
		gs_str to;

		while ((to = next_word(&line)).n && !gs_str_eq(to, GS_S("=>")))
			;
		to = next_word(&line);
		if (to.n && (to.p[0] == '.' || to.p[0] == '/'))
			add_module(r, word, join(r, dir, to));
	}
}

static void read_mod_file(gs_source_roots *r, gs_str dir, const char *name, bool is_work)
{
	gs_str text = slurp(r, gs_strf(r->mem, "%.*s/%s", GS_FMT(dir), name)), line, block = { 0 };

	while (gs_str_line(&text, &line)) {
		gs_str rest = line, verb;

		line = gs_str_trim(line);
		if (gs_str_eq(line, GS_S(")"))) {
			block = (gs_str){ 0 };
			continue;
		}
		if (block.n) {
			directive(r, dir, block, line, is_work);
			continue;
		}
		verb = next_word(&rest);
		if (gs_str_eq(gs_str_trim(rest), GS_S("(")))
			block = verb;
		else
			directive(r, dir, verb, rest, is_work);
	}
}

static void find_local_modules(gs_source_roots *r)
{
	bool has_mod = false, has_work = false;
	gs_str work = env("GOWORK");

	if (work.n && work.p[0] == '/') {
		size_t slash = gs_str_rfind_char(work, '/');

		read_mod_file(r, gs_str_slice(work, 0, slash), gs_cstr(r->mem, gs_str_skip(work, slash + 1)), true);
		has_work = true;
	}
	for (gs_str dir = r->cwd; dir.n; dir = gs_str_slice(dir, 0, gs_str_rfind_char(dir, '/'))) {
		if (!has_mod && is_file(r, gs_strf(r->mem, "%.*s/go.mod", GS_FMT(dir)))) {
			has_mod = true;
			read_mod_file(r, dir, "go.mod", false);
		}
		if (!has_work && !gs_str_eq(work, GS_S("off")) &&
		    is_file(r, gs_strf(r->mem, "%.*s/go.work", GS_FMT(dir)))) {
			has_work = true;
			read_mod_file(r, dir, "go.work", true);
		}
		if (gs_str_rfind_char(dir, '/') == SIZE_MAX)
			break;
	}
}

void gs_source_roots_find(gs_source_roots *r, gs_arena *mem, gs_str cwd)
{
	gs_str home = env("HOME"), gopath, one, cache;

	*r = (gs_source_roots){ .mem = mem, .cwd = cwd };
	cache = go_env(r, "GOMODCACHE");
	add_dir(r->mod_caches, &r->n_mod_caches, gs_str_dup(mem, cache));
	gopath = go_env(r, "GOPATH");
	if (gopath.n == 0 && home.n)
		gopath = gs_strf(mem, "%.*s/go", GS_FMT(home));
	while (gopath.n) {
		gs_str_cut(gopath, ':', &one, &gopath);
		if (one.n == 0)
			continue;
		add_dir(r->gopaths, &r->n_gopaths, one);
		add_dir(r->mod_caches, &r->n_mod_caches, gs_strf(mem, "%.*s/pkg/mod", GS_FMT(one)));
	}
	add_go_root(r, go_env(r, "GOROOT"));
	add_go_command(r);
	add_go_root(r, GS_S("/usr/local/go"));
	add_go_root(r, GS_S("/usr/lib/go"));
	add_go_root(r, GS_S("/usr/lib/golang"));
	add_go_root(r, GS_S("/snap/go/current"));
	add_glob(r, GS_S("/usr/share/go-1.*"));
	add_glob(r, GS_S("/usr/lib/go-1.*"));
	find_local_modules(r);
}

void gs_source_roots_add_version(gs_source_roots *r, gs_str version)
{
	gs_str home = env("HOME"), word, rest;

	/* "go1.26.8 X:experiment": the first word is the release. Anything odd is not worth a look. */
	gs_str_cut(version, ' ', &word, &rest);
	if (!gs_str_starts(word, GS_S("go1")) || word.n > 32 || gs_str_find_char(word, '/') != SIZE_MAX ||
	    gs_str_find_char(word, '*') != SIZE_MAX)
		return;
	for (unsigned i = 0; i < r->n_mod_caches; i++)
		add_glob(r, gs_strf(r->mem, "%.*s/golang.org/toolchain@v0.0.1-%.*s.*", GS_FMT(r->mod_caches[i]),
				    GS_FMT(word)));
	if (home.n == 0)
		return;
	add_go_root(r, gs_strf(r->mem, "%.*s/sdk/%.*s", GS_FMT(home), GS_FMT(word)));
	add_go_root(r, gs_strf(r->mem, "%.*s/.gvm/gos/%.*s", GS_FMT(home), GS_FMT(word)));
	add_go_root(r, gs_strf(r->mem, "%.*s/.goenv/versions/%.*s", GS_FMT(home), GS_FMT(gs_str_skip(word, 2))));
	add_go_root(r, gs_strf(r->mem, "%.*s/.asdf/installs/golang/%.*s/go", GS_FMT(home),
			       GS_FMT(gs_str_skip(word, 2))));
	add_go_root(r, gs_strf(r->mem, "%.*s/.local/share/mise/installs/go/%.*s", GS_FMT(home),
			       GS_FMT(gs_str_skip(word, 2))));
}
