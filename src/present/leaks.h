/* What `gospect leaks` found, as text and as JSON (docs/api.md). */
#ifndef GS_PRESENT_LEAKS_H
#define GS_PRESENT_LEAKS_H

#include "analysis/heap_suspects.h"
#include "analysis/leaks_dump.h"
#include "base/json.h"

typedef struct gs_leak_report {
	const gs_heap *heap; /* NULL: goroutine dumps only */
	const gs_leak_proof *proof;
	const gs_leaks *leaks;
	const gs_leak_check *checks;
	unsigned n_checks;
	/* NULL: nobody asked where memory gathers. */
	const gs_heap_suspects *suspects;
	const gs_heap_paths *held;
	const gs_dominators *dominators;
	gs_packed shortest; /* gs_heap_shortest, with `suspects` that are any */
	const gs_heap_names *names;
	/* Which lines allocated what is in `suspects`, by group; NULL: the program sampled nothing. */
	const gs_heap_allocators *allocators;
	const gs_heap_places *places;
	double confidence; /* of slopes over time */
	uint32_t max_rows; /* of groups and of suspects; 0: all */
	gs_str note; /* how it was taken */
	int64_t proof_ns; /* what it took to decide */
} gs_leak_report;

void gs_leaks_text(gs_buf *out, const gs_leak_report *r);
void gs_leaks_json(gs_buf *out, gs_arena *mem, const gs_leak_report *r);

#endif
