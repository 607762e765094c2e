#include "format/gotrace/generation.h"

enum {
	EV_EVENT_BATCH = 1,
	EV_STACKS = 2,
	EV_STACK = 3,
	EV_STRINGS = 4,
	EV_STRING = 5,
	EV_CPU_SAMPLES = 6,
	EV_CPU_SAMPLE = 7,
	EV_FREQUENCY = 8,
	EV_EXPERIMENTAL_BATCH = 49,
	EV_SYNC = 50,
	EV_CLOCK_SNAPSHOT = 51,
	EV_END_OF_GENERATION = 52,

	MAX_BATCH_BYTES = 64 << 10,
	MAX_STRING_BYTES = 1 << 10,
	MAX_STACK_FRAMES = 128,
	MAX_ENTRIES = INT32_MAX,
};

static bool no_memory(gs_err *err, uint64_t at)
{
	return gs_fail(err, GS_ERR_LIMIT, at, "out of memory for a generation of the trace");
}

void gs_gotrace_generation_release(gs_gotrace_generation *g)
{
	gs_vec_release(&g->batches);
	gs_vec_release(&g->threads);
	gs_vec_release(&g->strings);
	gs_vec_release(&g->stacks);
	gs_vec_release(&g->raw_frames);
	gs_vec_release(&g->samples);
	gs_vec_release(&g->types);
	gs_map_release(&g->type_index);
	gs_map_release(&g->thread_index);
	gs_map_release(&g->string_ids.sparse);
	gs_map_release(&g->stack_ids.sparse);
	free(g->string_ids.dense);
	free(g->stack_ids.dense);
	free(g->frames);
	*g = (gs_gotrace_generation){ 0 };
}

static bool read_strings(gs_gotrace_generation *g, gs_rd *r, uint64_t at, gs_err *err)
{
	while (gs_rd_left(r)) {
		uint64_t here = at + gs_rd_at(r), id, n;
		unsigned type = gs_rd_u8(r);
		gs_gotrace_string_entry *e;

		id = gs_rd_varint(r);
		n = gs_rd_varint(r);
		if (type != EV_STRING || n > MAX_STRING_BYTES)
			return gs_fail(err, GS_ERR_FORMAT, here, "string table: %s",
				       type != EV_STRING ? "not a string record" : "a string is longer than 1024 bytes");
		e = gs_vec_push(&g->strings, MAX_ENTRIES);
		if (!e)
			return no_memory(err, here);
		*e = (gs_gotrace_string_entry){ id, gs_rd_bytes(r, n) };
		if (r->bad)
			return gs_fail(err, GS_ERR_FORMAT, here, "string table: cut short");
	}
	return true;
}

static bool read_stacks(gs_gotrace_generation *g, gs_rd *r, uint64_t at, gs_err *err)
{
	while (gs_rd_left(r)) {
		uint64_t here = at + gs_rd_at(r), n;
		unsigned type = gs_rd_u8(r);
		gs_gotrace_stack_entry *e = gs_vec_push(&g->stacks, MAX_ENTRIES);

		if (!e)
			return no_memory(err, here);
		e->id = gs_rd_varint(r);
		n = gs_rd_varint(r);
		if (type != EV_STACK || n > MAX_STACK_FRAMES)
			return gs_fail(err, GS_ERR_FORMAT, here, "stack table: %s",
				       type != EV_STACK ? "not a stack record" : "a stack has more than 128 frames");
		e->first = (uint32_t)g->raw_frames.n;
		e->n = (uint32_t)n;
		for (uint64_t i = 0; i < n; i++) {
			gs_gotrace_raw_frame *f = gs_vec_push(&g->raw_frames, MAX_ENTRIES);

			if (!f)
				return no_memory(err, here);
			f->pc = gs_rd_varint(r);
			f->function = gs_rd_varint(r);
			f->file = gs_rd_varint(r);
			f->line = gs_rd_varint(r);
		}
		if (r->bad)
			return gs_fail(err, GS_ERR_FORMAT, here, "stack table: cut short");
	}
	return true;
}

static bool read_samples(gs_gotrace_generation *g, gs_rd *r, uint64_t at, gs_err *err)
{
	while (gs_rd_left(r)) {
		uint64_t here = at + gs_rd_at(r);
		unsigned type = gs_rd_u8(r);
		gs_gotrace_sample *s = gs_vec_push(&g->samples, MAX_ENTRIES);

		if (!s)
			return no_memory(err, here);
		s->time = gs_rd_varint(r);
		s->m = gs_rd_varint(r);
		s->p = gs_rd_varint(r);
		s->g = gs_rd_varint(r);
		if (s->g == 0)
			s->g = GS_GOTRACE_NONE;
		s->stack = gs_rd_varint(r);
		if (type != EV_CPU_SAMPLE || r->bad)
			return gs_fail(err, GS_ERR_FORMAT, here, "CPU samples: %s",
				       r->bad ? "cut short" : "not a sample record");
	}
	return true;
}

static bool read_sync(gs_gotrace_generation *g, gs_rd *r, uint64_t at, uint64_t time, bool may_have_clock, gs_err *err)
{
	while (gs_rd_left(r)) {
		uint64_t here = at + gs_rd_at(r);
		unsigned type = gs_rd_u8(r);

		if (type == EV_FREQUENCY && g->ns_per_unit == 0) {
			uint64_t per_second = gs_rd_varint(r);

			if (!r->bad && per_second == 0)
				return gs_fail(err, GS_ERR_FORMAT, here, "the trace's clock has frequency 0");
			g->ns_per_unit = 1.0 / ((double)per_second / 1e9);
		} else if (type == EV_CLOCK_SNAPSHOT && may_have_clock && !g->has_clock) {
			g->clock_time = time + gs_rd_varint(r);
			g->clock_mono = gs_rd_varint(r);
			g->clock_wall_s = gs_rd_varint(r);
			g->clock_wall_ns = gs_rd_varint(r);
			g->has_clock = true;
		} else {
			return gs_fail(err, GS_ERR_FORMAT, here, "sync batch: record type %u twice or out of place", type);
		}
		if (r->bad)
			return gs_fail(err, GS_ERR_FORMAT, here, "sync batch: cut short");
	}
	return true;
}

static bool keep_batch(gs_gotrace_generation *g, gs_gotrace_batch b, gs_err *err)
{
	gs_gotrace_batch *kept = gs_vec_push(&g->batches, MAX_ENTRIES);
	uint32_t i = (uint32_t)g->batches.n - 1;
	gs_gotrace_thread *t;
	uint32_t *slot;
	bool is_new;

	if (!kept)
		return no_memory(err, b.at);
	*kept = b;
	kept->next = UINT32_MAX;
	slot = gs_map_put(&g->thread_index, b.m, &is_new);
	if (!slot)
		return no_memory(err, b.at);
	if (is_new) {
		t = gs_vec_push(&g->threads, MAX_ENTRIES);
		if (!t)
			return no_memory(err, b.at);
		*slot = (uint32_t)g->threads.n - 1;
		*t = (gs_gotrace_thread){ b.m, i, i };
		return true;
	}
	t = &g->threads.p[*slot];
	g->batches.p[t->last].next = i;
	t->last = i;
	return true;
}

bool gs_gotrace_batch_read(gs_rd *r, gs_gotrace_batch_header *h, gs_err *err)
{
	uint64_t here = gs_rd_at(r), size;
	unsigned type = gs_rd_u8(r);

	*h = (gs_gotrace_batch_header){ 0 };
	if (type == EV_END_OF_GENERATION) {
		h->is_end = true;
		return true;
	}
	if (type != EV_EVENT_BATCH && type != EV_EXPERIMENTAL_BATCH)
		return gs_fail(err, GS_ERR_FORMAT, here, "expected a batch, found record type %u", type);
	h->is_experimental = type == EV_EXPERIMENTAL_BATCH;
	if (h->is_experimental)
		h->experiment = gs_rd_u8(r);
	h->generation = gs_rd_varint(r);
	h->batch.m = gs_rd_varint(r);
	h->batch.time = gs_rd_varint(r);
	size = gs_rd_varint(r);
	if (!r->bad && size > MAX_BATCH_BYTES)
		return gs_fail(err, GS_ERR_FORMAT, here, "a batch of %llu bytes is larger than the runtime writes (%d)",
			       (unsigned long long)size, MAX_BATCH_BYTES);
	h->batch.at = gs_rd_at(r);
	h->batch.data = gs_rd_bytes(r, size);
	if (r->bad)
		return gs_fail(err, GS_ERR_FORMAT, here, "a batch is cut short");
	return true;
}

static bool add_batch(gs_gotrace_generation *g, const gs_gotrace_batch_header *h, unsigned version, gs_err *err)
{
	const gs_gotrace_batch *b = &h->batch;
	gs_rd r = gs_rd_of(b->data);
	unsigned kind;

	if (h->is_experimental) {
		gs_gotrace_memory_read(g, h->experiment, b->data);
		return true;
	}
	kind = b->data.n ? gs_rd_u8(&r) : 0;
	switch (kind) {
	case EV_STRINGS:
		return read_strings(g, &r, b->at, err);
	case EV_STACKS:
		return read_stacks(g, &r, b->at, err);
	case EV_CPU_SAMPLES:
		return read_samples(g, &r, b->at, err);
	case EV_FREQUENCY:
		if (version < 25) {
			r = gs_rd_of(b->data);
			return read_sync(g, &r, b->at, b->time, false, err);
		}
		break;
	case EV_SYNC:
		if (version >= 25)
			return read_sync(g, &r, b->at, b->time, true, err);
		break;
	default:
		break;
	}
	return keep_batch(g, *b, err);
}

static uint64_t string_id(const void *entries, size_t i)
{
	return ((const gs_gotrace_string_entry *)entries)[i].id;
}

static uint64_t stack_id(const void *entries, size_t i)
{
	return ((const gs_gotrace_stack_entry *)entries)[i].id;
}

/* False with err for an id given twice. */
static bool index_ids(gs_gotrace_ids *ids, const void *entries, size_t n, uint64_t (*id_of)(const void *, size_t),
		      const char *what, uint64_t at, gs_err *err)
{
	uint64_t max = 0;
	bool is_new;

	for (size_t i = 0; i < n; i++)
		max = id_of(entries, i) > max ? id_of(entries, i) : max;
	if (max <= 4 * (uint64_t)n + 64) {
		ids->dense = gs_alloc_should_fail() ? NULL : calloc((size_t)max + 1, sizeof(*ids->dense));
		if (!ids->dense)
			return no_memory(err, at);
		ids->n_dense = max + 1;
	} else if (!gs_map_reserve(&ids->sparse, (uint32_t)n)) {
		return no_memory(err, at);
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t id = id_of(entries, i);
		uint32_t *slot;

		if (ids->dense) {
			slot = &ids->dense[id];
			is_new = *slot == 0;
		} else {
			slot = gs_map_put(&ids->sparse, id, &is_new);
			if (!slot)
				return no_memory(err, at);
		}
		if (!is_new || id == 0)
			return gs_fail(err, GS_ERR_FORMAT, at, "%s id %llu is given twice or is 0", what,
				       (unsigned long long)id);
		*slot = (uint32_t)i + 1;
	}
	return true;
}

const gs_gotrace_gap *gs_gotrace_gap_before(const gs_gotrace_generation *g)
{
	return g->gap;
}

bool gs_gotrace_clock_is_monotonic(const gs_gotrace_generation *g)
{
	return g->ns_per_unit == 64;
}

bool gs_gotrace_string(const gs_gotrace_generation *g, uint64_t id, gs_str *out)
{
	uint32_t i = gs_gotrace_id_find(&g->string_ids, id);

	*out = i ? g->strings.p[i - 1].text : (gs_str){ 0 };
	return i != 0 || id == 0 || g->is_partial || g->may_be_cut;
}

bool gs_gotrace_stack(const gs_gotrace_generation *g, uint64_t id, const gs_gotrace_frame **frames, uint32_t *n)
{
	uint32_t i = gs_gotrace_id_find(&g->stack_ids, id);

	*frames = i ? g->frames + g->stacks.p[i - 1].first : NULL;
	*n = i ? g->stacks.p[i - 1].n : 0;
	return i != 0 || id == 0 || g->is_partial || g->may_be_cut;
}

/* Names of frames; what a pc was called first holds for the whole generation, as in Go's reader. */
static bool resolve_frames(gs_gotrace_generation *g, uint64_t at, gs_err *err)
{
	gs_map by_pc = { 0 };
	size_t n = g->raw_frames.n;
	bool ok = true;

	g->frames = gs_alloc_should_fail() ? NULL : calloc(n + 1, sizeof(*g->frames));
	if (!g->frames)
		return no_memory(err, at);
	for (size_t i = 0; ok && i < n; i++) {
		bool is_new;
		uint32_t *slot = gs_map_put(&by_pc, g->raw_frames.p[i].pc, &is_new);
		const gs_gotrace_raw_frame *raw;
		gs_gotrace_frame *f = &g->frames[i];

		if (!slot) {
			ok = no_memory(err, at);
			break;
		}
		if (!is_new) {
			*f = g->frames[*slot];
			continue;
		}
		*slot = (uint32_t)i;
		raw = &g->raw_frames.p[i];
		f->pc = raw->pc;
		f->line = raw->line;
		gs_gotrace_string(g, raw->function, &f->function);
		gs_gotrace_string(g, raw->file, &f->file);
		ok = g->is_partial || (gs_gotrace_id_exists(&g->string_ids, raw->function) && gs_gotrace_id_exists(&g->string_ids, raw->file));
		/* From here on what is missing reads as empty. */
		if (!ok && g->may_be_cut)
			ok = g->is_partial = g->is_cut = true;
		else if (!ok)
			gs_fail(err, GS_ERR_FORMAT, at, "a stack names a string that the generation does not have");
	}
	gs_map_release(&by_pc);
	return ok;
}

static int by_time(const void *a, const void *b)
{
	const gs_gotrace_sample *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns > y->time_ns ? 1 : -1;
	return (x->order > y->order) - (x->order < y->order);
}

bool gs_gotrace_generation_index(gs_gotrace_generation *g, gs_err *err)
{
	uint64_t at = g->start_at;

	return index_ids(&g->string_ids, g->strings.p, g->strings.n, string_id, "string", at, err) &&
	       index_ids(&g->stack_ids, g->stacks.p, g->stacks.n, stack_id, "stack", at, err) && resolve_frames(g, at, err);
}

/* *damage: the first that is found here, of what can be done without. */
static bool complete(gs_gotrace_generation *g, unsigned version, double ns_per_unit_before, gs_err *damage, gs_err *err)
{
	uint64_t at = g->start_at;

	if (g->ns_per_unit == 0 && g->is_partial)
		g->ns_per_unit = ns_per_unit_before;
	if (g->ns_per_unit == 0)
		return gs_fail(err, GS_ERR_FORMAT, at, "generation %llu has no clock frequency", (unsigned long long)g->number);
	/* The clock of most systems counts 64 ns, and does not change. */
	if (ns_per_unit_before == 64 && g->ns_per_unit != 64) {
		g->ns_per_unit = ns_per_unit_before;
		gs_fail(damage, GS_ERR_FORMAT, at, "generation %llu gives its clock another frequency than the one before", (unsigned long long)g->number);
		g->is_partial = true;
	}
	if (version >= 25 && !g->has_clock && !g->is_partial)
		return gs_fail(err, GS_ERR_FORMAT, at, "generation %llu has no clock snapshot", (unsigned long long)g->number);
	if (!gs_gotrace_generation_index(g, err))
		return false;
	for (size_t i = 0; i < g->samples.n; i++) {
		g->samples.p[i].time_ns = gs_gotrace_ns(g, g->samples.p[i].time);
		g->samples.p[i].order = (uint32_t)i;
	}
	if (g->samples.n)
		qsort(g->samples.p, g->samples.n, sizeof(*g->samples.p), by_time);
	return true;
}

static void tell_cut(const gs_gotrace_generation *g, uint64_t at, gs_err *damage)
{
	gs_fail(damage, GS_ERR_FORMAT, at, "the trace ends inside generation %llu", (unsigned long long)g->number);
}

/* The trace ends before its last generation does. */
static void is_cut(gs_gotrace_generation *g, uint64_t at, gs_err *damage)
{
	g->is_cut = !g->is_partial;
	if (!g->is_partial)
		tell_cut(g, at, damage);
	g->is_partial = true;
}

typedef enum step {
	STEP_BATCH, /* *h is one more of the generation */
	STEP_END, /* of the generation */
	STEP_NEXT, /* another one begins, and this one did not end */
	STEP_LOST, /* *r does not lead on: damage says why */
} step;

static step next_batch(gs_rd *r, unsigned version, gs_gotrace_generation *g, bool has_any, gs_gotrace_batch_header *h, gs_err *err)
{
	gs_rd at_batch = *r;
	uint64_t at = gs_rd_at(r);

	if (gs_rd_left(r) == 0) {
		if (version >= 26 && has_any)
			is_cut(g, at, err);
		g->may_be_cut = version < 26;
		return STEP_END;
	}
	if (!gs_gotrace_batch_read(r, h, err))
		return STEP_LOST;
	if (h->is_end) {
		if (version >= 26)
			return STEP_END;
		gs_fail(err, GS_ERR_FORMAT, at, "an end of generation in a trace of Go 1.%u", version);
		return STEP_LOST;
	}
	if (h->generation == 0 || (has_any && h->generation != g->number)) {
		if (has_any && gs_gotrace_begins_later(h, *r, g->number)) {
			*r = at_batch;
			if (version < 26 && h->generation == g->number + 1)
				return STEP_END;
			gs_fail(err, GS_ERR_FORMAT, at, "generation %llu begins where the end of generation %llu should be",
				(unsigned long long)h->generation, (unsigned long long)g->number);
			return STEP_NEXT;
		}
		gs_fail(err, GS_ERR_FORMAT, at, "generations are mixed up: a batch of %llu inside %llu", (unsigned long long)h->generation,
			(unsigned long long)g->number);
		return STEP_LOST;
	}
	return STEP_BATCH;
}

/* After damage at `at`: on with the generation where a batch of it is seen again. False: there is none. */
static bool resume(gs_rd *r, uint64_t at, gs_gotrace_generation *g, bool has_any, gs_gotrace_batch_header *h)
{
	gs_rd rest = { r->start, r->start + at, r->end, false }, ahead = rest;
	bool ends = r->bad;

	/* A wrong length may point behind the end: what follows tells. */
	gs_rd_skip(&ahead, 1);
	if (ends && gs_gotrace_resync(&ahead, g->number, g->min_time) && gs_gotrace_batch_read(&ahead, &(gs_gotrace_batch_header){ 0 }, NULL))
		ends = !gs_rd_left(&ahead);
	g->is_cut = !g->is_partial && ends;
	g->is_partial = true;
	g->lost_at = g->lost_at || g->is_cut ? g->lost_at : at;
	if (ends && h->batch.time && h->generation == g->number && h->batch.time > g->last_time)
		g->last_time = h->batch.time; /* what is there of it tells that much */
	*r = rest;
	if (ends || !has_any)
		return false;
	gs_rd_skip(&rest, 1);
	if (!gs_gotrace_resync(&rest, g->number, g->min_time))
		return false;
	g->lost_bytes += gs_rd_at(&rest) - at;
	*r = rest;
	return true;
}

bool gs_gotrace_generation_read(gs_rd *r, unsigned version, double ns_per_unit_before, gs_gotrace_generation *g, bool *done,
				gs_err *damage)
{
	bool has_any = false, is_read = false;
	gs_err later = { 0 }, clock = { 0 };

	g->start_at = gs_rd_at(r);
	*done = false;
	*damage = (gs_err){ 0 };
	while (!is_read) {
		uint64_t at = gs_rd_at(r);
		gs_gotrace_batch_header h = { 0 };
		gs_err why = { 0 };
		step next = next_batch(r, version, g, has_any, &h, &why);

		if (next == STEP_BATCH) {
			if (!has_any || h.batch.time < g->min_time)
				g->min_time = h.batch.time;
			if (h.batch.time > g->last_time)
				g->last_time = h.batch.time;
			g->number = h.generation;
			g->begins_with_clock = has_any ? g->begins_with_clock : h.batch.data.n && h.batch.data.p[0] == EV_SYNC;
			g->ends_lost = false;
			has_any = true;
			if (!add_batch(g, &h, version, &why)) {
				g->is_partial = true;
				g->is_cut = false;
				g->lost_bytes += gs_rd_at(r) - at;
				is_read = why.code != GS_ERR_FORMAT;
			}
		} else if (next == STEP_NEXT) {
			g->is_partial = is_read = true;
			g->is_cut = false;
			g->lost_at = g->lost_at ? g->lost_at : at;
		} else if (next == STEP_LOST) {
			is_read = !resume(r, at, g, has_any, &h);
			g->ends_lost = true;
		} else {
			is_read = true;
		}
		/* The first thing that went wrong is the one to tell. */
		if (damage->code == GS_ERR_NONE)
			*damage = why;
	}
	g->end_at = gs_rd_at(r);
	if (!has_any) {
		*done = damage->code == GS_ERR_NONE;
		return *done;
	}
	/* Before Go 1.26 nothing says that a generation is complete; its strings come last. */
	g->may_be_cut = g->may_be_cut && !g->strings.n;
	if (g->may_be_cut && version < 25 && g->ns_per_unit == 0)
		is_cut(g, g->end_at, damage);
	if (!complete(g, version, ns_per_unit_before, &clock, &later)) {
		if (damage->code == GS_ERR_NONE)
			*damage = later;
		return false;
	}
	if (damage->code == GS_ERR_NONE)
		*damage = clock;
	if (g->is_partial && damage->code == GS_ERR_NONE)
		tell_cut(g, g->end_at, damage);
	return true;
}

bool gs_gotrace_generation_skip(gs_rd *r, unsigned version)
{
	gs_rd in = *r;
	uint64_t number = 0;

	while (gs_rd_left(&in)) {
		gs_rd at_batch = in;
		gs_gotrace_batch_header h;

		if (!gs_gotrace_batch_read(&in, &h, NULL))
			return false;
		if (h.is_end) {
			if (version < 26 || !number)
				return false;
			*r = in;
			return true;
		}
		if (number && version < 26 && h.generation == number + 1 && gs_gotrace_begins_later(&h, in, number)) {
			*r = at_batch;
			return true;
		}
		if (h.generation == 0 || (number && h.generation != number))
			return false;
		number = h.generation;
	}
	if (version >= 26 || !number)
		return false;
	*r = in;
	return true;
}
