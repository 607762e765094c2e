/*
 * gs_str: a borrowed slice of bytes, by value. Presumed UTF-8, never trusted; not NUL-terminated.
 * A slice never owns memory; whoever made the bytes says how long they live.
 */
#ifndef GS_BASE_STR_H
#define GS_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/banned.h"

typedef struct gs_str {
	const char *p;
	size_t n;
} gs_str;

#define GS_S(lit) ((gs_str){ "" lit, sizeof(lit) - 1 })
/* printf: "%.*s" with GS_FMT(s) */
#define GS_FMT(s) (int)((s).n > 4096 ? 4096 : (s).n), (s).p ? (s).p : ""

static inline gs_str gs_str_of(const char *z)
{
	return (gs_str){ z, z ? strlen(z) : 0 };
}

static inline bool gs_str_eq(gs_str a, gs_str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool gs_str_starts(gs_str s, gs_str prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool gs_str_ends(gs_str s, gs_str suffix)
{
	return s.n >= suffix.n &&
	       (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* Bytes [from, to), clamped to the string. */
gs_str gs_str_slice(gs_str s, size_t from, size_t to);
gs_str gs_str_skip(gs_str s, size_t n);
gs_str gs_str_trim(gs_str s);
int gs_str_cmp(gs_str a, gs_str b);

/* Index of the first (last) match, or SIZE_MAX. */
size_t gs_str_find(gs_str s, gs_str needle);
size_t gs_str_find_char(gs_str s, char c);
size_t gs_str_rfind_char(gs_str s, char c);
static inline bool gs_str_has(gs_str s, gs_str needle)
{
	return gs_str_find(s, needle) != SIZE_MAX;
}

/* Cut at the first `sep`: *head before it, *rest after it (empty when absent). False when absent. */
bool gs_str_cut(gs_str s, char sep, gs_str *head, gs_str *rest);

/* Take the next line (without its '\n' and '\r') off *rest. False at the end. */
bool gs_str_line(gs_str *rest, gs_str *line);

/* Whole-string numbers. False when anything else is there or it does not fit. base 0: 0x prefix or decimal. */
bool gs_str_u64(gs_str s, unsigned base, uint64_t *out);
bool gs_str_i64(gs_str s, int64_t *out);
bool gs_str_f64(gs_str s, double *out);

uint64_t gs_hash_bytes(const void *p, size_t n, uint64_t seed);
static inline uint64_t gs_str_hash(gs_str s)
{
	return gs_hash_bytes(s.p, s.n, 0);
}

/* A cheap, well-mixing hash of one 64-bit key. */
static inline uint64_t gs_hash_u64(uint64_t x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93u;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93u;
	x ^= x >> 32;
	return x;
}

#endif
