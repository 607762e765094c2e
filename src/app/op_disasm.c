#include "app/call_view.h"
#include "app/code.h"
#include "app/common_args.h"
#include "app/report_text.h"

#include "base/banned.h"

static const gs_arg own_args[] = {
	{ "function", GS_ARG_REGEX, .help = "regular expression over symbols, or an address", .unit = "function" },
	{ "intel", GS_ARG_BOOL, .help = "Intel syntax instead of Go's" },
	{ 0 },
};
static const gs_arg_group own = { "Listing", own_args };

static bool run(gs_op_call *call, gs_err *err)
{
	gs_query *q = gs_new(call->mem, gs_query, 1);
	gs_str function = gs_call_str(call, "function");
	gs_report *r = gs_new(call->mem, gs_report, 1);
	gs_report_code access;
	gs_code *code;

	if (!function.n)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "disasm needs --function NAME");
	if (!gs_call_query(call, q, err))
		return false;
	q->intel_syntax = gs_call_bool(call, "intel");
	if (!gs_report_init(r, call->mem, call->docs[0]->profile, q, GS_REPORT_DISASM, function, err))
		return false;
	code = gs_code_create(call->mem, NULL, NULL, NULL);
	access = gs_code_for_report(code, false);
	r->code = &access;
	if (strcmp(call->format, "json") == 0)
		return gs_report_write_disasm_json(r, call->out, err);
	return gs_call_write_safely(call, r, err);
}

const gs_op gs_op_disasm = {
	.name = "disasm",
	.summary = "instructions of a function with their cost",
	.help = "Needs the program that the profile was taken from, at the place that the profile names or in PPROF_BINARY_PATH.\n"
		"\n"
		"  gospect disasm cpu.pprof main.hot\n",
	.operands = "FILE|CAPTURE|URL|PID... PATTERN",
	.pattern_arg = "function",
	.input = GS_INPUT_DOCUMENTS,
	.groups = (const gs_arg_group *const[]){ &own, GS_ARGS_PROFILE, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
