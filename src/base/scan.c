#include "base/scan.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "base/banned.h"

static const char *unindented_plain(const char *p, const char *end)
{
	while (p < end && (p = memchr(p, '\n', (size_t)(end - p)))) {
		if (p + 1 == end || (p[1] != ' ' && p[1] != '\t'))
			return p;
		p++;
	}
	return end;
}

#ifdef __x86_64__
static const char *unindented_sse2(const char *p, const char *end)
{
	const __m128i newline = _mm_set1_epi8('\n'), space = _mm_set1_epi8(' '), tab = _mm_set1_epi8('\t');

	for (; end - p > 16; p += 16) {
		__m128i here = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i next = _mm_loadu_si128((const __m128i *)(const void *)(p + 1));
		__m128i blank = _mm_or_si128(_mm_cmpeq_epi8(next, space), _mm_cmpeq_epi8(next, tab));
		int hits = _mm_movemask_epi8(_mm_andnot_si128(blank, _mm_cmpeq_epi8(here, newline)));

		if (hits)
			return p + __builtin_ctz((unsigned)hits);
	}
	return unindented_plain(p, end);
}

__attribute__((target("avx2"))) static inline __m256i unindented_in(const char *p)
{
	const __m256i newline = _mm256_set1_epi8('\n'), space = _mm256_set1_epi8(' '), tab = _mm256_set1_epi8('\t');
	__m256i here = _mm256_loadu_si256((const __m256i *)(const void *)p);
	__m256i next = _mm256_loadu_si256((const __m256i *)(const void *)(p + 1));

	return _mm256_andnot_si256(_mm256_or_si256(_mm256_cmpeq_epi8(next, space), _mm256_cmpeq_epi8(next, tab)),
				   _mm256_cmpeq_epi8(here, newline));
}

__attribute__((target("avx2"))) static const char *unindented_avx2(const char *p, const char *end)
{
	for (; end - p > 64; p += 64) {
		__m256i a = unindented_in(p), b = unindented_in(p + 32), any = _mm256_or_si256(a, b);

		/* The processor itself looks ahead within a page only. */
		__builtin_prefetch((const char *)((uintptr_t)p + 4096));
		if (!_mm256_testz_si256(any, any)) {
			uint64_t hits = (uint32_t)_mm256_movemask_epi8(b);

			return p + __builtin_ctzll(hits << 32 | (uint32_t)_mm256_movemask_epi8(a));
		}
	}
	return unindented_sse2(p, end);
}

const char *gs_scan_unindented(const char *p, const char *end, gs_scan_way way)
{
	if (way >= GS_SCAN_AVX2 && __builtin_cpu_supports("avx2"))
		return unindented_avx2(p, end);
	return way >= GS_SCAN_SSE2 ? unindented_sse2(p, end) : unindented_plain(p, end);
}
#else
const char *gs_scan_unindented(const char *p, const char *end, gs_scan_way way)
{
	(void)way;
	return unindented_plain(p, end);
}
#endif
