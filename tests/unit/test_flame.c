#include "analysis/flame.h"
#include "base/buf.h"
#include "tap.h"

/* main -> a -> b (5 times), main -> b (3 times), b -> a -> b (2 times); names are single functions. */
static gs_profile *build(gs_arena *mem, gs_err *err)
{
	static const char *const stacks[] = { "main a b", "main b", "b a b" };
	static const int64_t values[] = { 5, 3, 2 };
	gs_profile_builder *b = gs_profile_builder_create(mem, err);
	gs_profile *p = gs_profile_builder_profile(b);

	p->n_types = 1;
	p->types[0] = (gs_value_type){ gs_profile_builder_str(b, GS_S("samples")), gs_profile_builder_str(b, GS_S("count")) };
	for (int i = 0; i < 3; i++) {
		gs_str rest = gs_str_of(stacks[i]), word;
		uint32_t node = GS_ROOT_NODE;
		bool more = true;

		while (more) {
			uint32_t f;

			more = gs_str_cut(rest, ' ', &word, &rest);
			f = gs_profile_builder_function(b, (gs_function){ .name = gs_profile_builder_str(b, word) });
			node = gs_profile_builder_push(
				b, node, gs_profile_builder_location_intern(b, 0, 0, &(gs_frame){ .function = f }, 1));
		}
		gs_profile_builder_sample(b, &(gs_sample){ .node = node, .values = &values[i] });
	}
	return gs_profile_builder_finish(b, err);
}

/* "name:total(child ...)" */
static void describe(const gs_flame *f, uint32_t i, gs_buf *out)
{
	bool has_child = false;

	gs_buf_f(out, "%.*s:%" PRId64, GS_FMT(f->names[f->name[i]].name), f->total[i]);
	for (uint32_t c = 1; c < f->n; c++)
		if (f->parent[c] == i) {
			gs_buf_c(out, has_child ? ' ' : '(');
			describe(f, c, out);
			has_child = true;
		}
	if (has_child)
		gs_buf_c(out, ')');
}

static void check_flame(const gs_flame_options *options, const char *want)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	gs_err err = { 0 };
	gs_profile *p = build(mem, &err);
	gs_query q;
	gs_view *v;
	gs_flame *f;
	GS_AUTO(buf) out = { 0 };

	gs_buf_init(&out, 4096);
	gs_query_init(&q);
	v = gs_view_build(mem, &(gs_view_input){ .profile = p }, 1, &q, &err);
	CHECK(v != NULL);
	f = v ? gs_flame_build(mem, v, options, &err) : NULL;
	CHECK(f != NULL);
	if (!f)
		return;
	describe(f, 0, &out);
	CHECK_STR(gs_buf_view(&out), gs_str_of(want));
}

TEST(heaviest_siblings_come_first)
{
	check_flame(&(gs_flame_options){ 0 }, "root:10(main:8(a:5(b:5) b:3) b:2(a:2(b:2)))");
}

TEST(siblings_by_name)
{
	check_flame(&(gs_flame_options){ .by_name = true }, "root:10(b:2(a:2(b:2)) main:8(a:5(b:5) b:3))");
}

TEST(small_frames_are_summed_up)
{
	check_flame(&(gs_flame_options){ .min_ratio = 0.4 }, "root:10(main:8(a:5(b:5)))");
	check_flame(&(gs_flame_options){ .min_ratio = 0.25 }, "root:10(main:8(a:5(b:5) b:3))");
}

TEST(callees_of_a_pivot_count_each_sample_once)
{
	check_flame(&(gs_flame_options){ .pivot = GS_S("b") }, "b:10(a:2(b:2))");
	check_flame(&(gs_flame_options){ .pivot = GS_S("a") }, "a:7(b:7)");
}

TEST(callers_of_a_pivot_grow_away_from_it)
{
	check_flame(&(gs_flame_options){ .pivot = GS_S("a"), .to_callers = true }, "a:7(main:5 b:2)");
	check_flame(&(gs_flame_options){ .pivot = GS_S("b"), .to_callers = true }, "b:10(a:5(main:5) main:3)");
}

TEST(what_is_not_there_is_said)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	gs_err err = { 0 };
	gs_query q;
	gs_view *v;

	gs_query_init(&q);
	v = gs_view_build(mem, &(gs_view_input){ .profile = build(mem, &err) }, 1, &q, &err);
	CHECK(!gs_flame_build(mem, v, &(gs_flame_options){ .pivot = GS_S("nobody") }, &err) && err.code == GS_ERR_MISSING);
	CHECK(!gs_flame_build(mem, v, &(gs_flame_options){ .root = 99 }, &err) && err.code == GS_ERR_MISSING);
}

TEST(zoom_keeps_the_way_there)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	gs_err err = { 0 };
	gs_query q;
	gs_view *v;
	gs_flame *all, *zoomed;

	gs_query_init(&q);
	v = gs_view_build(mem, &(gs_view_input){ .profile = build(mem, &err) }, 1, &q, &err);
	all = gs_flame_build(mem, v, &(gs_flame_options){ 0 }, &err);
	for (uint32_t i = 1; i < all->n; i++) {
		uint32_t last = 0;

		zoomed = gs_flame_build(mem, v, &(gs_flame_options){ .root = all->id[i] }, &err);
		CHECK(zoomed != NULL);
		for (uint32_t k = 0; zoomed && k < zoomed->n; k++)
			if (zoomed->id[k] == all->id[i])
				last = k;
		CHECK(last > 0 && zoomed->total[last] == all->total[i]);
	}
}
