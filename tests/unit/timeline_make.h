/* Makes a timeline out of nothing: goroutines that go through states at random, on a few procs. For tests and for bench/tiles. */
#ifndef GS_TESTS_TIMELINE_MAKE_H
#define GS_TESTS_TIMELINE_MAKE_H

#include <stdlib.h>

#include "timeline_columns.h"

static uint64_t make_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed >> 33;
}

typedef struct make_shape {
	uint32_t goroutines, per_goroutine; /* transitions of each in each chunk */
	uint32_t chunks, procs;
	uint32_t mean_ns; /* between transitions */
	uint64_t seed;
} make_shape;

/* runnable, running, then a wait or a system call, and again. The first goroutines have a proc each. */
static gs_timeline *make_timeline(gs_arena *mem, gs_profile **profile, const make_shape *s)
{
	static const char *const reasons[] = { "", "network", "chan receive", "sync", "sleep", "GC mark assist wait for work", "select" };
	enum { N_REASONS = sizeof(reasons) / sizeof(*reasons) };
	gs_profile_builder *b = gs_profile_builder_create(mem, NULL);
	uint32_t *reason_ids = gs_new(mem, uint32_t, N_REASONS), nodes[2], names[2];
	gs_timeline *t = gs_new(mem, gs_timeline, 1);
	uint64_t seed = s->seed;
	uint32_t n = s->goroutines * s->per_goroutine;
	int64_t chunk_ns = (int64_t)s->per_goroutine * s->mean_ns * 5 / 4;

	gs_profile_builder_profile(b)->types[0] =
		(gs_value_type){ gs_profile_builder_str(b, GS_S("wall")), gs_profile_builder_str(b, GS_S("nanoseconds")) };
	gs_profile_builder_profile(b)->n_types = 1;
	for (uint32_t i = 0; i < N_REASONS; i++)
		reason_ids[i] = gs_profile_builder_str(b, gs_str_of(reasons[i]));
	for (uint32_t i = 0; i < 2; i++) {
		gs_frame f = { 0 };

		names[i] = gs_profile_builder_str(b, i ? GS_S("main.serve") : GS_S("main.work"));
		f.function = gs_profile_builder_function(b, (gs_function){ .name = names[i], .system_name = names[i] });
		nodes[i] = gs_profile_builder_push(b, GS_ROOT_NODE, gs_profile_builder_location(b, i, 0, false, &f, 1));
	}
	*t = (gs_timeline){ .duration_ns = chunk_ns * s->chunks, .reasons = reason_ids, .n_reasons = N_REASONS,
			    .n_transitions = (uint64_t)n * s->chunks, .n_chunks = s->chunks, .n_pieces = s->chunks * s->goroutines,
			    .n_goroutines = s->goroutines, .n_procs = s->procs };
	t->chunks = gs_new(mem, gs_timeline_chunk, t->n_chunks);
	t->pieces = gs_new(mem, gs_timeline_piece, t->n_pieces);
	t->goroutines = gs_new(mem, gs_timeline_goroutine, t->n_goroutines);
	t->goroutines_by_id = gs_new(mem, uint32_t, t->n_goroutines);
	t->procs = gs_new(mem, gs_timeline_proc, t->n_procs);
	for (uint32_t g = 0; g < t->n_goroutines; g++) {
		t->goroutines_by_id[g] = g;
		t->goroutines[g] = (gs_timeline_goroutine){ .id = g + 1, .name = names[g % 2], .first_piece = g,
			.creator = GS_NO_INDEX, .end_ns = t->duration_ns };
	}
	for (uint32_t p = 0; p < t->n_procs; p++)
		t->procs[p].id = p;
	for (uint32_t c = 0; c < s->chunks; c++) {
		uint32_t *offset = gs_new(mem, uint32_t, n), *stack = gs_new(mem, uint32_t, n), *peer = gs_new(mem, uint32_t, n);
		uint8_t *phase = gs_new(mem, uint8_t, n), *reason = gs_new(mem, uint8_t, n);
		uint16_t *proc = gs_new(mem, uint16_t, n), *thread = gs_new(mem, uint16_t, n);
		uint32_t k = 0;

		for (uint32_t g = 0; g < s->goroutines; g++) {
			uint32_t at = 0, piece = c * s->goroutines + g;

			t->pieces[piece] = (gs_timeline_piece){ g, c, g * s->per_goroutine, s->per_goroutine,
				c ? piece - s->goroutines : (s->chunks - 1) * s->goroutines + g, c + 1 < s->chunks ? piece + s->goroutines : GS_NO_INDEX };
			for (uint32_t i = 0; i < s->per_goroutine; i++, k++) {
				uint32_t step = (c * s->per_goroutine + i) % 3;

				at += (uint32_t)(make_random(&seed) % (2 * s->mean_ns + 1)) * (make_random(&seed) % 16 ? 1u : 2u) *
				      3u / 4u;
				offset[k] = at < chunk_ns ? at : (uint32_t)chunk_ns - 1;
				phase[k] = step == 0 ? GS_PHASE_RUNNABLE : step == 1 ? GS_PHASE_RUNNING :
					   make_random(&seed) % 4 ? GS_PHASE_WAITING : GS_PHASE_SYSCALL;
				reason[k] = phase[k] == GS_PHASE_WAITING ? (uint8_t)(1 + make_random(&seed) % (N_REASONS - 1)) : 0;
				stack[k] = nodes[make_random(&seed) % 2];
				peer[k] = step == 0 ? (uint32_t)(make_random(&seed) % s->goroutines) : GS_NO_INDEX;
				proc[k] = g < s->procs ? (uint16_t)g : UINT16_MAX;
				thread[k] = UINT16_MAX;
			}
		}
		t->chunks[c] = columns_chunk(mem, &(columns){ offset, stack, peer, phase, reason, proc, thread }, n);
		t->chunks[c].base_ns = c * chunk_ns;
		t->chunks[c].end_ns = (c + 1) * chunk_ns;
		t->chunks[c].piece_first = c * s->goroutines;
		t->chunks[c].n_pieces = s->goroutines;
	}
	*profile = gs_profile_builder_finish(b, NULL);
	return t;
}

#endif
