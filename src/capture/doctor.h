/*
 * What this machine lets us do, found by trying, and what would allow the rest. Nothing is changed.
 */
#ifndef GS_CAPTURE_DOCTOR_H
#define GS_CAPTURE_DOCTOR_H

#include "base/arena.h"
#include "base/err.h"
#include "base/progress.h"

typedef enum gs_check_state {
	GS_CHECK_OK,
	GS_CHECK_LIMITED, /* works in part */
	GS_CHECK_NO,
	GS_CHECK_INFO, /* good to know, neither good nor bad */
} gs_check_state;

typedef struct gs_check {
	const char *name; /* "perf-events": stays the same between versions */
	const char *title;
	gs_check_state state;
	gs_str found; /* what is so */
	gs_str means; /* what follows from it; may be empty */
	gs_str allow; /* the command that changes it; may be empty */
} gs_check;

typedef struct gs_diagnosis {
	gs_check *checks;
	uint32_t n;
	bool can_record; /* this user's processes; with a pid: that process */
} gs_diagnosis;

/*
 * The check "snapshots": whose memory may be taken. `yama`: kernel.yama.ptrace_scope, negative where there is none; `may_ptrace`: CAP_SYS_PTRACE; `is_contained`: we run
 * in a container.
 */
gs_check gs_snapshot_rights(gs_arena *mem, int64_t yama, bool may_ptrace, bool is_contained);

/* pid 0: the machine. GS_ERR_MISSING: no such process. */
bool gs_diagnose(gs_arena *mem, int32_t pid, const gs_progress *progress, gs_diagnosis *out, gs_err *err);

#endif
