/*
 * gs_rd: the one reader of untrusted bytes. Failure is sticky: read freely, test `bad` once per record.
 * A failed read returns 0 or an empty slice and moves nothing.
 */
#ifndef GS_BASE_RD_H
#define GS_BASE_RD_H

#include <stdbool.h>
#include <endian.h>
#include <stdint.h>

#include "base/str.h"

typedef struct gs_rd {
	const unsigned char *start, *p, *end;
	bool bad;
} gs_rd;

static inline gs_rd gs_rd_of(gs_str bytes)
{
	static const unsigned char nothing[1];
	const unsigned char *p = bytes.n ? (const unsigned char *)bytes.p : nothing;

	return (gs_rd){ p, p, p + bytes.n, false };
}

static inline uint64_t gs_rd_left(const gs_rd *r)
{
	return (uint64_t)(r->end - r->p);
}

/* Offset of the next byte, for gs_err.at. */
static inline uint64_t gs_rd_at(const gs_rd *r)
{
	return (uint64_t)(r->p - r->start);
}

static inline gs_str gs_rd_bytes(gs_rd *r, uint64_t n)
{
	gs_str s;

	if (r->bad || n > gs_rd_left(r)) {
		r->bad = true;
		return (gs_str){ 0 };
	}
	s = (gs_str){ (const char *)r->p, (size_t)n };
	r->p += n;
	return s;
}

static inline void gs_rd_skip(gs_rd *r, uint64_t n)
{
	(void)gs_rd_bytes(r, n);
}

/* Go to absolute offset `at`. */
static inline void gs_rd_seek(gs_rd *r, uint64_t at)
{
	if (r->bad || at > (uint64_t)(r->end - r->start))
		r->bad = true;
	else
		r->p = r->start + at;
}

#define GS_RD_FIXED(name, type, convert)                        \
	static inline type gs_rd_##name(gs_rd *r)               \
	{                                                       \
		gs_str s = gs_rd_bytes(r, sizeof(type));        \
		type v = 0;                                     \
                                                                \
		if (s.n)                                        \
			memcpy(&v, s.p, sizeof(v));             \
		return convert(v);                              \
	}
GS_RD_FIXED(u8, uint8_t, (uint8_t))
GS_RD_FIXED(u16le, uint16_t, le16toh)
GS_RD_FIXED(u32le, uint32_t, le32toh)
GS_RD_FIXED(u64le, uint64_t, le64toh)
GS_RD_FIXED(u16be, uint16_t, be16toh)
GS_RD_FIXED(u32be, uint32_t, be32toh)
GS_RD_FIXED(u64be, uint64_t, be64toh)
#undef GS_RD_FIXED

uint64_t gs_rd_varint_slow(gs_rd *r);

/* Unsigned LEB128, at most 10 bytes; more, or bits beyond 64, is `bad`. */
static inline uint64_t gs_rd_varint(gs_rd *r)
{
	if (!r->bad && r->p < r->end && *r->p < 0x80)
		return *r->p++;
	return gs_rd_varint_slow(r);
}

#endif
