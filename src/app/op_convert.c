/* gospect convert: whatever we can read, in a format that other tools read. */
#include "analysis/flame.h"
#include "app/call_view.h"
#include "app/common_args.h"
#include "app/pprof_bytes.h"
#include "load/merge.h"
#include "present/flame.h"
#include "present/report.h"

#include "base/banned.h"

static const gs_arg own_args[] = {
	{ "lines", GS_ARG_BOOL, .help = "folded stacks: put file:line behind each name: where the function begins; with -g lines the sampled line" },
	{ 0 },
};
static const gs_arg_group own = { "Conversion", own_args };

static bool is_format(const gs_op_call *call, const char *name)
{
	return strcmp(call->format, name) == 0;
}

/* One profile out of the call's documents and bases; *owned holds it when it had to be made. */
static const gs_profile *one_profile(gs_op_call *call, gs_query *q, gs_document **owned, gs_err *err)
{
	gs_merge_options options = { .is_diff_base = call->is_diff_base, .normalize = q->normalize };

	if (call->n_docs == 1 && !call->n_bases)
		return gs_call_first_profile(call, q, err);
	*owned = gs_merge_documents(call->docs, call->n_docs, call->bases, call->n_bases, &options, err);
	return *owned ? (*owned)->profile : NULL;
}

static bool write_stacks(gs_op_call *call, const gs_query *q, gs_err *err)
{
	gs_flame_options options = { 0 };
	const gs_view *v = gs_call_view(call, q, err);
	gs_flame *f = v ? gs_flame_build(call->mem, v, &options, err) : NULL;
	const gs_flame *list[1] = { f };

	if (!f)
		return false;
	if (is_format(call, "speedscope"))
		gs_flame_write_speedscope(list, 1, call->docs[0]->name, call->out);
	else
		gs_flame_write_folded(f, gs_call_bool(call, "lines"), call->out);
	return true;
}

static bool run(gs_op_call *call, gs_err *err)
{
	gs_query *q = gs_new(call->mem, gs_query, 1);
	GS_AUTO(document) *owned = NULL;
	const gs_profile *p;
	gs_report r;
	bool is_callgrind = is_format(call, "callgrind");

	if (!gs_call_query(call, q, err))
		return false;
	if (is_format(call, "folded") || is_format(call, "speedscope"))
		return write_stacks(call, q, err);
	p = one_profile(call, q, &owned, err);
	if (!p || !gs_report_init(&r, call->mem, p, q, is_callgrind ? GS_REPORT_CALLGRIND : GS_REPORT_PROTO,
				  (gs_str){ 0 }, err))
		return false;
	if (is_callgrind)
		return gs_report_write(&r, call->out, err);
	p = gs_report_profile(&r, err);
	return p && gs_write_pprof_bytes(call, p, NULL, err);
}

const gs_op gs_op_convert = {
	.name = "convert",
	.summary = "a profile in another format: pprof, folded stacks, speedscope, callgrind",
	.help = "Reads all that gospect reads (perf.data, perf script, goroutine dumps, folded stacks, old text profiles...) and writes what\n"
		"other tools read. The name after -o says the format: .pb.gz and .pprof packed pprof, .pb plain, .folded, .speedscope.json,\n"
		".callgrind. Filters keep what they select.\n"
		"\n"
		"  gospect convert perf.data -o cpu.pb.gz\n"
		"  gospect convert --focus ServeHTTP cpu.pprof -o serve.folded\n"
		"  gospect convert --lines --format folded cpu.pprof\n"
		"  gospect convert goroutines.txt -o goroutines.pprof\n",
	.input = GS_INPUT_DOCUMENTS,
	.groups = (const gs_arg_group *const[]){ &own, GS_ARGS_PROFILE, NULL },
	.formats = "pprof proto folded speedscope callgrind",
	.run = run,
	.is_slow = true,
};
