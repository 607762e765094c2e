#include "format/compress/unpack.h"

#include <endian.h>
#include <libdeflate.h>
#include <zlib.h>
#include <zstd.h>

#include "base/banned.h"

#define MIN_BUDGET ((uint64_t)1 << 30)
#define MAX_BUDGET ((uint64_t)16 << 30)

enum {
	PLAIN_RATIO = 100, /* profiles and traces pack 4 to 30 times */
	DEFLATE_RATIO = 1032, /* the most that deflate can do */
	GZIP_MIN_BYTES = 18,
	MAX_MEMBERS = 1 << 20,
};

uint64_t gs_unpack_default_max(uint64_t packed_bytes)
{
	if (packed_bytes > MAX_BUDGET / PLAIN_RATIO)
		return packed_bytes > MAX_BUDGET / 4 ? packed_bytes * 4 : MAX_BUDGET;
	return packed_bytes * PLAIN_RATIO > MIN_BUDGET ? packed_bytes * PLAIN_RATIO : MIN_BUDGET;
}

gs_packing gs_packing_of(gs_str s)
{
	const unsigned char *p = (const unsigned char *)s.p;

	if (s.n >= 2 && p[0] == 0x1f && p[1] == 0x8b)
		return GS_PACKING_GZIP;
	if (s.n >= 4 && p[0] == 0x28 && p[1] == 0xb5 && p[2] == 0x2f && p[3] == 0xfd)
		return GS_PACKING_ZSTD;
	/* The four headers that zlib itself writes. */
	if (s.n >= 2 && p[0] == 0x78 && (p[1] == 0x01 || p[1] == 0x5e || p[1] == 0x9c || p[1] == 0xda))
		return GS_PACKING_ZLIB;
	return GS_PACKING_NONE;
}

static bool over_limit(const gs_unpacked *u, gs_str in, gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE,
		       "%llu packed bytes unpack to more than the limit of %llu bytes (or memory is out)",
		       (unsigned long long)in.n, (unsigned long long)u->buf.max);
}

static bool member_done(gs_unpacked *u, gs_str in, gs_err *err)
{
	uint64_t *end = gs_vec_push(&u->member_ends, MAX_MEMBERS);

	if (!end)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "%llu packed bytes have too many members",
			       (unsigned long long)in.n);
	*end = u->buf.n;
	return true;
}

/* libdeflate only says "bad data": let zlib, which reads as a stream, tell a cut from damage and find the place. */
static bool explain_deflate(gs_str in, size_t at, gs_packing packing, gs_err *err)
{
	const char *what = packing == GS_PACKING_GZIP ? "gzip" : "zlib";
	unsigned char sink[16384], *head;
	z_stream z = { 0 };
	int rc;
	gs_str rest = gs_str_skip(in, at);
	uint64_t where;

	if (inflateInit2(&z, packing == GS_PACKING_GZIP ? 31 : 15) != Z_OK)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory while unpacking");
	memcpy(&head, &rest.p, sizeof(head)); /* zlib's next_in is not const here, yet it only reads */
	z.next_in = head;
	z.avail_in = rest.n < UINT32_MAX ? (uInt)rest.n : UINT32_MAX;
	do {
		z.next_out = sink;
		z.avail_out = sizeof(sink);
		rc = inflate(&z, Z_NO_FLUSH);
	} while (rc == Z_OK && (z.avail_in || z.avail_out == 0));
	where = at + rest.n - z.avail_in;
	inflateEnd(&z);
	if (rc == Z_OK || rc == Z_BUF_ERROR)
		return gs_fail(err, GS_ERR_FORMAT, in.n, "the %s data is cut short after %llu bytes", what,
			       (unsigned long long)in.n);
	return gs_fail(err, GS_ERR_FORMAT, where, "the %s data is damaged near byte %llu", what,
		       (unsigned long long)where);
}

/* What the gzip trailer promises; only a hint, since it is 32 bits wide, of the last member, and may lie. */
static size_t size_hint(gs_str in, gs_packing packing)
{
	uint32_t isize = 0;
	size_t most = in.n < SIZE_MAX / DEFLATE_RATIO ? in.n * DEFLATE_RATIO : SIZE_MAX;

	if (packing == GS_PACKING_GZIP && in.n >= GZIP_MIN_BYTES) {
		memcpy(&isize, in.p + in.n - 4, 4);
		isize = le32toh(isize);
	}
	if (isize >= in.n / 2 && isize <= most)
		return isize;
	return in.n * 8 > in.n ? in.n * 8 : in.n;
}

static bool unpack_deflate(gs_str in, gs_unpacked *u, gs_err *err)
{
	struct libdeflate_decompressor *d = gs_alloc_should_fail() ? NULL : libdeflate_alloc_decompressor();
	size_t at = 0;
	bool ok = false;
	size_t want = size_hint(in, u->packing);

	if (!d)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory while unpacking");
	if (want > u->buf.max)
		want = u->buf.max;
	while (at < in.n) {
		size_t used = 0, made = 0;
		enum libdeflate_result rc;

		if (at && gs_packing_of(gs_str_skip(in, at)) != u->packing) {
			u->trailing_bytes = in.n - at;
			break;
		}
		if (!gs_buf_reserve(&u->buf, want - u->buf.n)) {
			over_limit(u, in, err);
			goto out;
		}
		if (u->packing == GS_PACKING_GZIP)
			rc = libdeflate_gzip_decompress_ex(d, in.p + at, in.n - at, u->buf.p + u->buf.n,
							   u->buf.cap - u->buf.n, &used, &made);
		else
			rc = libdeflate_zlib_decompress_ex(d, in.p + at, in.n - at, u->buf.p + u->buf.n,
							   u->buf.cap - u->buf.n, &used, &made);
		if (rc == LIBDEFLATE_INSUFFICIENT_SPACE) {
			if (u->buf.cap >= u->buf.max) {
				over_limit(u, in, err);
				goto out;
			}
			want = u->buf.cap > u->buf.max / 2 ? u->buf.max : u->buf.cap * 2;
			continue;
		}
		if (rc != LIBDEFLATE_SUCCESS) {
			explain_deflate(in, at, u->packing, err);
			goto out;
		}
		u->buf.n += made;
		at += used;
		if (want < u->buf.n)
			want = u->buf.n;
		if (!member_done(u, in, err))
			goto out;
	}
	ok = true;
out:
	libdeflate_free_decompressor(d);
	return ok;
}

static bool is_zstd_frame(gs_str s)
{
	const unsigned char *p = (const unsigned char *)s.p;

	return gs_packing_of(s) == GS_PACKING_ZSTD ||
	       (s.n >= 4 && (p[0] & 0xf0) == 0x50 && p[1] == 0x2a && p[2] == 0x4d && p[3] == 0x18);
}

/* Room for a frame's declared size at once, as far as a frame of these bytes may be believed. */
static bool zstd_room(gs_str frame, gs_unpacked *u)
{
	unsigned long long size = ZSTD_getFrameContentSize(frame.p, frame.n);

	if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR)
		return true;
	if (size > u->buf.max - u->buf.n)
		return false;
	return size / DEFLATE_RATIO > frame.n || gs_buf_reserve(&u->buf, (size_t)size);
}

static bool unpack_zstd(gs_str in, gs_unpacked *u, gs_err *err)
{
	ZSTD_DCtx *z = gs_alloc_should_fail() ? NULL : ZSTD_createDCtx();
	ZSTD_inBuffer src = { in.p, in.n, 0 };
	size_t left = 0;
	bool ok = false;

	if (!z)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory while unpacking");
	for (;;) {
		gs_str rest = gs_str_skip(in, src.pos);
		ZSTD_outBuffer dst;
		size_t more = u->buf.n < 65536 ? 65536 : u->buf.n;

		if (left == 0 && !is_zstd_frame(rest)) {
			u->trailing_bytes = rest.n;
			ok = true;
			break;
		}
		if (more > u->buf.max - u->buf.n)
			more = u->buf.max - u->buf.n;
		if ((left == 0 && !zstd_room(rest, u)) ||
		    (u->buf.n == u->buf.cap && (more == 0 || !gs_buf_reserve(&u->buf, more)))) {
			over_limit(u, in, err);
			break;
		}
		dst = (ZSTD_outBuffer){ u->buf.p + u->buf.n, u->buf.cap - u->buf.n, 0 };
		left = ZSTD_decompressStream(z, &dst, &src);
		if (ZSTD_isError(left)) {
			gs_fail(err, GS_ERR_FORMAT, src.pos, "the zstd data is damaged near byte %llu: %s",
				(unsigned long long)src.pos, ZSTD_getErrorName(left));
			break;
		}
		u->buf.n += dst.pos;
		if (left == 0 && !member_done(u, in, err))
			break;
		if (left && src.pos == src.size && dst.pos < dst.size) {
			gs_fail(err, GS_ERR_FORMAT, in.n, "the zstd data is cut short after %llu bytes",
				(unsigned long long)in.n);
			break;
		}
	}
	ZSTD_freeDCtx(z);
	return ok;
}

bool gs_unpack(gs_str bytes, uint64_t max_bytes, gs_unpacked *out, gs_err *err)
{
	bool ok = true;

	*out = (gs_unpacked){ .packing = gs_packing_of(bytes), .bytes = bytes };
	if (!max_bytes)
		max_bytes = gs_unpack_default_max(bytes.n);
	gs_buf_init(&out->buf, max_bytes < SIZE_MAX ? (size_t)max_bytes : SIZE_MAX);
	switch (out->packing) {
	case GS_PACKING_NONE:
		return true;
	case GS_PACKING_GZIP:
	case GS_PACKING_ZLIB:
		ok = unpack_deflate(bytes, out, err);
		break;
	case GS_PACKING_ZSTD:
		ok = unpack_zstd(bytes, out, err);
		break;
	}
	out->bytes = gs_buf_view(&out->buf);
	if (!ok)
		gs_unpacked_release(out);
	return ok;
}

void gs_unpacked_release(gs_unpacked *u)
{
	gs_buf_release(&u->buf);
	gs_vec_release(&u->member_ends);
	*u = (gs_unpacked){ 0 };
}
