/* What the goroutines of a stopped program do, as Go would print it (runtime/traceback.go): the document of a goroutine dump. */
#include "load/goroutine_dump.h"
#include "load/heap.h"

#include "base/banned.h"

typedef struct dumping {
	const gs_heap *h;
	gs_dump dump;
} dumping;

static gs_str text(const dumping *d, uint32_t id)
{
	return gs_strtab_get(&d->h->strings, id);
}

static gs_dump_frame frame_of(const dumping *d, const gs_heap_frame *f)
{
	return (gs_dump_frame){ .function = text(d, f->function), .file = text(d, f->file), .line = f->line, .pc = f->pc, .is_inlined = f->is_inlined };
}

/* "main.f.gowrap1": what the compiler puts around a call in a go or defer statement. */
static bool is_wrapper(gs_str function)
{
	while (function.n && function.p[function.n - 1] >= '0' && function.p[function.n - 1] <= '9')
		function.n--;
	return gs_str_ends(function, GS_S(".gowrap")) || gs_str_ends(function, GS_S(".deferwrap"));
}

/* Go's own dumps leave out the runtime's frames, except those that a program can call, and wrappers. */
static bool is_shown(gs_str function)
{
	static const gs_str runtime = { "runtime.", 8 };

	if (is_wrapper(function))
		return false;
	return !gs_str_starts(function, runtime) || (function.n > runtime.n && function.p[runtime.n] >= 'A' && function.p[runtime.n] <= 'Z');
}

static gs_str state_of(const dumping *d, const gs_heap_goroutine *g)
{
	gs_str reason = text(d, g->wait_reason);

	switch (g->status) {
	case GS_GO_G_RUNNABLE:
		return GS_S("runnable");
	case GS_GO_G_RUNNING:
		return GS_S("running");
	case GS_GO_G_SYSCALL:
		return GS_S("syscall");
	default:
		return reason.n ? reason : GS_S("waiting");
	}
}

static void add_one(dumping *d, const gs_heap_goroutine *g)
{
	const int64_t minute_ns = (int64_t)60 * 1000000000;
	gs_dump_goroutine *to = &d->dump.goroutines[d->dump.n_goroutines++];

	*to = (gs_dump_goroutine){ .id = g->id,
				   .state = state_of(d, g),
				   .wait_minutes = g->wait_ns > 0 ? (uint64_t)(g->wait_ns / minute_ns) : 0,
				   .first_frame = d->dump.n_frames,
				   .first_label = d->dump.n_labels,
				   .n_labels = g->n_labels,
				   .creator = frame_of(d, &g->creator),
				   .creator_id = g->creator_id,
				   .is_leaked = g->status == GS_HEAP_G_LEAKED };
	for (uint32_t i = 0; i < g->n_frames; i++) {
		const gs_heap_frame *f = &d->h->frames[g->first_frame + i];

		if (is_shown(text(d, f->function)))
			d->dump.frames[d->dump.n_frames++] = frame_of(d, f);
	}
	to->n_frames = d->dump.n_frames - to->first_frame;
	to->is_unavailable = to->n_frames == 0;
	for (uint32_t i = 0; i < g->n_labels; i++) {
		const gs_heap_label *l = &d->h->labels[g->first_label + i];

		d->dump.labels[d->dump.n_labels++] = (gs_text_label){ text(d, l->key), text(d, l->value) };
	}
}

bool gs_heap_goroutine_dump(const gs_heap *h, gs_str header, gs_document *doc, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 34);
	dumping d = { .h = h, .dump = { .header = header } };
	uint32_t n = 0;

	d.dump.goroutines = gs_try_new(scratch, gs_dump_goroutine, h->n_goroutines);
	d.dump.frames = gs_try_new(scratch, gs_dump_frame, h->n_frames);
	d.dump.labels = gs_try_new(scratch, gs_text_label, h->n_labels);
	if (!d.dump.goroutines || !d.dump.frames || !d.dump.labels)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for %u goroutines", h->n_goroutines);
	for (uint32_t i = 0; i < h->n_goroutines; i++)
		if (!h->goroutines[i].is_system)
			add_one(&d, &h->goroutines[i]);
	if (!load_goroutine_dump(&d.dump, doc, err))
		return false;
	/* Dumps tell minutes, the memory more. */
	for (uint32_t i = 0; i < h->n_goroutines; i++)
		if (!h->goroutines[i].is_system)
			doc->goroutines->list[n++].wait_ns = h->goroutines[i].wait_ns;
	return true;
}
