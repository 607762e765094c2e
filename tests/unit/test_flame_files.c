#include "present/flame.h"
#include "tap.h"

/* root -> main.main -> (main.<b>"hot" 60, runtime.gc 30, self 10) */
static gs_flame hand_made(bool with_base)
{
	static uint32_t id[] = { 0, 1, 2, 3 }, parent[] = { GS_FLAME_NO_PARENT, 0, 1, 1 }, name[] = { 0, 1, 2, 3 };
	static uint32_t flags[] = { 0, 0, GS_FLAME_INLINED, GS_FLAME_RUNTIME };
	static int64_t self[] = { 0, 10, 60, 30 }, total[] = { 100, 100, 60, 30 }, weight[] = { 100, 100, 60, 30 };
	static int64_t base_self[] = { 0, 10, 20, 30 }, base_total[] = { 60, 60, 20, 30 };
	static gs_flame_name names[] = {
		{ .name = { "root", 4 } },
		{ .name = { "main.main", 9 }, .short_name = { "main", 4 }, .package = { "main", 4 }, .file = { "/src/a.go", 9 }, .line = 7 },
		{ .name = { "main.<b>\"hot\";\x1b\n", 16 }, .short_name = { "<b>", 3 }, .package = { "main", 4 } },
		{ .name = { "runtime.gc", 10 }, .short_name = { "gc", 2 }, .package = { "runtime", 7 } },
	};

	return (gs_flame){ .n = 4, .id = id, .parent = parent, .name = name, .flags = flags, .self = self, .total = total,
			   .base_self = with_base ? base_self : NULL, .base_total = with_base ? base_total : NULL,
			   .weight = weight, .names = names, .n_names = 4, .root_total = 100, .root_base_total = 60,
			   .samples_total = 9, .view_nodes = 4, .max_depth = 2, .type = GS_S("cpu"), .unit = GS_S("nanoseconds") };
}

static bool has(const gs_buf *b, const char *text)
{
	return gs_str_has(gs_buf_view(b), gs_str_of(text));
}

TEST(svg_escapes_hostile_names_and_holds_its_script)
{
	gs_flame f = hand_made(false);
	GS_AUTO(buf) out = { 0 };

	gs_buf_init(&out, 1 << 20);
	gs_flame_write_svg(&f, &(gs_flame_style){ .title = GS_S("<script>alert(1)</script>") }, &out);
	CHECK(!out.bad);
	CHECK(has(&out, "main.&lt;b&gt;&quot;hot&quot;"));
	CHECK(has(&out, "&lt;script&gt;alert(1)") && !has(&out, "<script>alert"));
	CHECK(!has(&out, "\x1b"));
	CHECK(has(&out, "addEventListener") && has(&out, "</svg>"));
	CHECK(has(&out, "(60.00%)"));
}

TEST(differential_svg_says_what_changed)
{
	gs_flame f = hand_made(true);
	GS_AUTO(buf) out = { 0 };

	gs_buf_init(&out, 1 << 20);
	gs_flame_write_svg(&f, &(gs_flame_style){ .title = GS_S("d"), .is_icicle = true }, &out);
	CHECK(has(&out, "(+200.00%)"));
	CHECK(gs_flame_colour(&f, 2) != gs_flame_colour(&f, 3));
}

TEST(png_is_a_png)
{
	gs_flame f = hand_made(false);
	gs_err err = { 0 };
	GS_AUTO(buf) out = { 0 };

	gs_buf_init(&out, 8 << 20);
	CHECK(gs_flame_write_png(&f, &(gs_flame_style){ .title = GS_S("t") }, &out, &err));
	CHECK(out.n > 500 && memcmp(out.p, "\x89PNG\r\n\x1a\n", 8) == 0);
	CHECK(!gs_flame_write_png(&f, &(gs_flame_style){ .width = 1e6 }, &out, &err) && err.code == GS_ERR_LIMIT);
}

TEST(folded_keeps_one_stack_a_line)
{
	gs_flame f = hand_made(false);
	GS_AUTO(buf) out = { 0 };

	gs_buf_init(&out, 1 << 20);
	gs_flame_write_folded(&f, false, &out);
	CHECK_STR(gs_buf_view(&out), GS_S("main.main 10\nmain.main;main.<b>\"hot\":   60\nmain.main;runtime.gc 30\n"));
	out.n = 0;
	gs_flame_write_folded(&f, true, &out);
	CHECK(has(&out, "main.main /src/a.go:7;runtime.gc 30\n"));
	f = hand_made(true);
	out.n = 0;
	gs_flame_write_folded(&f, false, &out);
	CHECK(has(&out, "main.main;main.<b>\"hot\":   20 60\n"));
}

TEST(json_nests_and_speedscope_adds_up)
{
	gs_flame f = hand_made(false);
	const gs_flame *one = &f;
	GS_AUTO(buf) out = { 0 };

	gs_buf_init(&out, 1 << 20);
	gs_flame_write_json(&f, &out);
	CHECK(has(&out, "\"name\":\"main.main\",\"file\":\"/src/a.go\",\"line\":7,\"value\":100,\"self\":10,\"children\":[{"));
	CHECK(has(&out, "\"children\":[]},{\"name\":\"runtime.gc\""));
	out.n = 0;
	gs_flame_write_speedscope(&one, 1, GS_S("x"), &out);
	CHECK(has(&out, "\"samples\":[[1],[1,2],[1,3]],\"weights\":[10,60,30],\"startValue\":0,\"endValue\":100"));
	CHECK(has(&out, "\"unit\":\"nanoseconds\""));
}

TEST(frames_are_aligned_columns)
{
	gs_flame f = hand_made(true);
	GS_AUTO(buf) out = { 0 };
	uint32_t n, json_length;

	gs_buf_init(&out, 1 << 20);
	gs_flame_write_frames(&f, &out);
	CHECK(memcmp(out.p, "GSF1", 4) == 0);
	memcpy(&n, out.p + 8, 4);
	memcpy(&json_length, out.p + 16, 4);
	CHECK_INT(n, 4);
	CHECK_INT(json_length % 8, 0);
	CHECK_INT(out.n, 24 + json_length + 4 * 4 * 4 + 4 * 4 * 8);
	CHECK(gs_str_has(gs_str_slice(gs_buf_view(&out), 24, 24 + json_length), GS_S("\"base_total\":60")));
}
