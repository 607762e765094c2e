/* Goroutine dump -> document: one row of gs_goroutines and one sample for each goroutine. */
#include "load/goroutine_dump.h"
#include "load/recognisers.h"

#include "base/banned.h"

typedef struct loading {
	gs_profile_builder *b;
	const gs_dump *dump;
	uint32_t state, creator, wait, minutes; /* string ids */
	GS_VEC(gs_frame) frames;
	GS_VEC(uint32_t) stack;
	GS_VEC(gs_label) labels;
	gs_buf args;
} loading;

static bool no_memory(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE,
		       "the goroutine dump needs more memory than its budget");
}

static gs_str frame_name(const gs_dump_frame *f)
{
	/* A gap is a frame of its own: what is around it did not call each other. */
	return f->n_elided ? GS_S("(frames elided)") : f->function;
}

static uint32_t function_of(loading *l, const gs_dump_frame *f)
{
	gs_function fn = { .name = gs_profile_builder_str(l->b, frame_name(f)),
			   .file = gs_profile_builder_str(l->b, f->file) };

	if (fn.name == GS_NO_ID || fn.file == GS_NO_ID)
		return GS_NO_ID;
	fn.system_name = fn.name;
	return gs_profile_builder_function(l->b, fn);
}

static bool push_line(loading *l, const gs_dump_frame *f)
{
	gs_frame *line = gs_vec_push(&l->frames, INT32_MAX);

	if (!line)
		return false;
	*line = (gs_frame){ .function = function_of(l, f),
			    .line = f->line > INT64_MAX ? 0 : (int64_t)f->line };
	return line->function != GS_NO_ID;
}

/* The stack's node. Inlined frames go into the location of the physical frame after them. */
static uint32_t node_of(loading *l, const gs_dump_goroutine *g)
{
	const gs_dump_frame *frames = &l->dump->frames[g->first_frame];
	uint32_t node = GS_ROOT_NODE;

	l->stack.n = 0;
	l->frames.n = 0;
	l->args.n = 0;
	for (uint32_t i = 0; i < g->n_frames; i++) {
		const gs_dump_frame *f = &frames[i];
		uint64_t pc = f->pc && l->stack.n ? f->pc - 1 : f->pc;
		uint32_t id, *slot;

		gs_buf_str(&l->args, f->args);
		if (i + 1 < g->n_frames)
			gs_buf_c(&l->args, '\n');
		if (!push_line(l, f))
			return GS_NO_ID;
		if (f->is_inlined && i + 1 < g->n_frames)
			continue;
		id = gs_profile_builder_location_intern(l->b, pc, 0, l->frames.p,
							(uint32_t)l->frames.n);
		slot = gs_vec_push(&l->stack, INT32_MAX);
		if (id == GS_NO_ID || !slot)
			return GS_NO_ID;
		*slot = id;
		l->frames.n = 0;
	}
	if (!g->n_frames && g->is_unavailable) {
		static const gs_dump_frame unavailable = { .function = { "(stack unavailable)",
									 19 } };

		if (!push_line(l, &unavailable))
			return GS_NO_ID;
		return gs_profile_builder_push(
			l->b, node, gs_profile_builder_location_intern(l->b, 0, 0, l->frames.p, 1));
	}
	for (size_t i = l->stack.n; i-- > 0;) {
		node = gs_profile_builder_push(l->b, node, l->stack.p[i]);
		if (node == GS_NO_ID)
			return node;
	}
	return node;
}

static bool push_label(loading *l, gs_label label)
{
	gs_label *fresh = gs_vec_push(&l->labels, INT32_MAX);

	if (!fresh)
		return false;
	*fresh = label;
	return label.key != GS_NO_ID && label.str != GS_NO_ID;
}

/* The goroutine's own labels, as pprof orders them, or (for the profile's samples) these and what the header told. */
static uint32_t labels_of(loading *l, const gs_dump_goroutine *g, bool with_header)
{
	l->labels.n = 0;
	for (uint32_t i = 0; i < g->n_labels; i++) {
		const gs_text_label *t = &l->dump->labels[g->first_label + i];

		if (!push_label(l, (gs_label){ .key = gs_profile_builder_str(l->b, t->key),
					       .str = gs_profile_builder_str(l->b, t->value) }))
			return GS_NO_ID;
	}
	if (with_header) {
		if (!push_label(l, (gs_label){ .key = l->state,
					       .str = gs_profile_builder_str(l->b, g->state) }))
			return GS_NO_ID;
		if (g->creator.function.n &&
		    !push_label(l, (gs_label){ .key = l->creator,
					       .str = gs_profile_builder_str(
						       l->b, g->creator.function) }))
			return GS_NO_ID;
		if (g->wait_minutes &&
		    !push_label(l, (gs_label){ .key = l->wait,
					       .num = (int64_t)(g->wait_minutes & INT64_MAX),
					       .unit = l->minutes,
					       .is_num = true }))
			return GS_NO_ID;
	}
	return gs_profile_builder_labels(l->b, l->labels.p, (uint32_t)l->labels.n);
}

/* A frame of the profile that no stack has: its creator's place. The frame's id is known once its location is there. */
static uint32_t creator_location(loading *l, const gs_dump_goroutine *g)
{
	if (!g->creator.function.n)
		return 0;
	l->frames.n = 0;
	if (!push_line(l, &g->creator))
		return GS_NO_ID;
	return gs_profile_builder_location_intern(l->b, 0, 0, l->frames.p, 1);
}

static int64_t minutes_to_ns(uint64_t minutes)
{
	const int64_t minute_ns = (int64_t)60 * 1000000000;

	return minutes > (uint64_t)(INT64_MAX / minute_ns) ? INT64_MAX :
							     (int64_t)minutes * minute_ns;
}

static bool load_one(loading *l, const gs_dump_goroutine *from, gs_goroutine *to)
{
	const int64_t one = 1;
	gs_sample s = { .values = &one, .goroutine = from->id };

	*to = (gs_goroutine){ .id = from->id,
			      .state = gs_profile_builder_str(l->b, from->state),
			      .wait_ns = minutes_to_ns(from->wait_minutes),
			      .creator_id = from->creator_id,
			      .is_locked = from->is_locked,
			      .is_leaked = from->is_leaked,
			      .is_elided = from->is_elided };
	to->node = s.node = node_of(l, from);
	to->args = gs_profile_builder_str(l->b, gs_buf_view(&l->args));
	to->labels = labels_of(l, from, false);
	to->creator = creator_location(l, from); /* a frame's id at the end */
	s.labels = labels_of(l, from, true);
	return !l->args.bad && to->state != GS_NO_ID && to->args != GS_NO_ID &&
	       to->labels != GS_NO_ID && to->creator != GS_NO_ID &&
	       gs_profile_builder_sample(l->b, &s);
}

static bool load_dump(loading *l, gs_document *doc, gs_err *err)
{
	const gs_dump *d = l->dump;
	gs_goroutines *g = gs_try_new(doc->mem, gs_goroutines, 1);
	gs_profile *p = gs_profile_builder_profile(l->b);

	if (!g || !(g->list = gs_try_new(doc->mem, gs_goroutine, d->n_goroutines)))
		return no_memory(err);
	l->state = gs_profile_builder_str(l->b, GS_S("state"));
	l->creator = gs_profile_builder_str(l->b, GS_S("creator"));
	l->wait = gs_profile_builder_str(l->b, GS_S("wait"));
	l->minutes = gs_profile_builder_str(l->b, GS_S("minutes"));
	p->n_types = 1;
	p->types[0] = (gs_value_type){ gs_profile_builder_str(l->b, GS_S("goroutine")),
				       gs_profile_builder_str(l->b, GS_S("count")) };
	p->period_type = p->types[0];
	p->period = 1;
	gs_profile_builder_with_threads(l->b);
	g->n = d->n_goroutines;
	g->header = gs_str_dup(doc->mem, gs_str_slice(d->header, 0, 65536));
	for (uint32_t i = 0; i < g->n; i++)
		if (!load_one(l, &d->goroutines[i], &g->list[i]))
			return no_memory(err);
	if (d->n_noise)
		gs_profile_builder_warn(l->b,
					"%llu lines between the frames are no part of the dump",
					(unsigned long long)d->n_noise);
	doc->profile = gs_profile_builder_finish(l->b, err);
	if (!doc->profile)
		return false;
	for (uint32_t i = 0; i < g->n; i++)
		if (g->list[i].creator)
			g->list[i].creator =
				doc->profile->locations[g->list[i].creator].first_frame;
	doc->goroutines = g;
	doc->kind = GS_DOCUMENT_GOROUTINES;
	return true;
}

bool load_goroutine_dump(const gs_dump *dump, gs_document *doc, gs_err *err)
{
	loading l = { .dump = dump, .args = { .max = (size_t)64 << 20 } };
	bool ok;

	l.b = gs_profile_builder_create(doc->mem, err);
	ok = l.b && load_dump(&l, doc, err);
	gs_vec_release(&l.frames);
	gs_vec_release(&l.stack);
	gs_vec_release(&l.labels);
	gs_buf_release(&l.args);
	return ok;
}

/* A header line at the very start is sure; one somewhere in a log is only likely. Logs of crashes have it at their end. */
static int probe(gs_str bytes)
{
	enum { NEAR = 1 << 20 };
	gs_str tail = gs_str_skip(bytes, bytes.n > NEAR ? bytes.n - NEAR : 0);
	gs_str head = gs_str_slice(bytes, 0, 4096);
	gs_str first = gs_str_slice(head, 0, gs_str_find_char(head, '\n'));

	if (gs_dump_is(first))
		return GS_PROBE_SURE;
	return gs_dump_is(gs_str_slice(bytes, 0, NEAR)) || gs_dump_is(tail) ? GS_PROBE_LIKELY - 10 :
									      GS_PROBE_NO;
}

static bool load(gs_load_source *src, gs_document *doc, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(gs_arena_budget_bytes(doc->mem));
	gs_dump dump;

	return gs_dump_parse(scratch, src->bytes, &dump, err) && load_goroutine_dump(&dump, doc, err);
}

const gs_recogniser gs_recogniser_goroutines = {
	.name = "goroutine-dump",
	.is_text = true,
	.title = "a goroutine dump (debug=2, panic, SIGQUIT)",
	.probe = probe,
	.load = load,
};
