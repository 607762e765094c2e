#include "app/address_text.h"
#include "app/addresses.h"
#include "present/printable.h"

#include "tap.h"

#include <stdio.h>

#include "base/banned.h"

static bool by_name(void *ctx, gs_str name, uint64_t *addr, gs_err *err)
{
	(void)ctx;
	if (!gs_str_eq(name, GS_S("main.main")))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "no %.*s", GS_FMT(name));
	*addr = 0x77;
	return true;
}

TEST(lines_of_many_kinds)
{
	static const struct {
		const char *text;
		uint64_t addr;
	} lines[] = {
		{ "0x401000\n", 0x401000 },
		{ "0xDEADbeef\n", 0xdeadbeef },
		{ "0xfFfFfFfFfFfFfFfF\n", UINT64_MAX },
		{ "0x123456789\n", 0x123456789 },
		{ "0x7\n", 7 },
		{ "401abc\n", 0x401abc },
		{ "  0x00000000000000000401abc\r\n", 0x401abc }, /* more than sixteen digits, and blanks */
		{ "\n\n0xa0\r\n", 0xa0 },
		{ "main.main\n", 0x77 },
		{ "0x9a", 0x9a },
	};
	enum { N = sizeof(lines) / sizeof(*lines) };
	gs_addresses a = { .name = by_name };
	char text[512];
	size_t n = 0;
	gs_err err;

	for (unsigned i = 0; i < N; i++) {
		memcpy(text + n, lines[i].text, strlen(lines[i].text));
		n += strlen(lines[i].text);
	}
	CHECK(gs_addresses_read(&a, (gs_str){ text, n }, &err));
	CHECK(gs_addresses_add(&a, GS_S("0x5"), &err));
	CHECK_INT(a.list.n, N + 1);
	for (unsigned i = 0; i < N; i++)
		CHECK_INT(a.list.p[i], lines[i].addr);
	CHECK_INT(a.list.p[N], 5);
	gs_vec_release(&a.list);
}

/* Every character at every place of a line: what the fast way takes is what the slow one reads. */
TEST(what_is_no_digit)
{
	for (unsigned at = 0; at < 18; at++)
		for (unsigned c = 0; c < 256; c++) {
			char text[] = "0x1234567890abcdef\n0x1\n0x000000000000000002\n";
			gs_addresses a = { .name = by_name };
			gs_str line = { text, 18 };
			uint64_t want;
			bool ok, is_number;
			gs_err err;

			if (c == ' ' || (c >= '\t' && c <= '\r'))
				continue; /* blanks around a line are none of it */
			text[at] = (char)c;
			is_number = gs_str_u64(gs_str_starts(line, GS_S("0x")) ? gs_str_skip(line, 2) : line, 16, &want);
			ok = gs_addresses_read(&a, (gs_str){ text, sizeof(text) - 1 }, &err);
			if (ok != is_number || (ok && a.list.p[0] != want))
				CHECK_INT(c * 100 + at, -1);
			gs_vec_release(&a.list);
		}
}

static uint64_t next(uint64_t *seed)
{
	*seed = gs_hash_u64(*seed + 0x9e3779b97f4a7c15u);
	return *seed;
}

TEST(parts_keep_the_order)
{
	enum { N = 40000 };
	gs_buf text;
	gs_addresses a = { .name = by_name, .bias = 0x10 };
	uint64_t seed = 1;
	bool same = true;
	gs_err err;

	gs_buf_init(&text, 4 << 20);
	for (unsigned i = 0; i < N; i++)
		gs_buf_f(&text, i % 97 ? "0x%" PRIx64 "\n" : "%" PRIx64 "\n", next(&seed) >> (i % 60));
	CHECK(gs_addresses_read(&a, gs_buf_view(&text), &err));
	CHECK_INT(a.list.n, N);
	seed = 1;
	for (unsigned i = 0; i < a.list.n; i++)
		same &= a.list.p[i] == (next(&seed) >> (i % 60)) - 0x10;
	CHECK(same);
	gs_vec_release(&a.list);

	/* The first of several wrong lines is the one that is told. */
	a.list.n = 0;
	memcpy(text.p + text.n / 3, "\nnobody\n", 8);
	memcpy(text.p + text.n / 2, "\nsomebody\n", 10);
	CHECK(!gs_addresses_read(&a, gs_buf_view(&text), &err));
	CHECK_STR(gs_str_of(err.text), GS_S("no nobody"));
	gs_vec_release(&a.list);
	gs_buf_release(&text);
}

static void check_order(uint64_t start, uint64_t end, unsigned n, uint64_t mask)
{
	gs_addresses a = { 0 };
	gs_address_ref *refs = malloc(n * sizeof(*refs)), *other = malloc(n * sizeof(*refs));
	bool *seen = calloc(n, 1);
	uint64_t seed = n;
	bool ok = true;

	for (unsigned i = 0; i < n; i++)
		*gs_vec_push(&a.list, n) = start + (next(&seed) & mask) - 0x100;
	gs_addresses_order(&a, start, end, refs);
	for (unsigned from = 0; from < n; from += 1000)
		gs_address_refs_sort(refs + from, other, n - from < 1000 ? n - from : 1000);
	for (unsigned i = 0; i < n; i++) {
		uint32_t index = gs_address_index(refs[i]), offset = gs_address_offset(refs[i]);
		uint64_t addr;

		ok &= index < n && !seen[index];
		if (!ok)
			break;
		seen[index] = true;
		addr = a.list.p[index];
		ok &= offset == GS_ADDRESS_ELSEWHERE ? addr < start || addr >= end || addr - start >= UINT32_MAX : addr - start == offset;
		ok &= i % 1000 == 0 || offset >= gs_address_offset(refs[i - 1]);
	}
	CHECK(ok);
	free(refs);
	free(other);
	free(seen);
	gs_vec_release(&a.list);
}

TEST(order_of_addresses)
{
	check_order(0x401000, 0x401000 + (50 << 20), 30000, (64 << 20) - 1);
	check_order(0x401000, 0x401400, 5000, 0x7ff);
	check_order(0, UINT64_MAX, 3000, UINT64_MAX);
	check_order(0x1000, 0x1000, 10, 0xfff); /* no code at all */
	check_order(UINT64_MAX - 0xfff, UINT64_MAX, 100, 0x1fff);
}

TEST(text_of_frames)
{
	static const gs_str f = { "main.work", 9 }, g = { "main.\x1b", 6 }, file = { "/src/a.go", 9 };
	const gs_symbol inner = { .function = f, .file = file, .line = 7, .is_inlined = true };
	const gs_symbol frames[] = { inner, { .function = f, .file = file, .line = 12345678 }, { .function = g }, { .function = g, .file = file } };
	static const char want[] = "0x401000\n  main.work (inlined) /src/a.go:7\n  main.work /src/a.go:12345678\n"
				   "  main.\\x1b\n  main.\\x1b /src/a.go\n";
	gs_buf out;
	gs_address_text w;

	gs_buf_init(&out, 1 << 20);
	gs_address_text_init(&w, &out);
	gs_address_text_put(&w, 0x401000, frames, 4);
	gs_address_text_put(&w, 0x401000, frames, 4); /* now lines are copies */
	CHECK_INT(out.n, 2 * (sizeof(want) - 1));
	CHECK_STR(((gs_str){ out.p, sizeof(want) - 1 }), gs_str_of(want));
	CHECK_STR(((gs_str){ out.p + sizeof(want) - 1, sizeof(want) - 1 }), gs_str_of(want));
	out.n = 0;
	gs_address_text_init(&w, &out);
	gs_address_text_put(&w, UINT64_MAX, NULL, 0);
	CHECK_STR(gs_buf_view(&out), GS_S("0xffffffffffffffff\n  ?\n"));
	gs_buf_release(&out);
}

TEST(text_of_numbers)
{
	gs_buf out;
	gs_address_text w;
	char want[64];
	uint64_t seed = 3;

	gs_buf_init(&out, 1 << 20);
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t addr = i < 4000 ? i : next(&seed) >> (i % 64);
		uint32_t line = i < 12000 ? i : (uint32_t)next(&seed) >> (i % 32);
		gs_symbol frame = { .function = GS_S("f"), .file = GS_S("g"), .line = line };
		int n = snprintf(want, sizeof(want), line ? "0x%" PRIx64 "\n  f g:%" PRIu32 "\n" : "0x%" PRIx64 "\n  f g\n", addr, line);

		out.n = 0;
		gs_address_text_init(&w, &out);
		gs_address_text_put(&w, addr, &frame, 1);
		if (n < 0 || out.n != (size_t)n || memcmp(out.p, want, out.n) != 0)
			CHECK_STR(gs_buf_view(&out), ((gs_str){ want, (size_t)n }));
	}
	gs_buf_release(&out);
}

/* One odd byte at any place of a name of any length, whatever is copied at once. */
TEST(printable_anywhere)
{
	static const struct {
		char c;
		const char *is;
	} odd[] = { { 0x1f, "\\x1f" }, { 0x7f, "\\x7f" }, { 0, "\\x00" }, { (char)0x80, "\xef\xbf\xbd" }, { ' ', " " }, { '~', "~" } };
	char name[64], want[128];
	gs_buf out;

	gs_buf_init(&out, 1 << 20);
	for (size_t n = 1; n < 50; n++)
		for (size_t at = 0; at < n; at++)
			for (unsigned k = 0; k < sizeof(odd) / sizeof(*odd); k++) {
				size_t len = strlen(odd[k].is);

				memset(name, 'x', n);
				memset(want, 'x', n + len);
				name[at] = odd[k].c;
				memcpy(want + at, odd[k].is, len);
				out.n = 0;
				gs_printable(&out, (gs_str){ name, n });
				if (out.n != n - 1 + len || memcmp(out.p, want, out.n) != 0)
					CHECK_STR(gs_buf_view(&out), ((gs_str){ want, n - 1 + len }));
			}
	gs_buf_release(&out);
}
