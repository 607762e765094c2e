#include "app/call_view.h"
#include "app/code.h"
#include "app/common_args.h"
#include "app/table_style.h"

#include "base/banned.h"

static const gs_arg own_args[] = {
	{ "function", GS_ARG_STRING, .help = "its exact name, or a regular expression", .unit = "function" },
	{ "asm", GS_ARG_BOOL, .help = "the instructions of each line as well" },
	{ "source-path", GS_ARG_STRING, .help = "where to look for sources first, ':' between folders", .unit = "folders" },
	{ "trim-path", GS_ARG_STRING, .help = "take these off the front of file names, ':' between them", .unit = "prefixes" },
	{ "limit", GS_ARG_INT, "10", .help = "functions; 0 for all", .unit = "rows", .short_name = 'n' },
	{ 0 },
};
static const gs_arg_group own = { "Listing", own_args };

static bool run(gs_op_call *call, gs_err *err)
{
	gs_query *q = gs_new(call->mem, gs_query, 1);
	gs_table_style style = gs_call_table_style(call);
	gs_str path = gs_call_str(call, "source-path"), trim = gs_call_str(call, "trim-path");
	gs_view_input *in = gs_new(call->mem, gs_view_input, call->n_docs);
	gs_listing_options o = { .function = gs_call_str(call, "function"),
				 .with_asm = gs_call_bool(call, "asm"),
				 .json = strcmp(call->format, "json") == 0,
				 .limit = style.limit,
				 .query = q,
				 .in = in,
				 .n_in = call->n_docs };
	gs_code *code;
	gs_listing_code access;

	if (!o.function.n)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "list needs a function: gospect list FILE PATTERN");
	if (!gs_call_query(call, q, err))
		return false;
	code = gs_code_create(call->mem, NULL, path.n ? gs_cstr(call->mem, path) : NULL,
			      trim.n ? gs_cstr(call->mem, trim) : NULL);
	for (unsigned i = 0; i < call->n_docs; i++) {
		in[i] = (gs_view_input){ .profile = call->docs[i]->profile, .timeline = call->docs[i]->timeline };
		gs_code_add_profile(code, in[i].profile);
	}
	access = gs_code_for_listing(code);
	return gs_listing_write(call->mem, &o, &access, &style, call->out, err);
}

const gs_op gs_op_list = {
	.name = "list",
	.summary = "source lines of a function with their cost",
	.help = "Finds sources where Go keeps them: GOROOT of the right version, module cache, vendor, the module that you stand in; also for\n"
		"programs built with -trimpath.\n"
		"\n"
		"  gospect list cpu.pprof main.hot\n"
		"  gospect list --asm cpu.pprof 'json.*encode'\n",
	.operands = "FILE|CAPTURE|URL|PID... PATTERN",
	.pattern_arg = "function",
	.input = GS_INPUT_DOCUMENTS,
	.groups = (const gs_arg_group *const[]){ &own, GS_ARGS_PROFILE, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
