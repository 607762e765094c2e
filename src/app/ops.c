#include "app/op.h"

#include "base/banned.h"

/* One line for each src/app/op_<name>.c, in the order of the help. */
#define OPS(X) \
	X(top) \
	X(tree) \
	X(flame) \
	X(peek) \
	X(callers) \
	X(list) \
	X(disasm) \
	X(traces) \
	X(samples) \
	X(tags) \
	X(search) \
	X(diff) \
	X(merge) \
	X(convert) \
	X(info) \
	X(raw) \
	X(leaks) \
	X(trend) \
	X(goroutines) \
	X(why) \
	X(critical_path) \
	X(blocking) \
	X(contention) \
	X(sched) \
	X(stw) \
	X(mmu) \
	X(tasks) \
	X(regions) \
	X(goroutine) \
	X(events) \
	X(trace_diff) \
	X(survey) \
	X(footprint) \
	X(lanes) \
	X(tiles) \
	X(heap_summary) \
	X(heap_dominators) \
	X(heap_holders) \
	X(heap_refs) \
	X(heap_find) \
	X(heap_object) \
	X(heap_diff) \
	X(heap_waste) \
	X(heap_cycles) \
	X(heap_retention) \
	X(heap_profile) \
	X(heap_treemap) \
	X(heap_topology) \
	X(ps) \
	X(doctor) \
	X(symbolize)

#define X(name) extern const gs_op gs_op_##name;
OPS(X)
#undef X

const gs_op *const gs_ops[] = {
#define X(name) &gs_op_##name,
	OPS(X)
#undef X
	NULL,
};

const gs_op_chapter gs_op_chapters[] = {
	{ "Profiles: where time and memory go", &gs_op_top },
	{ "Stuck and growing", &gs_op_leaks },
	{ "Execution traces: what happened when, and why it took so long", &gs_op_why },
	{ "Live heaps: who holds the memory", &gs_op_heap_summary },
	{ "This machine and its programs", &gs_op_ps },
	{ 0 },
};
