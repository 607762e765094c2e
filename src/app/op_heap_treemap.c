/* gospect heap treemap: who retains the memory, as boxes in boxes. */
#include <math.h>

#include "analysis/heap_treemap.h"
#include "analysis/units.h"
#include "app/heap_call.h"
#include "present/heap_treemap.h"

#include "base/banned.h"

enum { MAX_SIDE_PX = 20000, MAX_BOXES = 20000 };

static const gs_arg args[] = {
	{ "by", GS_ARG_ENUM, .def = "name", .values = "name object",
	  .help = "boxes are steps of heap dominators (equal ways merged), or single objects and holders" },
	{ "root", GS_ARG_STRING, .unit = "id", .help = "show what is below this: an id of an earlier answer, or an object's address with --by object; default: all" },
	{ "width", GS_ARG_INT, .def = "1200", .unit = "pixels", .help = "of the picture" },
	{ "height", GS_ARG_INT, .def = "800", .unit = "pixels", .help = "of the picture" },
	{ "limit", GS_ARG_INT, .def = "3000", .unit = "boxes", .short_name = 'n', .help = "at most so many; the largest are opened first" },
	{ 0 },
};
static const gs_arg_group group = { "Options", args };

static bool read_root(gs_op_call *call, const gs_heap_index *x, gs_heap_map_query *q, gs_err *err)
{
	gs_str text = gs_call_str(call, "root");
	uint64_t v = 0;

	q->root = q->by_object ? GS_HEAP_NONE : 0;
	if (!text.n)
		return true;
	if (!gs_str_u64(text, 0, &v))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "heap-treemap: root must be an id or an address, not \"%.*s\"", GS_FMT(text));
	if (q->by_object && gs_str_starts(text, GS_S("0x"))) {
		q->root = gs_heap_find(x->heap, v);
		if (q->root == GS_HEAP_NONE)
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "no live object is at 0x%llx", (unsigned long long)v);
		return true;
	}
	q->root = v < GS_HEAP_NONE ? (uint32_t)v : GS_HEAP_NONE - 1;
	return true;
}

static bool run(gs_op_call *call, gs_err *err)
{
	int64_t width = gs_call_int(call, "width"), height = gs_call_int(call, "height"), max = gs_call_int(call, "limit");
	gs_heap_map_query q = { .by_object = gs_str_eq(gs_call_str(call, "by"), GS_S("object")), .width = (double)width,
				.height = (double)height, .max_boxes = (uint32_t)max };
	const gs_heap_index *x;
	gs_heap_map map;

	if (width < 10 || height < 10 || width > MAX_SIDE_PX || height > MAX_SIDE_PX || max < 1 || max > MAX_BOXES)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "heap-treemap: a picture is 10 to %d pixels wide and high and has 1 to %d boxes",
			       MAX_SIDE_PX, MAX_BOXES);
	x = gs_call_heap_index(call, err);
	if (!x || !read_root(call, x, &q, err) || !gs_heap_map_lay_out(call->mem, x, &q, &map, err))
		return false;
	if (strcmp(call->format, "json") == 0)
		gs_heap_map_json(call->out, call->mem, x, &q, &map);
	else
		gs_heap_map_svg(call->out, x, &q, &map);
	return true;
}

extern const gs_op gs_op_heap_treemap;
const gs_op gs_op_heap_treemap = {
	.name = "heap-treemap",
	.summary = "who retains a Go program's memory, as a treemap",
	.help = "What `gospect heap dominators` says as a picture: a box is as large as what it retains, what is in it goes when it goes. What is left free in a box is its own; grey is\n"
		"what is too small to be seen.\n"
		"\n"
		"  gospect heap treemap core.4242 > heap.svg\n"
		"  gospect heap treemap --by object --root 0xc000012340 core.4242 > object.svg\n",
	.operands = "CORE|PID",
	.input = GS_INPUT_HEAPS,
	.needs_kinds = 1u << GS_DOCUMENT_HEAP,
	.groups = (const gs_arg_group *const[]){ &group, &gs_heap_args, NULL },
	.formats = "svg json",
	.run = run,
	.is_slow = true,
};
