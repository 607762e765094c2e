#include "base/str.h"

#include <errno.h>
#include <math.h>

gs_str gs_str_slice(gs_str s, size_t from, size_t to)
{
	if (to > s.n)
		to = s.n;
	if (from > to)
		from = to;
	return (gs_str){ s.n ? s.p + from : s.p, to - from };
}

gs_str gs_str_skip(gs_str s, size_t n)
{
	return gs_str_slice(s, n, s.n);
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

gs_str gs_str_trim(gs_str s)
{
	while (s.n && is_space(s.p[0]))
		s = gs_str_skip(s, 1);
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

int gs_str_cmp(gs_str a, gs_str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

size_t gs_str_find(gs_str s, gs_str needle)
{
	const char *hit;

	if (needle.n == 0)
		return 0;
	if (s.n < needle.n)
		return SIZE_MAX;
	hit = memmem(s.p, s.n, needle.p, needle.n);
	return hit ? (size_t)(hit - s.p) : SIZE_MAX;
}

size_t gs_str_find_char(gs_str s, char c)
{
	const char *hit = s.n ? memchr(s.p, c, s.n) : NULL;

	return hit ? (size_t)(hit - s.p) : SIZE_MAX;
}

size_t gs_str_rfind_char(gs_str s, char c)
{
	const char *hit = s.n ? memrchr(s.p, c, s.n) : NULL;

	return hit ? (size_t)(hit - s.p) : SIZE_MAX;
}

bool gs_str_cut(gs_str s, char sep, gs_str *head, gs_str *rest)
{
	size_t at = gs_str_find_char(s, sep);

	*head = gs_str_slice(s, 0, at);
	*rest = at == SIZE_MAX ? (gs_str){ 0 } : gs_str_skip(s, at + 1);
	return at != SIZE_MAX;
}

bool gs_str_line(gs_str *rest, gs_str *line)
{
	if (rest->n == 0)
		return false;
	gs_str_cut(*rest, '\n', line, rest);
	if (line->n && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

static unsigned digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A') + 10;
	return 99;
}

bool gs_str_u64(gs_str s, unsigned base, uint64_t *out)
{
	uint64_t v = 0;

	if ((base == 0 || base == 16) && s.n > 2 && s.p[0] == '0' && (s.p[1] | 0x20) == 'x') {
		s = gs_str_skip(s, 2);
		base = 16;
	} else if (base == 0) {
		base = 10;
	}
	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned d = digit_of(s.p[i]);

		if (d >= base || __builtin_mul_overflow(v, (uint64_t)base, &v) ||
		    __builtin_add_overflow(v, (uint64_t)d, &v))
			return false;
	}
	*out = v;
	return true;
}

bool gs_str_i64(gs_str s, int64_t *out)
{
	bool negative = s.n && s.p[0] == '-';
	uint64_t v;

	if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
		s = gs_str_skip(s, 1);
	if (!gs_str_u64(s, 10, &v) || v > (uint64_t)INT64_MAX + (negative ? 1 : 0))
		return false;
	*out = negative ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

bool gs_str_f64(gs_str s, double *out)
{
	char z[64];
	char *end;
	double v;

	if (s.n == 0 || s.n >= sizeof(z) || is_space(s.p[0]))
		return false;
	memcpy(z, s.p, s.n);
	z[s.n] = 0;
	errno = 0;
	v = strtod(z, &end);
	if (end != z + s.n || !isfinite(v))
		return false;
	*out = v;
	return true;
}

static uint64_t read_u64(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 u128;
	u128 m = (u128)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static uint64_t read_u32(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

/* Multiply-and-fold; long inputs in four lanes that do not wait for each other. Not for hostile floods, the tables above it bound
 * their probes. */
uint64_t gs_hash_bytes(const void *bytes, size_t n, uint64_t seed)
{
	const uint64_t k0 = 0xa0761d6478bd642fu, k1 = 0xe7037ed1a0b428dbu, k2 = 0x8ebc6af09c88c6e3u,
		       k3 = 0x589965cc75374cc3u;
	const unsigned char *p = bytes;
	uint64_t h = seed ^ k0 ^ n, a = 0, b = 0;
	size_t left = n;

	if (left >= 64) {
		uint64_t l1 = h, l2 = h, l3 = h;

		for (; left >= 64; p += 64, left -= 64) {
			h = mix(read_u64(p) ^ k1, read_u64(p + 8) ^ h);
			l1 = mix(read_u64(p + 16) ^ k2, read_u64(p + 24) ^ l1);
			l2 = mix(read_u64(p + 32) ^ k3, read_u64(p + 40) ^ l2);
			l3 = mix(read_u64(p + 48) ^ k0, read_u64(p + 56) ^ l3);
		}
		h ^= mix(l1 ^ k2, l2 ^ k3) ^ l3;
	}
	for (; left >= 16; p += 16, left -= 16)
		h = mix(read_u64(p) ^ k1, read_u64(p + 8) ^ h);
	/* The tail, reading back over what was read when there is enough. */
	if (n >= 16) {
		a = read_u64(p + left - 16);
		b = read_u64(p + left - 8);
	} else if (n >= 4) {
		size_t half = n >> 3 << 2;

		a = read_u32(p) << 32 | read_u32(p + half);
		b = read_u32(p + n - 4) << 32 | read_u32(p + n - 4 - half);
	} else if (n) {
		a = (uint64_t)p[0] << 16 | (uint64_t)p[n >> 1] << 8 | p[n - 1];
	}
	return mix(k1 ^ n, mix(a ^ k1, b ^ h));
}
