#include "app/call_view.h"
#include "app/common_args.h"
#include "app/table_style.h"
#include "present/tables.h"

#include "base/banned.h"

static const gs_arg own_args[] = {
	{ "function", GS_ARG_STRING, .help = "its name, or a part of it that only one function has", .unit = "function" },
	{ "min", GS_ARG_FLOAT, "0.01", .help = "leave out what is below this share", .unit = "ratio" },
	{ "depth", GS_ARG_INT, "0", .help = "levels; 0 for all", .unit = "levels" },
	{ 0 },
};
static const gs_arg_group own = { "Table", own_args };

/* Everything at and above the function, upside down: its callers become its branches. */
static bool turn_round(gs_op_call *call, gs_query *q, gs_str function)
{
	gs_transform *t = gs_new(call->mem, gs_transform, q->n_transforms + 3);
	unsigned n = q->n_transforms;

	if (n)
		memcpy(t, q->transforms, n * sizeof(*t));
	t[n++] = (gs_transform){ GS_ONLY_FUNCTION, function, 0 };
	t[n++] = (gs_transform){ GS_COLLAPSE_FUNCTION, function, 0 };
	t[n++] = (gs_transform){ GS_INVERT, (gs_str){ 0 }, 0 };
	q->transforms = t;
	q->n_transforms = n;
	return true;
}

/* Names that the text may mean: those that end with it after a dot or slash, else those that have it anywhere. *n: how many; the first MAX of them are kept. */
enum { MAX_MEANT = 4 };

static gs_str *meant(gs_op_call *call, const gs_view *v, gs_str text, unsigned *n)
{
	gs_str *out = gs_new(call->mem, gs_str, MAX_MEANT);
	gs_str endings[] = { gs_strf(call->mem, ".%.*s", GS_FMT(text)), gs_strf(call->mem, "/%.*s", GS_FMT(text)), text };

	*n = 0;
	for (unsigned pass = 0; pass < 2 && *n == 0; pass++)
		for (uint32_t i = 0; i < v->n_keys; i++) {
			gs_str name = gs_view_str(v, v->keys[i].name);
			bool is = pass ? gs_str_has(name, endings[2]) : gs_str_ends(name, endings[0]) || gs_str_ends(name, endings[1]);

			for (unsigned k = 0; is && k < *n && k < MAX_MEANT; k++)
				is = !gs_str_eq(out[k], name);
			if (is && *n < MAX_MEANT)
				out[*n] = name;
			*n += is;
		}
	return out;
}

static const gs_view *view_around(gs_op_call *call, gs_str function, gs_err *err)
{
	gs_query *q = gs_new(call->mem, gs_query, 1);

	return gs_call_query(call, q, err) && turn_round(call, q, function) ? gs_call_view(call, q, err) : NULL;
}

/* The view, also when `function` is a part of one name only. NULL: error. */
static const gs_view *view_of(gs_op_call *call, gs_str function, gs_err *err)
{
	const gs_view *v = view_around(call, function, err), *whole;
	gs_query *q = gs_new(call->mem, gs_query, 1);
	gs_str *names, list = { 0 };
	unsigned n;

	if (!v || v->n_nodes >= 2)
		return v;
	if (!gs_call_query(call, q, err))
		return NULL;
	whole = gs_call_view(call, q, err);
	if (!whole)
		return NULL;
	names = meant(call, whole, function, &n);
	if (n == 1)
		v = view_around(call, names[0], err);
	if (!v || v->n_nodes >= 2)
		return v;
	for (unsigned i = 0; i < n && i < MAX_MEANT; i++)
		list = gs_strf(call->mem, "%.*s%s%.*s", GS_FMT(list), i ? ", " : ": did you mean ", GS_FMT(names[i]));
	gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "no function \"%.*s\" in the profile%.*s%s (gospect search finds names)", GS_FMT(function), GS_FMT(list),
		n > MAX_MEANT ? ", ..." : "");
	return NULL;
}

static bool run(gs_op_call *call, gs_err *err)
{
	gs_str function = gs_call_str(call, "function");
	const gs_view *v;

	if (!function.n)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "callers needs --function NAME");
	v = view_of(call, function, err);
	if (!v)
		return false;
	gs_call_write_tree(call, v);
	return true;
}

const gs_op gs_op_callers = {
	.name = "callers",
	.summary = "the ways that lead to a function",
	.help = "The function on top, below it its callers with their share of its cost, and theirs.\n"
		"\n"
		"  gospect callers cpu.pprof runtime.mallocgc\n",
	.operands = "FILE|CAPTURE|URL|PID... FUNCTION",
	.pattern_arg = "function",
	.input = GS_INPUT_DOCUMENTS,
	.groups = (const gs_arg_group *const[]){ &own, &gs_args_average, GS_ARGS_PROFILE, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
