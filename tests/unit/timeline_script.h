/*
 * A timeline from a few lines of text, for tests that tell a story. A line is one of
 *	g ID NAME START END [CREATOR]			a goroutine; times in ns, "-" when not seen
 *	TIME ID PHASE[:REASON] STACK [PEER]		what it goes over to; STACK is outer;inner or -, PEER a goroutine or -
 *	stop START END ID				a stop of the world that goroutine ID asked for
 *	sample TIME ID STACK				a CPU sample
 * Phases: runnable running waiting syscall none. Running goroutines are on proc ID % 2.
 */
#ifndef GS_TESTS_TIMELINE_SCRIPT_H
#define GS_TESTS_TIMELINE_SCRIPT_H

#include <stdio.h>
#include <stdlib.h>

#include "timeline_columns.h"

typedef struct script {
	gs_arena *mem;
	gs_profile_builder *b;
	gs_timeline *t;
	uint32_t n; /* transitions, as they were written */
	uint32_t *offset_ns, *stack, *peer;
	uint8_t *phase, *reason;
	uint16_t *proc;
	uint32_t *goroutine;
	uint32_t *reasons;
} script;

enum { SCRIPT_MAX = 4096 };

static uint32_t script_index(const script *s, gs_str id)
{
	uint64_t n;

	if (gs_str_u64(id, 10, &n))
		for (uint32_t g = 0; g < s->t->n_goroutines; g++)
			if (s->t->goroutines[g].id == n)
				return g;
	return GS_NO_INDEX;
}

static uint32_t script_stack(script *s, gs_str text)
{
	uint32_t node = GS_ROOT_NODE;
	gs_str name;

	while (text.n && !gs_str_eq(text, GS_S("-"))) {
		gs_frame f = { .line = 7 };
		uint32_t id;

		gs_str_cut(text, ';', &name, &text);
		id = gs_profile_builder_str(s->b, name);
		f.function = gs_profile_builder_function(s->b, (gs_function){ .name = id, .system_name = id });
		node = gs_profile_builder_push(s->b, node, gs_profile_builder_location_intern(s->b, 0, 0, &f, 1));
	}
	return node;
}

static int64_t script_time(gs_str s, int64_t otherwise)
{
	int64_t t = otherwise;

	gs_str_i64(s, &t);
	return t;
}

static void script_transition(script *s, gs_str *w)
{
	static const char *const phases[] = { "unknown", "none", "runnable", "running", "waiting", "syscall" };
	gs_timeline *t = s->t;
	uint32_t i = s->n++, reason = 0;
	gs_str phase, why;

	gs_str_cut(w[2], ':', &phase, &why);
	if (why.n) {
		uint32_t id = gs_profile_builder_str(s->b, why);

		for (reason = 1; reason < t->n_reasons && s->reasons[reason] != id;)
			reason++;
		if (reason == t->n_reasons)
			s->reasons[t->n_reasons++] = id;
	}
	s->goroutine[i] = script_index(s, w[1]);
	s->offset_ns[i] = (uint32_t)script_time(w[0], 0);
	for (uint8_t p = 0; p < GS_N_PHASES; p++)
		if (gs_str_eq(phase, gs_str_of(phases[p])))
			s->phase[i] = p;
	s->reason[i] = (uint8_t)reason;
	s->stack[i] = script_stack(s, w[3]);
	s->proc[i] = (uint16_t)(t->goroutines[s->goroutine[i]].id % 2);
	s->peer[i] = script_index(s, w[4]);
}

/* Bring the transitions of each goroutine together. */
static void script_finish(script *s)
{
	gs_timeline *t = s->t;
	uint32_t *offset = gs_new(s->mem, uint32_t, s->n), *stack = gs_new(s->mem, uint32_t, s->n);
	uint32_t *peer = gs_new(s->mem, uint32_t, s->n), n = 0;
	uint8_t *phase = gs_new(s->mem, uint8_t, s->n), *reason = gs_new(s->mem, uint8_t, s->n);
	uint16_t *proc = gs_new(s->mem, uint16_t, s->n), *thread = gs_new(s->mem, uint16_t, s->n);

	t->pieces = gs_new(s->mem, gs_timeline_piece, t->n_goroutines);
	for (uint32_t g = 0; g < t->n_goroutines; g++) {
		uint32_t from = n;

		for (uint32_t i = 0; i < s->n; i++)
			if (s->goroutine[i] == g) {
				offset[n] = s->offset_ns[i];
				stack[n] = s->stack[i];
				peer[n] = s->peer[i];
				phase[n] = s->phase[i];
				reason[n] = s->reason[i];
				thread[n] = UINT16_MAX;
				proc[n++] = s->proc[i];
			}
		t->goroutines[g].first_piece = n > from ? t->n_pieces : GS_NO_INDEX;
		if (n > from) {
			t->pieces[t->n_pieces] =
				(gs_timeline_piece){ .goroutine = g, .first = from, .n = n - from, .before = t->n_pieces, .next = GS_NO_INDEX };
			t->n_pieces++;
		}
	}
	t->chunks[0] = columns_chunk(s->mem, &(columns){ offset, stack, peer, phase, reason, proc, thread }, n);
	t->chunks[0].end_ns = t->duration_ns;
	t->chunks[0].n_pieces = t->n_pieces;
}

static gs_timeline *script_timeline(gs_arena *mem, const char *text, gs_profile **profile)
{
	script s = { .mem = mem, .b = gs_profile_builder_create(mem, NULL), .t = gs_new(mem, gs_timeline, 1) };
	gs_timeline *t = s.t;
	gs_str rest = gs_str_of(text), line;

	s.reasons = gs_new(mem, uint32_t, 256);
	s.goroutine = gs_new(mem, uint32_t, SCRIPT_MAX);
	s.offset_ns = gs_new(mem, uint32_t, SCRIPT_MAX);
	s.stack = gs_new(mem, uint32_t, SCRIPT_MAX);
	s.peer = gs_new(mem, uint32_t, SCRIPT_MAX);
	s.phase = gs_new(mem, uint8_t, SCRIPT_MAX);
	s.reason = gs_new(mem, uint8_t, SCRIPT_MAX);
	s.proc = gs_new(mem, uint16_t, SCRIPT_MAX);
	*t = (gs_timeline){ .chunks = gs_new(mem, gs_timeline_chunk, 1), .n_chunks = 1, .reasons = s.reasons, .n_reasons = 1,
			    .goroutines = gs_new(mem, gs_timeline_goroutine, 64), .goroutines_by_id = gs_new(mem, uint32_t, 64),
			    .procs = gs_new(mem, gs_timeline_proc, 2), .n_procs = 2, .ranges = gs_new(mem, gs_timeline_range, 64),
			    .cpu_samples = gs_new(mem, gs_timeline_cpu_sample, 64) };
	t->procs[1].id = 1;
	while (gs_str_line(&rest, &line)) {
		gs_str w[6] = { { 0 } };
		unsigned n = 0;

		while (n < 6 && line.n)
			gs_str_cut(line, ' ', &w[n++], &line);
		if (!n)
			continue;
		if (gs_str_eq(w[0], GS_S("g"))) {
			gs_timeline_goroutine *g = &t->goroutines[t->n_goroutines];

			*g = (gs_timeline_goroutine){ .name = gs_profile_builder_str(s.b, w[2]), .creator = script_index(&s, w[5]) };
			gs_str_u64(w[1], 10, &g->id);
			g->saw_start = !gs_str_eq(w[3], GS_S("-"));
			g->saw_end = !gs_str_eq(w[4], GS_S("-"));
			g->start_ns = script_time(w[3], 0);
			g->end_ns = script_time(w[4], 0);
			t->goroutines_by_id[t->n_goroutines] = t->n_goroutines;
			t->n_goroutines++;
		} else if (gs_str_eq(w[0], GS_S("stop"))) {
			t->ranges[t->n_ranges++] = (gs_timeline_range){ .start_ns = script_time(w[1], 0), .end_ns = script_time(w[2], 0),
				.name = gs_profile_builder_str(s.b, GS_S("stop-the-world (GOMAXPROCS)")),
				.goroutine = script_index(&s, w[3]), .owner = GS_NO_INDEX, .saw_start = true, .saw_end = true };
		} else if (gs_str_eq(w[0], GS_S("sample"))) {
			t->cpu_samples[t->n_cpu_samples++] = (gs_timeline_cpu_sample){ .time_ns = script_time(w[1], 0),
				.goroutine = script_index(&s, w[2]), .stack = script_stack(&s, w[3]), .proc = 0, .thread = 0, .weight_ns = GS_CPU_SAMPLE_NS };
		} else {
			script_transition(&s, w);
			if (script_time(w[0], 0) > t->duration_ns)
				t->duration_ns = script_time(w[0], 0);
		}
	}
	t->n_transitions = s.n;
	for (uint32_t g = 0; g < t->n_goroutines; g++)
		if (!t->goroutines[g].saw_end)
			t->goroutines[g].end_ns = t->duration_ns;
	script_finish(&s);
	*profile = gs_profile_builder_finish(s.b, NULL);
	return t;
}

#endif
