#include "analysis/filter.h"
#include "base/buf.h"
#include "tap.h"

/* Three samples: main;work;alloc by goroutine 7 at 1 s, main;serve by 8 at 2 s, none's stack by 9 at 3 s. */
static gs_profile *three(gs_arena *mem)
{
	static const char *const names[] = { "main.main", "example.com/a/b.work", "runtime.alloc", "net/http.(*conn).serve" };
	static const char *const files[] = { "main.go", "b/work.go", "malloc.go", "server.go" };
	gs_err err;
	gs_profile_builder *b = gs_profile_builder_create(mem, &err);
	gs_profile *p = gs_profile_builder_profile(b);
	uint32_t location[4], work, nodes[3] = { 0 };
	uint32_t path = gs_profile_builder_str(b, GS_S("path")), bytes = gs_profile_builder_str(b, GS_S("bytes"));
	gs_label labels[2][2] = { { { .key = path, .str = gs_profile_builder_str(b, GS_S("/api")) },
				    { .key = bytes, .num = 4096, .unit = bytes, .is_num = true } },
				  { { .key = path, .str = gs_profile_builder_str(b, GS_S("/health")) } } };

	p->n_types = 1;
	p->types[0] = (gs_value_type){ gs_profile_builder_str(b, GS_S("cpu")), gs_profile_builder_str(b, GS_S("nanoseconds")) };
	gs_profile_builder_with_threads(b);
	for (int i = 0; i < 4; i++) {
		gs_function f = { .name = gs_profile_builder_str(b, gs_str_of(names[i])),
				  .file = gs_profile_builder_str(b, gs_str_of(files[i])) };
		gs_frame line = { .function = gs_profile_builder_function(b, f) };

		location[i] = gs_profile_builder_location(b, 0x1000 + (uint64_t)i, 0, false, &line, 1);
	}
	work = gs_profile_builder_push(b, gs_profile_builder_push(b, GS_ROOT_NODE, location[0]), location[1]);
	nodes[0] = gs_profile_builder_push(b, work, location[2]);
	nodes[1] = gs_profile_builder_push(b, gs_profile_builder_push(b, GS_ROOT_NODE, location[0]), location[3]);
	for (unsigned i = 0; i < 3; i++) {
		int64_t value = (i + 1) * 10000000;
		gs_sample s = { .node = nodes[i],
				.labels = i == 0 ? gs_profile_builder_labels(b, labels[0], 2) :
					  i == 1 ? gs_profile_builder_labels(b, labels[1], 1) :
						   0,
				.values = &value,
				.time_ns = 5000000000 + i * 1000000000,
				.goroutine = 7 + i,
				.thread = 100 + i,
				.cpu = i,
				.pid = 1 };

		gs_profile_builder_sample(b, &s);
	}
	return gs_profile_builder_finish(b, &err);
}

/* "101": which samples match. */
static void check(const char *text, const char *want)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	gs_profile *p = three(mem);
	gs_err err = { 0 };
	gs_filter *f = gs_filter_parse(mem, gs_str_of(text), &err);
	gs_filter_bound *b = f ? gs_filter_bind(mem, f, p, &err) : NULL;
	char got[4] = "---";

	for (uint32_t s = 0; b && s < 3; s++)
		got[s] = gs_filter_match(b, s, 0) ? '1' : '0';
	tap_check_str(gs_str_of(got), gs_str_of(want), text, __FILE__, __LINE__);
	/* What matches as a sample must not be ruled out by its stack. */
	for (uint32_t s = 0; b && s < 3; s++)
		CHECK(got[s] == '0' || gs_filter_match_node(b, p->sample_node[s]));
}

TEST(stacks)
{
	check("function == \"main.main\"", "110");
	check("function != 'main.main'", "001");
	check("leaf == \"runtime.alloc\"", "100");
	check("root == 'main.main'", "110");
	check("function =~ \"serve$\"", "010");
	check("function !~ \"serve\"", "101");
	check("package == \"example.com/a/b\"", "100");
	check("package in ('net/http', 'runtime')", "110");
	check("file == \"b/work.go\"", "100");
	check("depth > 2", "100");
	check("depth == 0", "001");
}

TEST(numbers)
{
	check("goroutine == 7", "100");
	check("goroutine in 8..", "011");
	check("goroutine in ..8", "100");
	check("goroutine in (7, 9)", "101");
	check("thread >= 101 && cpu < 2", "010");
	check("time in 0.9s..2s", "010");
	check("time in 1s..2.000000001s", "011");
	check("time == 1000ms", "010");
	check("value > 15ms", "011");
	check("value <= 10000us", "100");
	check("pid != 1", "000");
}

TEST(labels)
{
	check("label[\"path\"] == \"/api\"", "100");
	check("label.path =~ \"^/\"", "110");
	check("label[\"path\"] != \"/api\"", "011");
	check("label.bytes >= 4kB", "100");
	check("label.bytes in 1kB..4kB", "000");
	check("label[\"nothing\"] == \"\"", "000");
}

TEST(joining)
{
	check("goroutine == 7 || goroutine == 8 && cpu == 0", "100");
	check("(goroutine == 7 || goroutine == 8) && cpu == 1", "010");
	check("!(goroutine == 7)", "011");
	check("!!(goroutine==7)", "100");
	check("!(function == 'main.main' && time < 500ms)", "011");
}

TEST(errors_say_where)
{
	static const char *const broken[] = { "",	    "x == 1",	    "function",	     "function == ",	"function == 'a",
					      "function < 'a'", "time =~ 'a'",  "time == 'a'",   "goroutine in 1",	"goroutine in ..",
					      "(cpu == 1",	    "cpu == 1 )",   "cpu == 1 cpu",  "label == 'a'",	"label[path] == 'a'",
					      "cpu == 1 &&",    "function =~ '['", "cpu in (1, 2", "time == 1.5q",	"!" };

	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
		gs_err err = { 0 };

		CHECK(!gs_filter_parse(mem, gs_str_of(broken[i]), &err));
		CHECK_INT(err.code, GS_ERR_USAGE);
		CHECK(gs_str_starts(gs_str_of(err.text), GS_S("filter: ")));
	}
}

TEST(nesting_is_bounded)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	GS_AUTO(buf) text = { .max = 1 << 20 };
	gs_err err = { 0 };

	gs_buf_fill(&text, '(', 100000);
	CHECK(!gs_filter_parse(mem, gs_buf_view(&text), &err));
	text.n = 0;
	gs_buf_fill(&text, '!', 100000);
	CHECK(!gs_filter_parse(mem, gs_buf_view(&text), &err));
}
