#include "app/heap_call.h"

#include "base/banned.h"

static const gs_arg args[] = {
	{ "binary", GS_ARG_STRING, .unit = "file", .short_name = 'e',
	  .help = "the program that the core is of; default: where the core says it was" },
	{ 0 },
};
const gs_arg_group gs_heap_args = { "Program", args };

gs_heap *gs_call_heap_at(gs_op_call *call, unsigned i, gs_err *err)
{
	gs_str binary = gs_call_str(call, "binary");

	return gs_heap_open(gs_cstr(call->mem, call->paths[i]), binary.n ? gs_cstr(call->mem, binary) : NULL, call->progress, err);
}

gs_heap *gs_call_heap(gs_op_call *call, gs_dominators *d, gs_err *err)
{
	gs_heap *h;

	if (call->n_paths != 1) {
		gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s needs one core: gospect %s [--binary PROGRAM] CORE", call->op->name,
			call->op->name);
		return NULL;
	}
	h = gs_call_heap_at(call, 0, err);
	if (!h)
		return NULL;
	gs_progress_report(call->progress, -1, "who holds what");
	if (!gs_dominators_build(call->mem, h, d, err)) {
		gs_heap_free(h);
		return NULL;
	}
	return h;
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
