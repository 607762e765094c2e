#include "analysis/names.h"
#include "analysis/paths.h"
#include "analysis/units.h"
#include "tap.h"

static void check_label(int64_t v, const char *from, const char *to, const char *want)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 16);

	CHECK_STR(gs_unit_label_str(mem, v, gs_str_of(from), gs_str_of(to)), gs_str_of(want));
}

static void check_share(int64_t v, int64_t total, const char *want)
{
	GS_AUTO(buf) b = { .max = 100 };

	gs_share(&b, v, total);
	CHECK_STR(gs_buf_view(&b), gs_str_of(want));
}

static void check_percent(int64_t v, int64_t total, const char *want)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 16);

	CHECK_STR(gs_percent_str(mem, v, total), gs_str_of(want));
}

TEST(values_take_the_unit_that_fits)
{
	check_label(0, "nanoseconds", "auto", "0");
	check_label(1, "nanoseconds", "minimum", "1ns");
	check_label(1500, "nanoseconds", "auto", "1.50us");
	check_label(30000000000, "nanoseconds", "auto", "30s");
	check_label(7200000000000, "nanoseconds", "auto", "2hrs");
	check_label(-1500, "ns", "us", "-1.50us");
	check_label(1024, "bytes", "auto", "1kB");
	check_label(1536, "byte", "kb", "1.50kB");
	check_label(5, "MB", "kilobytes", "5120kB");
	check_label(12, "count", "auto", "12");
	check_label(12, "count", "widgets", "12widgets");
	check_label(1, "nanoseconds", "widgets", "0"); /* in seconds, the default of time */
	check_label(INT64_MIN, "count", "auto", "-9223372036854775808");
	check_label(3, "megaGCU", "auto", "3M*GCU");
}

TEST(percentages_keep_two_digits)
{
	check_percent(0, 0, "    0%");
	check_percent(0, 10, "    0%");
	check_percent(9996, 10000, "  100%");
	check_percent(1, 3, "33.33%");
	check_percent(1, 1000, "  0.1%");
	check_percent(-1, 8, "12.50%");
	check_percent(1, 100000000, "1e-06%");
	check_share(0, 10, "    0%");
	check_share(1, 10001, "<0.01%");
	check_share(-1, 100000000, "<0.01%");
	check_share(1, 10000, " 0.01%");
	check_share(1, 3, "33.33%");
	check_percent(500, 100, "500.00%");
}

TEST(what_does_not_fit_an_integer_is_the_smallest)
{
	CHECK_INT(gs_f64_to_i64(1e300), INT64_MIN);
	CHECK_INT(gs_f64_to_i64(0.0 / 1.0), 0);
	CHECK_INT(gs_f64_to_i64(-1.9), -1);
}

TEST(packages_of_names)
{
	CHECK_STR(gs_name_package(GS_S("net/http.(*conn).serve")), GS_S("net/http"));
	CHECK_STR(gs_name_package(GS_S("main.f[go.shape.int]")), GS_S("main"));
	CHECK_STR(gs_name_package(GS_S("a.b/c.D[x.y/z.W]")), GS_S("a.b/c"));
	CHECK_STR(gs_name_package(GS_S("memmove")), GS_S(""));
	CHECK(gs_name_is_runtime(GS_S("internal/runtime/maps.f")));
	CHECK(!gs_name_is_runtime(GS_S("runtimes.f")));
}

static void check_short(const char *name, const char *want)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 16);

	CHECK_STR(gs_name_short(mem, gs_str_of(name)), gs_str_of(want));
}

TEST(short_names)
{
	check_short("github.com/blah-blah/foo/vendor/golang.org/x/bar.(*Baz).Foo", "bar.(*Baz).Foo");
	check_short("example.org/v2xyz/foo.Foo", "foo.Foo");
	check_short("github.com/foo/bar/v4.(*Foo).Bar", "bar.(*Foo).Bar");
	check_short("github.com/foo/bar/v4/baz.Foo.Bar", "baz.Foo.Bar");
	check_short("foo.f", "foo.f");
	check_short("java.lang.Float.parseFloat(Ljava/lang/String;)F", "Float.parseFloat");
	check_short("java.util.concurrent.ThreadPoolExecutor$Worker.run", "ThreadPoolExecutor$Worker.run");
	check_short("(anonymous namespace)::Foo::Bar", "Foo::Bar");
	check_short("foo::bar::Baz::method<int>", "Baz::method<int>");
	check_short("plain", "plain");
}

static void check_clean(const char *path, const char *want)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 16);

	CHECK_STR(gs_path_clean(mem, gs_str_of(path)), gs_str_of(want));
}

TEST(paths_as_go_cleans_them)
{
	check_clean("", ".");
	check_clean("/", "/");
	check_clean("a/b/../c", "a/c");
	check_clean("/a//b/./c/", "/a/b/c");
	check_clean("../../a", "../../a");
	check_clean("a/../../b", "../b");
	check_clean("/../a", "/a");
	check_clean("a/..", ".");
	CHECK_STR(gs_path_base(GS_S("/a/b.go")), GS_S("b.go"));
	CHECK_STR(gs_path_base(GS_S("")), GS_S("."));
	CHECK_STR(gs_path_base(GS_S("///")), GS_S("/"));
}

TEST(prefixes_to_take_off_paths)
{
	CHECK_STR(gs_path_trim(GS_S("/r/p/proj/a/b.c"), (gs_str){ 0 }, GS_S("/my/proj")), GS_S("a/b.c"));
	CHECK_STR(gs_path_trim(GS_S("/r/p/a.c"), GS_S("/x:/r/p"), (gs_str){ 0 }), GS_S("a.c"));
	CHECK_STR(gs_path_trim(GS_S("/r/pp/a.c"), GS_S("/r/p"), (gs_str){ 0 }), GS_S("/r/pp/a.c"));
	CHECK_STR(gs_path_trim(GS_S("/proc/self/cwd/a.c"), (gs_str){ 0 }, (gs_str){ 0 }), GS_S("a.c"));
}
