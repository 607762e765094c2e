#include "present/printable.h"

#include <inttypes.h>

#include "base/json.h"

/* How many bytes from the start are printable ASCII, looked at eight at a time. */
static size_t plain_bytes(gs_str s)
{
	const uint64_t ones = 0x0101010101010101u, high = 0x80 * ones;
	size_t n = 0;

	for (uint64_t x, del; s.n - n >= sizeof(x); n += sizeof(x)) {
		memcpy(&x, s.p + n, sizeof(x));
		del = x ^ 0x7f * ones;
		if ((x | ((x - 0x20 * ones) & ~x) | ((del - ones) & ~del)) & high)
			break;
	}
	while (n < s.n && s.p[n] >= 0x20 && s.p[n] < 0x7f)
		n++;
	return n;
}

void gs_printable(gs_buf *out, gs_str s)
{
	while (s.n) {
		size_t plain = plain_bytes(s);
		uint32_t c;

		gs_buf_add(out, s.p, plain);
		s.p += plain;
		s.n -= plain;
		if (s.n == 0)
			break;
		c = gs_utf8_next(&s);

		if (c < 0x20 || (c >= 0x7f && c < 0xa0))
			gs_buf_f(out, "\\x%02" PRIx32, c);
		else
			gs_utf8_put(out, c);
	}
}
