/* Protocol buffer messages by hand, for tests of readers. */
#ifndef GS_TESTS_PB_H
#define GS_TESTS_PB_H

#include "base/buf.h"

static inline void pb_varint(gs_buf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		gs_buf_c(b, (char)(v | 0x80));
	gs_buf_c(b, (char)v);
}

static inline void pb_u64(gs_buf *b, unsigned field, uint64_t v)
{
	pb_varint(b, field << 3);
	pb_varint(b, v);
}

static inline void pb_bytes(gs_buf *b, unsigned field, gs_str s)
{
	pb_varint(b, field << 3 | 2);
	pb_varint(b, s.n);
	gs_buf_str(b, s);
}

/* Append a message of (field, number) pairs: pb_message(&b, 4, 1, 7, 2, 1, 0) ends with field 0. */
static inline void pb_message(gs_buf *b, unsigned field, ...)
{
	GS_AUTO(buf) body = { .max = 1 << 20 };
	va_list ap;
	unsigned f;

	va_start(ap, field);
	while ((f = va_arg(ap, unsigned)) != 0)
		pb_u64(&body, f, va_arg(ap, uint64_t));
	va_end(ap);
	pb_bytes(b, field, gs_buf_view(&body));
}
#define PB(...) pb_message(__VA_ARGS__, 0u)
#define U(x) ((uint64_t)(x))

static inline void pb_strings(gs_buf *b, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pb_bytes(b, 6, gs_str_of(list[i]));
}

#endif
