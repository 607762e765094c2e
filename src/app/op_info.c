#include "app/op.h"
#include "present/info.h"

#include "base/banned.h"

static bool run(gs_op_call *call, gs_err *err)
{
	(void)err;
	if (strcmp(call->format, "json") == 0)
		gs_info_json(call->out, call->docs, call->n_docs);
	else
		gs_info_text(call->out, call->docs, call->n_docs, call->use_color);
	return true;
}

const gs_op gs_op_info = {
	.name = "info",
	.summary = "what a profile says of itself: types, times, mappings, comments, warnings",
	.help = "The first thing to look at when a file came from somebody else: what was measured, for how long, from which\n"
		"program, and what the reader had to put up with.\n"
		"\n"
		"  gospect info cpu.pprof\n"
		"  gospect info --format json heap.pprof\n",
	.input = GS_INPUT_DOCUMENTS,
	.formats = "text json",
	.run = run,
	.takes_parts = true,
};
