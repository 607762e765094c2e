#include "app/address_text.h"

#include <endian.h>
#include <inttypes.h>

#include "present/printable.h"

#include "base/banned.h"

enum {
	RECENT = sizeof(((gs_address_text *)0)->recent) / sizeof(*((gs_address_text *)0)->recent),
	NUMBER_MAX = 20,
};

/* The bytes of `digits` (first one lowest) without their leading zeros. Room for eight is there. */
static inline void put_digits(gs_buf *out, uint64_t digits, unsigned n)
{
	digits = htole64(digits >> 8 * (8 - n));
	memcpy(out->p + out->n, &digits, sizeof(digits));
	out->n += n;
}

/* Numbers are much of what is written here, and printf is slow: eight digits at once, without branches. The caller has made room. */
static inline void put_hex(gs_buf *out, uint64_t v)
{
	const uint64_t ones = 0x0101010101010101u;
	uint64_t x = v;

	if (v >> 32) {
		gs_buf_f(out, "%" PRIx64, v);
		return;
	}
	x = (x & 0xffff) << 32 | x >> 16; /* the upper half first */
	x = (x & 0xff000000ffu) << 16 | (x >> 8 & 0xff000000ffu);
	x = (x & 0x0f000f000f000fu) << 8 | (x >> 4 & 0x0f000f000f000fu);
	x += '0' * ones + ('a' - '9' - 1) * ((x + 6 * ones) >> 4 & ones);
	put_digits(out, x, v ? 8 - (unsigned)__builtin_clz((uint32_t)v) / 4 : 1);
}

static inline void put_decimal(gs_buf *out, uint32_t v)
{
	int n = 1 + (v >= 10) + (v >= 100) + (v >= 1000) + (v >= 10000) + (v >= 100000) + (v >= 1000000) + (v >= 10000000);
	uint64_t x, q;

	if (v >= 100000000) {
		gs_buf_f(out, "%" PRIu32, v);
		return;
	}
	x = v / 10000 | (uint64_t)(v % 10000) << 32; /* two numbers of four digits, then four of two, then eight of one */
	q = x * 10486 >> 20 & 0x7f0000007fu;
	x = q | (x - q * 100) << 16;
	q = x * 103 >> 10 & 0x0f000f000f000fu;
	x = q | (x - q * 10) << 8;
	put_digits(out, x + '0' * 0x0101010101010101u, (unsigned)n);
}

static void put_frame(gs_address_text *w, const gs_symbol *f)
{
	gs_buf *out = w->out;
	uintptr_t hash = ((uintptr_t)f->function.p * 31 + (uintptr_t)f->file.p + f->is_inlined) * 0x9e3779b97f4a7c15u;
	unsigned i = (unsigned)(hash >> 32) % RECENT;

	if (w->recent[i].n && w->recent[i].function == f->function.p && w->recent[i].file == f->file.p &&
	    w->recent[i].is_inlined == f->is_inlined) {
		if (gs_buf_reserve(out, w->recent[i].n)) {
			memcpy(out->p + out->n, out->p + w->recent[i].at, w->recent[i].n);
			out->n += w->recent[i].n;
		}
		return;
	}
	w->recent[i].function = f->function.p;
	w->recent[i].file = f->file.p;
	w->recent[i].is_inlined = f->is_inlined;
	w->recent[i].at = out->n;
	gs_buf_str(out, GS_S("  "));
	gs_printable(out, f->function);
	if (f->is_inlined)
		gs_buf_str(out, GS_S(" (inlined)"));
	if (f->file.n) {
		gs_buf_c(out, ' ');
		gs_printable(out, f->file);
	}
	w->recent[i].n = out->n - w->recent[i].at;
}

void gs_address_text_init(gs_address_text *w, gs_buf *out)
{
	*w = (gs_address_text){ .out = out };
}

void gs_address_text_put(gs_address_text *w, uint64_t addr, const gs_symbol *frames, unsigned n)
{
	gs_buf *out = w->out;

	if (!gs_buf_reserve(out, 2 + NUMBER_MAX))
		return;
	out->p[out->n++] = '0';
	out->p[out->n++] = 'x';
	put_hex(out, addr);
	gs_buf_str(out, n ? GS_S("\n") : GS_S("\n  ?\n"));
	for (unsigned i = 0; i < n; i++) {
		put_frame(w, &frames[i]);
		if (!gs_buf_reserve(out, NUMBER_MAX + 2))
			return;
		if (frames[i].file.n && frames[i].line) {
			out->p[out->n++] = ':';
			put_decimal(out, frames[i].line);
		}
		gs_buf_c(out, '\n');
	}
}
