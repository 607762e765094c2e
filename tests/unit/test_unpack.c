#include "base/gzip.h"
#include "format/compress/unpack.h"
#include "tap.h"

#include <zlib.h>
#include <zstd.h>

static void fill(gs_buf *b, size_t n)
{
	uint64_t x = 1;

	gs_buf_init(b, n + 64);
	while (b->n < n) {
		x = gs_hash_u64(x + 1);
		gs_buf_f(b, "%u line\n", (unsigned)(x % 1000));
	}
	b->n = n;
}

static void pack_zstd(gs_buf *out, gs_str in, bool with_size)
{
	ZSTD_CCtx *z = ZSTD_createCCtx();

	ZSTD_CCtx_setParameter(z, ZSTD_c_contentSizeFlag, with_size);
	ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
	if (gs_buf_reserve(out, ZSTD_compressBound(in.n)))
		out->n += ZSTD_compress2(z, out->p + out->n, out->cap - out->n, in.p, in.n);
	ZSTD_freeCCtx(z);
}

static void expect(gs_str packed, gs_packing packing, gs_str want, size_t members, uint64_t trailing)
{
	GS_AUTO(unpacked) u = { 0 };
	gs_err err = { 0 };

	CHECK(gs_unpack(packed, 0, &u, &err));
	CHECK_INT(u.packing, packing);
	CHECK(gs_str_eq(u.bytes, want));
	CHECK_INT(u.member_ends.n, members);
	CHECK_INT(u.trailing_bytes, trailing);
}

TEST(gzip_one_member_several_members_and_trailing_rubbish)
{
	GS_AUTO(buf) plain, twice = { .max = 1 << 20 }, packed = { .max = 1 << 20 };

	fill(&plain, 100000);
	gs_buf_str(&twice, gs_buf_view(&plain));
	gs_buf_str(&twice, gs_buf_view(&plain));
	gs_gzip(&packed, gs_buf_view(&plain), 6);
	expect(gs_buf_view(&packed), GS_PACKING_GZIP, gs_buf_view(&plain), 1, 0);
	gs_gzip(&packed, gs_buf_view(&plain), 1);
	expect(gs_buf_view(&packed), GS_PACKING_GZIP, gs_buf_view(&twice), 2, 0);
	gs_buf_z(&packed, "rubbish");
	expect(gs_buf_view(&packed), GS_PACKING_GZIP, gs_buf_view(&twice), 2, 7);
}

TEST(gzip_of_nothing_is_nothing)
{
	GS_AUTO(buf) packed = { .max = 1000 };

	gs_gzip(&packed, (gs_str){ 0 }, 6);
	expect(gs_buf_view(&packed), GS_PACKING_GZIP, (gs_str){ 0 }, 1, 0);
}

TEST(zlib_and_zstd_with_and_without_a_size)
{
	GS_AUTO(buf) plain, z = { .max = 1 << 20 }, twice = { .max = 1 << 20 };
	uLongf n = 200000;

	fill(&plain, 100000);
	CHECK(gs_buf_reserve(&z, n));
	CHECK_INT(compress((Bytef *)z.p, &n, (const Bytef *)plain.p, plain.n), Z_OK);
	expect((gs_str){ z.p, n }, GS_PACKING_ZLIB, gs_buf_view(&plain), 1, 0);

	for (int with_size = 0; with_size < 2; with_size++) {
		z.n = twice.n = 0;
		pack_zstd(&z, gs_buf_view(&plain), with_size);
		expect(gs_buf_view(&z), GS_PACKING_ZSTD, gs_buf_view(&plain), 1, 0);
		pack_zstd(&z, gs_buf_view(&plain), with_size);
		gs_buf_str(&twice, gs_buf_view(&plain));
		gs_buf_str(&twice, gs_buf_view(&plain));
		expect(gs_buf_view(&z), GS_PACKING_ZSTD, gs_buf_view(&twice), 2, 0);
		gs_buf_z(&z, "xyz");
		expect(gs_buf_view(&z), GS_PACKING_ZSTD, gs_buf_view(&twice), 2, 3);
	}
}

TEST(plain_bytes_pass_through)
{
	expect(GS_S("plain"), GS_PACKING_NONE, GS_S("plain"), 0, 0);
	expect((gs_str){ 0 }, GS_PACKING_NONE, (gs_str){ 0 }, 0, 0);
}

TEST(a_bomb_is_refused)
{
	GS_AUTO(buf) zeros = { .max = 64 << 20 }, bomb = { .max = 256 << 20 }, z = { .max = 256 << 20 };

	gs_buf_fill(&zeros, 0, 64 << 20);
	gs_gzip(&bomb, gs_buf_view(&zeros), 6);
	pack_zstd(&z, gs_buf_view(&zeros), true);
	pack_zstd(&z, gs_buf_view(&zeros), false);
	/* The trailer lies about the size. */
	for (int lie = 0; lie < 2; lie++) {
		GS_AUTO(unpacked) u = { 0 };
		gs_err err = { 0 };

		if (lie)
			memset(bomb.p + bomb.n - 4, 0, 4);
		CHECK(!gs_unpack(gs_buf_view(&bomb), 1 << 20, &u, &err));
		CHECK_INT(err.code, GS_ERR_LIMIT);
		CHECK(u.buf.p == NULL);
	}
	for (uint64_t max = 1 << 20; max <= 65 << 20; max *= 65) {
		GS_AUTO(unpacked) u = { 0 };
		gs_err err = { 0 };

		CHECK(!gs_unpack(gs_buf_view(&z), max, &u, &err));
		CHECK_INT(err.code, GS_ERR_LIMIT);
	}
	CHECK(gs_unpack_default_max(1000) >= (uint64_t)1 << 30);
	CHECK(gs_unpack_default_max((uint64_t)1 << 40) >= (uint64_t)1 << 40);
}

TEST(cut_or_damaged_data_says_so)
{
	GS_AUTO(buf) plain, gz = { .max = 1 << 20 }, zs = { .max = 1 << 20 };
	unsigned accepted = 0;

	fill(&plain, 5000);
	gs_gzip(&gz, gs_buf_view(&plain), 6);
	pack_zstd(&zs, gs_buf_view(&plain), true);
	for (int kind = 0; kind < 2; kind++) {
		gs_str whole = gs_buf_view(kind ? &zs : &gz);

		for (size_t n = 4; n < whole.n; n++) {
			GS_AUTO(unpacked) u = { 0 };
			gs_err err = { 0 };

			CHECK(!gs_unpack(gs_str_slice(whole, 0, n), 0, &u, &err));
			CHECK_INT(err.code, GS_ERR_FORMAT);
			if (!strstr(err.text, "cut short"))
				CHECK_STR(gs_str_of(err.text), GS_S("cut short"));
		}
		for (size_t n = 4; n < whole.n; n += 7) {
			GS_AUTO(unpacked) u = { 0 };
			gs_err err = { 0 };
			GS_AUTO(buf) copy = { .max = 1 << 20 };

			gs_buf_str(&copy, whole);
			copy.p[n] = (char)(copy.p[n] ^ 0x55);
			/* Names, times and flags of the header may change unseen. */
			accepted += gs_unpack(gs_buf_view(&copy), 0, &u, &err);
		}
	}
	CHECK(accepted < 6);
}

TEST(failing_allocations_are_errors)
{
	GS_AUTO(buf) plain, gz = { .max = 1 << 20 }, zs = { .max = 1 << 20 };

	fill(&plain, 300000);
	gs_gzip(&gz, gs_buf_view(&plain), 6);
	pack_zstd(&zs, gs_buf_view(&plain), false);
	for (int kind = 0; kind < 2; kind++) {
		bool ok = false;

		for (uint64_t k = 1; k < 100 && !ok; k++) {
			GS_AUTO(unpacked) u = { 0 };
			gs_err err = { 0 };

			gs_alloc_fail_after(k);
			ok = gs_unpack(gs_buf_view(kind ? &zs : &gz), 0, &u, &err);
			gs_alloc_fail_after(0);
			CHECK(ok ? gs_str_eq(u.bytes, gs_buf_view(&plain)) : err.code == GS_ERR_LIMIT);
		}
		CHECK(ok);
	}
}
