#include "present/printable.h"

#include <inttypes.h>

#include "base/json.h"

void gs_printable(gs_buf *out, gs_str s)
{
	while (s.n) {
		uint32_t c = gs_utf8_next(&s);

		if (c < 0x20 || (c >= 0x7f && c < 0xa0))
			gs_buf_f(out, "\\x%02" PRIx32, c);
		else
			gs_utf8_put(out, c);
	}
}
