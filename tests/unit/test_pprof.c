#include "format/pprof/pprof.h"
#include "pb.h"
#include "tap.h"

static const char *const strings[] = { "", "cpu", "ns", "main.f", "a.go", "k", "v" };
enum { CPU = 1, NS, F, A_GO, K, V };

/* Sample type, strings last, one function. Locations and samples are the test's. */
static void head(gs_buf *b)
{
	PB(b, 1, 1u, U(CPU), 2u, U(NS));
}

static void tail(gs_buf *b)
{
	PB(b, 5, 1u, U(1), 2u, U(F), 4u, U(A_GO), 5u, U(10));
	pb_strings(b, strings, 7);
}

static bool scan(const gs_buf *b, gs_pprof *p, gs_err *err)
{
	*err = (gs_err){ 0 };
	return gs_pprof_scan(gs_buf_view(b), p, err);
}

static void expect_broken(const gs_buf *b, const char *part)
{
	gs_err err;
	gs_pprof p;
	gs_pprof_batch batch = { 0 };
	bool ok = scan(b, &p, &err);

	for (size_t i = 0; ok && i < p.chunks.n; i++)
		ok = gs_pprof_read_chunk(&p, &p.chunks.p[i], &batch, &err);
	CHECK(!ok);
	CHECK_INT(err.code, GS_ERR_FORMAT);
	if (!strstr(err.text, part))
		CHECK_STR(gs_str_of(err.text), gs_str_of(part));
	gs_pprof_batch_release(&batch);
	gs_pprof_release(&p);
}

TEST(sparse_ids_packed_and_plain_numbers_and_unknown_fields_are_read)
{
	static const uint32_t want[] = { 2, 1, 1, 2, 1 };
	GS_AUTO(buf) b = { .max = 1 << 20 }, inner = { .max = 1000 }, packed = { .max = 1000 };
	gs_pprof p;
	gs_pprof_batch batch = { 0 };
	gs_err err;

	head(&b);
	/* Packed locations, then one that is not, then packed again; an unknown field in between. */
	pb_varint(&packed, UINT64_MAX);
	pb_varint(&packed, 300);
	pb_bytes(&inner, 1, gs_buf_view(&packed));
	pb_u64(&inner, 1, 300);
	pb_u64(&inner, 99, 12345);
	pb_bytes(&inner, 1, gs_buf_view(&packed));
	pb_u64(&inner, 2, 7);
	pb_bytes(&b, 2, gs_buf_view(&inner));
	pb_bytes(&b, 77, GS_S("not ours"));
	PB(&b, 4, 1u, U(300), 3u, U(0x10));
	PB(&b, 4, 1u, UINT64_MAX, 3u, U(0x20), 5u, U(1));
	tail(&b);
	CHECK(scan(&b, &p, &err));
	CHECK_INT(p.n_samples, 1);
	CHECK_INT(p.next_at, 0);
	CHECK(!p.location_ids.is_dense);
	CHECK(gs_pprof_read_chunk(&p, &p.chunks.p[0], &batch, &err));
	CHECK_INT(batch.locations.n, 5);
	for (size_t i = 0; i < batch.locations.n && batch.locations.n == 5; i++)
		CHECK_INT(batch.locations.p[i], want[i]);
	CHECK_INT(batch.values.p[0], 7);
	gs_pprof_batch_release(&batch);
	gs_pprof_release(&p);
}

TEST(varints_of_every_length_in_packed_locations)
{
	GS_AUTO(buf) b = { .max = 1 << 20 }, inner = { .max = 10000 }, packed = { .max = 10000 };
	gs_pprof p;
	gs_pprof_batch batch = { 0 };
	gs_err err;

	head(&b);
	for (unsigned shift = 0; shift < 64; shift++)
		pb_varint(&packed, (uint64_t)1 << shift);
	pb_bytes(&inner, 1, gs_buf_view(&packed));
	pb_u64(&inner, 2, 7);
	pb_bytes(&b, 2, gs_buf_view(&inner));
	for (unsigned shift = 0; shift < 64; shift++)
		PB(&b, 4, 1u, (uint64_t)1 << shift);
	tail(&b);
	CHECK(scan(&b, &p, &err));
	CHECK(gs_pprof_read_chunk(&p, &p.chunks.p[0], &batch, &err));
	CHECK_INT(batch.locations.n, 64);
	for (size_t i = 0; i < batch.locations.n; i++)
		CHECK_INT(batch.locations.p[i], i + 1);
	gs_pprof_batch_release(&batch);
	gs_pprof_release(&p);
}

TEST(what_pprof_calls_malformed_is_named)
{
	GS_AUTO(buf) twice = { .max = 9999 }, zero = { .max = 9999 }, no_function = { .max = 9999 };
	GS_AUTO(buf) no_location = { .max = 9999 }, values = { .max = 9999 }, kind = { .max = 9999 };
	GS_AUTO(buf) table = { .max = 9999 }, name = { .max = 9999 }, group = { .max = 9999 };

	head(&twice);
	PB(&twice, 4, 1u, U(5));
	PB(&twice, 4, 1u, U(5));
	tail(&twice);
	expect_broken(&twice, "two locations have the id 5");

	head(&zero);
	PB(&zero, 4, 3u, U(5));
	tail(&zero);
	expect_broken(&zero, "id 0");

	head(&no_function);
	pb_bytes(&no_function, 4, GS_S("\x08\x01\x22\x02\x08\x63"));
	tail(&no_function);
	expect_broken(&no_function, "function 99");

	head(&no_location);
	PB(&no_location, 2, 1u, U(3), 2u, U(1));
	tail(&no_location);
	expect_broken(&no_location, "location 3");

	head(&values);
	PB(&values, 2, 2u, U(1), 2u, U(1));
	tail(&values);
	expect_broken(&values, "2 values, but there are 1 sample types");

	head(&kind);
	pb_u64(&kind, 4, 1);
	tail(&kind);
	expect_broken(&kind, "wrong kind");

	pb_bytes(&table, 6, GS_S("x"));
	expect_broken(&table, "does not begin with \"\"");

	head(&name);
	PB(&name, 5, 1u, U(1), 2u, U(70));
	pb_strings(&name, strings, 7);
	expect_broken(&name, "outside of the string table");

	head(&group);
	gs_buf_add(&group, "\x0b\x0c", 2);
	tail(&group);
	expect_broken(&group, "damaged");
}

/* As Go's runtime writes (strings last) and as pprof does (scalars behind them, default_sample_type always). */
static void whole(gs_buf *b, bool like_pprof, uint64_t time)
{
	if (!like_pprof && time)
		pb_u64(b, 9, time);
	head(b);
	PB(b, 2, 1u, U(1), 2u, U(1));
	PB(b, 4, 1u, U(1));
	tail(b);
	if (like_pprof) {
		if (time)
			pb_u64(b, 9, time);
		pb_u64(b, 14, 0);
	}
}

TEST(two_profiles_in_one_file_are_told_apart)
{
	for (unsigned k = 0; k < 8; k++) {
		GS_AUTO(buf) b = { .max = 1 << 20 };
		bool first_pprof = k & 1, second_pprof = k & 2;
		uint64_t time = k & 4 ? 1700000000 : 0;
		size_t seam;
		gs_pprof p;
		gs_err err;

		whole(&b, first_pprof, time);
		seam = b.n;
		CHECK(scan(&b, &p, &err));
		CHECK_INT(p.next_at, 0);
		gs_pprof_release(&p);
		whole(&b, second_pprof, time);
		CHECK(scan(&b, &p, &err));
		CHECK_INT(p.next_at, seam);
		CHECK_INT(p.n_samples, 1);
		CHECK_INT(p.strings.n, 7);
		gs_pprof_release(&p);
	}
}

TEST(cut_anywhere_is_an_error_or_less_of_the_same)
{
	GS_AUTO(buf) b = { .max = 1 << 20 };

	whole(&b, false, 1700000000);
	for (size_t n = 0; n < b.n; n++) {
		char *copy = malloc(n + 1);
		gs_pprof p;
		gs_err err = { 0 };

		if (!copy)
			abort();
		memcpy(copy, b.p, n);
		if (!gs_pprof_scan((gs_str){ copy, n }, &p, &err))
			CHECK(err.code == GS_ERR_FORMAT && err.text[0]);
		gs_pprof_release(&p);
		free(copy);
	}
}

/* Numbers of every length, in a location, its line and a function; `odd`: with a field that nobody knows in each. */
static void rows_of(gs_buf *b, unsigned bits, bool odd)
{
	GS_AUTO(buf) loc = { .max = 1000 }, line = { .max = 1000 }, fn = { .max = 1000 };
	uint64_t v = (uint64_t)1 << bits | 0x55aa55aa55aa55aau >> (63 - bits);

	head(b);
	pb_u64(&loc, 1, v);
	pb_u64(&loc, 3, v - 1);
	pb_u64(&line, 1, v);
	pb_u64(&line, 2, v ^ 1);
	pb_u64(&line, 3, 77);
	if (odd)
		pb_u64(&line, 9, 1);
	pb_bytes(&loc, 4, gs_buf_view(&line));
	pb_u64(&loc, 5, 1);
	if (odd)
		pb_u64(&loc, 9, 1);
	pb_bytes(b, 4, gs_buf_view(&loc));
	pb_u64(&fn, 1, v);
	pb_u64(&fn, 2, F);
	pb_u64(&fn, 3, CPU);
	pb_u64(&fn, 4, A_GO);
	pb_u64(&fn, 5, v);
	if (odd)
		pb_u64(&fn, 9, 1);
	pb_bytes(b, 5, gs_buf_view(&fn));
	pb_strings(b, strings, 7);
}

TEST(rows_as_every_writer_makes_them_are_read_as_odd_ones)
{
	for (unsigned k = 0; k < 128; k++) {
		GS_AUTO(buf) b = { .max = 1 << 20 };
		uint64_t v = (uint64_t)1 << k / 2 | 0x55aa55aa55aa55aau >> (63 - k / 2);
		gs_pprof p;
		gs_err err;

		rows_of(&b, k / 2, k & 1);
		CHECK(scan(&b, &p, &err));
		if (p.locations.n == 1 && p.lines.n == 1 && p.functions.n == 1) {
			const gs_pprof_location *l = p.locations.p;
			const gs_pprof_function *f = p.functions.p;

			CHECK(l->id == v && l->address == v - 1 && l->is_folded && l->n_lines == 1 && !l->mapping_id);
			CHECK(p.lines.p->function_id == v && p.lines.p->line == (int64_t)(v ^ 1) && p.lines.p->column == 77);
			CHECK(f->id == v && f->name == F && f->system_name == CPU && f->file == A_GO &&
			      f->start_line == (int64_t)v);
		} else {
			CHECK_INT(p.functions.n, 1);
		}
		CHECK_INT(p.strings.n, 7);
		gs_pprof_release(&p);
	}
}

TEST(labels_are_read_one_by_one)
{
	GS_AUTO(buf) b = { .max = 1 << 20 }, sample = { .max = 1000 };
	gs_pprof p;
	gs_pprof_batch batch = { 0 };
	gs_pprof_label l;
	gs_err err = { 0 };
	gs_str rest;

	head(&b);
	PB(&sample, 3, 1u, U(K), 2u, U(V));
	pb_u64(&sample, 2, 1); /* a value between labels */
	PB(&sample, 3, 1u, U(K), 3u, (uint64_t)-5, 4u, U(NS));
	pb_bytes(&b, 2, gs_buf_view(&sample));
	tail(&b);
	CHECK(scan(&b, &p, &err));
	CHECK(gs_pprof_read_chunk(&p, &p.chunks.p[0], &batch, &err));
	rest = batch.labels.p[0];
	CHECK(gs_pprof_label_next(&p, &rest, &l, &err));
	CHECK(l.key == K && l.str == V && l.num == 0 && l.unit == 0);
	CHECK(gs_pprof_label_next(&p, &rest, &l, &err));
	CHECK(l.key == K && l.str == 0 && l.num == -5 && l.unit == NS);
	CHECK(!gs_pprof_label_next(&p, &rest, &l, &err));
	CHECK_INT(err.code, GS_ERR_NONE);
	gs_pprof_batch_release(&batch);
	gs_pprof_release(&p);
}

TEST(looks_right_tells_profiles_from_text)
{
	GS_AUTO(buf) b = { .max = 1 << 20 };

	whole(&b, true, 1);
	CHECK(gs_pprof_looks_right(gs_buf_view(&b)));
	CHECK(gs_pprof_looks_right(gs_str_slice(gs_buf_view(&b), 0, 10)));
	CHECK(!gs_pprof_looks_right(GS_S("")));
	CHECK(!gs_pprof_looks_right(GS_S("heap profile: 1: 2 [3: 4] @ heap/1048576\n")));
	CHECK(!gs_pprof_looks_right(GS_S("goroutine 1 [running]:\nmain.main()\n")));
	CHECK(!gs_pprof_looks_right(GS_S("main;f 3\nmain;g 4\n")));
	CHECK(!gs_pprof_looks_right((gs_str){ "\0\0\0\0\0\0\0\0\0\0\0\0", 12 }));
	CHECK(!gs_pprof_looks_right(GS_S("PERFILE2h\0\0\0")));
}
