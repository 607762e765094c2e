#include <zstd.h>

#include "base/file.h"
#include "format/perfdata/perfdata.h"
#include "perfdata_make.h"
#include "tap.h"

typedef struct counts {
	unsigned n[6];
	unsigned backwards; /* records older than the one before */
	uint64_t period;
	char order[64]; /* names and tids in the order of the records */
} counts;

static bool read_all(gs_arena *mem, gs_str bytes, gs_perfdata *d, counts *c, gs_err *err)
{
	gs_perfdata_record r;
	uint64_t last = 0;
	size_t at = 0;

	*c = (counts){ 0 };
	if (!gs_perfdata_open(mem, bytes, d, err))
		return false;
	while (gs_perfdata_next(d, &r, err)) {
		c->n[r.kind]++;
		c->period += r.period;
		c->backwards += r.time_ns && r.time_ns < last;
		last = r.time_ns;
		if (at + 3 < sizeof(c->order))
			at += (size_t)snprintf(c->order + at, sizeof(c->order) - at, "%c%d ",
					       "mcfesk"[r.kind], r.tid % 100);
	}
	return err->code == GS_ERR_NONE;
}

static const uint64_t chain[] = { (uint64_t)-512, 0x401234, 0x402345, 0x403456 };

static void put_records(perf_out *o)
{
	put_mmap2(o, 7, 0, 0x400000, 0x10000, 0, "/srv/app");
	put_comm(o, 7, 7, 0, "app", false);
	/* CPU 0's buffer, then CPU 1's: out of order */
	put_sample(o, 11, 7, 70, 300, 5, chain, 4);
	put_sample(o, 12, 7, 71, 500, 6, chain, 4);
	put_fork(o, 7, 7, 72, 7, 200);
	put_sample(o, 11, 7, 73, 400, 7, chain, 3);
	put_round(o);
	put_sample(o, 11, 7, 74, 450, 8, chain, 2);
	put_sample(o, 11, 7, 75, 600, 9, chain, 2);
	put_round(o);
}

static void check_records(gs_perfdata *d, const counts *c)
{
	CHECK_INT(c->n[GS_PERFDATA_MMAP], 1);
	CHECK_INT(c->n[GS_PERFDATA_COMM], 1);
	CHECK_INT(c->n[GS_PERFDATA_FORK], 1);
	CHECK_INT(c->n[GS_PERFDATA_SAMPLE], 5);
	CHECK_INT(c->period, 35);
	CHECK_INT(c->backwards, 0);
	CHECK_STR(gs_str_of(c->order), GS_S("m7 c7 f72 s70 s73 s74 s71 s75 "));
	CHECK_INT(d->n_attrs, 2);
	CHECK_STR(d->attrs[0].name, GS_S("cycles"));
	CHECK_STR(d->attrs[1].name, GS_S("cpu-clock"));
	CHECK(d->attrs[0].is_freq && d->attrs[0].has_sample_id_all);
	CHECK_INT(d->n_broken, 0);
}

TEST(both_byte_orders)
{
	for (int big = 0; big < 2; big++) {
		GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
		perf_out o = { .b = { .max = 1 << 20 }, .is_big = big };
		gs_perfdata d;
		gs_err err = { 0 };
		counts c;

		put_file_header(&o);
		put_records(&o);
		patch(&o, MADE_DATA_SIZE_AT, o.b.n - MADE_DATA_AT, 8);
		CHECK(read_all(mem, gs_buf_view(&o.b), &d, &c, &err));
		check_records(&d, &c);
		CHECK(!d.is_cut && d.is_big == (bool)big);
		gs_buf_release(&o.b);
	}
}

TEST(fields_of_records)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	perf_out o = { .b = { .max = 1 << 20 } };
	gs_perfdata d;
	gs_perfdata_record r;
	gs_err err = { 0 };

	put_file_header(&o);
	put_mmap2(&o, 7, 10, 0x400000, 0x10000, 0x2000, "/srv/app");
	put_comm(&o, 7, 8, 11, "worker", true);
	put_sample(&o, 12, 7, 8, 12, 1000, chain, 4);
	CHECK(gs_perfdata_open(mem, gs_buf_view(&o.b), &d, &err));
	CHECK(d.is_cut); /* perf never wrote the size */
	CHECK(gs_perfdata_next(&d, &r, &err) && r.kind == GS_PERFDATA_MMAP);
	CHECK_STR(r.name, GS_S("/srv/app"));
	CHECK_INT(r.start, 0x400000);
	CHECK_INT(r.offset, 0x2000);
	CHECK(r.is_exec);
	CHECK_INT(r.build_id.n, 20);
	CHECK(gs_perfdata_next(&d, &r, &err) && r.kind == GS_PERFDATA_COMM && r.is_exec);
	CHECK_STR(r.name, GS_S("worker"));
	CHECK(gs_perfdata_next(&d, &r, &err) && r.kind == GS_PERFDATA_SAMPLE);
	CHECK_INT(r.attr, 1);
	CHECK_INT(r.pid, 7);
	CHECK_INT(r.tid, 8);
	CHECK_INT(r.cpu, 3);
	CHECK_INT(r.time_ns, 12);
	CHECK_INT(r.period, 1000);
	CHECK_INT(r.ip, 0x401234);
	CHECK_INT(r.chain.n, 32);
	CHECK(gs_perfdata_word(&d, r.chain, 0) == GS_PERFDATA_CONTEXT_USER);
	CHECK(!gs_perfdata_next(&d, &r, &err) && err.code == GS_ERR_NONE);
	gs_buf_release(&o.b);
}

/* The stream cut into pieces at odd places, so that records straddle them. */
static void put_compressed(perf_out *o, gs_str records, uint32_t type, size_t piece)
{
	ZSTD_CStream *z = ZSTD_createCStream();
	char packed[4096];

	for (size_t at = 0; at < records.n; at += piece) {
		gs_str part = gs_str_slice(records, at, at + piece);
		ZSTD_inBuffer in = { part.p, part.n, 0 };
		ZSTD_outBuffer out = { packed, sizeof(packed), 0 };
		size_t head = begin(o, type, 0);

		ZSTD_compressStream(z, &out, &in);
		ZSTD_flushStream(z, &out);
		if (type == 83)
			put(o, out.pos, 8);
		gs_buf_add(&o->b, packed, out.pos);
		while (type == 83 && (o->b.n - head) % 8)
			gs_buf_c(&o->b, 0);
		end(o, head);
	}
	ZSTD_freeCStream(z);
}

TEST(compressed_records_straddle_pieces)
{
	static const uint32_t types[] = { 81, 83 };

	for (int i = 0; i < 2; i++) {
		GS_AUTO(arena) *mem = gs_arena_create((uint64_t)16 << 20);
		perf_out inner = { .b = { .max = 1 << 20 } }, o = { .b = { .max = 1 << 20 } };
		gs_perfdata d;
		gs_err err = { 0 };
		counts c;

		put_records(&inner);
		put_file_header(&o);
		put_compressed(&o, gs_buf_view(&inner.b), types[i], 37);
		patch(&o, MADE_DATA_SIZE_AT, o.b.n - MADE_DATA_AT, 8);
		CHECK(read_all(mem, gs_buf_view(&o.b), &d, &c, &err));
		check_records(&d, &c);
		gs_buf_release(&inner.b);
		gs_buf_release(&o.b);
	}
}

TEST(pipe_mode)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	perf_out o = { .b = { .max = 1 << 20 } };
	gs_perfdata d;
	gs_err err = { 0 };
	counts c;
	size_t at;

	gs_buf_add(&o.b, "PERFILE2", 8);
	put(&o, 16, 8);
	at = begin(&o, 80, 0); /* feature: hostname */
	put(&o, GS_PERFDATA_HOSTNAME, 8);
	put(&o, 8, 4);
	put_text(&o, "there", 8);
	end(&o, at);
	for (uint64_t id = 11; id <= 12; id++) {
		at = begin(&o, 64, 0);
		put_attr(&o, 0, id - 11, MADE_SAMPLE_TYPE);
		put(&o, id, 8);
		end(&o, at);
	}
	at = begin(&o, 78, 0); /* the second event's name */
	put(&o, 2, 8);
	put(&o, 12, 8);
	put_text(&o, "instructions:u", 16);
	end(&o, at);
	at = begin(&o, 71, 0); /* AUX data: 20 raw bytes that are no records */
	put(&o, 20, 8);
	gs_buf_fill(&o.b, 0, 32);
	end(&o, at);
	gs_buf_fill(&o.b, (char)0xff, 20);
	put_sample(&o, 12, 7, 8, 12, 1000, chain, 4);
	CHECK(read_all(mem, gs_buf_view(&o.b), &d, &c, &err));
	CHECK(d.is_pipe && !d.is_cut);
	CHECK_STR(d.features[GS_PERFDATA_HOSTNAME], GS_S("there"));
	CHECK_STR(d.attrs[1].name, GS_S("instructions:u"));
	CHECK_INT(c.n[GS_PERFDATA_SAMPLE], 1);
	gs_buf_release(&o.b);
}

TEST(features)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	perf_out o = { .b = { .max = 1 << 20 } };
	size_t table, at, data_end;
	gs_perfdata d;
	gs_err err = { 0 };

	put_file_header(&o);
	put_records(&o);
	data_end = o.b.n;
	patch(&o, MADE_DATA_SIZE_AT, data_end - MADE_DATA_AT, 8);
	patch(&o, MADE_FEATURES_AT, 1 << 2 | 1 << 11 | 1 << 12, 8);
	table = o.b.n;
	gs_buf_fill(&o.b, 0, 3 * 16);
	at = o.b.n; /* build ids, with the length that misc bit 15 announces */
	put(&o, 0, 4);
	put(&o, 1 << 15 | 2, 2);
	put(&o, 8 + 4 + 24 + 16, 2);
	put(&o, (uint32_t)-1, 4);
	gs_buf_fill(&o.b, 0x11, 16);
	gs_buf_fill(&o.b, 0, 4);
	put(&o, 16, 4);
	put_text(&o, "/lib/x.so", 16);
	patch(&o, table, at, 8);
	patch(&o, table + 8, o.b.n - at, 8);
	at = o.b.n; /* command line */
	put(&o, 2, 4);
	put(&o, 8, 4);
	put_text(&o, "perf", 8);
	put(&o, 8, 4);
	put_text(&o, "record", 8);
	patch(&o, table + 16, at, 8);
	patch(&o, table + 24, o.b.n - at, 8);
	at = o.b.n; /* event names */
	put(&o, 1, 4);
	put(&o, 64, 4);
	put_attr(&o, 1, 0, MADE_SAMPLE_TYPE);
	put(&o, 1, 4);
	put(&o, 16, 4);
	put_text(&o, "cpu-clock:ppp", 16);
	put(&o, 12, 8);
	patch(&o, table + 32, at, 8);
	patch(&o, table + 40, o.b.n - at, 8);
	CHECK(gs_perfdata_open(mem, gs_buf_view(&o.b), &d, &err));
	CHECK_INT(d.n_build_ids, 1);
	CHECK_INT(d.build_ids[0].id.n, 16);
	CHECK_INT(d.build_ids[0].pid, -1);
	CHECK_STR(d.build_ids[0].file, GS_S("/lib/x.so"));
	CHECK_STR(d.features[GS_PERFDATA_CMDLINE], GS_S("perf record"));
	CHECK_STR(d.attrs[0].name, GS_S("cycles"));
	CHECK_STR(d.attrs[1].name, GS_S("cpu-clock:ppp"));
	gs_buf_release(&o.b);
}

TEST(broken_files)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	perf_out o = { .b = { .max = 1 << 20 } };
	gs_perfdata d;
	gs_err err = { 0 };
	counts c;

	CHECK(!gs_perfdata_open(mem, GS_S("PERFFILE and so on"), &d, &err));
	CHECK_INT(err.code, GS_ERR_FORMAT);
	CHECK(!gs_perfdata_open(mem, GS_S("hello"), &d, &err));
	CHECK_INT(err.code, GS_ERR_FORMAT);
	CHECK(!gs_perfdata_open(mem, GS_S("PERFILE2\x68\0\0\0\0\0\0\0 short"), &d, &err));
	/* A record of no length: what was before it counts. */
	put_file_header(&o);
	put_records(&o);
	gs_buf_fill(&o.b, 0, 64);
	patch(&o, MADE_DATA_SIZE_AT, o.b.n - MADE_DATA_AT, 8);
	CHECK(read_all(mem, gs_buf_view(&o.b), &d, &c, &err));
	CHECK(d.is_cut);
	CHECK_INT(c.n[GS_PERFDATA_SAMPLE], 5);
	/* A chain longer than its record. */
	o.b.n = 0;
	put_file_header(&o);
	put_sample(&o, 11, 7, 8, 12, 1, chain, 4);
	patch(&o, o.b.n - 5 * 8, 1000, 8);
	CHECK(read_all(mem, gs_buf_view(&o.b), &d, &c, &err));
	CHECK_INT(d.n_broken, 1);
	CHECK_INT(c.n[GS_PERFDATA_SAMPLE], 0);
	gs_buf_release(&o.b);
}

TEST(a_real_recording_cut_everywhere)
{
	GS_AUTO(file) f = { 0 };
	gs_err err = { 0 };
	unsigned whole = 0, most = 0;

	CHECK(gs_file_open(tap_data("data/go1.26/perf.data"), 1 << 20, &f, &err));
	for (size_t n = 0; n <= f.bytes.n;
	     n += n + 173 > f.bytes.n && n < f.bytes.n ? f.bytes.n - n : 173) {
		GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
		gs_perfdata d;
		counts c;

		if (!read_all(mem, gs_str_slice(f.bytes, 0, n), &d, &c, &err))
			continue;
		CHECK(c.n[GS_PERFDATA_SAMPLE] >= most);
		most = c.n[GS_PERFDATA_SAMPLE];
		if (n == f.bytes.n) {
			whole = c.n[GS_PERFDATA_SAMPLE];
			CHECK(!d.is_cut);
			CHECK_INT(c.backwards, 0);
		}
	}
	CHECK_INT(whole, 98);
}
