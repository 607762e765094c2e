/*
 * perf script text -> document. A stack that came by before is found again by its bytes, and so is a frame: names are only
 * taken apart once.
 */
#include "format/perfscript/perfscript.h"

#include "base/pool.h"
#include "load/perfscript_chunk.h"
#include "load/recognisers.h"

#include "base/banned.h"

typedef struct loading {
	gs_profile_builder *b;
	gs_perf_samples samples;
	gs_slice_map
		leaves; /* text of a physical frame and what is inlined into it -> location, as leaf */
	gs_slice_map callers;  /* as caller: the address is that of a return */
	gs_slice_map mappings; /* dso -> mapping */
	GS_VEC(gs_frame) frames;
} loading;

static uint32_t mapping_of(loading *l, gs_str dso)
{
	bool is_new;
	uint32_t *slot;

	if (!dso.n || gs_str_eq(dso, GS_S("[unknown]")))
		return 0;
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
	return *slot;
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
	gs_function fn = { .name = name_of(l, f), .file = gs_profile_builder_str(l->b, f->file) };
	gs_frame *line = gs_vec_push(&l->frames, INT32_MAX);

	if (!line || fn.name == GS_NO_ID || fn.file == GS_NO_ID)
		return false;
	fn.system_name = gs_profile_builder_str(l->b, f->symbol);
	if (fn.system_name == GS_NO_ID)
		return false;
	*line = (gs_frame){ .function = gs_profile_builder_function(l->b, fn),
			    .line = f->line > INT64_MAX ? 0 : (int64_t)f->line,
			    .flags = f->is_kernel ? GS_FRAME_KERNEL : 0 };
	return line->function != GS_NO_ID;
}

/* `group` is the text of frames inlined into each other and the physical frame they end in. */
static uint32_t location_of(loading *l, gs_str group, bool is_leaf)
{
	bool is_new;
	uint32_t *slot = gs_slice_map_put(is_leaf ? &l->leaves : &l->callers, group, &is_new),
		 mapping, id;
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

static uint32_t node_of(loading *l, const gs_perfscript_chunk *c, const gs_perfscript_stack *s,
			const uint32_t *leaves, const uint32_t *callers)
{
	uint32_t node = GS_ROOT_NODE;

	for (uint32_t i = s->n; i-- > 0 && node != GS_NO_ID;) {
		uint32_t frame = c->stack_frames.p[s->first + i],
			 location = i ? callers[frame] : leaves[frame];

		if (location) /* text that is no frame has none */
			node = gs_profile_builder_push(l->b, node, location);
	}
	return node;
}

static uint32_t *locations_of(loading *l, gs_arena *mem, const gs_text_list *list, bool is_leaf)
{
	uint32_t *ids = gs_try_new(mem, uint32_t, list->texts.n);

	for (size_t i = 0; ids && i < list->texts.n; i++)
		if ((ids[i] = location_of(l, list->texts.p[i], is_leaf)) == GS_NO_ID)
			return NULL;
	return ids;
}

/* The part's indexes become ids of the profile. */
static bool add_chunk(loading *l, gs_perfscript_chunk *c)
{
	GS_AUTO(arena) *mem = gs_arena_create(UINT64_MAX);
	uint32_t *nodes = gs_try_new(mem, uint32_t, c->stacks.texts.n);
	uint32_t *comms = gs_try_new(mem, uint32_t, c->comms.texts.n);
	uint32_t *events = gs_try_new(mem, uint32_t, c->events.texts.n);
	uint32_t *leaves = locations_of(l, mem, &c->leaves, true);
	uint32_t *callers = locations_of(l, mem, &c->callers, false);
	bool ok = nodes && comms && events && leaves && callers && !c->is_full;

	for (size_t i = 0; ok && i < c->stacks.texts.n; i++)
		ok = (nodes[i] = node_of(l, c, &c->stack_list.p[i], leaves, callers)) != GS_NO_ID;
	for (size_t i = 0; ok && i < c->comms.texts.n; i++)
		ok = (comms[i] = gs_profile_builder_str(l->b, c->comms.texts.p[i])) != GS_NO_ID;
	for (size_t i = 0; ok && i < c->events.texts.n; i++)
		ok = (events[i] = gs_perf_samples_event(&l->samples, c->events.texts.p[i])) !=
		     UINT32_MAX;
	for (size_t i = 0; ok && i < c->samples.n; i++) {
		gs_perf_sample s = c->samples.p[i];

		s.node = nodes[s.node];
		s.comm = comms[s.comm];
		s.event = events[s.event];
		ok = gs_perf_samples_add(&l->samples, &s);
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

typedef struct reading {
	loading *l;
	const gs_load_source *src;
	gs_perfscript_chunk *chunks;
	size_t n;
	uint64_t n_skipped;
	bool is_stopped, is_full;
} reading;

static void read_chunk(void *ctx, unsigned worker, size_t i)
{
	reading *r = ctx;

	(void)worker;
	if (!gs_progress_should_stop(r->src->progress))
		gs_perfscript_chunk_read(&r->chunks[i]);
}

/* In the order of the text, one at a time. */
static void take_chunk(void *ctx, unsigned worker, size_t i)
{
	reading *r = ctx;

	(void)worker;
	r->is_stopped |= gs_progress_should_stop(r->src->progress);
	if (!r->is_stopped && !r->is_full) {
		r->is_full = !add_chunk(r->l, &r->chunks[i]);
		r->n_skipped += r->chunks[i].n_skipped;
		gs_progress_report(r->src->progress, (double)(i + 1) / (double)r->n, "reading");
	}
	gs_perfscript_chunk_release(&r->chunks[i]);
}

static bool no_memory(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE,
		       "the events need more memory than their budget");
}

static bool load_events(loading *l, const gs_load_source *src, gs_err *err)
{
	enum { CHUNK_BYTES = 4 << 20 };
	reading r = { .l = l, .src = src };

	if (!gs_perfscript_split(src->bytes, CHUNK_BYTES, &r.chunks, &r.n))
		return no_memory(err);
	gs_pool_run_ordered(src->options->threads, r.n, read_chunk, take_chunk, &r);
	free(r.chunks);
	if (r.is_stopped)
		return gs_fail(err, GS_ERR_STOPPED, GS_ERR_NOWHERE, "stopped");
	if (r.is_full)
		return no_memory(err);
	if (!l->samples.samples.n)
		return gs_fail(err, GS_ERR_FORMAT, 0, "no event in this perf script text");
	if (r.n_skipped)
		gs_profile_builder_warn(
			l->b, "%llu lines are neither an event nor a frame and were left out",
			(unsigned long long)r.n_skipped);
	add_comment(l, src->bytes, "captured on", "captured on");
	add_comment(l, src->bytes, "hostname", "hostname");
	add_comment(l, src->bytes, "cmdline", "command");
	return gs_perf_samples_finish(&l->samples, l->b) || no_memory(err);
}

static int probe(gs_str bytes)
{
	return gs_perfscript_is(gs_str_slice(bytes, 0, 65536)) ? GS_PROBE_LIKELY + 10 : GS_PROBE_NO;
}

static bool load(const gs_load_source *src, gs_document *doc, gs_err *err)
{
	loading l = { .b = gs_profile_builder_create(doc->mem, err) };
	bool ok = l.b && load_events(&l, src, err);

	gs_perf_samples_release(&l.samples);
	gs_slice_map_release(&l.leaves);
	gs_slice_map_release(&l.callers);
	gs_slice_map_release(&l.mappings);
	gs_vec_release(&l.frames);
	if (!ok)
		return false;
	doc->profile = gs_profile_builder_finish(l.b, err);
	return doc->profile != NULL;
}

const gs_recogniser gs_recogniser_perfscript = {
	.name = "perf-script",
	.is_text = true,
	.title = "the text of perf script",
	.probe = probe,
	.load = load,
};
