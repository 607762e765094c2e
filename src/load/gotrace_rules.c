#include "load/gotrace_rules.h"

const gs_trace_rule gs_trace_rules[256] = {
	[GS_GOTRACE_GO_CREATE] = { GS_PHASE_RUNNABLE, .creates = true, .has_peer = true, .has_stack = true, .stack_at = 2, .new_stack_at = 1 },
	[GS_GOTRACE_GO_CREATE_BLOCKED] = { GS_PHASE_WAITING, .creates = true, .has_peer = true, .has_stack = true, .stack_at = 2,
					   .new_stack_at = 1 },
	[GS_GOTRACE_GO_CREATE_SYSCALL] = { GS_PHASE_SYSCALL, .creates = true, .has_peer = true, .hold = GS_TRACE_HOLD_SYSCALL },
	[GS_GOTRACE_GO_START] = { GS_PHASE_RUNNING, .hold = GS_TRACE_HOLD_PROC },
	[GS_GOTRACE_GO_DESTROY] = { GS_PHASE_NONE, .is_own = true },
	[GS_GOTRACE_GO_DESTROY_SYSCALL] = { GS_PHASE_NONE, .is_own = true, .hold = GS_TRACE_HOLD_NONE },
	[GS_GOTRACE_GO_STOP] = { GS_PHASE_RUNNABLE, .is_own = true, .has_reason = true, .has_stack = true, .stack_at = 1 },
	[GS_GOTRACE_GO_BLOCK] = { GS_PHASE_WAITING, .is_own = true, .has_reason = true, .has_stack = true, .stack_at = 1 },
	[GS_GOTRACE_GO_UNBLOCK] = { GS_PHASE_RUNNABLE, .has_peer = true, .has_stack = true, .stack_at = 2 },
	[GS_GOTRACE_GO_SWITCH] = { GS_PHASE_RUNNABLE, .has_peer = true },
	[GS_GOTRACE_GO_SWITCH_DESTROY] = { GS_PHASE_RUNNABLE, .has_peer = true },
	[GS_GOTRACE_GO_SYSCALL_BEGIN] = { GS_PHASE_SYSCALL, .is_own = true, .has_stack = true, .stack_at = 1, .hold = GS_TRACE_HOLD_SYSCALL },
	[GS_GOTRACE_GO_SYSCALL_END] = { GS_PHASE_RUNNING, .is_own = true, .hold = GS_TRACE_HOLD_PROC_AGAIN },
	[GS_GOTRACE_GO_SYSCALL_END_BLOCKED] = { GS_PHASE_RUNNABLE, .is_own = true, .hold = GS_TRACE_HOLD_NONE },
};
