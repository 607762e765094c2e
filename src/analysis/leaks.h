/*
 * Goroutines that wait, gathered by where they wait and who made them: the proven leaks with what they hold and who could have woken them,
 * the suspects (many, or long, at one line) with the way that keeps what they wait for within reach, and the growing ones.
 */
#ifndef GS_ANALYSIS_LEAKS_H
#define GS_ANALYSIS_LEAKS_H

#include "analysis/dominators.h"
#include "analysis/leak_proof.h"
#include "analysis/trend.h"

typedef struct gs_leak_place { /* strings are the heap's */
	gs_str function, file;
	uint32_t line;
} gs_leak_place;

typedef enum gs_leak_verdict {
	GS_LEAK_PROVEN,
	GS_LEAK_SUSPECT,
	GS_LEAK_INNOCENT,
} gs_leak_verdict;

typedef enum gs_leak_user_kind {
	GS_LEAK_BY_VARIABLE, /* `index`: of the root */
	GS_LEAK_BY_GOROUTINE, /* in a frame: `index` of the goroutine */
	GS_LEAK_BY_OBJECT,   /* `index`: the object */
} gs_leak_user_kind;

typedef struct gs_leak_user {
	uint8_t kind;
	uint32_t index;
	uint32_t count; /* users like this: same function or variable, or same type */
	uint32_t last;	/* index of the one that was counted last */
} gs_leak_user;

enum { GS_LEAK_MAX_USERS = 12, GS_LEAK_MAX_WAY = 32 };

typedef struct gs_leak_group {
	gs_leak_verdict verdict;
	uint64_t key;	       /* of where and made_by, the same in other heaps of the program */
	gs_str state;	       /* "chan send" */
	gs_leak_place where;   /* the line that blocks: the innermost that is not of package runtime, sync, ... */
	gs_leak_place made_by; /* its go statement; function empty: nobody */
	gs_leak_place start;   /* its first function */
	uint32_t *members;     /* goroutines, the longest wait first */
	uint32_t n;
	uint32_t n_said_leaked; /* by Go's own detector */
	int64_t wait_ns;       /* the longest; 0 unknown */
	uint64_t stack_bytes;
	uint64_t heap_bytes, n_objects; /* that only this group holds; of suspects what each one alone holds */
	/* Of members[0]: */
	uint32_t object;       /* what it waits for; GS_HEAP_NONE: nothing, or a variable */
	uint32_t n_waits;      /* more than one in a select */
	gs_leak_user users[GS_LEAK_MAX_USERS]; /* who else has what it waits for in hand; not what is out of reach and only part of it */
	uint32_t n_users, n_more_users;
	uint32_t way[GS_LEAK_MAX_WAY]; /* of suspects, objects from what it waits for up */
	uint32_t n_way;
	uint32_t way_from; /* where that starts: gs_leak_proof.from of the last; GS_HEAP_NONE: cut */
	uint32_t cycle; /* groups with the same number, not 0, hold what the others wait for */
	bool is_cycle_of_its_own; /* so do its members with each other */
	/* Over time, when there are earlier moments: of all that wait at this place. */
	uint32_t n_before; /* at the first moment */
	bool is_growing;
	const gs_trend_row *trend; /* a value for each moment, this one too */
} gs_leak_group;

typedef struct gs_leaks {
	gs_leak_group *groups; /* proven ones first, then suspects; of each those that hold most first */
	uint32_t n, n_proven, n_suspects; /* groups */
	uint32_t n_goroutines_proven, n_goroutines_suspect;
	uint64_t stack_bytes, heap_bytes; /* of all that is proven; heap: what only they hold together */
	bool is_main_stuck;
	bool has_before;
	bool is_timed; /* slopes are per second, else per moment */
	const double *at; /* moments, seconds since the first when timed */
	uint32_t n_moments;
} gs_leaks;

/* How many goroutines wait at each place at some moment: key -> number. To be released. */
bool gs_leak_count(const gs_heap *h, gs_map *out, gs_err *err);

typedef struct gs_leak_options {
	uint32_t min_count;  /* goroutines at one line that are suspicious */
	int64_t min_wait_ns; /* and a wait, of at least two there */
	const gs_map *before; /* counts of earlier moments, the first one first */
	unsigned n_before;
	const double *at_s; /* when those were, and as the last one when this is, in seconds; NULL: nobody knows */
	double confidence; /* of slopes: 0.95 */
} gs_leak_options;

/* `d` may be NULL: then suspects have no heap_bytes. In `mem`. GS_ERR_LIMIT. */
bool gs_leaks_build(gs_arena *mem, const gs_heap *h, const gs_leak_proof *p, const gs_dominators *d, const gs_leak_options *options,
		    gs_leaks *out, gs_err *err);

/* The innermost frame that is of the program's own doing; NULL: it has none at all. */
const gs_heap_frame *gs_leak_frame(const gs_heap *h, const gs_heap_goroutine *g);

/* Of the runtime, package sync ...: not the line to name. */
bool gs_leak_is_plumbing(gs_str function);
/* How each group grew; before judging. `now`: counts of this moment. */
bool gs_leaks_look_back(gs_arena *mem, gs_leaks *l, const gs_map *now, const gs_leak_options *o, gs_err *err);
/* Set the verdict of a group that is not proven. */
void gs_leak_judge(gs_leak_group *group, const gs_leak_options *o, bool waits_for_others, bool is_main);
/* Bring into order, sum up, leave innocent ones out. */
void gs_leaks_sort(gs_leaks *l);

/* Parts of gs_leaks_build, on the groups that are shown: what only each holds and who waits for whom; who has what they wait for. */
bool gs_leak_holds(const gs_heap *h, const gs_leak_proof *p, gs_leaks *l);
bool gs_leak_find_users(const gs_heap *h, const gs_leak_proof *p, gs_leaks *l);

#endif
