#include "base/gzip.h"
#include "load/load.h"
#include "pb.h"
#include "present/pprof_write.h"
#include "tap.h"

static const char *const strings[] = { "", "samples", "count", "cpu", "nanoseconds", "main.f", "main.g", "a.go",
				       "zone", "user", "eu", "ann", "bytes", "/bin/x" };
enum { SAMPLES = 1, COUNT, CPU, NS, F, G, A_GO, ZONE, USER, EU, ANN, BYTES, BIN };

/* Go's order: locations before samples, functions behind locations, strings last. `seed` varies ids and values. */
static void profile(gs_buf *b, uint64_t time, uint64_t seed)
{
	GS_AUTO(buf) m = { .max = 10000 };

	pb_u64(b, 9, time);
	PB(b, 1, 1u, U(SAMPLES), 2u, U(COUNT));
	PB(b, 1, 1u, U(CPU), 2u, U(NS));
	PB(b, 11, 1u, U(CPU), 2u, U(NS));
	pb_u64(b, 12, 10000000);
	PB(b, 3, 1u, U(1), 2u, U(0x400000), 3u, U(0x500000), 5u, U(BIN), 7u, U(1));
	/* f inlined into g */
	pb_u64(&m, 1, 7 + seed);
	pb_u64(&m, 2, 1);
	pb_u64(&m, 3, 0x400010);
	PB(&m, 4, 1u, U(90), 2u, U(11));
	PB(&m, 4, 1u, U(91), 2u, U(22));
	pb_bytes(b, 4, gs_buf_view(&m));
	PB(b, 5, 1u, U(91), 2u, U(G), 3u, U(G), 4u, U(A_GO), 5u, U(20));
	PB(b, 4, 1u, UINT64_MAX - seed, 2u, U(1), 3u, U(0x400020)); /* no lines */
	PB(b, 5, 1u, U(90), 2u, U(F), 3u, U(F), 4u, U(A_GO), 5u, U(10));
	m.n = 0;
	pb_u64(&m, 1, 7 + seed);
	pb_u64(&m, 1, UINT64_MAX - seed);
	pb_u64(&m, 2, 1 + seed);
	pb_u64(&m, 2, 10000000);
	PB(&m, 3, 1u, U(ZONE), 2u, U(EU));
	PB(&m, 3, 1u, U(BYTES), 3u, U(64));
	PB(&m, 3, 1u, U(USER)); /* says nothing: dropped */
	PB(&m, 3, 1u, U(USER), 2u, U(ANN));
	pb_bytes(b, 2, gs_buf_view(&m));
	PB(b, 2, 1u, UINT64_MAX - seed, 2u, U(2), 2u, U(20000000));
	pb_strings(b, strings, sizeof(strings) / sizeof(strings[0]));
}

static gs_document *load(gs_str bytes, gs_err *err)
{
	*err = (gs_err){ 0 };
	return gs_load_bytes(bytes, GS_S("test"), NULL, NULL, err);
}

static gs_str name_at(const gs_profile *p, uint32_t node)
{
	return gs_profile_str(p, p->functions[p->frames[p->nodes[node].frame].function].name);
}

TEST(a_profile_becomes_the_model)
{
	GS_AUTO(buf) b = { .max = 1 << 20 };
	GS_AUTO(document) *doc = NULL;
	const gs_profile *p;
	uint32_t leaf;
	gs_label_set set;
	gs_err err;

	profile(&b, 1700000000, 0);
	doc = load(gs_buf_view(&b), &err);
	CHECK(doc != NULL);
	if (!doc)
		return;
	p = doc->profile;
	CHECK_STR(doc->format, GS_S("pprof"));
	CHECK_INT(p->n_samples, 2);
	CHECK_INT(p->n_types, 2);
	CHECK_INT(gs_profile_default_type(p), 1);
	CHECK_INT(p->period, 10000000);
	CHECK_INT(p->time_ns, 1700000000);
	CHECK_INT(p->values[1][1], 20000000);
	CHECK_INT(p->locations[1].file_id, 7);
	CHECK(p->locations[2].file_id == UINT64_MAX);
	CHECK(p->functions[1].file_id == 91);
	/* location without lines <- g <- f */
	leaf = p->sample_node[0];
	CHECK_STR(name_at(p, leaf), GS_S("main.f"));
	CHECK(p->frames[p->nodes[leaf].frame].flags & GS_FRAME_INLINED);
	CHECK_STR(name_at(p, p->nodes[leaf].parent), GS_S("main.g"));
	CHECK_INT(p->nodes[p->nodes[leaf].parent].parent, p->sample_node[1]);
	CHECK_INT(p->frames[p->nodes[p->sample_node[1]].frame].function, 0);
	/* Sorted: user and zone, then the number. */
	set = p->label_sets[p->sample_labels[0]];
	CHECK_INT(set.n, 3);
	CHECK_STR(gs_profile_str(p, p->labels[set.first].key), GS_S("user"));
	CHECK_STR(gs_profile_str(p, p->labels[set.first + 1].str), GS_S("eu"));
	CHECK(p->labels[set.first + 2].is_num && p->labels[set.first + 2].num == 64);
	CHECK_INT(p->sample_labels[1], 0);
}

TEST(writing_and_reading_again_changes_nothing)
{
	GS_AUTO(buf) b = { .max = 1 << 20 }, once = { .max = 1 << 20 }, twice = { .max = 1 << 20 };
	GS_AUTO(document) *doc = NULL, *again = NULL;
	gs_err err;

	profile(&b, 1700000000, 3);
	doc = load(gs_buf_view(&b), &err);
	CHECK(doc != NULL);
	gs_pprof_write(&once, doc->profile, NULL);
	again = load(gs_buf_view(&once), &err);
	CHECK(again != NULL);
	if (!again)
		return;
	gs_pprof_write(&twice, again->profile, NULL);
	CHECK(!once.bad && !twice.bad && once.n > 0);
	CHECK(gs_str_eq(gs_buf_view(&once), gs_buf_view(&twice)));
	CHECK_INT(again->profile->n_nodes, doc->profile->n_nodes);
	CHECK(again->profile->locations[2].file_id == UINT64_MAX - 3);
}

TEST(appended_profiles_are_an_error_that_names_the_way_out_and_parts_for_who_asks)
{
	GS_AUTO(buf) b = { .max = 1 << 20 }, one = { .max = 1 << 20 };
	gs_documents docs = { 0 };
	gs_err err;

	profile(&one, 1700000000, 0);
	gs_gzip(&b, gs_buf_view(&one), 6);
	one.n = 0;
	profile(&one, 1700000001, 5);
	gs_gzip(&b, gs_buf_view(&one), 6);
	CHECK(load(gs_buf_view(&b), &err) == NULL);
	CHECK_INT(err.code, GS_ERR_FORMAT);
	CHECK(strstr(err.text, "gospect merge") != NULL);
	CHECK(gs_load_parts(gs_buf_view(&b), GS_S("two.pprof"), NULL, NULL, &docs, &err));
	CHECK_INT(docs.n, 2);
	if (docs.n == 2) {
		CHECK_INT(docs.list[1]->profile->time_ns, 1700000001);
		CHECK_INT(docs.list[1]->profile->values[0][0], 6);
	}
	gs_documents_close(&docs);
}

TEST(without_mappings_one_is_made_up_as_pprof_does)
{
	GS_AUTO(buf) b = { .max = 1 << 20 };
	GS_AUTO(document) *doc = NULL;
	gs_err err;

	PB(&b, 1, 1u, U(SAMPLES), 2u, U(COUNT));
	PB(&b, 4, 1u, U(1), 2u, U(9), 3u, U(0x10));
	PB(&b, 2, 1u, U(1), 2u, U(1));
	pb_strings(&b, strings, 3);
	doc = load(gs_buf_view(&b), &err);
	CHECK(doc != NULL);
	if (!doc)
		return;
	CHECK_INT(doc->profile->n_mappings, 2);
	CHECK_INT(doc->profile->locations[1].mapping, 1);
}

TEST(trailing_rubbish_is_a_warning_and_other_things_are_named)
{
	GS_AUTO(buf) b = { .max = 1 << 20 }, one = { .max = 1 << 20 };
	GS_AUTO(document) *doc = NULL;
	gs_err err;

	profile(&one, 1700000000, 0);
	gs_gzip(&b, gs_buf_view(&one), 6);
	gs_buf_z(&b, "rubbish");
	doc = load(gs_buf_view(&b), &err);
	CHECK(doc && doc->profile->n_warnings == 1);
	CHECK(load(GS_S("\x7f"
			"ELF\2\1\1"),
		   &err) == NULL);
	CHECK(strstr(err.text, "ELF") != NULL);
	CHECK(load((gs_str){ 0 }, &err) == NULL);
	CHECK(strstr(err.text, "empty") != NULL);
}

TEST(cut_at_every_byte_is_an_error_with_a_text)
{
	GS_AUTO(buf) b = { .max = 1 << 20 };
	unsigned opened = 0;

	profile(&b, 1700000000, 0);
	for (size_t n = 0; n < b.n; n++) {
		gs_err err;
		gs_document *doc = load(gs_str_slice(gs_buf_view(&b), 0, n), &err);

		if (doc)
			opened++;
		else
			CHECK(err.code != GS_ERR_NONE && err.text[0]);
		gs_document_close(doc);
	}
	CHECK_INT(opened, 0);
}

TEST(every_allocation_may_fail)
{
	GS_AUTO(buf) b = { .max = 1 << 20 }, gz = { .max = 1 << 20 };
	bool ok = false;

	profile(&b, 1700000000, 0);
	gs_gzip(&gz, gs_buf_view(&b), 6);
	for (uint64_t k = 1; k < 1000 && !ok; k++) {
		gs_err err = { 0 };
		gs_document *doc;

		gs_alloc_fail_after(k);
		doc = load(gs_buf_view(&gz), &err);
		gs_alloc_fail_after(0);
		ok = doc != NULL;
		if (!doc)
			CHECK_INT(err.code, GS_ERR_LIMIT);
		gs_document_close(doc);
	}
	CHECK(ok);
}

TEST(inlined_frames_cannot_ask_for_the_moon)
{
	GS_AUTO(buf) b = { .max = 16 << 20 }, m = { .max = 8 << 20 }, packed = { .max = 1 << 20 };
	gs_err err;

	PB(&b, 1, 1u, U(SAMPLES), 2u, U(COUNT));
	pb_u64(&m, 1, 1);
	for (unsigned i = 0; i < 100000; i++)
		PB(&m, 4, 1u, U(1));
	pb_bytes(&b, 4, gs_buf_view(&m));
	PB(&b, 5, 1u, U(1));
	for (unsigned i = 0; i < 100000; i++)
		pb_varint(&packed, 1);
	m.n = 0;
	pb_bytes(&m, 1, gs_buf_view(&packed));
	pb_u64(&m, 2, 1);
	pb_bytes(&b, 2, gs_buf_view(&m));
	pb_strings(&b, strings, 3);
	CHECK(load(gs_buf_view(&b), &err) == NULL);
	CHECK_INT(err.code, GS_ERR_LIMIT);
}
