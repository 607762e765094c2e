/*
 * Which lanes there are: filtered, grouped, in an order. Goroutines are grouped by the function they were started with, by who
 * created them, or by the tasks that they worked for.
 */
#ifndef GS_ANALYSIS_TRACE_LIST_H
#define GS_ANALYSIS_TRACE_LIST_H

#include "analysis/trace_tiles.h"
#include "base/re.h"

typedef enum gs_lane_order {
	GS_LANES_BY_START,
	GS_LANES_BY_ID,
	GS_LANES_BY_NAME,
	GS_LANES_BY_DURATION,
	GS_LANES_BY_TRANSITIONS,
	GS_LANES_BY_HITS, /* time with a stack of the set */
	GS_LANES_BY_TIME, /* in the states asked for; without: running */
} gs_lane_order;

typedef enum gs_lane_grouping {
	GS_LANES_FLAT,
	GS_LANES_BY_FUNCTION,
	GS_LANES_BY_CREATOR, /* the tree of who created whom: rows have a level */
	GS_LANES_BY_TASK,    /* groups are names of tasks; their rows are the tasks, goroutines below each */
} gs_lane_grouping;

typedef struct gs_lane_query {
	gs_lane_kind kind;
	bool has_lane; /* `lane` and nothing else */
	gs_lane lane;
	gs_lane_grouping by;
	bool has_group; /* rows of the group `group` only (string id) */
	uint32_t group;
	const gs_re *match; /* name of the function, or the id as text; NULL all */
	const gs_re *task;  /* goroutines that worked for a task of such a name */
	unsigned states;    /* bits 1 << gs_lane_state; with them min_ns is of time in these, else of the whole life */
	int64_t min_ns;
	int64_t from_ns, to_ns; /* alive in it */
	bool no_system;		/* without goroutines of the runtime */
	const gs_stack_set *set; /* goroutines with such a stack in [from, to]; NULL all */
	gs_lane_order order;
	bool is_rising;
} gs_lane_query;

typedef struct gs_lane_row {
	gs_lane lane;
	uint32_t level;
	int64_t start_ns, end_ns;
	int64_t hit_ns; /* with a set */
	int64_t key; /* private: what it is ordered by */
} gs_lane_row;

typedef struct gs_lane_group {
	uint32_t name; /* string id */
	uint32_t n;
	bool is_system;
	int64_t hit_ns;
	int64_t total_ns[GS_N_LANE_STATES]; /* in [from, to] of the query */
} gs_lane_group;

typedef struct gs_lane_list {
	gs_lane_row *rows;
	uint32_t n_rows;
	gs_lane_group *groups; /* with GS_LANES_BY_FUNCTION and _TASK, by their time */
	uint32_t n_groups;
	int64_t hit_ns; /* of all goroutines that pass the filters */
} gs_lane_list;

/* NULL when memory is out. */
gs_lane_list *gs_lane_list_build(gs_arena *mem, const gs_lanes *l, const gs_lane_extras *x, const gs_lane_query *q, gs_err *err);

/* Name of a lane for people: its function, "P 3", "thread 4711", the task's name. */
gs_str gs_lane_title(gs_arena *mem, const gs_lanes *l, gs_lane lane);
/* What the runtime calls it. */
uint64_t gs_lane_id(const gs_lanes *l, gs_lane lane);

#endif
