#include "present/printable.h"

#include <inttypes.h>

#include "base/json.h"

void gs_printable(gs_buf *out, gs_str s)
{
	while (s.n) {
		size_t plain = 0;
		uint32_t c;

		while (plain < s.n && s.p[plain] >= 0x20 && s.p[plain] < 0x7f)
			plain++;
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
