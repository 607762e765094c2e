#include "app/addresses.h"

#include <endian.h>

#include "base/pool.h"

#include "base/banned.h"

enum {
	PART_BYTES = 1 << 16, /* less text than this is not worth another thread */
	MAX_PARTS = 64,
	DIGIT_BITS = 11,
	DIGITS = 1 << DIGIT_BITS,
};

static bool too_many(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "more than %d addresses, or no memory for them", (int)GS_ADDRESSES_MAX);
}

static bool of_text(const gs_addresses *a, gs_str text, uint64_t *addr, gs_err *err)
{
	gs_str hex = gs_str_starts(text, GS_S("0x")) ? gs_str_skip(text, 2) : text;

	if (!gs_str_u64(hex, 16, addr))
		return a->name(a->ctx, text, addr, err);
	*addr -= a->bias;
	return true;
}

bool gs_addresses_add(gs_addresses *a, gs_str text, gs_err *err)
{
	uint64_t addr, *to;

	if (!of_text(a, text, &addr, err))
		return false;
	to = gs_vec_push(&a->list, GS_ADDRESSES_MAX);
	if (!to)
		return too_many(err);
	*to = addr;
	return true;
}

/* How many of eight characters, first one first, are hexadecimal digits, and their value: arithmetic on all eight at once. */
static inline unsigned hex_digits(const char *p, uint64_t *value)
{
	const uint64_t ones = 0x0101010101010101u, high = 0x80 * ones;
	uint64_t x, low7, letter, is_hex, v;
	unsigned n;

	memcpy(&x, p, sizeof(x));
	x = le64toh(x);
	low7 = x & ~high;
	letter = low7 | 0x20 * ones;
	is_hex = (low7 + (0x80 - '0') * ones) & ~(low7 + (0x80 - '9' - 1) * ones);
	is_hex |= (letter + (0x80 - 'a') * ones) & ~(letter + (0x80 - 'f' - 1) * ones);
	is_hex &= ~x & high;
	n = is_hex == high ? 8 : (unsigned)__builtin_ctzll(~is_hex & high) / 8;
	if (n == 0)
		return 0;
	v = (x & 0x0f * ones) + 9 * (x >> 6 & ones);
	v <<= 64 - 8 * n; /* zeros in front */
	v = (v << 4 | v >> 8) & 0x00ff00ff00ff00ffu;
	v = (v << 8 | v >> 16) & 0x0000ffff0000ffffu;
	*value = (v << 16 | v >> 32) & 0xffffffffu;
	return n;
}

/* A line that is nothing but 0x and at most sixteen digits, as nearly all are. Returns its length, 0: another kind. */
static inline size_t plain_line(const char *p, size_t room, uint64_t *addr)
{
	uint64_t more;
	unsigned n, k;

	if (room < 19 || p[0] != '0' || p[1] != 'x')
		return 0;
	n = hex_digits(p + 2, addr);
	if (n == 8 && (k = hex_digits(p + 10, &more)) > 0) {
		*addr = *addr << 4 * k | more;
		n += k;
	}
	return n && p[2 + n] == '\n' ? 3 + n : 0;
}

typedef struct reading {
	const gs_addresses *a;
	gs_str text;
	size_t n_parts;
	struct part {
		GS_VEC(uint64_t) list;
		gs_err err;
		bool ok;
	} parts[MAX_PARTS];
} reading;

/* Parts begin behind the end of a line. */
static size_t part_start(const reading *r, size_t part)
{
	size_t at = r->text.n / r->n_parts * part, n;

	if (part == 0 || part == r->n_parts)
		return part ? r->text.n : 0;
	n = gs_str_find_char(gs_str_skip(r->text, at - 1), '\n');
	return n == SIZE_MAX ? r->text.n : at + n;
}

static void read_part(void *ctx, size_t i)
{
	reading *r = ctx;
	struct part *part = &r->parts[i];
	gs_str rest = gs_str_slice(r->text, part_start(r, i), part_start(r, i + 1)), line;
	uint64_t addr, *to;

	for (;;) {
		size_t n = plain_line(rest.p, rest.n, &addr);

		if (n) {
			rest.p += n;
			rest.n -= n;
			addr -= r->a->bias;
		} else {
			if (!gs_str_line(&rest, &line))
				break;
			line = gs_str_trim(line);
			if (line.n == 0)
				continue;
			if (!of_text(r->a, line, &addr, &part->err))
				return;
		}
		to = gs_vec_push(&part->list, GS_ADDRESSES_MAX);
		if (!to) {
			too_many(&part->err);
			return;
		}
		*to = addr;
	}
	part->ok = true;
}

static bool append(gs_addresses *a, const uint64_t *from, size_t n)
{
	uint64_t *p;

	if (n > GS_ADDRESSES_MAX - a->list.n)
		return false;
	if (n == 0)
		return true;
	if (a->list.cap - a->list.n < n) {
		p = gs_alloc_should_fail() ? NULL : realloc(a->list.p, (a->list.n + n) * sizeof(*p));
		if (!p)
			return false;
		a->list.p = p;
		a->list.cap = a->list.n + n;
	}
	memcpy(a->list.p + a->list.n, from, n * sizeof(*from));
	a->list.n += n;
	return true;
}

bool gs_addresses_read(gs_addresses *a, gs_str text, gs_err *err)
{
	reading r = { .a = a, .text = text };
	bool ok = true;

	/* More parts than threads: one of these may be kept waiting. */
	r.n_parts = text.n / PART_BYTES < 1 ? 1 : text.n / PART_BYTES > MAX_PARTS ? MAX_PARTS : text.n / PART_BYTES;
	gs_pool_run(0, r.n_parts, read_part, &r);
	for (size_t i = 0; i < r.n_parts; i++) {
		if (ok && !r.parts[i].ok) {
			*err = r.parts[i].err;
			ok = false;
		}
		if (ok && !append(a, r.parts[i].list.p, r.parts[i].list.n))
			ok = too_many(err);
		gs_vec_release(&r.parts[i].list);
	}
	return ok;
}

void gs_addresses_order(const gs_addresses *a, uint64_t start, uint64_t end, gs_address_ref *out)
{
	uint64_t room = end > start ? end - start : 0;
	uint32_t count[DIGITS + 1] = { 0 }, sum = 0;
	unsigned shift = 0;

	if (room > GS_ADDRESS_ELSEWHERE)
		room = GS_ADDRESS_ELSEWHERE;
	while (room >> shift >= DIGITS)
		shift++;
	/* What lies elsewhere comes last. */
	for (size_t i = 0; i < a->list.n; i++) {
		uint64_t offset = a->list.p[i] - start;

		count[offset < room ? offset >> shift : DIGITS]++;
	}
	for (unsigned d = 0; d <= DIGITS; d++) {
		uint32_t n = count[d];

		count[d] = sum;
		sum += n;
	}
	for (size_t i = 0; i < a->list.n; i++) {
		uint64_t offset = a->list.p[i] - start;
		bool is_inside = offset < room;

		out[count[is_inside ? offset >> shift : DIGITS]++] = (is_inside ? offset : GS_ADDRESS_ELSEWHERE) << 32 | i;
	}
}

void gs_address_refs_sort(gs_address_ref *refs, gs_address_ref *other, size_t n)
{
	gs_address_ref *from = refs, *to = other, differ = 0;

	for (size_t i = 1; i < n; i++)
		differ |= refs[i] ^ refs[0];
	for (unsigned shift = 32; shift < 64; shift += 8) {
		uint32_t count[256] = { 0 }, sum = 0;
		gs_address_ref *t = from;

		if (!(differ >> shift & 0xff))
			continue;
		for (size_t i = 0; i < n; i++)
			count[from[i] >> shift & 0xff]++;
		for (unsigned d = 0; d < 256; d++) {
			uint32_t k = count[d];

			count[d] = sum;
			sum += k;
		}
		for (size_t i = 0; i < n; i++)
			to[count[from[i] >> shift & 0xff]++] = from[i];
		from = to;
		to = t;
	}
	if (from != refs)
		memcpy(refs, from, n * sizeof(*refs));
}
