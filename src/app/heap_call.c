#include "app/heap_call.h"

#include <sys/stat.h>

#include "analysis/heap_profile.h"
#include "app/live.h"
#include "app/snapshot.h"

#include "base/banned.h"

static const gs_arg args[] = {
	{ "binary", GS_ARG_STRING, .unit = "file", .short_name = 'e',
	  .help = "the program that the core is of; default: where the core says it was" },
	{ 0 },
};
const gs_arg_group gs_heap_args = { "Program", args };

bool gs_heap_document_finish(gs_document *d, const gs_progress *progress, gs_err *err)
{
	gs_heap_index *x;
	gs_profile *p;

	if (d->kind != GS_DOCUMENT_HEAP || d->heap_index)
		return true;
	gs_progress_report(progress, -1, "who holds what");
	x = gs_heap_index_build(d->mem, d->heap, NULL, err);
	p = x ? gs_heap_profile_of_all(d->mem, x->heap, &x->held, x->names, err) : NULL;
	if (!p)
		return false;
	d->profile = p;
	d->heap_index = x;
	return true;
}

static bool is_in_session(const gs_op_call *call)
{
	return call->n_docs > 0;
}

unsigned gs_call_n_heaps(const gs_op_call *call)
{
	return is_in_session(call) ? call->n_docs : call->n_paths;
}

gs_str gs_call_heap_name(const gs_op_call *call, unsigned i)
{
	return is_in_session(call) ? call->docs[i]->name : call->paths[i];
}

static gs_heap *heap_of_process(gs_op_call *call, gs_str target, gs_str *note, gs_heap_beside beside, gs_err *err)
{
	gs_str binary = gs_call_str(call, "binary"), title;
	gs_snapshot_report report;
	gs_image *image;
	int32_t pid;

	if (!gs_snapshot_find(call->mem, target, &pid, &title, err))
		return NULL;
	image = gs_snapshot_take(call->mem, pid, (gs_snapshot_ask){ 0 }, call->progress, &report, err);
	if (!image)
		return NULL;
	*note = gs_strf(call->mem, "%.*s, stopped for %.2f ms", GS_FMT(title), (double)report.pause_ns / 1e6);
	return gs_heap_of_image(image, title, binary.n ? gs_cstr(call->mem, binary) : NULL, beside, call->progress, err);
}

gs_heap *gs_call_heap_of_process(gs_op_call *call, gs_str target, gs_str *note, gs_err *err)
{
	return heap_of_process(call, target, note, (gs_heap_beside){ 0 }, err);
}

static gs_heap *open_input(gs_op_call *call, gs_str input, gs_heap_beside beside, gs_err *err)
{
	gs_str binary = gs_call_str(call, "binary"), note;

	struct stat st;

	if (stat(gs_cstr(call->mem, input), &st) == 0 && S_ISDIR(st.st_mode)) {
		gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s needs the memory itself, which the folder %.*s does not hold: the PID of the process, or a core of it",
			call->op->name, GS_FMT(input));
		return NULL;
	}
	if (!gs_live_is(input))
		return gs_heap_open(gs_cstr(call->mem, input), binary.n ? gs_cstr(call->mem, binary) : NULL, beside, call->progress, err);
	if (!gs_http_target_like(input))
		return heap_of_process(call, input, &note, beside, err);
	gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s needs the memory itself, which %.*s does not give: the PID of the process, or a core of it", call->op->name,
		GS_FMT(input));
	return NULL;
}

static const gs_heap *heap_at(gs_op_call *call, unsigned i, gs_heap **opened, gs_heap_beside beside, gs_err *err)
{
	gs_str binary = gs_call_str(call, "binary");

	if (!is_in_session(call))
		return *opened = open_input(call, call->paths[i], beside, err);
	if (!binary.n)
		return call->docs[i]->heap;
	gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s: the program of an open heap is known: leave \"binary\" out", call->op->name);
	return NULL;
}

const gs_heap *gs_call_heap_at(gs_op_call *call, unsigned i, gs_heap **opened, gs_err *err)
{
	return heap_at(call, i, opened, (gs_heap_beside){ 0 }, err);
}

static void free_heap(void *ctx)
{
	gs_heap_free(ctx);
}

/* The only heap of the call, and in *shared what is known of it already; if that is nothing, `beside` was done. */
static const gs_heap *one_heap(gs_op_call *call, const gs_heap_index **shared, gs_heap_beside beside, gs_err *err)
{
	gs_heap *opened = NULL;
	const gs_heap *h;

	*shared = NULL;
	if (gs_call_n_heaps(call) != 1) {
		gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s needs one core or process: gospect %s [--binary PROGRAM] CORE|PID", call->op->name,
			call->op->name);
		return NULL;
	}
	h = heap_at(call, 0, &opened, beside, err);
	if (h && !opened)
		*shared = call->docs[0]->heap_index;
	if (opened)
		gs_arena_on_free(call->mem, free_heap, opened);
	return h;
}

/* Who holds what, while types are found. */
typedef struct holding {
	gs_arena *mem;
	gs_dominators *d;
	gs_err err;
	bool ok;
} holding;

static void hold(void *ctx, const gs_heap *h)
{
	holding *x = ctx;

	x->ok = gs_dominators_build(x->mem, h, x->d, &x->err);
}

/* The heap; what is known of it, or else *d. */
static const gs_heap *held_heap(gs_op_call *call, const gs_heap_index **shared, gs_dominators *d, gs_err *err)
{
	holding x = { .mem = call->mem, .d = d };
	const gs_heap *h = one_heap(call, shared, (gs_heap_beside){ hold, &x }, err);

	if (!h || *shared || x.ok)
		return h;
	*err = x.err;
	return NULL;
}

const gs_heap *gs_call_heap(gs_op_call *call, gs_dominators *d, gs_err *err)
{
	const gs_heap_index *shared;
	const gs_heap *h = held_heap(call, &shared, d, err);

	if (shared)
		*d = shared->dominators;
	return h;
}

const gs_heap *gs_call_heap_only(gs_op_call *call, gs_err *err)
{
	const gs_heap_index *shared;

	return one_heap(call, &shared, (gs_heap_beside){ 0 }, err);
}

const gs_heap_index *gs_call_heap_index(gs_op_call *call, gs_err *err)
{
	const gs_heap_index *shared;
	gs_dominators d;
	const gs_heap *h = held_heap(call, &shared, &d, err);

	return h && !shared ? gs_heap_index_build(call->mem, h, &d, err) : shared;
}

bool gs_call_heap_object(const gs_op_call *call, const gs_heap *h, uint32_t *object, gs_err *err)
{
	gs_str text = gs_call_str(call, "address");
	uint64_t addr;

	if (!gs_str_u64(text, 0, &addr))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "--address: '%.*s' is no address such as 0xc000012340", GS_FMT(text));
	*object = gs_heap_find(h, addr);
	return *object != GS_HEAP_NONE ||
	       gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "no live object is at 0x%llx", (unsigned long long)addr);
}

bool gs_call_heap_is_sampled(const gs_op_call *call, const gs_heap *h, gs_err *err)
{
	if (h->n_sites)
		return true;
	return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "%.*s: %s", GS_FMT(gs_call_heap_name(call, 0)),
		       h->is_sampled ? "no allocation was sampled, or the runtime's list of them is not in the image" :
				       "the program does not sample its allocations: runtime.MemProfileRate is 0, as in programs that never ask for a heap profile "
				       "(import runtime/pprof and use it, or net/http/pprof)");
}

bool *gs_call_heap_sites(const gs_op_call *call, const gs_heap *h, uint64_t **selected, gs_err *err)
{
	bool *sites = gs_call_heap_is_sampled(call, h, err) ? gs_heap_sites_matching(call->mem, h, gs_call_regex(call, "allocated-by"), err) : NULL;

	*selected = sites ? gs_heap_objects_of_sites(call->mem, h, sites, err) : NULL;
	return *selected ? sites : NULL;
}
