#include "model/profile.h"
#include "tap.h"

static gs_profile *build_small(gs_arena *mem, gs_err *err)
{
	gs_profile_builder *b = gs_profile_builder_create(mem, err);
	uint32_t f, g, a, c, n1, n2;
	gs_profile *p;
	gs_label label;

	if (!b)
		return NULL;
	p = gs_profile_builder_profile(b);
	p->n_types = 1;
	p->types[0] = (gs_value_type){ gs_profile_builder_str(b, GS_S("cpu")),
				       gs_profile_builder_str(b, GS_S("nanoseconds")) };
	f = gs_profile_builder_function(b, (gs_function){ .name = gs_profile_builder_str(b, GS_S("main.f")) });
	g = gs_profile_builder_function(b, (gs_function){ .name = gs_profile_builder_str(b, GS_S("main.g")) });
	if (f == GS_NO_ID || g == GS_NO_ID)
		return gs_profile_builder_finish(b, err);
	a = gs_profile_builder_location(b, 0x10, 0, false,
					(gs_frame[]){ { .function = f, .line = 1 }, { .function = g, .line = 2 } }, 2);
	c = gs_profile_builder_location(b, 0x20, 0, false, NULL, 0);
	if (a == GS_NO_ID || c == GS_NO_ID)
		return gs_profile_builder_finish(b, err);
	n1 = gs_profile_builder_push(b, GS_ROOT_NODE, a);
	if (n1 == GS_NO_ID)
		return gs_profile_builder_finish(b, err);
	n2 = gs_profile_builder_push(b, n1, c);
	label = (gs_label){ .key = gs_profile_builder_str(b, GS_S("k")), .str = gs_profile_builder_str(b, GS_S("v")) };
	for (int i = 0; i < 3000; i++) {
		gs_sample s = { .node = i & 1 ? n1 : n2,
				.labels = gs_profile_builder_labels(b, &label, 1),
				.values = (int64_t[]){ i } };

		if (!gs_profile_builder_sample(b, &s))
			break;
	}
	return gs_profile_builder_finish(b, err);
}

TEST(trie_orders_callers_first_and_finds_stacks_again)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_err err;
	gs_profile *p = build_small(mem, &err);

	CHECK(p != NULL);
	if (!p)
		return;
	CHECK_INT(p->n_nodes, 4);
	CHECK_INT(p->nodes[1].parent, GS_ROOT_NODE);
	CHECK_STR(gs_profile_str(p, p->functions[p->frames[p->nodes[1].frame].function].name), GS_S("main.g"));
	CHECK_STR(gs_profile_str(p, p->functions[p->frames[p->nodes[2].frame].function].name), GS_S("main.f"));
	CHECK_INT(p->frames[p->nodes[2].frame].flags & GS_FRAME_INLINED, GS_FRAME_INLINED);
	CHECK_INT(p->nodes[3].parent, 2);
	CHECK_INT(p->n_samples, 3000);
	CHECK_INT(p->values[0][2999], 2999);
	CHECK_INT(p->n_label_sets, 2);
}

TEST(running_out_of_memory_at_any_point_is_an_error)
{
	bool done = false;

	for (uint64_t k = 1; !done && k < 200; k++) {
		GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
		gs_err err = { 0 };
		gs_profile *p;

		gs_alloc_fail_after(k);
		p = build_small(mem, &err);
		gs_alloc_fail_after(0);
		if (!p)
			CHECK_INT(err.code, GS_ERR_LIMIT);
		done = p != NULL && k > 10;
	}
	CHECK(done);
}
