#include "pclntab_build.h"
#include "tap.h"

#include "base/banned.h"

static const struct {
	gs_pclntab_layout layout;
	unsigned minor;
} kinds[] = {
	{ GS_PCLNTAB_GO12, 11 },  { GS_PCLNTAB_GO12, 12 },  { GS_PCLNTAB_GO12, 15 },  { GS_PCLNTAB_GO116, 17 },
	{ GS_PCLNTAB_GO118, 19 }, { GS_PCLNTAB_GO120, 20 }, { GS_PCLNTAB_GO120, 27 },
};
enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

static bool open_kind(unsigned k, bool is_big, unsigned w, build *table, build *tree, gs_pclntab *t)
{
	size_t inner;
	gs_err err;

	*table = build_table(kinds[k].layout, kinds[k].minor, is_big, w, &inner);
	*tree = build_tree(kinds[k].layout, kinds[k].minor, is_big, inner);
	if (!gs_pclntab_open((gs_str){ (const char *)table->b, table->n }, BUILD_ADDR, t, &err)) {
		printf("# %s\n", err.text);
		return false;
	}
	gs_pclntab_set_go(t, kinds[k].minor);
	t->inline_base = BUILD_INLINE;
	t->inline_bytes = (gs_str){ (const char *)tree->b, tree->n };
	return true;
}

static void check_all(unsigned k, bool is_big, unsigned w)
{
	build table, tree;
	gs_pclntab t;
	gs_pclntab_func f;
	gs_pclntab_frame frames[8];
	bool has_start = kinds[k].layout == GS_PCLNTAB_GO120;

	CHECK(open_kind(k, is_big, w, &table, &tree, &t));
	CHECK_INT(t.n_funcs, 2);
	CHECK_INT(t.is_big, is_big);
	CHECK_INT(gs_pclntab_find(&t, BUILD_TEXT - 1), GS_PCLNTAB_NONE);
	CHECK_INT(gs_pclntab_find(&t, BUILD_TEXT), 0);
	CHECK_INT(gs_pclntab_find(&t, BUILD_TEXT + 0x1f), 0);
	CHECK_INT(gs_pclntab_find(&t, BUILD_TEXT + 0x20), 1);
	CHECK_INT(gs_pclntab_find(&t, BUILD_TEXT + 0x2f), 1);
	CHECK_INT(gs_pclntab_find(&t, BUILD_TEXT + 0x30), GS_PCLNTAB_NONE);
	CHECK_INT(gs_pclntab_find_after(&t, 0, BUILD_TEXT + 0x1f), 0);
	CHECK_INT(gs_pclntab_find_after(&t, 0, BUILD_TEXT + 0x20), 1);
	CHECK_INT(gs_pclntab_find_after(&t, 1, BUILD_TEXT + 0x2f), 1);
	CHECK_INT(gs_pclntab_find_after(&t, 0, BUILD_TEXT + 0x30), GS_PCLNTAB_NONE);
	CHECK(gs_pclntab_func_get(&t, 0, &f));
	CHECK_INT(f.entry, BUILD_TEXT);
	CHECK_INT(f.end, BUILD_TEXT + 0x20);
	CHECK_STR(f.name, GS_S("main.outer"));
	CHECK_INT(f.start_line, has_start ? 5 : 0);
	CHECK_INT(gs_pclntab_frames(&t, &f, BUILD_TEXT + 2, frames, 8), 1);
	CHECK_STR(frames[0].file, GS_S("/src/a.go"));
	CHECK_INT(frames[0].line, 6);
	CHECK_INT(gs_pclntab_frames(&t, &f, BUILD_TEXT + 12, frames, 8), 2);
	CHECK_STR(frames[0].name, GS_S("main.inner"));
	CHECK_STR(frames[0].file, GS_S("/src/b.go"));
	CHECK_INT(frames[0].line, 55);
	CHECK_INT(frames[0].start_line, has_start ? 50 : 0);
	CHECK(frames[0].is_inlined);
	CHECK_STR(frames[1].name, GS_S("main.outer"));
	CHECK_STR(frames[1].file, GS_S("/src/a.go"));
	CHECK_INT(frames[1].line, 6);
	CHECK(!frames[1].is_inlined);
	CHECK_INT(gs_pclntab_frames(&t, &f, BUILD_TEXT + 12, frames, 1), 1);
	CHECK_INT(gs_pclntab_frames(&t, &f, BUILD_TEXT + 12, frames, 0), 0);
	CHECK(gs_pclntab_func_get(&t, 1, &f));
	CHECK_STR(f.name, GS_S("main.Map[go.shape.int].func1"));
	CHECK_INT(gs_pclntab_frames(&t, &f, BUILD_TEXT + 0x22, frames, 8), 1);
	CHECK_INT(frames[0].line, 300);
	CHECK(!gs_pclntab_func_get(&t, 2, &f));
}

TEST(pclntab_each_layout)
{
	for (unsigned k = 0; k < KINDS; k++) {
		check_all(k, false, 8);
		check_all(k, false, 4);
		check_all(k, true, 8);
	}
}

TEST(pclntab_values)
{
	build table, tree;
	gs_pclntab t;
	gs_pclntab_func f;
	uint64_t until = 0;

	CHECK(open_kind(6, false, 8, &table, &tree, &t));
	CHECK(gs_pclntab_func_get(&t, 0, &f));
	CHECK_INT(gs_pclntab_value(&t, f.pcln, f.entry, f.entry, &until), 6);
	CHECK_INT(until, f.entry + 10);
	CHECK_INT(gs_pclntab_value(&t, f.pcln, f.entry, f.entry + 31, &until), 7);
	CHECK_INT(until, f.entry + 32);
	CHECK_INT(gs_pclntab_value(&t, f.pcln, f.entry, f.entry + 32, NULL), -1);
	CHECK_INT(gs_pclntab_value(&t, 0, f.entry, f.entry, NULL), -1);
	CHECK_INT(gs_pclntab_value(&t, UINT32_MAX, f.entry, f.entry, NULL), -1);
	CHECK_INT(gs_pclntab_pcdata(&t, &f, 99), 0);
}

/* A long table of changes of all widths: any order of questions gets what reading from the start gets. */
TEST(pclntab_walks_in_any_order)
{
	enum { PAIRS = 3000 };
	static unsigned char bytes[PAIRS * 8];
	static int32_t want[PAIRS * 200];
	gs_pclntab t = { .quantum = 1 };
	gs_pclntab_walk w;
	uint32_t n = 1, pc = 0, seed = 1;
	int32_t value = -1;

	for (unsigned i = 0; i < PAIRS; i++) {
		uint32_t change, steps;

		seed = seed * 1664525 + 1013904223;
		change = 1 + (seed >> 16) % (i % 3 ? 60 : 20000);
		steps = 1 + (seed >> 8) % (i % 50 ? 9 : 180);
		value += change & 1 ? -(int32_t)(change / 2) - 1 : (int32_t)(change / 2);
		for (uint32_t k = 0; k < steps; k++)
			want[pc++] = value;
		for (; change >= 0x80; change >>= 7)
			bytes[n++] = (unsigned char)(change | 0x80);
		bytes[n++] = (unsigned char)change;
		for (; steps >= 0x80; steps >>= 7)
			bytes[n++] = (unsigned char)(steps | 0x80);
		bytes[n++] = (unsigned char)steps;
	}
	bytes[n++] = 0;
	t.pcs = (gs_str){ (const char *)bytes, n };
	gs_pclntab_walk_start(&w, 1, 0x1000);
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t at = i < pc / 3 ? i * 3 : (seed = seed * 1664525 + 1013904223) % (pc + 2);
		int32_t is = at < pc ? want[at] : -1;

		if (is >= 0 || at >= pc) {
			CHECK_INT(gs_pclntab_walk_to(&t, &w, 0x1000 + at), is);
			CHECK_INT(gs_pclntab_value(&t, 1, 0x1000, 0x1000 + at, NULL), is);
		}
	}
}

TEST(pclntab_wrappers_are_left_out)
{
	build table, tree;
	gs_pclntab t;
	gs_pclntab_func f;
	gs_pclntab_frame frames[8];

	/* The inlined function is a wrapper: its caller stands in for it. */
	CHECK(open_kind(6, false, 8, &table, &tree, &t));
	tree.b[0] = t.id_wrapper;
	CHECK(gs_pclntab_func_get(&t, 0, &f));
	CHECK_INT(gs_pclntab_frames(&t, &f, BUILD_TEXT + 12, frames, 8), 1);
	CHECK_STR(frames[0].name, GS_S("main.outer"));
	/* The physical function is one: what was inlined into it is what runs. */
	tree.b[0] = 0;
	f.id = t.id_wrapper;
	CHECK_INT(gs_pclntab_frames(&t, &f, BUILD_TEXT + 12, frames, 8), 1);
	CHECK_STR(frames[0].name, GS_S("main.inner"));
	CHECK(!frames[0].is_inlined);
	/* A wrapper that panics is shown. */
	tree.b[0] = t.id_sigpanic;
	CHECK_INT(gs_pclntab_frames(&t, &f, BUILD_TEXT + 12, frames, 8), 2);
}

TEST(pclntab_hostile)
{
	for (unsigned k = 0; k < KINDS; k++) {
		build table, tree;
		gs_pclntab t;

		CHECK(open_kind(k, false, 8, &table, &tree, &t));
		/* Cut anywhere, change any byte: an error or an answer, never a read beyond the end. */
		for (size_t n = 0; n < table.n; n++) {
			for (unsigned how = 0; how < 3; how++) {
				size_t size = how ? table.n : n;
				char *copy = malloc(size + 1);
				gs_pclntab_func f;
				gs_pclntab_frame frames[4];
				gs_err err;

				memcpy(copy, table.b, size);
				if (how)
					copy[n] = (char)(how == 1 ? copy[n] ^ 0xff : copy[n] + 1);
				if (gs_pclntab_open((gs_str){ copy, size }, BUILD_ADDR, &t, &err)) {
					gs_pclntab_set_go(&t, kinds[k].minor);
					t.inline_base = BUILD_INLINE;
					t.inline_bytes = (gs_str){ (const char *)tree.b, tree.n };
					for (uint32_t i = 0; i < 2; i++)
						if (gs_pclntab_func_get(&t, i, &f))
							for (uint64_t pc = 0; pc < 0x20; pc += 3)
								gs_pclntab_frames(&t, &f, f.entry + pc, frames, 4);
					gs_pclntab_find(&t, BUILD_TEXT + 5);
				} else {
					CHECK(err.text[0] != 0);
				}
				free(copy);
			}
		}
	}
}
