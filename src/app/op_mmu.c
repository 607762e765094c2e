#include "analysis/trace_mmu.h"
#include "app/trace_args.h"
#include "present/trace_mmu.h"

#include "base/banned.h"

static const gs_arg own_args[] = {
	{ "stw", GS_ARG_BOOL, "1", .help = "count stops of the world for the collector" },
	{ "background", GS_ARG_BOOL, "1", .help = "count dedicated and fractional mark workers" },
	{ "assist", GS_ARG_BOOL, "1", .help = "count mark assists" },
	{ "sweep", GS_ARG_BOOL, .help = "count sweeping" },
	{ "window", GS_ARG_DURATION, "10ms", .help = "show the worst windows of this length" },
	{ "limit", GS_ARG_INT, "5", .help = "worst windows", .unit = "rows", .short_name = 'n' },
	{ 0 },
};
static const gs_arg_group own = { "Utilization", own_args };

static bool run(gs_op_call *call, gs_err *err)
{
	unsigned flags = (gs_call_bool(call, "stw") ? GS_MMU_STW : 0) | (gs_call_bool(call, "background") ? GS_MMU_BACKGROUND : 0) |
			 (gs_call_bool(call, "assist") ? GS_MMU_ASSIST : 0) | (gs_call_bool(call, "sweep") ? GS_MMU_SWEEP : 0);
	gs_mmu_window worst[100];
	int64_t want = gs_call_int(call, "limit");
	gs_trace_source src;
	gs_mmu *m;
	uint32_t n;

	if (!gs_call_trace(call, &src, err))
		return false;
	m = gs_mmu_build(call->mem, src.timeline, src.profile, flags, err);
	if (!m)
		return false;
	n = gs_mmu_worst_windows(m, gs_call_int(call, "window"), worst, want < 100 ? (uint32_t)want : 100);
	if (strcmp(call->format, "json") == 0)
		gs_mmu_json(m, worst, n, call->out);
	else
		gs_mmu_text(m, worst, n, call->out);
	return true;
}

const gs_op gs_op_mmu = {
	.name = "mmu",
	.summary = "minimum mutator utilization of an execution trace: how much the garbage collector took, at worst",
	.help = "For windows from 1 us to the whole trace: the least share of processor time that any window of that length left to the\n"
		"program. Beside it what 99.9, 99 and 95 % of all windows of that length had at least. The worst windows come with what to\n"
		"give --time to look at them. Windows that touch a gap of a damaged trace do not count.\n"
		"\n"
		"  gospect mmu trace.out\n"
		"  gospect mmu --sweep --window 1ms -n 10 trace.out\n",
	.input = GS_INPUT_DOCUMENTS,
	.needs_kinds = 1u << GS_DOCUMENT_TRACE,
	.groups = (const gs_arg_group *const[]){ &own, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
