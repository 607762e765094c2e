/* Numbers out of bytes whose bounds the caller has already checked, in the byte order of the file. */
#ifndef GS_FORMAT_PEEK_H
#define GS_FORMAT_PEEK_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

static inline uint16_t gs_peek_u16(const void *p, bool is_big)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return is_big ? be16toh(v) : le16toh(v);
}

static inline uint32_t gs_peek_u32(const void *p, bool is_big)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return is_big ? be32toh(v) : le32toh(v);
}

static inline uint64_t gs_peek_u64(const void *p, bool is_big)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return is_big ? be64toh(v) : le64toh(v);
}

/* A pointer of `size` 4 or 8 bytes. */
static inline uint64_t gs_peek_ptr(const void *p, unsigned size, bool is_big)
{
	return size == 8 ? gs_peek_u64(p, is_big) : gs_peek_u32(p, is_big);
}

/* True when [at, at + n) lies inside `s`. */
static inline bool gs_peek_has(gs_str s, uint64_t at, uint64_t n)
{
	return at <= s.n && n <= s.n - at;
}

/* The NUL-terminated string at `at`, at most `max` bytes; empty when there is none. */
static inline gs_str gs_peek_cstr(gs_str s, uint64_t at, size_t max)
{
	const char *end;
	size_t room;

	if (at >= s.n)
		return (gs_str){ 0 };
	room = s.n - (size_t)at;
	if (room > max)
		room = max;
	end = memchr(s.p + at, 0, room);
	return end ? (gs_str){ s.p + at, (size_t)(end - (s.p + at)) } : (gs_str){ 0 };
}

#endif
