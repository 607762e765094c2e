/* Parts of gs_heap_load. */
#ifndef GS_LOAD_HEAP_BUILD_H
#define GS_LOAD_HEAP_BUILD_H

#include "load/heap.h"

typedef struct heap_root { /* gs_heap_root with the value still an address */
	gs_heap_root r;
	uint64_t value;
} heap_root;

/* A package-level variable, or a part of one, of which debug information tells the type. */
typedef struct heap_variable {
	uint64_t addr, type; /* descriptor */
	uint32_t name;	     /* string id */
	uint8_t kind;	     /* gs_go_variable_kind */
} heap_variable;

/* What a closure captured, or a part of it. */
typedef struct heap_capture {
	uint64_t code;	     /* the object's first word */
	uint64_t offset;     /* in the object */
	uint64_t until;	     /* where the next one begins; UINT64_MAX: this is the last */
	uint64_t type;	     /* descriptor, 0 unknown */
	uint32_t name;	     /* string id */
	uint8_t kind;	     /* gs_go_variable_kind */
	bool is_behind;	     /* as in gs_go_capture */
} heap_capture;

/* A sampled allocation whose object is there still. */
typedef struct heap_sample {
	uint64_t addr, bucket;
} heap_sample;

/* A frame of compiled code, with all that is inlined there. */
typedef struct heap_stack_frame {
	uint64_t pc;	/* of an instruction in it, not the return address */
	uint64_t cfa;	/* the stack pointer before it was called */
	uint32_t frame; /* its last one in the model */
} heap_stack_frame;

typedef struct heap_build {
	const gs_heap_input *in;
	const gs_progress *progress;
	gs_heap *h;
	gs_go_runtime rt;
	GS_VEC(heap_root) roots;
	GS_VEC(gs_heap_frame) frames;
	GS_VEC(gs_heap_wait) waits;
	GS_VEC(gs_heap_label) labels;
	GS_VEC(gs_str) warnings;
	GS_VEC(heap_variable) variables;
	GS_VEC(heap_capture) captures; /* by code and offset */
	GS_VEC(heap_sample) samples;
	GS_VEC(heap_stack_frame) stack_frames; /* by frame; where there is debug information */
	/* Frames at the places in the code that were asked for, see heap_frames_at. */
	GS_VEC(gs_heap_frame) code;
	GS_VEC(gs_heap_symbol) code_symbols; /* of each */
	gs_map code_at;
	gs_binary_cursor cursor;
	uint64_t n_edges;      /* counted by marking */
	uint64_t n_not_in_use; /* pointers to slots that are free: a mistake of ours, or a program stopped in the middle */
	uint64_t n_lost_stacks;
} heap_build;

void heap_warn(heap_build *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
uint32_t heap_string(heap_build *b, gs_str s);
bool heap_add_root(heap_build *b, gs_heap_root_kind kind, uint64_t at, uint64_t value);

/*
 * The frames at a pc as an index in b->code: innermost first, the last is not inlined, without their pc. UINT32_MAX: out of memory. Many stacks go through few places.
 * A call's pc is its return address.
 */
uint32_t heap_frames_at(heap_build *b, uint64_t pc, bool is_call);

/* Package-level variables. */
bool heap_globals(heap_build *b, gs_err *err);
/* Records, frames and stack roots of all goroutines, and what they wait for. After heap_globals. */
bool heap_goroutines(heap_build *b, gs_err *err);
/* Roots of threads that are in the middle of the runtime. After heap_goroutines. */
bool heap_threads(heap_build *b, gs_err *err);
/* Finalizers, cleanups, weak handles, queues; and sampled objects, for heap_sites. */
bool heap_specials(heap_build *b, gs_err *err);
/* Where memory was allocated: what the runtime's own profile says. After heap_specials. */
bool heap_sites(heap_build *b, gs_err *err);
/* Set h->live from the roots. */
bool heap_mark(heap_build *b, gs_err *err);
/* Fill h->edge_*. */
bool heap_edges(heap_build *b, gs_err *err);
/* Samples by object, after marking. */
bool heap_finish_samples(heap_build *b, gs_err *err);
/* Turn collected roots, waits ... into the model's arrays. */
bool heap_finish(heap_build *b, gs_err *err);

/* The last one that begins at `addr` or before; NULL: none. */
const heap_variable *heap_variable_at(const gs_heap *h, uint64_t addr);
/* By code and offset. */
const heap_capture *heap_captures(const gs_heap *h, uint32_t *n);
/* gs_heap.look of a heap that was loaded with keep_runtime and whose image is still there. */
gs_heap_look *heap_look(const gs_heap *h, gs_arena *mem);

#endif
