/*
 * gperftools' binary CPU profile: words of 4 or 8 bytes in either byte order. Header 0, 3, 0, period in us, 0; then
 * count, depth, addresses...; then 0, 1, 0; then the memory map as text.
 */
#include "base/map.h"
#include "base/rd.h"
#include "format/legacy/build.h"

static uint64_t read_word(gs_rd *r, int words)
{
	switch (words) {
	case 0:
		return gs_rd_u32le(r);
	case 1:
		return gs_rd_u32be(r);
	case 2:
		return gs_rd_u64le(r);
	default:
		return gs_rd_u64be(r);
	}
}

int legacy_cpu_words(gs_str head)
{
	for (int words = 0; words < 4; words++) {
		gs_rd r = gs_rd_of(head);
		uint64_t w[5];

		for (int i = 0; i < 5; i++)
			w[i] = read_word(&r, words);
		if (!r.bad && w[0] == 0 && w[1] == 3 && w[2] == 0 && w[3] > 0 &&
		    w[3] <= INT64_MAX / 1000 && w[4] == 0)
			return words;
	}
	return -1;
}

static void drop_second(legacy_builder *b, gs_legacy_sample *s)
{
	uint64_t *a = &b->addresses.p[s->first_address];

	s->n_addresses--;
	memmove(a + 1, a + 2, (s->n_addresses - 1) * sizeof(*a));
}

/*
 * When nearly all samples have the same second address it is the signal handler's own frame: it goes. Twice at most.
 */
static void drop_handler_frames(legacy_builder *b)
{
	size_t margin = b->samples.n / 32;

	for (int turn = 0; turn < 2; turn++) {
		GS_AUTO(map) counts = { 0 };
		uint64_t common = 0;
		bool found = false;

		for (size_t i = 0; i < b->samples.n && !found; i++) {
			const gs_legacy_sample *s = &b->samples.p[i];
			uint64_t a = s->n_addresses > 1 ? b->addresses.p[s->first_address + 1] : 0;
			bool is_new;
			uint32_t *n = s->n_addresses > 1 ? gs_map_put(&counts, a, &is_new) : NULL;

			if (!n)
				continue;
			++*n;
			if (*n >= b->samples.n - margin) {
				common = a;
				found = true;
			}
		}
		for (size_t i = 0; i < b->samples.n && found; i++) {
			gs_legacy_sample *s = &b->samples.p[i];

			if (s->n_addresses > 1 && b->addresses.p[s->first_address + 1] == common)
				drop_second(b, s);
		}
	}
}

bool legacy_parse_cpu(legacy_builder *b)
{
	gs_legacy *out = b->out;
	int words = legacy_cpu_words(b->text);
	size_t word_bytes = words < 2 ? 4 : 8;
	gs_rd r = gs_rd_of(b->text);

	out->types[0] = (gs_legacy_type){ GS_S("samples"), GS_S("count") };
	out->types[1] = out->period_type = (gs_legacy_type){ GS_S("cpu"), GS_S("nanoseconds") };
	out->n_types = 2;
	for (int i = 0; i < 5; i++) {
		uint64_t w = read_word(&r, words);

		if (i == 3)
			out->period = (int64_t)w * 1000;
	}
	while (!b->is_full && gs_rd_left(&r)) {
		uint64_t at = gs_rd_at(&r), count = read_word(&r, words),
			 depth = read_word(&r, words);
		gs_legacy_sample *s;

		if (r.bad || depth > gs_rd_left(&r) / word_bytes)
			return gs_fail(b->err, GS_ERR_FORMAT, at,
				       "the profile ends inside a stack");
		s = legacy_sample(b);
		for (uint64_t i = 0; s && i < depth; i++) {
			uint64_t *a = gs_vec_push(&b->addresses, LEGACY_MAX_ITEMS);

			if (!a) {
				b->is_full = true;
				break;
			}
			*a = read_word(&r, words);
			/* All but the leaf are return addresses. */
			if (i)
				--*a;
			s->n_addresses++;
		}
		if (b->is_full || !s)
			break;
		if (count == 0 && depth == 1 && b->addresses.p[s->first_address] == 0) {
			b->samples.n--;
			b->addresses.n--;
			break;
		}
		s->values[0] = (int64_t)count;
		if (__builtin_mul_overflow(s->values[0], out->period, &s->values[1]))
			s->values[1] = INT64_MAX;
	}
	drop_handler_frames(b);
	/* The handler may have recorded the leaf a second time, as if it were a call. */
	for (size_t i = 0; i < b->samples.n; i++) {
		gs_legacy_sample *s = &b->samples.p[i];
		const uint64_t *a = &b->addresses.p[s->first_address];

		if (s->n_addresses > 1 && a[0] == a[1] + 1)
			drop_second(b, s);
	}
	if (gs_rd_left(&r))
		legacy_parse_map(b, gs_rd_bytes(&r, gs_rd_left(&r)));
	return true;
}
