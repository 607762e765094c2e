#include "app/call_view.h"
#include "app/common_args.h"
#include "app/report_text.h"
#include "present/raw_json.h"

#include "base/banned.h"

static bool run(gs_op_call *call, gs_err *err)
{
	gs_query *q = gs_new(call->mem, gs_query, 1);
	gs_report *r = gs_new(call->mem, gs_report, 1);
	const gs_profile *p;

	if (!gs_call_query(call, q, err))
		return false;
	p = gs_call_first_profile(call, q, err);
	if (!p || !gs_report_init(r, call->mem, p, q, GS_REPORT_RAW, (gs_str){ 0 }, err))
		return false;
	if (strcmp(call->format, "json"))
		return gs_call_write_safely(call, r, err);
	gs_raw_json(r, call->out);
	return true;
}

const gs_op gs_op_raw = {
	.name = "raw",
	.summary = "everything that is in a profile: samples, locations, mappings",
	.help = "Samples with their values, location ids and labels; then the locations with their lines, and the mappings. Filters apply.\n"
		"\n"
		"  gospect raw cpu.pprof\n"
		"  gospect raw --format json --focus main.hot cpu.pprof\n",
	.input = GS_INPUT_DOCUMENTS,
	.groups = (const gs_arg_group *const[]){ GS_ARGS_PROFILE, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
