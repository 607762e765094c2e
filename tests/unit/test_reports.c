#include "analysis/labels.h"
#include "analysis/rows.h"
#include "present/report.h"
#include "present/tables.h"
#include "present/tabs.h"
#include "tap.h"

typedef struct stack {
	const char *names; /* caller first, ';' between */
	int64_t value;
	const char *label; /* value of "k", or NULL */
	int64_t bytes;	   /* number label, 0: none */
} stack;

static gs_profile *build(gs_arena *mem, const stack *stacks, unsigned n)
{
	gs_err err;
	gs_profile_builder *b = gs_profile_builder_create(mem, &err);
	gs_profile *p = b ? gs_profile_builder_profile(b) : NULL;

	if (!b)
		return NULL;
	p->n_types = 1;
	p->types[0] = (gs_value_type){ gs_profile_builder_str(b, GS_S("samples")), gs_profile_builder_str(b, GS_S("count")) };
	for (unsigned i = 0; i < n; i++) {
		gs_str rest = gs_str_of(stacks[i].names), name;
		gs_label labels[2];
		uint32_t node = GS_ROOT_NODE, n_labels = 0;
		gs_sample s = { .values = &stacks[i].value };

		while (rest.n && node != GS_NO_ID) {
			gs_frame f = { .line = 7 };
			uint32_t l;

			gs_str_cut(rest, ';', &name, &rest);
			f.function = gs_profile_builder_function(b, (gs_function){ .name = gs_profile_builder_str(b, name) });
			l = f.function == GS_NO_ID ? GS_NO_ID : gs_profile_builder_location_intern(b, 0, 0, &f, 1);
			node = l == GS_NO_ID ? GS_NO_ID : gs_profile_builder_push(b, node, l);
		}
		if (stacks[i].label)
			labels[n_labels++] = (gs_label){ .key = gs_profile_builder_str(b, GS_S("k")),
							 .str = gs_profile_builder_str(b, gs_str_of(stacks[i].label)) };
		if (stacks[i].bytes)
			labels[n_labels++] = (gs_label){ .key = gs_profile_builder_str(b, GS_S("bytes")),
							 .num = stacks[i].bytes,
							 .is_num = true };
		s.node = node;
		s.labels = gs_profile_builder_labels(b, labels, n_labels);
		if (!gs_profile_builder_sample(b, &s))
			break;
	}
	return gs_profile_builder_finish(b, &err);
}

static const stack stacks[] = {
	{ "main;f;g", 3, "a", 0 }, { "main;f;f;g", 4, "b", 2048 }, { "main;g", 5, NULL, 64 }, { "main;<b>\x1b[31m", 1, NULL, 0 }
};

TEST(a_recursive_function_counts_once)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	gs_view_input in = { build(mem, stacks, 4), false };
	gs_err err;
	gs_query q;

	gs_query_init(&q);
	for (int with_trie = 0; with_trie < 2; with_trie++) {
		gs_view *v = with_trie ? gs_view_build(mem, &in, 1, &q, &err) : gs_view_build_keys(mem, &in, 1, &q, &err);
		gs_rows *r = gs_rows_build(mem, v, &err);

		gs_rows_sort(r, GS_ROWS_BY_CUM);
		CHECK_INT(r->n, 4);
		CHECK_STR(gs_view_str(v, v->keys[r->list[0].key].name), GS_S("main"));
		CHECK_INT(r->list[0].cum, 13);
		CHECK_STR(gs_view_str(v, v->keys[r->list[2].key].name), GS_S("f"));
		CHECK_INT(r->list[2].cum, 7);
		CHECK_INT(r->list[2].flat, 0);
		CHECK_INT(r->list[2].raw_cum, 7);
	}
}

TEST(both_ways_to_a_graph_agree)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	gs_view_input in = { build(mem, stacks, 4), false };
	gs_err err;
	gs_query q;
	gs_graph_options whole = { .is_whole = true };
	gs_graph *a, *b;

	gs_query_init(&q);
	a = gs_graph_build(mem, gs_view_build(mem, &in, 1, &q, &err), &whole, &err);
	b = gs_graph_build(mem, gs_view_build_keys(mem, &in, 1, &q, &err), &whole, &err);
	CHECK_INT(a->n_edges, b->n_edges);
	CHECK_INT(a->n_shown, b->n_shown);
	for (uint32_t e = 0; e < a->n_edges; e++) {
		bool found = false;

		for (uint32_t k = 0; k < b->n_edges; k++)
			found = found || (gs_str_eq(gs_graph_name(a, a->edges[e].src), gs_graph_name(b, b->edges[k].src)) &&
					  gs_str_eq(gs_graph_name(a, a->edges[e].dest), gs_graph_name(b, b->edges[k].dest)) &&
					  a->edges[e].weight == b->edges[k].weight);
		CHECK(found);
	}
}

TEST(differences_are_tested_on_counts)
{
	static const stack before[] = { { "main;f", 1000, NULL, 0 }, { "main;g", 1000, NULL, 0 }, { "main;old", 3, NULL, 0 } };
	static const stack after[] = { { "main;f", 1010, NULL, 0 }, { "main;g", 2000, NULL, 0 }, { "main;fresh", 3, NULL, 0 } };
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	gs_profile *a = build(mem, after, 3), *b = build(mem, before, 3);
	gs_view_input in[] = { { a, NULL, false }, { b, NULL, true } };
	gs_err err;
	gs_query q;
	gs_rows *r;

	gs_query_init(&q);
	r = gs_rows_build(mem, gs_view_build_keys(mem, in, 2, &q, &err), &err);
	CHECK(r != NULL);
	if (!r)
		return;
	/* Each stack is one sample of many counts: as columns named "samples" they are counts of events. */
	gs_rows_compare(r, mem);
	for (uint32_t i = 0; i < r->n; i++) {
		gs_str name = gs_view_str(r->view, r->view->keys[r->list[i].key].name);

		if (gs_str_eq(name, GS_S("g")))
			CHECK(r->list[i].is_significant && r->list[i].state == GS_ROW_CHANGED);
		if (gs_str_eq(name, GS_S("old")))
			CHECK(!r->list[i].is_significant && r->list[i].state == GS_ROW_REMOVED);
		if (gs_str_eq(name, GS_S("fresh")))
			CHECK(!r->list[i].is_significant && r->list[i].state == GS_ROW_NEW);
	}
}

static bool matches(gs_arena *mem, const gs_profile *p, const char *filter, uint32_t sample)
{
	gs_err err;
	gs_tag_filter *f = gs_tag_filter_compile(mem, "tagfocus", gs_str_of(filter), p, &err);

	return f && gs_tag_filter_match(f, p->label_sets[p->sample_labels[sample]]);
}

TEST(tag_filters)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	gs_profile *p = build(mem, stacks, 4);
	gs_err err;

	CHECK(matches(mem, p, "k=a", 0));
	CHECK(!matches(mem, p, "k=a", 1));
	CHECK(matches(mem, p, "k:b", 1));
	CHECK(matches(mem, p, "b,k", 1));  /* without a key, all must match */
	CHECK(!matches(mem, p, "a,b", 1));
	CHECK(matches(mem, p, "k=a,b", 1)); /* with one, any */
	CHECK(matches(mem, p, "2kb", 1));
	CHECK(matches(mem, p, ":1kb", 2));
	CHECK(!matches(mem, p, "1kb:", 2));
	CHECK(matches(mem, p, "bytes=1kb:4kb", 1));
	CHECK(!matches(mem, p, "k=2kb", 1));
	CHECK(gs_tag_filter_compile(mem, "tagfocus", GS_S("k=("), p, &err) == NULL);
	CHECK_INT(err.code, GS_ERR_USAGE);
}

TEST(columns_are_as_wide_as_their_block)
{
	GS_AUTO(buf) b = { .max = 4096 };

	gs_tabs_align_right(&b, GS_S("key:\t Total 1\n \t10 (5%):\t a\n \t1 (0.5%):\t b\n\nlonger:\t Total 2\n"));
	CHECK_STR(gs_buf_view(&b), GS_S(" key: Total 1\n       10 (5%): a\n      1 (0.5%): b\n\n longer: Total 2\n"));
}

TEST(names_do_not_steer_the_terminal_or_the_page)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	GS_AUTO(buf) b = { .max = 1 << 20 };
	gs_view_input in = { build(mem, stacks, 4), false };
	gs_table_style style = { 0 };
	gs_err err;
	gs_query q;
	gs_rows *r;

	gs_query_init(&q);
	r = gs_rows_build(mem, gs_view_build_keys(mem, &in, 1, &q, &err), &err);
	gs_top_text(r, &style, &b);
	CHECK(!memchr(b.p, 0x1b, b.n));
	b.n = 0;
	gs_top_json(r, &style, &b);
	CHECK(!memchr(b.p, 0x1b, b.n));
	CHECK(!gs_str_has(gs_buf_view(&b), GS_S("<b>")));
}

TEST(running_out_of_memory_at_any_point_is_an_error)
{
	static const gs_report_kind kinds[] = { GS_REPORT_TOP, GS_REPORT_TREE, GS_REPORT_DOT, GS_REPORT_CALLGRIND,
						GS_REPORT_TRACES, GS_REPORT_RAW, GS_REPORT_TAGS };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (uint64_t k = 1; k < 400; k += 1 + k / 40) {
			GS_AUTO(arena) *mem = gs_arena_create(1 << 26);
			GS_AUTO(buf) out = { .max = 1 << 22 };
			gs_profile *p = build(mem, stacks, 4);
			gs_err err = { 0 };
			gs_query q;
			gs_report r;
			bool ok;

			gs_query_init(&q);
			q.focus = GS_S("f|g");
			q.tagroot = GS_S("k");
			gs_alloc_fail_after(k);
			ok = gs_report_init(&r, mem, p, &q, kinds[i], (gs_str){ 0 }, &err) && gs_report_write(&r, &out, &err);
			gs_alloc_fail_after(0);
			if (!ok && err.code == GS_ERR_NONE)
				CHECK_INT(k, -(int64_t)i - 1); /* says where */
		}
}
