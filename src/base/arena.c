#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "base/buf.h"
#include "base/banned.h"

enum { ALIGN = 16 };
#define CHUNK_MIN ((size_t)64 << 10)
#define CHUNK_MAX ((size_t)32 << 20)
#define HUGE_FROM ((size_t)2 << 20) /* big pages: faults for small ones cost more than filling them, and each random look twice */
#define COLUMN_MIN ((size_t)512 << 10) /* who asks for that much is going to ask for more of the kind */
#define MAP_FROM ((size_t)1 << 20) /* from here on chunks come straight from mmap: zeroed and returned whole */

typedef struct chunk {
	struct chunk *next;
	size_t size; /* whole chunk, this header included */
	size_t used;
	bool is_mapped;
} chunk;

typedef struct on_free {
	struct on_free *next;
	void (*fn)(void *ctx);
	void *ctx;
} on_free;

struct gs_arena {
	chunk *chunks; /* the one in use first */
	on_free *hooks;
	size_t next_size;
	uint64_t used;
	uint64_t budget;
};

static atomic_uint_least64_t fail_after;

void gs_alloc_fail_after(uint64_t k)
{
	fail_after = k;
}

bool gs_alloc_should_fail(void)
{
	uint_least64_t k = atomic_load(&fail_after);

	while (k)
		if (atomic_compare_exchange_weak(&fail_after, &k, k - 1))
			return k == 1;
	return false;
}

gs_arena *gs_arena_create(uint64_t budget_bytes)
{
	gs_arena *a = calloc(1, sizeof(*a));

	if (!a)
		abort();
	a->budget = budget_bytes;
	a->next_size = CHUNK_MIN;
	return a;
}

void gs_arena_free(gs_arena *a)
{
	chunk *c;

	if (!a)
		return;
	for (on_free *h = a->hooks; h; h = h->next)
		h->fn(h->ctx);
	c = a->chunks;
	while (c) {
		chunk *next = c->next;

		if (c->is_mapped)
			munmap(c, c->size);
		else
			free(c);
		c = next;
	}
	free(a);
}

bool gs_arena_adopt(gs_arena *a, gs_arena *from)
{
	chunk **end = a->chunks ? &a->chunks->next : &a->chunks;
	chunk *behind = *end;

	if (from->used > a->budget || a->used > a->budget - from->used)
		return false;
	assert(!from->hooks);
	a->used += from->used;
	*end = from->chunks; /* behind the one in use */
	while (*end)
		end = &(*end)->next;
	*end = behind;
	free(from);
	return true;
}

uint64_t gs_arena_used_bytes(const gs_arena *a)
{
	return a->used;
}

uint64_t gs_arena_budget_bytes(const gs_arena *a)
{
	return a->budget;
}

void gs_arena_on_free(gs_arena *a, void (*fn)(void *ctx), void *ctx)
{
	on_free *h = gs_new(a, on_free, 1);

	*h = (on_free){ a->hooks, fn, ctx };
	a->hooks = h;
}

static chunk *chunk_new(size_t size)
{
	chunk *c;
	bool is_mapped = size >= MAP_FROM;

	if (is_mapped) {
		size = (size + 4095) & ~(size_t)4095;
		c = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			 -1, 0);
		if (c == MAP_FAILED)
			return NULL;
		if (size >= HUGE_FROM)
			gs_memory_hint_large(c, size);
	} else {
		c = calloc(1, size);
		if (!c)
			return NULL;
	}
	c->size = size;
	c->used = (sizeof(*c) + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	c->is_mapped = is_mapped;
	return c;
}

gs_arena *gs_arena_create_for(size_t bytes)
{
	const size_t head = (sizeof(chunk) + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	gs_arena *a = gs_alloc_should_fail() || bytes > PTRDIFF_MAX - 65536 ? NULL : gs_arena_create(bytes);

	if (!a)
		return NULL;
	a->chunks = chunk_new(head + bytes);
	if (a->chunks)
		return a;
	gs_arena_free(a);
	return NULL;
}

static void *take(gs_arena *a, size_t bytes)
{
	const size_t head = (sizeof(chunk) + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	chunk *c = a->chunks;
	void *p;

	bytes = bytes ? (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN;
	if (!c || c->size - c->used < bytes) {
		while (bytes >= COLUMN_MIN && bytes > a->next_size / 4 && a->next_size < CHUNK_MAX)
			a->next_size *= 2;
		bool is_own = bytes > a->next_size / 2; /* big things get their own chunk, behind the current one */
		chunk *fresh = chunk_new(is_own ? head + bytes : a->next_size);

		if (!fresh)
			return NULL;
		if (is_own && c) {
			fresh->next = c->next;
			c->next = fresh;
		} else {
			fresh->next = c;
			a->chunks = fresh;
		}
		if (!is_own && a->next_size < CHUNK_MAX)
			a->next_size *= 2;
		c = fresh;
	}
	p = (char *)c + c->used;
	c->used += bytes;
	a->used += bytes;
	return p;
}

static bool size_of(size_t size, size_t count, size_t *bytes)
{
	return !__builtin_mul_overflow(size, count, bytes) && *bytes < PTRDIFF_MAX - 65536;
}

void *gs_arena_new(gs_arena *a, size_t size, size_t count)
{
	size_t bytes;
	void *p = size_of(size, count, &bytes) ? take(a, bytes) : NULL;

	if (!p)
		abort();
	return p;
}

void *gs_arena_try(gs_arena *a, size_t size, size_t count)
{
	size_t bytes;

	if (!size_of(size, count, &bytes) || bytes > a->budget || a->used > a->budget - bytes ||
	    gs_alloc_should_fail())
		return NULL;
	return take(a, bytes);
}

gs_str gs_str_dup(gs_arena *a, gs_str s)
{
	return (gs_str){ gs_cstr(a, s), s.n };
}

char *gs_cstr(gs_arena *a, gs_str s)
{
	char *z = gs_new(a, char, s.n + 1);

	if (s.n)
		memcpy(z, s.p, s.n);
	return z;
}

gs_str gs_strf(gs_arena *a, const char *fmt, ...)
{
	va_list ap, again;
	int n;
	char *z;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	assert(n >= 0);
	z = gs_new(a, char, (size_t)n + 1);
	vsnprintf(z, (size_t)n + 1, fmt, again);
	va_end(again);
	return (gs_str){ z, (size_t)n };
}
