#include "base/scan.h"

#include <stdlib.h>

#include "tap.h"

enum { LONGEST = 400 };

/* Newlines, blanks and the rest, as often as `dense` of 16 says. Texts end where the memory does, so that reading on shows. */
static void compare(uint64_t seed, unsigned dense, bool *same)
{
	static const char marks[] = "\n\n  \t\t\r\v";

	for (size_t n = 0; n <= LONGEST; n += 1 + n / 100) {
		char *text = malloc(n ? n : 1);

		if (!text)
			abort();
		for (size_t i = 0; i < n; i++) {
			uint64_t r = gs_hash_u64(seed += 0x9e3779b97f4a7c15u);

			text[i] = r % 16 < dense ? marks[r >> 8 & 7] : (char)(r >> 16);
		}
		for (const char *p = text; p <= text + n; p++) {
			const char *want = text + n;

			for (const char *at = p; at < text + n && want == text + n; at++)
				if (*at == '\n' && (at + 1 == text + n || (at[1] != ' ' && at[1] != '\t')))
					want = at;
			for (int way = GS_SCAN_PLAIN; way <= GS_SCAN_BEST; way++)
				*same = *same && gs_scan_unindented(p, text + n, (gs_scan_way)way) == want;
		}
		free(text);
	}
}

TEST(every_way_finds_the_same_newline)
{
	bool same = true;

	for (uint64_t seed = 1; seed <= 4; seed++) {
		compare(seed, 0, &same);
		compare(seed, 1, &same);
		compare(seed, 8, &same);
		compare(seed, 16, &same);
	}
	CHECK(same);
}
