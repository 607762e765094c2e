/* gospect heap refs: why is it alive. */
#include "analysis/heap_expression.h"
#include "analysis/heap_objects.h"
#include "analysis/units.h"
#include "app/heap_call.h"
#include "present/heap_paths.h"
#include "present/printable.h"

#include "base/banned.h"

static const gs_arg args[] = {
	{ "type", GS_ARG_REGEX, .unit = "regexp", .short_name = 't', .help = "of objects whose type matches" },
	{ "allocated-by", GS_ARG_REGEX, .unit = "regexp", .help = "of objects that were sampled when a matching function allocated them, or what it called; each stands for many" },
	{ "address", GS_ARG_STRING, .unit = "address", .short_name = 'a', .help = "of the object that this address is in: 0xc000012340" },
	{ "limit", GS_ARG_INT, .def = "60", .unit = "rows", .short_name = 'n', .help = "how many steps to show, those with the most bytes; 0: all" },
	{ "depth", GS_ARG_INT, .def = "0", .unit = "steps", .help = "how far down; 0: all" },
	{ "min", GS_ARG_FLOAT, .def = "0.5", .unit = "percent", .help = "hide steps that lead to fewer of the selected bytes" },
	{ 0 },
};
static const gs_arg_group group = { "Options", args };

/* The way to the only object that is selected. Empty: there are others too, or none. */
static gs_str expression(gs_op_call *call, const gs_heap *h, const gs_dominators *d, const gs_heap_names *names, const gs_heap_merge *what)
{
	uint32_t object;

	if (!what->is_exact || !gs_call_heap_object(call, h, &object, NULL))
		return (gs_str){ 0 };
	return gs_heap_expression(call->mem, h, d, names, what->look, what->up, object, true);
}

/* *sites: see gs_heap_merge. */
static bool select_objects(gs_op_call *call, const gs_heap *h, const gs_heap_names *names, uint64_t **out, bool **sites, gs_err *err)
{
	const uint64_t *of_type;
	uint32_t object;

	if (gs_call_regex(call, "allocated-by")) {
		*sites = gs_call_heap_sites(call, h, out, err);
		of_type = *sites && gs_call_regex(call, "type") ? gs_heap_objects_of_type(call->mem, h, names, gs_call_regex(call, "type"), err) : *out;
		for (uint32_t i = 0; of_type && i < h->n_objects / 64 + 1; i++)
			(*out)[i] &= of_type[i];
		return of_type;
	}
	if (!gs_call_str(call, "address").n) {
		*out = gs_heap_objects_of_type(call->mem, h, names, gs_call_regex(call, "type"), err);
		return *out;
	}
	if (!gs_call_heap_object(call, h, &object, err))
		return false;
	*out = gs_new(call->mem, uint64_t, h->n_objects / 64 + 1);
	(*out)[object / 64] |= (uint64_t)1 << (object & 63);
	return true;
}

static bool run(gs_op_call *call, gs_err *err)
{
	gs_heap_paths_style style = { .bytes_name = "bytes" };
	const gs_heap *h;
	gs_dominators d;
	gs_heap_names *names;
	gs_heap_paths paths;
	gs_heap_merge what;
	uint64_t *selected = NULL;
	bool *sites = NULL;
	gs_packed up;

	if ((gs_call_regex(call, "type") || gs_call_regex(call, "allocated-by")) == (gs_call_str(call, "address").n > 0))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "heap-refs needs --type, --allocated-by or --address: which objects?");
	h = gs_call_heap(call, &d, err);
	names = h ? gs_heap_names_build(call->mem, h, &d, err) : NULL;
	if (!names || !select_objects(call, h, names, &selected, &sites, err))
		return false;
	if (!gs_heap_shortest(call->mem, h, &d, &up, err))
		return false;
	what = (gs_heap_merge){ .up = &up, .selected = selected, .look = h->look ? h->look(h, call->mem) : NULL,
				.is_exact = gs_call_str(call, "address").n, .sites = sites };
	if (!gs_heap_paths_merge(call->mem, h, &d, names, &what, &paths, err))
		return false;
	style.max_rows = (uint32_t)gs_call_int(call, "limit");
	style.max_depth = (uint32_t)gs_call_int(call, "depth");
	style.of_bytes = paths.steps[0].bytes;
	style.min_bytes = (uint64_t)(gs_call_float(call, "min") / 100 * (double)style.of_bytes);
	if (strcmp(call->format, "json") == 0) {
		gs_json j = gs_json_to(call->out);

		gs_json_object(&j);
		if (sites)
			gs_json_kbool(&j, "is_estimate", true);
		if (what.is_exact)
			gs_json_kstr(&j, "path", expression(call, h, &d, names, &what));
		gs_heap_paths_json(&j, call->mem, &paths, names, &style);
		gs_json_object_end(&j);
		gs_buf_c(call->out, '\n');
		return true;
	}
	if (!paths.steps[0].count) {
		gs_buf_z(call->out, sites ? "No live object was sampled there.\n" : "No live object has such a type.\n");
		return true;
	}
	gs_buf_f(call->out, "%s%llu objects, ", sites ? "about " : "", (unsigned long long)paths.steps[0].count);
	gs_unit_label(call->out, (int64_t)paths.steps[0].bytes, GS_S("bytes"), GS_S("auto"));
	gs_buf_z(call->out, ", by their shortest ways from what is outside of the heap\n");
	if (what.is_exact) {
		gs_printable(call->out, expression(call, h, &d, names, &what));
		gs_buf_c(call->out, '\n');
	}
	gs_heap_paths_text(call->out, call->mem, &paths, names, &style);
	return true;
}

extern const gs_op gs_op_heap_refs;
const gs_op gs_op_heap_refs = {
	.name = "heap-refs",
	.summary = "why objects of a Go program are alive: the ways that lead to them",
	.help = "Each selected object by its shortest way from a package-level variable, a goroutine's frame or a finalizer (of equally short ones variables come first), equal ways\n"
		"merged, with how many objects and bytes come that way. A step is the field that leads to it and the type: `.next main.node`; of maps `[*]` is any\n"
		"entry, with --address the key is told. One way is enough to keep an object alive; that there are others too shows in\n"
		"`gospect heap dominators`, where it stands higher than its way. With --allocated-by it answers who keeps what a function allocated, by the objects that the program sampled\n"
		"for its heap profile (one in 512 kB): counts and bytes are estimates.\n"
		"\n"
		"  gospect heap refs --type 'main\\.session$' core.4242\n"
		"  gospect heap refs --address 0xc000012340 core.4242\n"
		"  gospect heap refs --allocated-by 'main\\.newOrder$' core.4242\n",
	.operands = "CORE|PID",
	.input = GS_INPUT_HEAPS,
	.needs_kinds = 1u << GS_DOCUMENT_HEAP,
	.groups = (const gs_arg_group *const[]){ &group, &gs_heap_args, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
