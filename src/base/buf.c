#include "base/buf.h"

#include <sys/mman.h>

#include "base/banned.h"

void gs_buf_release(gs_buf *b)
{
	free(b->p);
	*b = (gs_buf){ .max = b->max };
}

void gs_memory_hint_large(void *p, size_t n)
{
	enum { HUGE_PAGE = 2 << 20, PAGE = 4096 };
	uintptr_t before = (uintptr_t)p & (PAGE - 1);

	/* Outwards to whole pages: a block of realloc's that were part this, part that could not be moved without a copy. */
	if (n >= HUGE_PAGE)
		madvise((char *)p - before, (before + n + PAGE - 1) & ~(size_t)(PAGE - 1), MADV_HUGEPAGE);
}

bool gs_buf_grow(gs_buf *b, size_t more)
{
	size_t want, cap;
	char *p;

	if (more > b->max - b->n || gs_alloc_should_fail())
		goto fail;
	want = b->n + more;
	cap = b->cap ? b->cap : b->max < 256 ? b->max : 256;
	while (cap < want)
		cap = cap > b->max / 2 ? b->max : cap * 2;
	p = realloc(b->p, cap);
	if (!p)
		goto fail;
	b->p = p;
	b->cap = cap;
	gs_memory_hint_large(p, cap);
	return true;
fail:
	b->bad = true;
	return false;
}

void gs_buf_add(gs_buf *b, const void *p, size_t n)
{
	if (n && gs_buf_reserve(b, n)) {
		memcpy(b->p + b->n, p, n);
		b->n += n;
	}
}

void gs_buf_fill(gs_buf *b, char c, size_t n)
{
	if (n && gs_buf_reserve(b, n)) {
		memset(b->p + b->n, c, n);
		b->n += n;
	}
}

void gs_buf_vf(gs_buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n > 0 && gs_buf_reserve(b, (size_t)n + 1)) {
		vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
		b->n += (size_t)n;
	}
	va_end(again);
}

void gs_buf_f(gs_buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	gs_buf_vf(b, fmt, ap);
	va_end(ap);
}

void *gs_vec_grow(void **p, size_t *n, size_t *cap, size_t size, size_t max)
{
	char *at;

	if (*n >= max)
		return NULL;
	if (*n == *cap) {
		size_t want = *cap ? *cap * 2 : 16, bytes;
		void *q;

		if (want > max)
			want = max;
		if (gs_alloc_should_fail() || __builtin_mul_overflow(want, size, &bytes))
			return NULL;
		q = realloc(*p, bytes);
		if (!q)
			return NULL;
		*p = q;
		*cap = want;
		gs_memory_hint_large(q, bytes);
	}
	at = (char *)*p + *n * size;
	memset(at, 0, size);
	(*n)++;
	return at;
}
