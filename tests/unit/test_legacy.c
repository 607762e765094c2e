#include "base/buf.h"
#include "base/file.h"
#include "format/legacy/legacy.h"
#include "tap.h"

static bool parse(gs_arena *mem, gs_str text, gs_legacy *out)
{
	gs_err err = { 0 };

	return gs_legacy_parse(mem, text, out, &err);
}

TEST(count_profile)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_legacy l;

	CHECK(parse(mem,
		    GS_S("goroutine profile: total 3\n"
			 "2 @ 0x48726e 0x5e00dd\n"
			 "# labels: {\"handler\":\"/pay\", \"t\":\"a\\n\"}\n"
			 "#\t0x5e00dc\tmain.(*T).run+0x1c\t\tmain dir/park.go:22\n"
			 "\n"
			 "1 @\n"),
		    &l));
	CHECK_INT(l.kind, GS_LEGACY_COUNT);
	CHECK_STR(l.types[0].type, GS_S("goroutine"));
	CHECK_INT(l.n_samples, 2);
	CHECK_INT(l.samples[0].values[0], 2);
	CHECK_INT(l.addresses[0], 0x48726d);
	CHECK_INT(l.samples[0].n_labels, 2);
	CHECK_STR(l.labels[1].value, GS_S("a\n"));
	CHECK_STR(l.symbols[0].function, GS_S("main.(*T).run"));
	CHECK_STR(l.symbols[0].file, GS_S("main dir/park.go"));
	CHECK_INT(l.symbols[0].line, 22);
	CHECK_INT(l.symbols[0].offset, 0x1c);
	CHECK_INT(l.samples[1].n_addresses, 0);
	CHECK_INT(gs_legacy_mapping_of(&l, 0x48726d), 1);
	CHECK_INT(l.n_mappings, 1);
	CHECK(!parse(mem, GS_S("goroutine profile: total 3\nx @ 0x1\n"), &l));
}

TEST(heap_is_unsampled)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_legacy l;

	CHECK(parse(mem,
		    GS_S("heap profile: 1: 1024 [3: 3072] @ heap/1048576\n"
			 "1: 1024 [3: 3072] @ 0x10 0x20\n"
			 "0: 0 [0: 0] @ 0x10\n\n# runtime.MemStats\n# Alloc = 5\n"),
		    &l));
	CHECK_INT(l.n_types, 4);
	CHECK_STR(l.types[3].type, GS_S("inuse_space"));
	CHECK_INT(l.period, 524288);
	/* 1 / (1 - exp(-1024/524288)) = 512.5 */
	CHECK_INT(l.samples[0].values[0], 1537);
	CHECK_INT(l.samples[0].values[2], 512);
	CHECK_INT(l.samples[0].values[3], 524800);
	CHECK_INT(l.samples[0].block_bytes, 1024);
	CHECK_INT(l.samples[1].values[0], 0);
	CHECK(gs_str_has(l.memstats, GS_S("Alloc = 5")));
	CHECK(parse(mem, GS_S("heap profile: 85: 17 [ 85: 17] @ growthz\n 1: 2 [ 1: 2] @ 0x10\n"),
		    &l));
	CHECK_INT(l.n_types, 2);
	CHECK_INT(l.samples[0].values[1], 2);
	CHECK(!parse(mem, GS_S("heap profile: 1: 1 [1: 2] @ heap/2\n0: 5 [1: 5] @ 0x10\n"), &l));
	CHECK(!parse(mem, GS_S("heap profile: 1: 1 [1: 2] @ soup/2\n"), &l));
}

TEST(contention_units)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_legacy l;

	CHECK(parse(mem,
		    GS_S("--- contention:\ncycles/second=2000000000\n300 7 @ 0x10 "
			 "0x20\n#\t0xf\tf+0x1\tx.go:1\n"),
		    &l));
	CHECK_INT(l.samples[0].values[0], 7);
	CHECK_INT(l.samples[0].values[1], 150);
	CHECK_INT(l.n_symbols, 1);
	/* raw counts: multiply */
	CHECK(parse(mem,
		    GS_S("--- mutex:\ncycles/second=2000000000\nsampling period=5\n300 7 @ "
			 "0x10\n300 5 @ 0x10\n"),
		    &l));
	CHECK(!l.is_scaled_twice_by_pprof);
	CHECK_INT(l.samples[0].values[0], 35);
	CHECK_INT(l.samples[0].values[1], 750);
	/* scaled by the runtime: leave alone */
	CHECK(parse(mem,
		    GS_S("--- mutex:\ncycles/second=2000000000\nsampling period=5\n300 10 @ "
			 "0x10\n300 5 @ 0x10\n300 35 @ 0x20\n"),
		    &l));
	CHECK(l.is_scaled_twice_by_pprof);
	CHECK_INT(l.samples[0].values[0], 10);
	CHECK_INT(l.samples[0].values[1], 150);
	CHECK(!parse(mem, GS_S("--- mutex:\ncycles/second=x\n"), &l));
}

TEST(text_and_proto_agree_on_scaled_mutexes)
{
	GS_AUTO(arena) *mem = gs_arena_create(16 << 20);
	static const char *const names[] = { "1.19", "1.21", "1.22", "1.24", "1.26", "1.27" };
	gs_err err;

	for (int i = 0; i < 6; i++) {
		GS_AUTO(file) f = { 0 };
		char path[64];
		gs_legacy l;

		snprintf(path, sizeof(path), "data/go%s/mutex.debug1.txt", names[i]);
		CHECK(gs_file_open(tap_data(path), 1 << 20, &f, &err) && parse(mem, f.bytes, &l));
		CHECK(l.is_scaled_twice_by_pprof == (i > 0));
		CHECK_INT(l.samples[0].values[0] % 5, 0);
	}
}

static gs_str words(gs_arena *mem, unsigned bytes, bool is_big, const uint64_t *w, size_t n,
		    const char *tail)
{
	GS_AUTO(buf) b = { .max = 1 << 16 };

	for (size_t i = 0; i < n; i++)
		for (unsigned k = 0; k < bytes; k++)
			gs_buf_c(&b, (char)(w[i] >> 8 * (is_big ? bytes - 1 - k : k)));
	gs_buf_z(&b, tail);
	return gs_str_dup(mem, gs_buf_view(&b));
}

TEST(binary_cpu_in_every_word_size_and_order)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	static const uint64_t w[] = { 0, 3, 0,	      10000,	0,	  /* header */
				      2, 3, 0x401000, 0x402001, 0x403001, /* */
				      1, 2, 0x401500, 0x404001, 0,	  1, 0 };

	for (int i = 0; i < 4; i++) {
		gs_str text = words(mem, i & 1 ? 8 : 4, i & 2, w, sizeof(w) / sizeof(w[0]),
				    "build=/home/x\n400000-500000 r-xp 00000000 08:01 12 "
				    "$build/app one (deleted)\n"
				    "500000-600000 r--p 00000000 08:01 12 /data\n"
				    "  7f0000000000-7f0000001000: /lib/libc.so.6 (@1000) abc123\n");
		gs_legacy l;

		CHECK_INT(gs_legacy_is(text), GS_LEGACY_CPU);
		CHECK(parse(mem, text, &l));
		CHECK_INT(l.n_samples, 2);
		CHECK_INT(l.period, 10000000);
		CHECK_INT(l.samples[0].values[1], 20000000);
		CHECK_INT(l.samples[0].n_addresses, 3);
		CHECK_INT(l.addresses[l.samples[0].first_address], 0x401000);
		CHECK_INT(l.addresses[l.samples[0].first_address + 1], 0x402000);
		CHECK_INT(l.n_mappings, 2);
		CHECK_STR(l.mappings[0].file, GS_S("/home/x/app one"));
		CHECK_STR(l.mappings[1].build_id, GS_S("abc123"));
		CHECK_INT(l.mappings[1].offset, 0x1000);
		CHECK_INT(gs_legacy_mapping_of(&l, 0x402000), 1);
		CHECK_INT(gs_legacy_mapping_of(&l, 0x7effffffffff),
			  2); /* extended down to offset 0 */
		CHECK_INT(gs_legacy_mapping_of(&l, 0x10), 3);
		CHECK_INT(gs_legacy_mapping_of(&l, 0), 0);
	}
}

TEST(the_signal_handlers_frame_goes)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	static const uint64_t w[] = { 0,	3,	  0,	    10000,    0, 1,
				      3,	0x401000, 0x999,    0x403001, 1, 3,
				      0x402000, 0x999,	  0x403001, 1,	      3, 0x402000,
				      0x999,	0x404001, 0,	    1,	      0 };
	gs_legacy l;

	CHECK(parse(mem, words(mem, 8, false, w, sizeof(w) / sizeof(w[0]), ""), &l));
	CHECK_INT(l.samples[2].n_addresses, 2);
	CHECK_INT(l.addresses[l.samples[2].first_address + 1], 0x404000);
	CHECK(!parse(mem, words(mem, 8, false, w, 9, ""), &l));
}

TEST(threadcreate_without_stacks)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	GS_AUTO(file) f = { 0 };
	gs_err err;
	gs_legacy l;

	CHECK(gs_file_open(tap_data("data/go1.19/threadcreate.debug1.txt"), 1 << 20, &f, &err));
	CHECK(parse(mem, f.bytes, &l));
	CHECK(l.n_samples > 0 && l.samples[0].values[0] > 0);
	CHECK_INT(l.samples[0].n_addresses, 0);
}

TEST(out_of_memory_is_an_error)
{
	gs_str text = GS_S(
		"goroutine profile: total 3\n2 @ 0x48726e 0x5e00dd\n# labels: {\"a\":\"\\n\"}\n");

	for (uint64_t k = 1; k < 12; k++) {
		GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
		gs_legacy l;
		gs_err err = { 0 };

		gs_alloc_fail_after(k);
		if (!gs_legacy_parse(mem, text, &l, &err))
			CHECK_INT(err.code, GS_ERR_LIMIT);
		else
			CHECK_INT(l.n_samples, 1);
		gs_alloc_fail_after(0);
	}
}
