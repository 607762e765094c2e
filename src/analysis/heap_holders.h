/*
 * Each thing outside the heap on its own: how much it retains, and where that gathers. Retained is what it alone keeps alive.
 */
#ifndef GS_ANALYSIS_HEAP_HOLDERS_H
#define GS_ANALYSIS_HEAP_HOLDERS_H

#include "analysis/heap_paths.h"
#include "base/re.h"

typedef enum gs_heap_holder_kind {
	GS_HOLDER_VARIABLE = 1,
	GS_HOLDER_GOROUTINE = 2,
	GS_HOLDER_FRAME = 4, /* all frames of a function; counted in their goroutines as well */
	GS_HOLDER_OTHER = 8, /* finalizers, cleanups */
	GS_HOLDER_TYPE = 16, /* all objects of a type together */
} gs_heap_holder_kind;

typedef struct gs_heap_holder_row {
	uint8_t kind;	    /* gs_heap_holder_kind */
	uint32_t name;	    /* in gs_heap_names.strings */
	uint32_t goroutine; /* index, GS_HEAP_NONE */
	uint32_t n_goroutines; /* of a frame: in how many the function holds something */
	uint64_t count, bytes; /* retained */
	uint64_t n_of_type; /* of a type: its objects */
	/* The last object down the tree from here that has at least half of all this; GS_HEAP_NONE when nothing has. */
	uint32_t gathers_in;
	uint32_t n_below; /* objects right below that one */
	uint64_t at;	  /* of a variable: the address of its first word that holds something; else 0 */
	uint32_t holds;	  /* of a variable: of the objects that it alone holds the one that retains most; GS_HEAP_NONE */
} gs_heap_holder_row;

typedef struct gs_heap_holders {
	gs_heap_holder_row *rows; /* that retain something, most first */
	uint32_t n;
	bool is_chosen; /* by name or type; then: */
	uint64_t count, bytes; /* freed if all that was chosen were gone at once */
	uint32_t n_types_left; /* chosen types without a row */
} gs_heap_holders;

enum { GS_HEAP_HOLDERS_MAX_TYPES = 16 }; /* that have a row, those with the most bytes: each is a walk over the whole heap */

typedef struct gs_heap_holders_ask {
	unsigned kinds;	   /* bits of gs_heap_holder_kind */
	const gs_re *name; /* "var main.cache" or "main.cache"; NULL: any */
	const gs_re *type; /* types as holders, instead of all others, or beside those that `name` chooses; NULL: none */
} gs_heap_holders_ask;

/* In `mem`. GS_ERR_LIMIT: out of memory. */
bool gs_heap_holders_list(gs_arena *mem, const gs_heap *h, const gs_dominators *d, gs_heap_names *names, const gs_heap_holders_ask *ask,
			  gs_heap_holders *out, gs_err *err);

#endif
