/*
 * Records of version 1 traces: one byte of type and number of arguments, then varints. The first pass over the file finds batches,
 * tables and CPU samples, since batches have no length and stacks come last. Source: internal/trace/internal/tracev1/parser.go of
 * the Go tree, and internal/trace/parser.go of Go 1.19 for what came before 1.11.
 */
#include "format/gotrace/v1.h"

#include <stdlib.h>

enum {
	MAX_FRAMES = 1000,
	MAX_ARG_BYTES = 2048,
	MAX_LONG_ARG_BYTES = 64 << 10, /* of stacks */
	MAX_STRING_BYTES = 1000000,
};

#define SHAPE(type, min, n, s) [GS_GOTRACE_V1_##type] = { .since = (min), .n_args = (n), .has_stack = (s) }
const gs_gotrace_v1_shape gs_gotrace_v1_shapes[64] = {
	SHAPE(BATCH, 7, 2, 0),	       SHAPE(FREQUENCY, 7, 1, 0),	SHAPE(STACK, 7, 2, 0),
	SHAPE(GOMAXPROCS, 7, 1, 1),    SHAPE(PROC_START, 7, 1, 0),	SHAPE(PROC_STOP, 7, 0, 0),
	SHAPE(GC_START, 7, 1, 1),      SHAPE(GC_DONE, 7, 0, 0),		SHAPE(STW_START, 7, 1, 0),
	SHAPE(STW_DONE, 7, 0, 0),      SHAPE(SWEEP_START, 7, 0, 1),	SHAPE(SWEEP_DONE, 7, 2, 0),
	SHAPE(GO_CREATE, 7, 2, 1),     SHAPE(GO_START, 7, 2, 0),	SHAPE(GO_END, 7, 0, 0),
	SHAPE(GO_STOP, 7, 0, 1),       SHAPE(GO_SCHED, 7, 0, 1),	SHAPE(GO_PREEMPT, 7, 0, 1),
	SHAPE(GO_SLEEP, 7, 0, 1),      SHAPE(GO_BLOCK, 7, 0, 1),	SHAPE(GO_UNBLOCK, 7, 2, 1),
	SHAPE(BLOCK_SEND, 7, 0, 1),    SHAPE(BLOCK_RECV, 7, 0, 1),	SHAPE(BLOCK_SELECT, 7, 0, 1),
	SHAPE(BLOCK_SYNC, 7, 0, 1),    SHAPE(BLOCK_COND, 7, 0, 1),	SHAPE(BLOCK_NET, 7, 0, 1),
	SHAPE(SYSCALL, 7, 0, 1),       SHAPE(SYS_EXIT, 7, 3, 0),	SHAPE(SYS_BLOCK, 7, 0, 0),
	SHAPE(WAITING, 7, 1, 0),       SHAPE(IN_SYSCALL, 7, 1, 0),	SHAPE(HEAP_ALLOC, 7, 1, 0),
	SHAPE(HEAP_GOAL, 7, 1, 0),     SHAPE(TIMER_GOROUTINE, 7, 1, 0),	SHAPE(FUTILE_WAKEUP, 7, 0, 0),
	SHAPE(STRING, 7, 0, 0),	       SHAPE(START_LOCAL, 7, 1, 0),	SHAPE(UNBLOCK_LOCAL, 7, 1, 1),
	SHAPE(SYS_EXIT_LOCAL, 7, 2, 0), SHAPE(START_LABEL, 8, 3, 0),	SHAPE(BLOCK_GC, 8, 0, 1),
	SHAPE(ASSIST_START, 9, 0, 1),  SHAPE(ASSIST_DONE, 9, 0, 0),	SHAPE(TASK_CREATE, 11, 3, 1),
	SHAPE(TASK_END, 11, 1, 1),     SHAPE(REGION, 11, 3, 1),		SHAPE(LOG, 11, 2, 1),
	SHAPE(CPU_SAMPLE, 19, 3, 1),
};
#undef SHAPE

static bool no_memory(gs_err *err, uint64_t at)
{
	return gs_fail(err, GS_ERR_LIMIT, at, "out of memory for the trace");
}

static bool broken(gs_err *err, uint64_t at, const char *what)
{
	return gs_fail(err, GS_ERR_FORMAT, at, "%s", what);
}

/* Arguments that a version did not write yet. */
static unsigned n_args(unsigned type, unsigned version)
{
	const gs_gotrace_v1_shape *s = &gs_gotrace_v1_shapes[type];

	if ((type == GS_GOTRACE_V1_SWEEP_DONE && version < 9) || (type == GS_GOTRACE_V1_STW_START && version < 10))
		return 0;
	return s->n_args;
}

static bool read_args(gs_rd *r, unsigned type, unsigned version, gs_gotrace_v1_record *e, gs_err *err)
{
	unsigned n = n_args(type, version), i = 0, count = e->count;
	bool has_stack = gs_gotrace_v1_shapes[type].has_stack, is_timed = type != GS_GOTRACE_V1_FREQUENCY && type != GS_GOTRACE_V1_TIMER_GOROUTINE;
	unsigned want = n + has_stack + is_timed;
	gs_rd in = *r;

	if (count == 4) {
		uint64_t bytes = gs_rd_varint(r);

		if (!r->bad && bytes > MAX_ARG_BYTES)
			return broken(err, e->at, "an event's arguments are longer than 2048 bytes");
		in = gs_rd_of(gs_rd_bytes(r, bytes));
	} else {
		in = *r;
	}
	if (is_timed) {
		e->ticks = gs_rd_varint(&in);
		i++;
	}
	for (unsigned k = 0; k < n; k++, i++) {
		uint64_t v = gs_rd_varint(&in);

		if (k < GS_GOTRACE_V1_ARGS)
			e->args[k] = v;
	}
	if (has_stack) {
		e->stack = gs_rd_varint(&in);
		i++;
	}
	if (r->bad || in.bad)
		return broken(err, e->at, "the file ends in the middle of an event");
	if (count == 4 ? gs_rd_left(&in) != 0 : count != want)
		return broken(err, e->at, "an event has another number of arguments than its type should");
	if (count != 4)
		*r = in;
	if (type == GS_GOTRACE_V1_LOG) {
		uint64_t bytes = gs_rd_varint(r);

		if (!r->bad && bytes > MAX_STRING_BYTES)
			return broken(err, e->at, "a log message is longer than a million bytes");
		e->text = gs_rd_bytes(r, bytes);
		if (r->bad)
			return broken(err, e->at, "the file ends in the middle of a log message");
	}
	return true;
}

bool gs_gotrace_v1_next(gs_rd *r, unsigned version, gs_gotrace_v1_record *e, gs_err *err)
{
	uint64_t at = gs_rd_at(r);
	unsigned first = gs_rd_u8(r), type = first & 63;

	*e = (gs_gotrace_v1_record){ .at = at, .type = (uint8_t)type, .count = (uint8_t)((first >> 6) + 1) };
	if (!gs_gotrace_v1_shapes[type].since || gs_gotrace_v1_shapes[type].since > version)
		return gs_fail(err, GS_ERR_FORMAT, at, "event type %u is none of Go 1.%u", type, version);
	switch (type) {
	case GS_GOTRACE_V1_STRING:
		e->args[0] = gs_rd_varint(r);
		e->args[1] = gs_rd_varint(r);
		if (!r->bad && (!e->args[0] || !e->args[1] || e->args[1] > MAX_STRING_BYTES))
			return broken(err, at, "a string has the id 0, or is empty or longer than a million bytes");
		e->text = gs_rd_bytes(r, e->args[1]);
		break;
	case GS_GOTRACE_V1_BATCH:
		if (e->count != 2)
			return broken(err, at, "a batch has another number of arguments than 2");
		e->args[0] = gs_rd_varint(r);
		e->ticks = gs_rd_varint(r);
		if (!r->bad && e->args[0] != UINT64_MAX && e->args[0] > INT32_MAX)
			return broken(err, at, "a batch is of a proc beyond 2147483647");
		break;
	case GS_GOTRACE_V1_STACK:
		if (e->count != 4) {
			/* Up to three arguments: a stack without frames. */
			for (unsigned i = 0; i < e->count; i++)
				e->args[i & 3] = gs_rd_varint(r);
			break;
		}
		e->args[0] = gs_rd_varint(r);
		if (!r->bad && e->args[0] > MAX_LONG_ARG_BYTES)
			return broken(err, at, "a stack is longer than 65536 bytes");
		e->text = gs_rd_bytes(r, e->args[0]);
		break;
	default:
		return read_args(r, type, version, e, err);
	}
	return !r->bad || broken(err, at, "the file ends in the middle of an event");
}

static bool add_stack(gs_gotrace_v1 *t, const gs_gotrace_v1_record *e, gs_err *err)
{
	gs_rd r = gs_rd_of(e->text);
	uint64_t id = gs_rd_varint(&r) & UINT32_MAX, n = gs_rd_varint(&r);
	gs_gotrace_stack_entry *s;

	if (e->count != 4 || !id || !n)
		return true;
	if (n > MAX_FRAMES)
		return broken(err, e->at, "a stack has more than 1000 frames");
	s = gs_vec_push(&t->g.stacks, INT32_MAX);
	if (!s)
		return no_memory(err, e->at);
	*s = (gs_gotrace_stack_entry){ id, (uint32_t)t->g.raw_frames.n, (uint32_t)n };
	for (uint64_t i = 0; i < n; i++) {
		gs_gotrace_raw_frame *f = gs_vec_push(&t->g.raw_frames, INT32_MAX);

		if (!f)
			return no_memory(err, e->at);
		f->pc = gs_rd_varint(&r);
		f->function = gs_rd_varint(&r);
		f->file = gs_rd_varint(&r);
		f->line = gs_rd_varint(&r);
	}
	if (r.bad || gs_rd_left(&r))
		return broken(err, e->at, "a stack has another number of frames than it says");
	return true;
}

static gs_gotrace_v1_lane *lane(gs_gotrace_v1 *t, int32_t p)
{
	bool is_new;
	uint32_t *slot = gs_map_put(&t->lane_of, (uint64_t)(int64_t)p, &is_new);
	gs_gotrace_v1_lane *l;

	if (!slot)
		return NULL;
	if (is_new) {
		l = gs_vec_push(&t->lanes, UINT16_MAX);
		if (!l)
			return NULL;
		*slot = (uint32_t)t->lanes.n - 1;
		*l = (gs_gotrace_v1_lane){ .p = p, .batch = UINT32_MAX, .last_batch = UINT32_MAX };
	}
	return &t->lanes.p[*slot];
}

static bool add_batch(gs_gotrace_v1 *t, const gs_gotrace_v1_record *e, uint64_t at, gs_err *err)
{
	gs_gotrace_v1_lane *l = lane(t, e->args[0] == UINT64_MAX ? -1 : (int32_t)e->args[0]);
	gs_gotrace_v1_batch *b = l ? gs_vec_push(&t->batches, INT32_MAX) : NULL;
	uint32_t index = (uint32_t)t->batches.n - 1;

	if (!b)
		return no_memory(err, e->at);
	*b = (gs_gotrace_v1_batch){ .at = at, .ticks = (int64_t)e->ticks, .next = UINT32_MAX };
	if (l->last_batch == UINT32_MAX)
		l->batch = index;
	else
		t->batches.p[l->last_batch].next = index;
	l->last_batch = index;
	return true;
}

static bool index_record(gs_gotrace_v1 *t, const gs_gotrace_v1_record *e, uint64_t after, gs_err *err)
{
	gs_gotrace_string_entry *s;
	gs_gotrace_v1_sample *sample;
	uint64_t *timer;

	switch (e->type) {
	case GS_GOTRACE_V1_BATCH:
		if (t->batches.n)
			t->batches.p[t->batches.n - 1].end = e->at;
		return add_batch(t, e, after, err);
	case GS_GOTRACE_V1_STRING:
		s = gs_vec_push(&t->g.strings, INT32_MAX);
		if (s)
			*s = (gs_gotrace_string_entry){ e->args[0], e->text };
		return s || no_memory(err, e->at);
	case GS_GOTRACE_V1_STACK:
		return add_stack(t, e, err);
	case GS_GOTRACE_V1_FREQUENCY:
		t->ticks_per_s = (int64_t)e->args[0];
		return true;
	case GS_GOTRACE_V1_TIMER_GOROUTINE:
		timer = gs_vec_push(&t->timers, INT32_MAX);
		if (timer)
			*timer = e->args[0];
		return timer || no_memory(err, e->at);
	case GS_GOTRACE_V1_CPU_SAMPLE:
		sample = gs_vec_push(&t->samples, INT32_MAX);
		if (sample)
			*sample = (gs_gotrace_v1_sample){ .ticks = (int64_t)e->args[0], .p = (int64_t)(int32_t)e->args[1],
							  .g = e->args[2], .stack = e->stack & UINT32_MAX };
		return sample || no_memory(err, e->at);
	case GS_GOTRACE_V1_LOG:
		return gs_strtab_id_borrow(&t->messages, e->text) != UINT32_MAX || no_memory(err, e->at);
	default:
		return t->batches.n || broken(err, e->at, "an event comes before the first batch");
	}
}

static int samples_by_time(const void *a, const void *b)
{
	const gs_gotrace_v1_sample *x = a, *y = b;

	if (x->ticks != y->ticks)
		return x->ticks < y->ticks ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

bool gs_gotrace_v1_index(gs_gotrace_v1 *t, gs_str bytes, gs_err *err, gs_err *damage)
{
	gs_rd r = gs_rd_of(bytes);
	bool ok = true;

	t->bytes = bytes;
	t->end = GS_GOTRACE_HEADER_BYTES;
	gs_rd_skip(&r, GS_GOTRACE_HEADER_BYTES);
	while (ok && gs_rd_left(&r)) {
		gs_gotrace_v1_record e;

		ok = gs_gotrace_v1_next(&r, t->version, &e, damage) && index_record(t, &e, gs_rd_at(&r), damage);
		t->end = ok ? gs_rd_at(&r) : e.at;
	}
	if (t->batches.n)
		t->batches.p[t->batches.n - 1].end = t->end;
	t->is_damaged = !ok;
	t->is_cut = !ok && r.bad;
	if (!ok && damage->code == GS_ERR_LIMIT) {
		*err = *damage;
		return false;
	}
	for (size_t i = 0; i < t->samples.n; i++)
		t->samples.p[i].order = (uint32_t)i;
	if (t->samples.n)
		qsort(t->samples.p, t->samples.n, sizeof(*t->samples.p), samples_by_time);
	return true;
}
