#include "present/printable.h"

#include <inttypes.h>

#include "base/json.h"

/* Copy the printable ASCII that `s` starts with, eight bytes at a time; `to` has room for all of `s`. Returns how many. */
static size_t copy_plain(char *to, gs_str s)
{
	const uint64_t ones = 0x0101010101010101u, high = 0x80 * ones;
	size_t n = 0;

	for (uint64_t x, del; s.n - n >= sizeof(x); n += sizeof(x)) {
		memcpy(&x, s.p + n, sizeof(x));
		del = x ^ 0x7f * ones;
		if ((x | ((x - 0x20 * ones) & ~x) | ((del - ones) & ~del)) & high)
			break;
		memcpy(to + n, &x, sizeof(x));
	}
	for (; n < s.n && s.p[n] >= 0x20 && s.p[n] < 0x7f; n++)
		to[n] = s.p[n];
	return n;
}

void gs_printable(gs_buf *out, gs_str s)
{
	while (s.n) {
		size_t plain;
		uint32_t c;

		if (!gs_buf_reserve(out, s.n))
			return;
		plain = copy_plain(out->p + out->n, s);
		out->n += plain;
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
