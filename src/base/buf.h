/*
 * gs_buf: growable bytes with a maximum. Appending beyond it, or out of memory, makes the buffer `bad` (sticky)
 * and drops the bytes: write freely, test once at the end.
 */
#ifndef GS_BASE_BUF_H
#define GS_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

typedef struct gs_buf {
	char *p;
	size_t n, cap, max;
	bool bad;
} gs_buf;

static inline void gs_buf_init(gs_buf *b, size_t max)
{
	*b = (gs_buf){ .max = max };
}

void gs_buf_release(gs_buf *b);
bool gs_buf_grow(gs_buf *b, size_t more);
/* Room for `more` bytes at b->p + b->n; the caller then adds to b->n. */
static inline bool gs_buf_reserve(gs_buf *b, size_t more)
{
	return !b->bad && (more <= b->cap - b->n || gs_buf_grow(b, more));
}
void gs_buf_add(gs_buf *b, const void *p, size_t n);
void gs_buf_fill(gs_buf *b, char c, size_t n);
void gs_buf_f(gs_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void gs_buf_vf(gs_buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

static inline void gs_buf_str(gs_buf *b, gs_str s)
{
	gs_buf_add(b, s.p, s.n);
}

static inline void gs_buf_z(gs_buf *b, const char *z)
{
	gs_buf_add(b, z, strlen(z));
}

static inline void gs_buf_c(gs_buf *b, char c)
{
	if (b->n < b->cap)
		b->p[b->n++] = c;
	else
		gs_buf_add(b, &c, 1);
}

static inline gs_str gs_buf_view(const gs_buf *b)
{
	return (gs_str){ b->p, b->n };
}

#define GS_AUTO_TYPE_buf gs_buf
static inline void gs_auto_buf(gs_buf *b)
{
	gs_buf_release(b);
}

/* Memory of many megabytes that will be filled: with big pages, a fault for every 4 kB does not cost more than the filling. */
void gs_memory_hint_large(void *p, size_t n);

/*
 * A typed growable array in the same spirit. GS_VEC(T) name = {0}; gs_vec_push(&v, max) returns the address of a
 * zeroed new element or NULL when `max` elements are reached or memory is out. gs_vec_release frees.
 */
#define GS_VEC(type)           \
	struct {               \
		type *p;       \
		size_t n, cap; \
	}
#define gs_vec_push(v, max) \
	((__typeof__((v)->p))gs_vec_one((void **)&(v)->p, &(v)->n, &(v)->cap, sizeof(*(v)->p), (max)))
#define gs_vec_release(v) (free((v)->p), (v)->p = NULL, (v)->n = (v)->cap = 0)
void *gs_vec_grow(void **p, size_t *n, size_t *cap, size_t size, size_t max);
static inline void *gs_vec_one(void **p, size_t *n, size_t *cap, size_t size, size_t max)
{
	char *at;

	if (*n == *cap || *n >= max)
		return gs_vec_grow(p, n, cap, size, max);
	at = (char *)*p + (*n)++ * size;
	memset(at, 0, size);
	return at;
}

#endif
