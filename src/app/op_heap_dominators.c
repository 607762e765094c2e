/* gospect heap dominators: who retains the memory, from the variables and goroutines down. */
#include "analysis/heap_paths.h"
#include "app/heap_call.h"
#include "present/heap_paths.h"

#include "base/banned.h"

static const gs_arg args[] = {
	{ "limit", GS_ARG_INT, .def = "60", .unit = "rows", .short_name = 'n', .help = "how many steps to show, the largest ones; 0: all" },
	{ "depth", GS_ARG_INT, .def = "0", .unit = "steps", .help = "how far down; 1 shows holders only, 0 all" },
	{ "min", GS_ARG_FLOAT, .def = "0.5", .unit = "percent", .help = "hide steps that retain less of the heap" },
	{ 0 },
};
static const gs_arg_group group = { "Options", args };

static bool run(gs_op_call *call, gs_err *err)
{
	gs_heap_paths_style style = { .bytes_name = "retained" };
	const gs_heap_index *x = gs_call_heap_index(call, err);

	if (!x)
		return false;
	style.max_rows = (uint32_t)gs_call_int(call, "limit");
	style.max_depth = (uint32_t)gs_call_int(call, "depth");
	style.of_bytes = x->heap->totals.live_bytes;
	style.min_bytes = (uint64_t)(gs_call_float(call, "min") / 100 * (double)style.of_bytes);
	if (strcmp(call->format, "json") == 0) {
		gs_json j = gs_json_to(call->out);

		gs_json_object(&j);
		gs_heap_paths_json(&j, call->mem, &x->held, x->names, &style);
		gs_json_object_end(&j);
		gs_buf_c(call->out, '\n');
	} else {
		gs_heap_paths_text(call->out, call->mem, &x->held, x->names, &style);
	}
	return true;
}

extern const gs_op gs_op_heap_dominators;
const gs_op gs_op_heap_dominators = {
	.name = "heap-dominators",
	.summary = "who retains a Go program's memory, from variables and goroutines down to types",
	.help = "The dominator tree of the live heap, equal ways merged. A step retains all that would be freed if it were let go: what is below it is reached through it alone. The first\n"
		"steps are what is outside of the heap: package-level variables (var), goroutines by their first function with how many there are, the functions whose\n"
		"frames hold something (frame), finalizers. What several of these hold together stands under \"held by several\". Below are types; a type that\n"
		"comes again on its own way (a list, a tree) is counted where it stood first.\n"
		"\n"
		"  gospect heap dominators core.4242\n"
		"  gospect heap dominators --depth 3 --min 1 core.4242\n",
	.operands = "CORE|PID",
	.input = GS_INPUT_HEAPS,
	.needs_kinds = 1u << GS_DOCUMENT_HEAP,
	.groups = (const gs_arg_group *const[]){ &group, &gs_heap_args, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
