#include "analysis/flame.h"

#include <math.h>

#include "app/call_view.h"
#include "app/common_args.h"
#include "present/flame.h"

static const gs_arg own_args[] = {
	{ "title", GS_ARG_STRING, .help = "title of a picture; default: the document's", .unit = "text" },
	{ "width", GS_ARG_INT, "1200", .help = "width of a picture", .unit = "pixels" },
	{ "icicle", GS_ARG_BOOL, .help = "root on top" },
	{ "order", GS_ARG_ENUM, "heavy", "heavy name", .help = "siblings: heaviest first, or by name" },
	{ "min", GS_ARG_FLOAT, "0", .help = "leave out frames below this share of the root", .unit = "ratio" },
	{ "root", GS_ARG_INT, "0", .help = "zoom to this node id of an earlier answer to the same query", .unit = "id" },
	{ "pivot", GS_ARG_STRING, .help = "all calls of one function on top of each other", .unit = "function" },
	{ "direction", GS_ARG_ENUM, "callees", "callees callers", .help = "of the pivot: what it calls, or who calls it" },
	{ "group-by", GS_ARG_STRING, .help = "one tree for each value of this label", .unit = "label" },
	{ "lines", GS_ARG_BOOL, .help = "folded stacks: put file:line behind each name: where the function begins; with -g lines the sampled line" },
	{ 0 },
};
static const gs_arg_group own = { "Flame graph", own_args };

static gs_str title_of(const gs_op_call *call)
{
	gs_str given = gs_call_str(call, "title");
	gs_str first = call->docs[0]->name;

	if (given.n)
		return given;
	if (call->n_bases)
		return gs_strf(call->mem, "%.*s compared with %.*s", GS_FMT(first), GS_FMT(call->bases[0]->name));
	if (call->n_docs > 1)
		return gs_strf(call->mem, "%.*s and %u more", GS_FMT(first), call->n_docs - 1);
	return first;
}

static gs_flame *flame_of_type(gs_op_call *call, gs_query *q, const gs_flame_options *options, gs_err *err)
{
	const gs_view *v = gs_call_view(call, q, err);

	return v ? gs_flame_build(call->mem, v, options, err) : NULL;
}

/* speedscope shows several sample types of one profile side by side: give it all, the one asked for last. */
static bool write_speedscope(gs_op_call *call, gs_query *q, const gs_flame_options *options, gs_err *err)
{
	const gs_profile *p = call->docs[0]->profile;
	const gs_flame *flames[GS_MAX_SAMPLE_TYPES];
	uint32_t chosen;
	unsigned n = 0;

	if (!gs_sample_index(p, q->sample_index, &chosen, err))
		return false;
	for (uint32_t i = 0; i < p->n_types; i++) {
		uint32_t t = i < chosen ? i : i + 1 < p->n_types ? i + 1 : chosen;
		gs_query *one = gs_new(call->mem, gs_query, 1);

		*one = *q;
		one->sample_index = gs_strf(call->mem, "%u", t);
		flames[n] = flame_of_type(call, one, options, err);
		if (!flames[n++])
			return false;
	}
	gs_flame_write_speedscope(flames, n, title_of(call), call->out);
	return true;
}

static bool run(gs_op_call *call, gs_err *err)
{
	gs_query *q = gs_new(call->mem, gs_query, 1);
	bool is_picture = strcmp(call->format, "svg") == 0 || strcmp(call->format, "png") == 0;
	double width = (double)gs_call_int(call, "width");
	gs_flame_options options = { .min_ratio = gs_call_float(call, "min"),
				     .by_name = gs_str_eq(gs_call_str(call, "order"), GS_S("name")),
				     .pivot = gs_call_str(call, "pivot"),
				     .to_callers = gs_str_eq(gs_call_str(call, "direction"), GS_S("callers")) };
	gs_flame_style style = { .title = title_of(call), .width = width, .is_icicle = gs_call_bool(call, "icicle") };
	int64_t root = gs_call_int(call, "root");
	gs_flame *f;

	if (!gs_call_query(call, q, err))
		return false;
	if (root < 0 || root >= GS_NO_ID)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "--root is a node id, not %lld", (long long)root);
	if (width < 100)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "--width: a picture needs at least 100 pixels");
	options.root = (uint32_t)root;
	if (gs_call_is_set(call, "group-by"))
		q->tagroot = gs_call_str(call, "group-by");
	/* Nothing narrower than a tenth of a pixel is drawn: do not sort and name it either. */
	if (is_picture)
		options.min_ratio = fmax(options.min_ratio, 0.1 / width);
	if (strcmp(call->format, "speedscope") == 0)
		return write_speedscope(call, q, &options, err);
	f = flame_of_type(call, q, &options, err);
	if (!f)
		return false;
	style.subtitle = gs_strf(call->mem, "%.*s, %u of %u frames, %llu samples", GS_FMT(f->type), f->n, f->view_nodes,
				 (unsigned long long)f->samples_total);
	if (strcmp(call->format, "svg") == 0)
		gs_flame_write_svg(f, &style, call->out);
	else if (strcmp(call->format, "png") == 0)
		return gs_flame_write_png(f, &style, call->out, err);
	else if (strcmp(call->format, "frames") == 0)
		gs_flame_write_frames(f, call->out);
	else if (strcmp(call->format, "folded") == 0)
		gs_flame_write_folded(f, gs_call_bool(call, "lines"), call->out);
	else if (strcmp(call->format, "text") == 0)
		gs_flame_write_text(f, call->out);
	else
		gs_flame_write_json(f, call->out);
	return true;
}

const gs_op gs_op_flame = {
	.name = "flame",
	.summary = "flame graph as SVG, PNG, text, folded stacks, speedscope or JSON",
	.help = "The SVG works from disk: click to zoom, / to search by regular expression, Esc to go back. With --base or --diff-base it\n"
		"shows the difference: orange is more, blue is less, the numbers carry their sign.\n"
		"\n"
		"  gospect flame cpu.pprof -o cpu.svg\n"
		"  gospect flame --diff-base before.pprof after.pprof -o diff.svg\n"
		"  gospect flame --pivot runtime.mallocgc --direction callers --format text cpu.pprof\n"
		"  gospect flame --format folded cpu.pprof | grep ServeHTTP\n",
	.input = GS_INPUT_DOCUMENTS,
	.groups = (const gs_arg_group *const[]){ &own, GS_ARGS_PROFILE, NULL },
	.formats = "svg png text folded speedscope json frames",
	.run = run,
	.wants_profile = gs_call_is_of_profile,
	.is_slow = true,
};
