/* Source of the record shapes: internal/trace/raw/reader.go and internal/trace/tracev2/events.go of the Go tree. */
#include "format/gotrace/footprint.h"

#include "format/gotrace/v1.h"

enum {
	EV_STACK = 3,
	EV_STRING = 5,
	EV_EXPERIMENTAL_BATCH = 49,
	MAX_FRAMES = 128,
};

/* Records that are no events. */
static const struct {
	const char *name;
	uint8_t n_args;
} structure[] = {
	[1] = { "EventBatch", 4 }, [2] = { "Stacks", 0 },	  [EV_STACK] = { "Stack", 2 },
	[4] = { "Strings", 0 },	   [EV_STRING] = { "String", 1 }, [6] = { "CPUSamples", 0 },
	[7] = { "CPUSample", 5 },  [8] = { "Frequency", 1 },	  [EV_EXPERIMENTAL_BATCH] = { "ExperimentalBatch", 4 },
	[50] = { "Sync", 0 },	   [51] = { "ClockSnapshot", 4 }, [52] = { "EndOfGeneration", 0 },
};

static const char *const v1_names[64] = {
#define NAME(type, name) [GS_GOTRACE_V1_##type] = (name)
	NAME(BATCH, "Batch"),
	NAME(FREQUENCY, "Frequency"),
	NAME(STACK, "Stack"),
	NAME(GOMAXPROCS, "Gomaxprocs"),
	NAME(PROC_START, "ProcStart"),
	NAME(PROC_STOP, "ProcStop"),
	NAME(GC_START, "GCStart"),
	NAME(GC_DONE, "GCDone"),
	NAME(STW_START, "STWStart"),
	NAME(STW_DONE, "STWDone"),
	NAME(SWEEP_START, "GCSweepStart"),
	NAME(SWEEP_DONE, "GCSweepDone"),
	NAME(GO_CREATE, "GoCreate"),
	NAME(GO_START, "GoStart"),
	NAME(GO_END, "GoEnd"),
	NAME(GO_STOP, "GoStop"),
	NAME(GO_SCHED, "GoSched"),
	NAME(GO_PREEMPT, "GoPreempt"),
	NAME(GO_SLEEP, "GoSleep"),
	NAME(GO_BLOCK, "GoBlock"),
	NAME(GO_UNBLOCK, "GoUnblock"),
	NAME(BLOCK_SEND, "GoBlockSend"),
	NAME(BLOCK_RECV, "GoBlockRecv"),
	NAME(BLOCK_SELECT, "GoBlockSelect"),
	NAME(BLOCK_SYNC, "GoBlockSync"),
	NAME(BLOCK_COND, "GoBlockCond"),
	NAME(BLOCK_NET, "GoBlockNet"),
	NAME(SYSCALL, "GoSysCall"),
	NAME(SYS_EXIT, "GoSysExit"),
	NAME(SYS_BLOCK, "GoSysBlock"),
	NAME(WAITING, "GoWaiting"),
	NAME(IN_SYSCALL, "GoInSyscall"),
	NAME(HEAP_ALLOC, "HeapAlloc"),
	NAME(HEAP_GOAL, "HeapGoal"),
	NAME(TIMER_GOROUTINE, "TimerGoroutine"),
	NAME(FUTILE_WAKEUP, "FutileWakeup"),
	NAME(STRING, "String"),
	NAME(START_LOCAL, "GoStartLocal"),
	NAME(UNBLOCK_LOCAL, "GoUnblockLocal"),
	NAME(SYS_EXIT_LOCAL, "GoSysExitLocal"),
	NAME(START_LABEL, "GoStartLabel"),
	NAME(BLOCK_GC, "GoBlockGC"),
	NAME(ASSIST_START, "GCMarkAssistStart"),
	NAME(ASSIST_DONE, "GCMarkAssistDone"),
	NAME(TASK_CREATE, "UserTaskCreate"),
	NAME(TASK_END, "UserTaskEnd"),
	NAME(REGION, "UserRegion"),
	NAME(LOG, "UserLog"),
	NAME(CPU_SAMPLE, "CPUSample"),
#undef NAME
};

static bool next_v2(gs_rd *r, unsigned *type, const char **name, gs_err *err)
{
	uint64_t at = gs_rd_at(r), frames = 0;
	const gs_gotrace_spec *spec;
	unsigned n_args;

	*type = gs_rd_u8(r);
	spec = gs_gotrace_spec_of(*type);
	if (spec->name) {
		*name = spec->name;
		n_args = spec->n_args + 1u; /* the time */
	} else if (*type < sizeof(structure) / sizeof(*structure) && structure[*type].name) {
		*name = structure[*type].name;
		n_args = structure[*type].n_args;
	} else {
		return gs_fail(err, GS_ERR_FORMAT, at, "no record has the type %u", *type);
	}
	for (unsigned i = 0; i < n_args; i++) {
		uint64_t v = gs_rd_varint(r);

		if (*type == EV_STACK && i == 1)
			frames = v;
	}
	if (frames > MAX_FRAMES)
		return gs_fail(err, GS_ERR_FORMAT, at, "a stack has more than %d frames", MAX_FRAMES);
	for (uint64_t i = 0; i < 4 * frames; i++)
		gs_rd_varint(r);
	if (*type == EV_STRING || *type == EV_EXPERIMENTAL_BATCH)
		gs_rd_skip(r, gs_rd_varint(r));
	return !r->bad || gs_fail(err, GS_ERR_FORMAT, at, "the file ends in the middle of a record");
}

static bool next_v1(gs_rd *r, unsigned version, unsigned *type, const char **name, gs_err *err)
{
	gs_gotrace_v1_record e;

	if (!gs_gotrace_v1_next(r, version, &e, err))
		return false;
	*type = e.type;
	*name = v1_names[e.type];
	return true;
}

bool gs_gotrace_footprint_count(gs_str bytes, gs_gotrace_footprint *out, gs_err *err)
{
	gs_rd r = gs_rd_of(bytes);

	*out = (gs_gotrace_footprint){ .header_bytes = GS_GOTRACE_HEADER_BYTES };
	if (!gs_gotrace_probe(bytes, &out->version))
		return gs_fail(err, GS_ERR_FORMAT, 0, "not a Go execution trace: it does not begin with \"go 1.N trace\"");
	if (out->version < 7)
		return gs_fail(err, GS_ERR_UNSUPPORTED, 0, "a trace of Go 1.%u: only Go 1.7 and later can be read", out->version);
	gs_rd_skip(&r, GS_GOTRACE_HEADER_BYTES);
	while (gs_rd_left(&r)) {
		uint64_t at = gs_rd_at(&r);
		const char *name = NULL;
		unsigned type = 0;

		if (!(out->version < 22 ? next_v1(&r, out->version, &type, &name, &out->damage) :
					  next_v2(&r, &type, &name, &out->damage))) {
			out->lost_bytes = bytes.n - at;
			break;
		}
		out->kinds[type].name = name;
		out->kinds[type].bytes += gs_rd_at(&r) - at;
		out->kinds[type].count++;
		out->records++;
	}
	return true;
}
