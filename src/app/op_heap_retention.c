/* gospect heap retention: what retains the heap, as a profile for every viewer of profiles. */
#include "analysis/heap_profile.h"
#include "app/heap_call.h"
#include "app/pprof_bytes.h"

#include "base/banned.h"

static bool run(gs_op_call *call, gs_err *err)
{
	const gs_heap_index *x = gs_call_heap_index(call, err);
	gs_profile *p = x ? gs_heap_profile(call->mem, x->heap, &x->held, x->names, err) : NULL;

	return p && gs_write_pprof_bytes(call, p, NULL, err);
}

extern const gs_op gs_op_heap_retention;
const gs_op gs_op_heap_retention = {
	.name = "heap-retention",
	.summary = "who retains a Go program's memory, as a profile for flame graphs",
	.help = "Writes what `gospect heap dominators` shows as a profile in pprof's format: a stack is a way from a variable, goroutine or frame down the dominator tree, its values are the\n"
		"objects and bytes at its end. In a flame graph a box is as wide as what it retains: what would be freed without it.\n"
		"\n"
		"  gospect heap retention core.4242 > retention.pb.gz\n"
		"  gospect flame retention.pb.gz\n"
		"  go tool pprof -http=: retention.pb.gz\n",
	.operands = "CORE|PID",
	.input = GS_INPUT_HEAPS,
	.needs_kinds = 1u << GS_DOCUMENT_HEAP,
	.groups = (const gs_arg_group *const[]){ &gs_heap_args, NULL },
	.formats = "pprof proto",
	.run = run,
	.is_slow = true,
};
