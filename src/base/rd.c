#include "base/rd.h"

uint64_t gs_rd_varint_slow(gs_rd *r)
{
	uint64_t v = 0;
	const unsigned char *p = r->p;

	if (r->bad)
		return 0;
	for (unsigned shift = 0; shift < 70; shift += 7) {
		uint64_t b;

		if (p == r->end)
			break;
		b = *p++;
		if (shift == 63 && b > 1)
			break;
		v |= (b & 0x7f) << shift;
		if (b < 0x80) {
			r->p = p;
			return v;
		}
	}
	r->bad = true;
	return 0;
}
