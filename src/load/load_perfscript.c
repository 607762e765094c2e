/*
 * perf script text -> document. Threads read pieces of it (perfscript_chunk.h); what is new to them becomes part of the profile
 * in the order of the text, whichever thread found it. Names are only taken apart once.
 */
#include "format/perfscript/perfscript.h"

#include "base/pool.h"
#include "load/perfscript_chunk.h"
#include "load/recognisers.h"

#include "base/banned.h"

typedef struct loading {
	gs_profile_builder *b;
	gs_perf_samples samples;
	gs_digest_key key;
	gs_perfscript_known known;
	gs_digest_map leaves;  /* text of a physical frame and what is inlined into it -> location, as leaf */
	gs_digest_map callers; /* as caller: the address is that of a return */
	gs_slice_map mappings; /* dso -> mapping */
	gs_str last_dso;
	uint32_t last_mapping;
	GS_VEC(gs_frame) frames;
	gs_digest_map stacks; /* text -> index of `nodes` */
	GS_VEC(uint32_t) nodes;
	GS_VEC(uint32_t) locations, ends; /* of stacks that are new with a piece */
} loading;

static uint32_t mapping_of(loading *l, gs_str dso)
{
	bool is_new;
	uint32_t *slot;

	if (!dso.n || gs_str_eq(dso, GS_S("[unknown]")))
		return 0;
	if (gs_str_eq(dso, l->last_dso))
		return l->last_mapping;
	slot = gs_slice_map_put(&l->mappings, dso, &is_new);
	if (!slot)
		return GS_NO_ID;
	if (is_new) {
		gs_mapping m = { .file = gs_profile_builder_str(l->b, dso), .has_functions = true };

		if (m.file == GS_NO_ID)
			return GS_NO_ID;
		m.file_id = l->mappings.n;
		*slot = gs_profile_builder_mapping(l->b, m);
	}
	l->last_dso = dso;
	return l->last_mapping = *slot;
}

static gs_str base_name(gs_str path)
{
	size_t slash = gs_str_rfind_char(path, '/');

	return slash == SIZE_MAX ? path : gs_str_skip(path, slash + 1);
}

/* Where perf has no name, the file's stands for it: frames of one library stay together. */
static uint32_t name_of(loading *l, const gs_perfscript_frame *f)
{
	char text[256];
	gs_str dso = base_name(f->dso), symbol = f->symbol;

	/* The linker's mark on Go's assembly functions; the runtime's own tables do not have it. */
	if (gs_str_ends(symbol, GS_S(".abi0")))
		symbol.n -= 5;
	if (symbol.n && !gs_str_eq(symbol, GS_S("[unknown]")))
		return gs_profile_builder_str(l->b, symbol);
	if (!dso.n || dso.p[0] == '[')
		return gs_profile_builder_str(l->b, dso.n ? dso : GS_S("[unknown]"));
	snprintf(text, sizeof(text), "[%.*s]", GS_FMT(gs_str_slice(dso, 0, 200)));
	return gs_profile_builder_str(l->b, gs_str_of(text));
}

static bool push_line(loading *l, const gs_perfscript_frame *f)
{
	gs_function fn = { .name = name_of(l, f), .file = f->file.n ? gs_profile_builder_str(l->b, f->file) : 0 };
	gs_frame *line = gs_vec_push(&l->frames, INT32_MAX);

	if (!line || fn.name == GS_NO_ID || fn.file == GS_NO_ID)
		return false;
	/* Mostly they are the same: nothing to be looked up again. */
	fn.system_name = gs_str_eq(f->symbol, gs_profile_str(gs_profile_builder_profile(l->b), fn.name)) ?
				 fn.name :
				 gs_profile_builder_str(l->b, f->symbol);
	if (fn.system_name == GS_NO_ID)
		return false;
	*line = (gs_frame){ .function = gs_profile_builder_function(l->b, fn),
			    .line = f->line > INT64_MAX ? 0 : (int64_t)f->line,
			    .flags = f->is_kernel ? GS_FRAME_KERNEL : 0 };
	return line->function != GS_NO_ID;
}

/* Of a physical frame and what is inlined into it. */
static uint32_t location_of(loading *l, gs_str group, gs_digest digest, bool is_leaf)
{
	bool is_new;
	uint32_t *slot = gs_digest_map_put(is_leaf ? &l->leaves : &l->callers, digest, &is_new), mapping, id;
	gs_perfscript_frame f = { 0 };
	gs_str text;

	if (!slot)
		return GS_NO_ID;
	if (!is_new)
		return *slot;
	l->frames.n = 0;
	while (gs_perfscript_frame_text(&group, &text))
		if (gs_perfscript_frame_parse(text, &f) && !push_line(l, &f))
			return GS_NO_ID;
	if (!l->frames.n)
		return *slot = 0; /* no frame at all: left out */
	mapping = mapping_of(l, f.dso);
	if (mapping == GS_NO_ID)
		return GS_NO_ID;
	id = gs_profile_builder_location_intern(l->b, f.ip && !is_leaf ? f.ip - 1 : f.ip, mapping,
						l->frames.p, (uint32_t)l->frames.n);
	*slot = id == GS_NO_ID ? 0 : id;
	return id;
}

/* A reader, and what its numbers are in the profile: as far as they have come by in the order of the text. */
typedef struct worker {
	gs_perfscript_reader r;
	GS_VEC(uint32_t) stacks, comms, events;
} worker;

typedef struct piece_slot {
	gs_perfscript_piece piece;
	worker *by;
} piece_slot;

static bool note(uint32_t *slot, uint32_t id)
{
	if (!slot || id == GS_NO_ID)
		return false;
	*slot = id;
	return true;
}

/* The locations of a stack that is new to the profile. */
static bool add_stack(loading *l, const gs_digest *digests, const gs_str *texts, uint32_t n)
{
	uint32_t *end;

	for (uint32_t i = 0; i < n; i++)
		gs_digest_map_prefetch(i ? &l->callers : &l->leaves, digests[i]);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t location = location_of(l, texts[i], digests[i], i == 0);

		if (location && /* text that is no frame has none */
		    !note(gs_vec_push(&l->locations, INT32_MAX), location))
			return false;
	}
	end = gs_vec_push(&l->ends, INT32_MAX);
	return note(end, (uint32_t)l->locations.n) && gs_vec_push(&l->nodes, INT32_MAX);
}

/* New stacks are pushed together, in the order of the text. */
static bool map_stacks(loading *l, gs_perfscript_piece *p, worker *w)
{
	uint32_t first_new = (uint32_t)l->nodes.n, *slot;
	bool is_new;

	l->locations.n = l->ends.n = 0;
	for (size_t i = 0; i < p->stacks.n; i++) {
		gs_perfscript_stack *s = &p->stacks.p[i];

		slot = gs_digest_map_put(&l->stacks, s->digest, &is_new);
		if (!slot)
			return false;
		if (is_new) {
			*slot = (uint32_t)l->nodes.n;
			if (!s->is_parsed && !gs_perfscript_parse_stack(&l->key, s, p))
				return false;
			if (!add_stack(l, p->group_digests.p + s->first, p->group_texts.p + s->first, s->n))
				return false;
			gs_perfscript_known_set(&l->known, s->digest);
		}
		if (!note(gs_vec_push(&w->stacks, INT32_MAX), *slot))
			return false;
	}
	return !l->ends.n ||
	       gs_profile_builder_push_stacks(l->b, l->locations.p, l->ends.p, (uint32_t)l->ends.n,
					      l->nodes.p + first_new);
}

static bool map_new(loading *l, gs_perfscript_piece *p, worker *w)
{
	bool ok = map_stacks(l, p, w);

	for (size_t i = 0; ok && i < p->comms.n; i++)
		ok = note(gs_vec_push(&w->comms, INT32_MAX), gs_profile_builder_str(l->b, p->comms.p[i]));
	for (size_t i = 0; ok && i < p->events.n; i++)
		ok = note(gs_vec_push(&w->events, INT32_MAX),
			  gs_perf_samples_event(&l->samples, p->events.p[i]));
	return ok;
}

/* The reader's numbers become ids of the profile. */
static bool add_piece(loading *l, gs_perfscript_piece *p, worker *w)
{
	bool ok = !p->is_full && map_new(l, p, w);

	for (size_t i = 0; ok && i < p->samples.n; i++) {
		gs_perf_sample s = p->samples.p[i];

		s.node = l->nodes.p[w->stacks.p[s.node]];
		s.comm = w->comms.p[s.comm];
		s.event = w->events.p[s.event];
		ok = gs_perf_samples_add(&l->samples, s);
	}
	return ok;
}

static void add_comment(loading *l, gs_str text, const char *key, const char *name)
{
	gs_str value = gs_perfscript_header(text, key);
	char line[1024];

	if (!value.n)
		return;
	snprintf(line, sizeof(line), "%s: %.*s", name, GS_FMT(gs_str_slice(value, 0, 900)));
	gs_profile_builder_comment(l->b, gs_str_of(line));
}

enum {
	PIECE_BYTES = 2 << 20,
	SLOTS = 40, /* pieces read ahead: nearly all stacks are new at the beginning, and taking these takes long */
};

typedef struct reading {
	loading *l;
	const gs_load_source *src;
	size_t n;
	worker *workers;
	piece_slot slots[SLOTS];
	uint64_t n_skipped;
	bool is_stopped, is_full;
} reading;

static void read_piece(void *ctx, unsigned self, unsigned at, size_t i)
{
	reading *r = ctx;
	piece_slot *s = &r->slots[at];

	s->by = &r->workers[self];
	if (!gs_progress_should_stop(r->src->progress))
		gs_perfscript_reader_run(&s->by->r, gs_perfscript_part(r->src->bytes, PIECE_BYTES, i), &s->piece);
}

/* In the order of the text, one at a time. */
static void take_piece(void *ctx, unsigned at, size_t i)
{
	reading *r = ctx;
	piece_slot *s = &r->slots[at];

	r->is_stopped |= gs_progress_should_stop(r->src->progress);
	if (r->is_stopped || r->is_full)
		return;
	r->is_full = !add_piece(r->l, &s->piece, s->by);
	r->n_skipped += s->piece.n_skipped;
	gs_progress_report(r->src->progress, (double)(i + 1) / (double)r->n, "reading");
}

static bool no_memory(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE,
		       "the events need more memory than their budget");
}

static bool finish(reading *r, gs_err *err)
{
	gs_perf_samples *samples = &r->l->samples;
	gs_profile_builder *b = r->l->b;

	if (r->is_stopped)
		return gs_fail(err, GS_ERR_STOPPED, GS_ERR_NOWHERE, "stopped");
	if (r->is_full)
		return no_memory(err);
	if (!samples->rows.n)
		return gs_fail(err, GS_ERR_FORMAT, 0, "no event in this perf script text");
	if (r->n_skipped)
		gs_profile_builder_warn(
			b, "%llu lines are neither an event nor a frame and were left out",
			(unsigned long long)r->n_skipped);
	add_comment(r->l, r->src->bytes, "captured on", "captured on");
	add_comment(r->l, r->src->bytes, "hostname", "hostname");
	add_comment(r->l, r->src->bytes, "cmdline", "command");
	return gs_perf_samples_finish(samples, b, NULL, r->src->options->threads) || no_memory(err);
}

static bool load_events(loading *l, const gs_load_source *src, gs_err *err)
{
	GS_AUTO(arena) *mem = gs_arena_create(UINT64_MAX);
	reading *r = gs_new(mem, reading, 1);
	unsigned n_workers;
	bool ok;

	r->l = l;
	r->src = src;
	r->n = gs_perfscript_parts(src->bytes, PIECE_BYTES);
	n_workers = gs_pool_workers(src->options->threads, r->n);
	r->workers = gs_new(mem, worker, n_workers);
	for (unsigned i = 0; i < n_workers; i++)
		gs_perfscript_reader_init(&r->workers[i].r, &l->key, &l->known);
	/* A large text has many of both: tables that grow below two threads stop both. */
	if (r->n > 8)
		r->is_full = !gs_digest_map_reserve(&l->callers, 40000) || !gs_digest_map_reserve(&l->stacks, 12000);
	gs_pool_run_ahead(src->options->threads, SLOTS, r->n, read_piece, take_piece, r);
	ok = finish(r, err);
	for (unsigned i = 0; i < n_workers; i++) {
		worker *w = &r->workers[i];

		gs_perfscript_reader_release(&w->r);
		gs_vec_release(&w->stacks);
		gs_vec_release(&w->comms);
		gs_vec_release(&w->events);
	}
	for (unsigned i = 0; i < SLOTS; i++)
		gs_perfscript_piece_release(&r->slots[i].piece);
	return ok;
}

static int probe(gs_str bytes)
{
	return gs_perfscript_is(gs_str_slice(bytes, 0, 65536)) ? GS_PROBE_LIKELY + 10 : GS_PROBE_NO;
}

static bool load(gs_load_source *src, gs_document *doc, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(UINT64_MAX);
	loading *l = gs_new(scratch, loading, 1);
	bool ok;

	l->b = gs_profile_builder_create(doc->mem, err);
	gs_digest_key_init(&l->key);
	ok = l->b && load_events(l, src, err);

	gs_perf_samples_release(&l->samples);
	gs_digest_map_release(&l->leaves);
	gs_digest_map_release(&l->callers);
	gs_slice_map_release(&l->mappings);
	gs_digest_map_release(&l->stacks);
	gs_vec_release(&l->frames);
	gs_vec_release(&l->nodes);
	gs_vec_release(&l->locations);
	gs_vec_release(&l->ends);
	if (!ok)
		return false;
	doc->profile = gs_profile_builder_finish(l->b, err);
	return doc->profile != NULL;
}

const gs_recogniser gs_recogniser_perfscript = {
	.name = "perf-script",
	.is_text = true,
	.title = "the text of perf script",
	.probe = probe,
	.load = load,
};
