/* One goroutine's life by hand: runnable 0-10, running to 20, a system call that loses its proc at 30 and ends at 50, runnable to 60,
 * running to 70, then waiting for a lock until the trace ends at 100; a mark assist from 62 to 68; a region from 15 to 65. */
#include "analysis/trace_spans.h"
#include "analysis/trace_stats.h"
#include "tap.h"
#include "timeline_columns.h"

enum { N = 7, SYNC = 1 };

static const uint32_t offsets[N] = { 0, 10, 20, 30, 50, 60, 70 };
static const uint8_t phases[N] = { GS_PHASE_RUNNABLE, GS_PHASE_RUNNING, GS_PHASE_SYSCALL, GS_PHASE_SYSCALL,
				   GS_PHASE_RUNNABLE, GS_PHASE_RUNNING, GS_PHASE_WAITING };
static const uint8_t reasons[N] = { 0, 0, 0, 0, 0, 0, SYNC };
static const uint32_t stacks[N];
static const uint16_t procs[N] = { 0, 0, 0, UINT16_MAX, 0, 0, 0 }, threads[N];
static const uint32_t peers[N] = { GS_NO_INDEX, GS_NO_INDEX, GS_NO_INDEX, GS_NO_INDEX, GS_NO_INDEX, GS_NO_INDEX, GS_NO_INDEX };

static const gs_profile *profile;

static gs_timeline *make(gs_arena *mem)
{
	gs_err err = { 0 };
	gs_profile_builder *b = gs_profile_builder_create(mem, &err);
	gs_timeline *t = gs_new(mem, gs_timeline, 1);
	uint32_t *names = gs_new(mem, uint32_t, 2);

	names[SYNC] = gs_profile_builder_str(b, GS_S("sync"));
	t->reasons = names;
	t->n_reasons = 2;
	t->duration_ns = 100;
	t->chunks = gs_new(mem, gs_timeline_chunk, 1);
	t->n_chunks = 1;
	t->chunks[0] = columns_chunk(mem, &(columns){ offsets, stacks, peers, phases, reasons, procs, threads }, N);
	t->chunks[0].end_ns = 100;
	t->chunks[0].n_pieces = 1;
	t->pieces = gs_new(mem, gs_timeline_piece, 1);
	t->n_pieces = 1;
	t->pieces[0] = (gs_timeline_piece){ .n = N, .next = GS_NO_INDEX };
	t->goroutines = gs_new(mem, gs_timeline_goroutine, 1);
	t->goroutines_by_id = gs_new(mem, uint32_t, 1);
	t->n_goroutines = 1;
	t->goroutines[0] = (gs_timeline_goroutine){ .id = 7, .name = gs_profile_builder_str(b, GS_S("main.f")), .end_ns = 100,
						    .creator = GS_NO_INDEX, .saw_start = true };
	t->ranges = gs_new(mem, gs_timeline_range, 1);
	t->n_ranges = 1;
	t->ranges[0] = (gs_timeline_range){ .start_ns = 62, .end_ns = 68, .scope = GS_RANGE_GOROUTINE,
					    .name = gs_profile_builder_str(b, GS_S("GC mark assist")) };
	t->regions = gs_new(mem, gs_timeline_region, 1);
	t->n_regions = 1;
	t->regions[0] = (gs_timeline_region){ .start_ns = 15, .end_ns = 65, .saw_start = true, .saw_end = true, .task = GS_NO_INDEX,
					      .parent = GS_NO_INDEX, .name = gs_profile_builder_str(b, GS_S("db")) };
	profile = gs_profile_builder_finish(b, &err);
	CHECK(profile != NULL);
	return t;
}

static gs_trace_stats *stats_of(gs_arena *mem, gs_trace_query q)
{
	gs_err err = { 0 };
	const gs_timeline *t = make(mem);
	gs_trace_selection *s = gs_trace_select(mem, t, profile, &q, &err);
	gs_trace_stats *out = s ? gs_trace_stats_build(mem, s, false, &err) : NULL;

	CHECK_STR(gs_str_of(err.text), GS_S(""));
	return out;
}

TEST(all_of_its_life)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	gs_trace_stats *s = stats_of(mem, (gs_trace_query){ 0 });

	CHECK_INT(s->n, 1);
	CHECK_INT(s->rows[0].n, 1);
	CHECK_INT(s->all.total_ns, 100);
	CHECK_INT(s->all.exec_ns, 20);
	CHECK_INT(s->all.sched_ns, 20);
	CHECK_INT(s->all.syscall_ns, 10);
	CHECK_INT(s->all.syscall_blocked_ns, 20);
	CHECK_INT(s->all.block_ns[SYNC], 30);
	CHECK_INT(s->all.unknown_ns, 0);
	CHECK_INT(s->n_ranges, 1);
	CHECK_INT(s->all.range_ns[0], 6);
}

TEST(a_part_cuts_intervals_and_ranges)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	gs_trace_stats *s = stats_of(mem, (gs_trace_query){ .start_ns = 25, .end_ns = 64 });

	CHECK_INT(s->all.total_ns, 39);
	CHECK_INT(s->all.syscall_ns, 5);
	CHECK_INT(s->all.syscall_blocked_ns, 20);
	CHECK_INT(s->all.sched_ns, 10);
	CHECK_INT(s->all.exec_ns, 4);
	CHECK_INT(s->all.range_ns[0], 2);
	CHECK_INT(s->all.block_ns[SYNC], 0);
}

TEST(a_region_holds_what_its_goroutine_did)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	gs_err err = { 0 };
	const gs_timeline *t = make(mem);
	gs_trace_selection *all = gs_trace_select(mem, t, profile, &(gs_trace_query){ 0 }, &err);
	gs_trace_spans *r = gs_trace_regions(mem, all, NULL, NULL, &err);

	CHECK_INT(r->n, 1);
	CHECK_INT(r->n_groups, 1);
	CHECK_INT(r->groups[0].latency->count, 1);
	CHECK_INT(r->groups[0].latency->sum_ns, 50);
	CHECK_INT(r->items[0].split.total_ns, 50);
	CHECK_INT(r->items[0].split.exec_ns, 10);
	CHECK_INT(r->items[0].split.syscall_ns + r->items[0].split.syscall_blocked_ns, 30);
	CHECK_INT(r->items[0].split.sched_ns, 10);
	CHECK_INT(stats_of(mem, (gs_trace_query){ .region = GS_S("db") })->all.total_ns, 50);
}
