#include <sys/stat.h>
#include <unistd.h>

#include "load/source.h"
#include "tap.h"

#include "base/banned.h"

/* A small world of Go sources in a temporary directory. */
typedef struct world {
	gs_arena *mem;
	gs_str dir;
	gs_source *s;
} world;

static void put(world *w, const char *path, const char *text)
{
	gs_str full = gs_strf(w->mem, "%.*s/%s", GS_FMT(w->dir), path);
	char *z = gs_cstr(w->mem, full);
	gs_err err;

	for (char *p = z + w->dir.n + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		mkdir(z, 0700);
		*p = '/';
	}
	CHECK(gs_file_write(z, gs_str_of(text), &err));
}

static void set(world *w, const char *name, const char *path)
{
	setenv(name, gs_cstr(w->mem, gs_strf(w->mem, "%.*s/%s", GS_FMT(w->dir), path)), 1);
}

static world world_make(const char *source_path, const char *trim_path)
{
	static char pattern[64];
	world w = { .mem = gs_arena_create(1 << 26) };
	static gs_go_module deps[3];
	gs_go_buildinfo info = { .go_version = GS_S("go1.97.3"), .package = GS_S("example.com/app/cmd/app"), .deps = deps };
	gs_source_options o = { 0 };

	snprintf(pattern, sizeof(pattern), "/tmp/gospect-source-XXXXXX");
	w.dir = gs_str_of(mkdtemp(pattern));
	set(&w, "HOME", "home");
	set(&w, "GOROOT", "goroot");
	setenv("PATH", "/nowhere", 1);
	unsetenv("GOPATH");
	unsetenv("GOMODCACHE");
	unsetenv("GOWORK");
	put(&w, "goroot/VERSION", "go1.97.3\ntime x\n");
	put(&w, "goroot/src/net/http/server.go", "package http\nline two\r\nlast");
	put(&w, "goroot/src/vendor/golang.org/x/net/a.go", "vendored in std\n");
	put(&w, "home/sdk/go1.96/VERSION", "go1.96\n");
	put(&w, "home/sdk/go1.96/src/old/only.go", "package old\n");
	put(&w, "home/go/pkg/mod/github.com/!burnt!sushi/toml@v1.2.0/a.go", "package toml\n");
	put(&w, "home/go/pkg/mod/example.com/new@v2.0.0-!r!c1/sub/b.go", "package sub\n");
	put(&w, "app/go.mod", "// a comment\nmodule example.com/app // main\n\nreplace (\n\texample.com/local => ./third/local\n)\n");
	put(&w, "app/cmd/app/main.go", "package main\n");
	put(&w, "app/internal/x/x.go", "package x\n");
	put(&w, "app/third/local/go.mod", "module example.com/local\n");
	put(&w, "app/third/local/l.go", "package local\n");
	put(&w, "app/vendor/example.com/vend/v.go", "package vend\n");
	put(&w, "other/go.mod", "module \"example.com/other\"\n");
	put(&w, "other/o.go", "package other\n");
	put(&w, "go.work", "go 1.97\n\nuse (\n\t./app\n\t./other\n)\n");
	put(&w, "secret.key", "key\n");
	deps[0] = (gs_go_module){ .path = GS_S("github.com/BurntSushi/toml"), .version = GS_S("v1.2.0") };
	deps[1] = (gs_go_module){ .path = GS_S("example.com/old"),
				  .version = GS_S("v1.0.0"),
				  .new_path = GS_S("example.com/new"),
				  .new_version = GS_S("v2.0.0-RC1") };
	info.n_deps = 2;
	info.main.path = GS_S("example.com/app");
	o.dir = gs_cstr(w.mem, gs_strf(w.mem, "%.*s/app/internal", GS_FMT(w.dir)));
	o.source_path = source_path ? gs_cstr(w.mem, gs_strf(w.mem, "%.*s/%s", GS_FMT(w.dir), source_path)) : NULL;
	o.trim_path = trim_path;
	w.s = gs_source_create(&o);
	gs_source_add_program(w.s, &info);
	return w;
}

static void world_free(world *w)
{
	char *cmd = gs_cstr(w->mem, gs_strf(w->mem, "/bin/rm -rf '%.*s'", GS_FMT(w->dir)));

	gs_source_free(w->s);
	CHECK_INT(system(cmd), 0);
	gs_arena_free(w->mem);
}

/* Where `file` is found, from the world's directory; "-" when it is not. */
static gs_str where(world *w, const char *file, const char *function)
{
	const gs_source_file *f = gs_source_open(w->s, gs_str_of(file), gs_str_of(function));

	return f->path.n == 0 ? GS_S("-") : gs_str_starts(f->path, w->dir) ? gs_str_skip(f->path, w->dir.n + 1) : f->path;
}

TEST(source_standard_library)
{
	world w = world_make(NULL, NULL);

	CHECK_STR(where(&w, "/somewhere/else/go/src/net/http/server.go", "net/http.(*conn).serve"),
		  GS_S("goroot/src/net/http/server.go"));
	CHECK_STR(where(&w, "net/http/server.go", ""), GS_S("goroot/src/net/http/server.go"));
	CHECK_STR(where(&w, "/build/src/src/net/http/server.go", ""), GS_S("goroot/src/net/http/server.go"));
	CHECK_STR(where(&w, "/home/dev/go/pkg/mod/golang.org/toolchain@v0.0.1-go1.97.3.linux-amd64/src/net/http/server.go", ""),
		  GS_S("goroot/src/net/http/server.go"));
	CHECK_STR(where(&w, "/x/server.go", "net/http.(*conn).serve.func1[...]"), GS_S("goroot/src/net/http/server.go"));
	CHECK_STR(where(&w, "/usr/local/go/src/vendor/golang.org/x/net/a.go", "vendor/golang.org/x/net.F"),
		  GS_S("goroot/src/vendor/golang.org/x/net/a.go"));
	CHECK_STR(where(&w, "nothing/like/it.go", ""), GS_S("-"));
	world_free(&w);
}

TEST(source_modules)
{
	world w = world_make(NULL, NULL);

	CHECK_STR(where(&w, "/go/pkg/mod/github.com/!burnt!sushi/toml@v1.2.0/a.go", ""),
		  GS_S("home/go/pkg/mod/github.com/!burnt!sushi/toml@v1.2.0/a.go"));
	CHECK_STR(where(&w, "github.com/BurntSushi/toml@v1.2.0/a.go", ""),
		  GS_S("home/go/pkg/mod/github.com/!burnt!sushi/toml@v1.2.0/a.go"));
	CHECK_STR(where(&w, "/container/vendor/github.com/BurntSushi/toml/a.go", "github.com/BurntSushi/toml.Decode"),
		  GS_S("home/go/pkg/mod/github.com/!burnt!sushi/toml@v1.2.0/a.go"));
	CHECK_STR(where(&w, "/build/x/sub/b.go", "example.com/old/sub.F"),
		  GS_S("home/go/pkg/mod/example.com/new@v2.0.0-!r!c1/sub/b.go"));
	CHECK_STR(where(&w, "/build/x/v.go", "example.com/vend.F"), GS_S("app/vendor/example.com/vend/v.go"));
	world_free(&w);
}

TEST(source_local)
{
	world w = world_make(NULL, NULL);

	CHECK_STR(where(&w, "example.com/app/internal/x/x.go", ""), GS_S("app/internal/x/x.go"));
	CHECK_STR(where(&w, "/src/internal/x/x.go", "example.com/app/internal/x.F"), GS_S("app/internal/x/x.go"));
	CHECK_STR(where(&w, "/app/internal/x/x.go", ""), GS_S("app/internal/x/x.go"));
	CHECK_STR(where(&w, "/workspace/main.go", "main.main"), GS_S("app/cmd/app/main.go"));
	CHECK_STR(where(&w, "/workspace/l.go", "example.com/local.F"), GS_S("app/third/local/l.go"));
	CHECK_STR(where(&w, "example.com/other@v1.0.0/o.go", ""), GS_S("other/o.go"));
	world_free(&w);
}

TEST(source_lines)
{
	world w = world_make(NULL, NULL);
	const gs_source_file *f = gs_source_open(w.s, GS_S("net/http/server.go"), GS_S(""));

	CHECK_INT(f->n_lines, 3);
	CHECK_STR(gs_source_line(f, 1), GS_S("package http"));
	CHECK_STR(gs_source_line(f, 2), GS_S("line two"));
	CHECK_STR(gs_source_line(f, 3), GS_S("last"));
	CHECK_STR(gs_source_line(f, 4), GS_S(""));
	CHECK_STR(gs_source_line(f, 0), GS_S(""));
	CHECK(!f->is_other_version);
	CHECK(f == gs_source_open(w.s, GS_S("net/http/server.go"), GS_S("")));
	world_free(&w);
}

TEST(source_other_version)
{
	world w = world_make(NULL, NULL);
	gs_go_buildinfo old = { .go_version = GS_S("go1.96 X:something"), .package = GS_S("p") };
	const gs_source_file *f;

	gs_source_add_program(w.s, &old);
	f = gs_source_open(w.s, GS_S("old/only.go"), GS_S(""));
	CHECK(f->path.n && !f->is_other_version);
	world_free(&w);
	w = world_make(NULL, NULL);
	put(&w, "goroot/VERSION", "go1.95.1\n");
	f = gs_source_open(w.s, GS_S("net/http/server.go"), GS_S(""));
	CHECK(f->path.n && f->is_other_version);
	CHECK_STR(f->note, GS_S("the program was built with go1.97.3, this is go1.95.1: lines may be off"));
	world_free(&w);
}

TEST(source_refuses)
{
	world w = world_make(NULL, NULL);
	gs_str key = gs_strf(w.mem, "%.*s/secret.key", GS_FMT(w.dir));
	const gs_source_file *f;

	CHECK_STR(where(&w, gs_cstr(w.mem, key), ""), GS_S("-"));
	CHECK_STR(where(&w, "../../secret.go", "main.main"), GS_S("-"));
	CHECK_STR(where(&w, "net/http/../../../../app/internal/x/x.go", ""), GS_S("-"));
	CHECK_STR(where(&w, "<autogenerated>", ""), GS_S("-"));
	CHECK_STR(where(&w, "", ""), GS_S("-"));
	put(&w, "goroot/src/bin/ary.go", "x");
	CHECK(gs_file_write(gs_cstr(w.mem, gs_strf(w.mem, "%.*s/goroot/src/bin/ary.go", GS_FMT(w.dir))),
			    (gs_str){ "a\0b", 3 }, NULL));
	f = gs_source_open(w.s, GS_S("bin/ary.go"), GS_S(""));
	CHECK(f->path.n == 0 && gs_str_ends(f->note, GS_S("is no text")));
	f = gs_source_open(w.s, GS_S("example.com/none@v1.0.0/n.go"), GS_S(""));
	CHECK(gs_str_has(f->tried, GS_S("/home/go/pkg/mod/example.com/none@v1.0.0/n.go\n")));
	world_free(&w);
}

TEST(source_user_rules)
{
	world w = world_make("app", NULL);

	/* As pprof: the last part of the search path is cut out of the name; parents of the search path are looked at too. */
	CHECK_STR(where(&w, "/remote/app/internal/x/x.go", ""), GS_S("app/internal/x/x.go"));
	CHECK_STR(where(&w, "other/o.go", ""), GS_S("other/o.go"));
	world_free(&w);
	w = world_make("app/internal", "/strip/it:/and/this/");
	CHECK_STR(where(&w, "/strip/it/x/x.go", ""), GS_S("app/internal/x/x.go"));
	CHECK_STR(where(&w, "/and/this/x/x.go", ""), GS_S("app/internal/x/x.go"));
	world_free(&w);
}
