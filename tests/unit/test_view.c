#include "analysis/view.h"
#include "base/buf.h"
#include "tap.h"

/* Stacks as text, caller first: "main;f;g 3". */
static gs_profile *build(gs_arena *mem, const char *const *stacks, unsigned n)
{
	gs_err err;
	gs_profile_builder *b = gs_profile_builder_create(mem, &err);
	gs_profile *p = gs_profile_builder_profile(b);

	p->n_types = 1;
	p->types[0] = (gs_value_type){ gs_profile_builder_str(b, GS_S("samples")),
				       gs_profile_builder_str(b, GS_S("count")) };
	for (unsigned i = 0; i < n; i++) {
		gs_str stack, value, name;
		uint32_t node = GS_ROOT_NODE;
		gs_sample s = { 0 };
		int64_t v = 0;

		gs_str_cut(gs_str_of(stacks[i]), ' ', &stack, &value);
		while (stack.n) {
			gs_frame f = { 0 };

			gs_str_cut(stack, ';', &name, &stack);
			f.function = gs_profile_builder_function(
				b, (gs_function){ .name = gs_profile_builder_str(b, name) });
			node = gs_profile_builder_push(b, node, gs_profile_builder_location_intern(b, 0, 0, &f, 1));
		}
		gs_str_i64(value, &v);
		s.node = node;
		s.values = &v;
		gs_profile_builder_sample(b, &s);
	}
	return gs_profile_builder_finish(b, &err);
}

/* Depth first: "name:self" with '(' children ')'. */
static void dump(const gs_view *v, uint32_t node, gs_buf *out)
{
	for (uint32_t c = 0; c < v->nodes[node].n_children; c++) {
		uint32_t id = v->nodes[node].first_child + c;

		gs_buf_f(out, "%s%.*s:%d", c ? " " : "", GS_FMT(gs_view_str(v, v->keys[v->nodes[id].key].name)),
			 (int)v->self[id]);
		if (v->nodes[id].n_children) {
			gs_buf_c(out, '(');
			dump(v, id, out);
			gs_buf_c(out, ')');
		}
	}
}

static const char *const stacks[] = { "main;f;g 3", "main;f;h 4", "main;g 5", "main;f;f;g 6" };

static void check(const gs_query *q, const char *want)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	gs_profile *p = build(mem, stacks, 4);
	gs_view_input in = { p, false };
	gs_err err = { 0 };
	gs_view *v = gs_view_build(mem, &in, 1, q, &err);
	GS_AUTO(buf) b = { 0 };

	gs_buf_init(&b, 1 << 16);
	CHECK(v != NULL);
	if (!v)
		return;
	dump(v, 0, &b);
	CHECK_STR(gs_buf_view(&b), gs_str_of(want));
	for (uint32_t n = 1; n < v->n_nodes; n++)
		CHECK(v->nodes[n].parent < n);
	CHECK_INT(v->total, 18);
}

static void check_transform(const char *text, const char *want)
{
	gs_query q;
	gs_transform t;
	gs_err err;

	gs_query_init(&q);
	CHECK(gs_transform_parse(gs_str_of(text), &t, &err));
	q.transforms = &t;
	q.n_transforms = 1;
	check(&q, want);
}

TEST(stacks_that_are_equal_in_names_are_one_node)
{
	gs_query q;

	gs_query_init(&q);
	check(&q, "main:0(f:0(g:3 h:4 f:0(g:6)) g:5)");
}

TEST(filters_work_on_whole_stacks_or_single_frames)
{
	gs_query q;

	gs_query_init(&q);
	q.focus = GS_S("h");
	check(&q, "main:0(f:0(h:4))");
	gs_query_init(&q);
	q.ignore = GS_S("f");
	check(&q, "main:0(g:5)");
	gs_query_init(&q);
	q.hide = GS_S("f|main");
	check(&q, "g:14 h:4");
	gs_query_init(&q);
	q.show_from = GS_S("f");
	check(&q, "f:0(g:3 h:4 f:0(g:6))");
	gs_query_init(&q);
	q.prune_from = GS_S("f");
	check(&q, "main:0(f:7(f:6) g:5)");
}

TEST(transforms)
{
	check_transform("focus-function:g", "g:14");
	check_transform("only-function:h", "main:0(f:0(h:4))");
	check_transform("hide-function:f", "main:0(g:14 h:4)");
	check_transform("merge-function:g", "main:5(f:3(h:4 f:6))");
	check_transform("drop-function:h", "main:0(f:0(g:3 f:0(g:6)) g:5)");
	check_transform("collapse-function:f", "main:0(f:13 g:5)");
	check_transform("collapse-recursion:f", "main:0(f:0(g:9 h:4) g:5)");
	check_transform("collapse-recursion:*", "main:0(f:0(g:9 h:4) g:5)");
	check_transform("invert", "g:0(main:5 f:0(main:3 f:0(main:6))) h:0(f:0(main:4))");
	check_transform("focus-subtree:2", "main:0(f:0(g:3 h:4 f:0(g:6)))");
}

TEST(broken_transforms_and_filters_say_so)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	gs_view_input in = { build(mem, stacks, 4), false };
	gs_transform t;
	gs_err err;
	gs_query q;

	CHECK(!gs_transform_parse(GS_S("nonsense:x"), &t, &err));
	CHECK(!gs_transform_parse(GS_S("focus-function:"), &t, &err));
	CHECK(!gs_transform_parse(GS_S("focus-subtree:x"), &t, &err));
	CHECK(!gs_transform_parse(GS_S("invert:x"), &t, &err));
	gs_query_init(&q);
	q.focus = GS_S("(");
	CHECK(gs_view_build(mem, &in, 1, &q, &err) == NULL);
	CHECK_INT(err.code, GS_ERR_USAGE);
	gs_query_init(&q);
	CHECK(gs_transform_parse(GS_S("focus-subtree:99"), &t, &err));
	q.transforms = &t;
	q.n_transforms = 1;
	CHECK(gs_view_build(mem, &in, 1, &q, &err) == NULL);
	CHECK_INT(err.code, GS_ERR_MISSING);
}

TEST(two_profiles_share_one_trie)
{
	static const char *const before[] = { "main;f;g 1", "main;old 2" };
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	gs_view_input in[] = { { build(mem, stacks, 4), NULL, false }, { build(mem, before, 2), NULL, true } };
	gs_query q;
	gs_err err;
	gs_view *v;
	int64_t *total;

	gs_query_init(&q);
	v = gs_view_build(mem, in, 2, &q, &err);
	CHECK(v != NULL);
	if (!v)
		return;
	CHECK_INT(v->n_nodes, 9);
	CHECK_INT(v->base_total, 3);
	total = gs_view_totals(mem, v, v->base_self);
	CHECK_INT(total[0], 3);
	CHECK_INT(gs_view_totals(mem, v, v->self)[0], 18);
}
