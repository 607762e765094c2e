/*
 * gs_arena: memory with one lifetime. A document owns one and drops it whole; temporary work takes a
 * scratch one. Not thread-safe: one arena, one thread at a time.
 */
#ifndef GS_BASE_ARENA_H
#define GS_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

typedef struct gs_arena gs_arena;

/* `budget_bytes`: what gs_try_new may hand out in all. Aborts when even the arena itself cannot be had. */
gs_arena *gs_arena_create(uint64_t budget_bytes);
/* With room for exactly `bytes` at once, 16 for each thing that is taken included. NULL: no memory. */
gs_arena *gs_arena_create_for(size_t bytes);
void gs_arena_free(gs_arena *a);
/* All of `from`, an arena without hooks, belongs to `a` from now on, and counts there. False: beyond a's budget, and nothing changed. */
bool gs_arena_adopt(gs_arena *a, gs_arena *from);
uint64_t gs_arena_used_bytes(const gs_arena *a);
uint64_t gs_arena_budget_bytes(const gs_arena *a);

/* Run `fn(ctx)` when the arena is freed (unmap a file, close a handle). Last registered runs first. */
void gs_arena_on_free(gs_arena *a, void (*fn)(void *ctx), void *ctx);

/* Zeroed, 16-byte aligned. _new aborts when memory is out (counts that we chose); _try returns NULL beyond
 * the budget, on overflow or when memory is out (counts that an input chose). count 0 gives a valid pointer. */
void *gs_arena_new(gs_arena *a, size_t size, size_t count);
void *gs_arena_try(gs_arena *a, size_t size, size_t count);

#define gs_new(arena, type, count) ((type *)gs_arena_new((arena), sizeof(type), (count)))
#define gs_try_new(arena, type, count) ((type *)gs_arena_try((arena), sizeof(type), (count)))

/* Copies, NUL-terminated for free. */
gs_str gs_str_dup(gs_arena *a, gs_str s);
char *gs_cstr(gs_arena *a, gs_str s);
gs_str gs_strf(gs_arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Declare and initialise in one statement: GS_AUTO(arena) *a = gs_arena_create(n); */
#define GS_AUTO(kind) __attribute__((cleanup(gs_auto_##kind))) GS_AUTO_TYPE_##kind
#define GS_AUTO_TYPE_arena gs_arena
static inline void gs_auto_arena(gs_arena **a)
{
	gs_arena_free(*a);
}

/*
 * Allocation-failure testing: with GS_FAIL_ALLOC=k in gs_alloc_fail_after(k), the k-th fallible allocation
 * (gs_arena_try, gs_buf growth, gs_map growth) from now on fails, once. 0 turns it off. Tests only.
 */
void gs_alloc_fail_after(uint64_t k);
/* True when this fallible allocation is the one to fail. Called by base's allocators only. */
bool gs_alloc_should_fail(void);

#endif
