#include "app/op.h"

#include "base/banned.h"

/* One line for each src/app/op_<name>.c, in the order of the help. */
#define OPS(X)  \
	X(flame) \
	X(goroutines) \
	X(goroutine) \
	X(lanes) \
	X(tiles) \
	X(info) \
	X(ps) \
	X(top) \
	X(tree) \
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
	X(raw) \
	X(why) \
	X(critical_path) \
	X(sched) \
	X(blocking) \
	X(tasks) \
	X(regions) \
	X(mmu) \
	X(contention) \
	X(trace_diff) \
	X(survey) \
	X(footprint) \
	X(stw) \
	X(events) \
	X(doctor) \
	X(symbolize) \
	X(heap_summary) \
	X(heap_dominators) \
	X(heap_refs) \
	X(heap_holders) \
	X(heap_retention) \
	X(heap_find) \
	X(heap_object) \
	X(heap_cycles) \
	X(heap_diff) \
	X(heap_treemap) \
	X(heap_waste) \
	X(heap_topology) \
	X(leaks)

#define X(name) extern const gs_op gs_op_##name;
OPS(X)
#undef X

const gs_op *const gs_ops[] = {
#define X(name) &gs_op_##name,
	OPS(X)
#undef X
	NULL,
};
