/* gospect heap retention: what retains the heap, as a profile for every viewer of profiles. */
#include "analysis/heap_profile.h"
#include "app/heap_call.h"
#include "app/pprof_bytes.h"

#include "base/banned.h"

static const gs_arg args[] = {
	{ "by", GS_ARG_ENUM, .def = "holder", .values = "holder allocation", .help = "what stacks are: ways from what holds, or the calls that allocated what is held" },
	{ 0 },
};
static const gs_arg_group group = { "Options", args };

static gs_profile *by_allocation(gs_op_call *call, const gs_heap_index *x, gs_err *err)
{
	gs_heap_allocated_list rows;

	return gs_call_heap_is_sampled(call, x->heap, err) && gs_heap_allocated_by_holder(call->mem, x->heap, &x->dominators, x->names, &rows, err) ?
		       gs_heap_allocated_profile(call->mem, x->heap, &rows, x->names, err) :
		       NULL;
}

static bool run(gs_op_call *call, gs_err *err)
{
	const gs_heap_index *x = gs_call_heap_index(call, err);
	gs_profile *p;

	if (!x)
		return false;
	p = gs_str_eq(gs_call_str(call, "by"), GS_S("allocation")) ? by_allocation(call, x, err) :
								     gs_heap_profile(call->mem, x->heap, &x->held, x->names, err);

	return p && gs_write_pprof_bytes(call, p, NULL, err);
}

extern const gs_op gs_op_heap_retention;
const gs_op gs_op_heap_retention = {
	.name = "heap-retention",
	.summary = "who retains a Go program's memory, as a profile for flame graphs",
	.help = "Writes what `gospect heap dominators` shows as a profile in pprof's format: a stack is a way from a variable, goroutine or frame down the dominator tree, its values are the\n"
		"objects and bytes at its end. In a flame graph a box is as wide as what it retains: what would be freed without it.\n"
		"\n"
		"--by allocation: stacks are the calls that allocated what is alive (estimated from the objects that the program sampled for its heap profile), with labels that join\n"
		"them to who keeps it: `holder`, the variable, goroutine or frame that retains it, and `type`. Filters and `tags` work on these labels.\n"
		"\n"
		"  gospect heap retention core.4242 > retention.pb.gz\n"
		"  gospect flame retention.pb.gz\n"
		"  gospect heap retention --by allocation -o kept.pb.gz core.4242 && gospect tags kept.pb.gz\n"
		"  go tool pprof -http=: retention.pb.gz\n",
	.operands = "CORE|PID",
	.input = GS_INPUT_HEAPS,
	.needs_kinds = 1u << GS_DOCUMENT_HEAP,
	.groups = (const gs_arg_group *const[]){ &group, &gs_heap_args, NULL },
	.formats = "pprof proto",
	.run = run,
	.is_slow = true,
};
