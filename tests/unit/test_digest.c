#include "base/digest.h"

#include "base/arena.h"
#include "tap.h"

enum { LONGEST = 600000 };

__extension__ typedef unsigned __int128 u128;

/* What the header says, word by word. */
static u128 plain_block(const uint64_t *key, const unsigned char *p, size_t n)
{
	u128 sum = (u128)(n + key[0]) * key[1];

	for (size_t at = 0, k = 2; at < n; at += 16, k += 2) {
		size_t from = n - at < 16 && n >= 16 ? n - 16 : at;
		uint64_t words[2] = { 0 };

		for (size_t i = 0; i < 16 && from + i < n; i++)
			words[i / 8] |= (uint64_t)p[from + i] << (8 * (i % 8));
		sum += (u128)(words[0] + key[k]) * (words[1] + key[k + 1]);
	}
	return sum;
}

static u128 plain(const gs_digest_key *k, unsigned level, const unsigned char *p, size_t n)
{
	size_t blocks = (n + 2047) / 2048;
	unsigned char *next;
	u128 sum;

	if (n <= 2048)
		return plain_block(k->words[level], p, n);
	next = malloc(blocks * 16);
	if (!next)
		abort();
	for (size_t i = 0; i < blocks; i++) {
		sum = plain_block(k->words[level], p + i * 2048, n - i * 2048 < 2048 ? n - i * 2048 : 2048);
		for (unsigned b = 0; b < 16; b++)
			next[i * 16 + b] = (unsigned char)(sum >> (8 * b));
	}
	sum = plain(k, level + 1, next, blocks * 16);
	free(next);
	return sum;
}

static char *random_text(uint64_t seed)
{
	char *text = malloc(LONGEST);

	if (!text)
		abort();
	for (size_t i = 0; i < LONGEST; i++)
		text[i] = (char)(gs_hash_u64(seed += 0x9e3779b97f4a7c15u) >> 17);
	return text;
}

TEST(digests_are_the_sums_that_the_header_tells_of)
{
	static const size_t more[] = { 2047, 2048, 2049, 4096, 5001, 262143, 262144, 262145, 264192, 524288, 524300, LONGEST };
	gs_digest_key k;
	char *text = random_text(7);

	gs_digest_key_from(&k, 42);
	for (size_t i = 0; i < 300 + sizeof(more) / sizeof(*more); i++) {
		size_t n = i < 300 ? i : more[i - 300];
		gs_digest d = gs_digest_of(&k, (gs_str){ text, n });
		u128 want = plain(&k, 0, (const unsigned char *)text, n);

		CHECK(d.lo == (uint64_t)want && d.hi == (uint64_t)(want >> 64));
	}
	free(text);
}

TEST(every_byte_and_the_length_count_and_so_does_the_key)
{
	enum { N = 4200 };
	gs_digest_key k, other;
	char *text = random_text(3), moved[N + 3];
	gs_digest whole, d;
	bool ok = true;

	gs_digest_key_init(&k);
	gs_digest_key_init(&other);
	whole = gs_digest_of(&k, (gs_str){ text, N });
	CHECK(!gs_digest_eq(whole, gs_digest_of(&other, (gs_str){ text, N })));
	for (size_t i = 0; i < N; i++) {
		text[i] ^= 0x10;
		ok = ok && !gs_digest_eq(whole, gs_digest_of(&k, (gs_str){ text, N }));
		text[i] ^= 0x10;
	}
	CHECK(ok);
	CHECK(gs_digest_eq(whole, gs_digest_of(&k, (gs_str){ text, N })));
	/* Where they lie does not count. */
	memcpy(moved + 3, text, N);
	CHECK(gs_digest_eq(whole, gs_digest_of(&k, (gs_str){ moved + 3, N })));
	memset(text, 0, N);
	d = gs_digest_of(&k, (gs_str){ 0 });
	for (size_t n = 1; n < N; n++) {
		gs_digest longer = gs_digest_of(&k, (gs_str){ text, n });

		ok = ok && !gs_digest_eq(d, longer);
		d = longer;
	}
	CHECK(ok);
	free(text);
}

TEST(a_map_of_digests_keeps_what_was_put)
{
	enum { N = 20000 };
	gs_digest_map m = { 0 };
	gs_digest_key k;
	bool ok = true, is_new;

	gs_digest_key_from(&k, 1);
	for (uint32_t round = 0; round < 2; round++)
		for (uint32_t i = 0; i < N; i++) {
			gs_digest d = gs_digest_of(&k, (gs_str){ (const char *)&i, sizeof(i) });
			uint32_t *value = gs_digest_map_put(&m, d, &is_new);

			ok = ok && value && is_new == !round && *value == (round ? i : 0);
			if (value)
				*value = i;
		}
	CHECK(ok);
	CHECK_INT(m.n, N);
	gs_alloc_fail_after(1);
	for (uint32_t i = N; ok; i++)
		ok = gs_digest_map_put(&m, gs_digest_of(&k, (gs_str){ (const char *)&i, sizeof(i) }), &is_new) != NULL;
	gs_alloc_fail_after(0);
	CHECK(m.n > N);
	gs_digest_map_release(&m);
}
