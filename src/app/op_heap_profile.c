/* gospect heap profile: the heap profile that the program itself would write. */
#include "analysis/heap_allocations.h"
#include "app/heap_call.h"
#include "app/pprof_bytes.h"

#include "base/banned.h"

static bool run(gs_op_call *call, gs_err *err)
{
	const gs_heap *h = gs_call_heap_only(call, err);
	gs_profile *p;

	if (!h || !gs_call_heap_is_sampled(call, h, err))
		return false;
	p = gs_heap_allocations(call->mem, h, err);
	return p && gs_write_pprof_bytes(call, p, NULL, err);
}

extern const gs_op gs_op_heap_profile;
const gs_op gs_op_heap_profile = {
	.name = "heap-profile",
	.summary = "the heap profile of a Go program that has no endpoint for it, from its memory",
	.help = "Writes in pprof's format what the program itself would by pprof.WriteHeapProfile at this moment: stacks of sampled allocations with what they allocated (alloc_objects,\n"
		"alloc_space) and what of it had not been freed at the last collection (inuse_objects, inuse_space), scaled by the sampling rate. Reports take it like any profile. Of an\n"
		"open heap they need not: there these four are beside what is retained (`gospect flame --sample-index inuse_space core.4242`). `gospect heap summary --by allocation`\n"
		"says what of it is alive and who keeps it.\n"
		"\n"
		"  gospect heap profile 4242 -o heap.pprof\n"
		"  gospect heap profile core.4242 -o heap.pprof && gospect top heap.pprof\n",
	.operands = "CORE|PID",
	.input = GS_INPUT_HEAPS,
	.needs_kinds = 1u << GS_DOCUMENT_HEAP,
	.groups = (const gs_arg_group *const[]){ &gs_heap_args, NULL },
	.formats = "pprof proto",
	.run = run,
	.is_slow = true,
};
