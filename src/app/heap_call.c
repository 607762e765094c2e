#include "app/heap_call.h"

#include "analysis/heap_profile.h"

#include "base/banned.h"

static const gs_arg args[] = {
	{ "binary", GS_ARG_STRING, .unit = "file", .short_name = 'e',
	  .help = "the program that the core is of; default: where the core says it was" },
	{ 0 },
};
const gs_arg_group gs_heap_args = { "Program", args };

bool gs_heap_document_finish(gs_document *d, const gs_progress *progress, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(gs_arena_budget_bytes(d->mem));
	gs_dominators *dominators;
	gs_heap_names *names;
	gs_heap_paths paths;
	gs_profile *p;

	if (d->kind != GS_DOCUMENT_HEAP || d->dominators)
		return true;
	gs_progress_report(progress, -1, "who holds what");
	dominators = gs_new(d->mem, gs_dominators, 1);
	if (!gs_dominators_build(d->mem, d->heap, dominators, err))
		return false;
	names = gs_heap_names_build(scratch, d->heap, dominators, err);
	if (!names || !gs_heap_paths_merge(scratch, d->heap, dominators, names, dominators->idom, NULL, &paths, err))
		return false;
	p = gs_heap_profile(d->mem, &paths, names, err);
	if (!p)
		return false;
	d->profile = p;
	d->dominators = dominators;
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

const gs_heap *gs_call_heap_at(gs_op_call *call, unsigned i, gs_heap **opened, gs_err *err)
{
	gs_str binary = gs_call_str(call, "binary");

	if (!is_in_session(call))
		return *opened = gs_heap_open(gs_cstr(call->mem, call->paths[i]), binary.n ? gs_cstr(call->mem, binary) : NULL,
					      call->progress, err);
	if (!binary.n)
		return call->docs[i]->heap;
	gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s: the program of an open heap is known: leave \"binary\" out", call->op->name);
	return NULL;
}

static void free_heap(void *ctx)
{
	gs_heap_free(ctx);
}

const gs_heap *gs_call_heap(gs_op_call *call, gs_dominators *d, gs_err *err)
{
	gs_heap *opened = NULL;
	const gs_heap *h;

	if (gs_call_n_heaps(call) != 1) {
		gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s needs one core: gospect %s [--binary PROGRAM] CORE", call->op->name,
			call->op->name);
		return NULL;
	}
	h = gs_call_heap_at(call, 0, &opened, err);
	if (h && !opened) {
		*d = *call->docs[0]->dominators;
		return h;
	}
	if (!h)
		return NULL;
	gs_arena_on_free(call->mem, free_heap, opened);
	gs_progress_report(call->progress, -1, "who holds what");
	return gs_dominators_build(call->mem, h, d, err) ? h : NULL;
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
