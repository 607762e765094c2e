#include "present/printable.h"

#include <inttypes.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/json.h"

/* Eight (sixteen) bytes of printable ASCII are copied; false when they are not that. */
static inline bool copy_eight(char *to, const char *from)
{
	const uint64_t ones = 0x0101010101010101u, high = 0x80 * ones;
	uint64_t x, del;

	memcpy(&x, from, sizeof(x));
	del = x ^ 0x7f * ones;
	if ((x | ((x - 0x20 * ones) & ~x) | ((del - ones) & ~del)) & high)
		return false;
	memcpy(to, &x, sizeof(x));
	return true;
}

static inline bool copy_sixteen(char *to, const char *from)
{
#ifdef __SSE2__
	__m128i x = _mm_loadu_si128((const __m128i_u *)from);
	/* Bytes from 0x80 on are negative there. */
	__m128i odd = _mm_or_si128(_mm_cmplt_epi8(x, _mm_set1_epi8(0x20)), _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f)));

	if (_mm_movemask_epi8(odd))
		return false;
	_mm_storeu_si128((__m128i_u *)to, x);
	return true;
#else
	return copy_eight(to, from) && copy_eight(to + 8, from + 8);
#endif
}

/* Copy the printable ASCII that `s` starts with; `to` has room for all of `s`. Returns how many. The last ones are copied
 * together with some in front of them: a loop over what is left costs more than the rest. */
static size_t copy_plain(char *to, gs_str s)
{
	size_t n = 0;

	while (s.n - n >= 16 && copy_sixteen(to + n, s.p + n))
		n += 16;
	if (s.n - n < 16 && s.n >= 16 && copy_sixteen(to + s.n - 16, s.p + s.n - 16))
		return s.n;
	if (s.n - n >= 8 && copy_eight(to + n, s.p + n))
		n += 8;
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
