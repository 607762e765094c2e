/*
 * gs_heap: one moment of a Go program's memory: live objects, their types, who points to whom, what keeps them alive, and what
 * its goroutines were doing.
 *
 * An object is a number: 0 .. n_objects - 1, in the order of addresses, live ones only (reachable from the roots as the collector sees
 * it). Its size is that of its allocation slot. Edges are rows in compressed form; an edge may come twice when an object holds
 * two pointers into the same other one, and points inward or at the start alike.
 * Everything lives in `mem`; immutable once load made it.
 */
#ifndef GS_MODEL_HEAP_H
#define GS_MODEL_HEAP_H

#include "base/arena.h"
#include "base/map.h"
#include "model/heap_rows.h"

#define GS_HEAP_NONE UINT32_MAX

/* Slots of one size in one run of pages. Live slots are set in gs_heap.live, from bit `bit` on (a multiple of 64). */
typedef struct gs_heap_span {
	uint64_t base;
	uint64_t elem_bytes;
	uint64_t bit;
	uint32_t n_slots;
	uint32_t first; /* number of its first live object */
	bool is_noscan; /* the allocator was told that there are no pointers in it */
	bool is_tiny;	/* slots of 16 bytes that several small values without pointers may share */
} gs_heap_span;

/* How we know a type; the smaller the surer. */
typedef enum gs_heap_type_source {
	GS_HEAP_TYPE_EXACT,	/* the allocator wrote it down, or the runtime's own structure */
	GS_HEAP_TYPE_INTERFACE, /* an interface that points to it says so */
	GS_HEAP_TYPE_FIELD,	/* the type of a pointer, slice, map, channel or variable that leads to it */
	GS_HEAP_TYPE_SHAPE,	/* nothing known but its size and which words are pointers */
} gs_heap_type_source;

/* What an object of a type holds. */
typedef enum gs_heap_type_form {
	GS_HEAP_FORM_VALUE,  /* values of the type */
	GS_HEAP_FORM_RECORD, /* of a map or channel, which is a pointer to this */
	GS_HEAP_FORM_TABLE,  /* a part of a map */
	GS_HEAP_FORM_OTHER,  /* nothing that a descriptor tells */
} gs_heap_type_form;

/* Of gs_heap_type.kind. */
enum { GS_HEAP_KIND_SLICE = 23, GS_HEAP_KIND_STRING = 24 };

typedef struct gs_heap_type {
	uint32_t name;	     /* string id: "main.node"; for an object that holds many it is the element's type */
	uint32_t package;    /* string id: import path, 0 when it has none */
	uint64_t addr;	     /* of the runtime's descriptor; 0 when it has none */
	uint64_t size_bytes; /* of one value; 0 unknown */
	uint8_t kind;	     /* reflect.Kind (25 struct, 23 slice ...); 0 unknown */
	uint8_t source;	     /* gs_heap_type_source */
	uint8_t form;	     /* gs_heap_type_form */
	bool is_array;	     /* objects of this type hold size / size_bytes values: the array behind a slice */
} gs_heap_type;

typedef enum gs_heap_root_kind {
	GS_HEAP_ROOT_GLOBAL,   /* a package-level variable */
	GS_HEAP_ROOT_STACK,    /* a local variable, argument or spilled value in a frame */
	GS_HEAP_ROOT_REGISTER, /* of a running thread, or saved at an asynchronous preemption */
	GS_HEAP_ROOT_GOROUTINE, /* what the runtime keeps for a goroutine: its context register, defers, panics */
	GS_HEAP_ROOT_FINALIZER, /* a finalizer's function, or what its object holds */
	GS_HEAP_ROOT_CLEANUP,
	GS_HEAP_ROOT_WEAK,  /* the handle of weak pointers (not what they point to) */
	GS_HEAP_ROOT_QUEUE, /* finalizers and cleanups about to run */
} gs_heap_root_kind;

typedef struct gs_heap_root {
	uint64_t at;	    /* address of the word */
	uint32_t object;    /* what it points to */
	uint32_t name;	    /* string id: the variable ("main.cache"), or the frame's function */
	uint32_t goroutine; /* index, GS_HEAP_NONE */
	uint32_t frame;	    /* index in frames, GS_HEAP_NONE */
	uint8_t kind;	    /* gs_heap_root_kind */
	bool is_guess;	    /* found by looking at every word: may be no pointer */
} gs_heap_root;

typedef struct gs_heap_frame {
	uint64_t pc;	   /* return address, or where the goroutine stands */
	uint32_t function; /* string id, as Go prints it */
	uint32_t file;	   /* string id */
	uint32_t line;
	bool is_inlined; /* into the next frame */
} gs_heap_frame;

/* What a goroutine waits for. A select waits for several. */
typedef enum gs_heap_wait_kind {
	GS_HEAP_WAIT_SEND,
	GS_HEAP_WAIT_RECEIVE,
	GS_HEAP_WAIT_SEMAPHORE, /* Mutex, RWMutex, WaitGroup: the address of its semaphore word */
	GS_HEAP_WAIT_NOTIFY,	/* Cond: the address of its list */
} gs_heap_wait_kind;

typedef struct gs_heap_wait {
	uint64_t addr;	 /* channel, semaphore word or list */
	uint64_t waiter; /* the runtime's record of this wait (sudog) */
	uint32_t object; /* that holds it; GS_HEAP_NONE when it is a variable, not in the heap */
	uint32_t waiter_object;
	uint32_t goroutine;
	uint8_t kind; /* gs_heap_wait_kind */
	bool is_select;
	bool is_settled; /* its record lies in the queue of what it waits for, and no timer that runs is behind that: only another goroutine can wake it */
} gs_heap_wait;

/* Status as the runtime numbers it. */
enum {
	GS_HEAP_G_IDLE,
	GS_HEAP_G_RUNNABLE,
	GS_HEAP_G_RUNNING,
	GS_HEAP_G_SYSCALL,
	GS_HEAP_G_WAITING,
	GS_HEAP_G_DEAD = 6,
	GS_HEAP_G_COPYSTACK = 8,
	GS_HEAP_G_PREEMPTED = 9,
	GS_HEAP_G_LEAKED = 10, /* found leaked by Go's own detector, Go 1.26 and later */
};

typedef struct gs_heap_goroutine {
	uint64_t id;
	uint64_t addr;	      /* its runtime.g */
	uint32_t object;      /* the same as an object, GS_HEAP_NONE when it is none (the first one) */
	uint32_t wait_reason; /* string id: "chan receive", empty when it does not wait */
	int64_t wait_ns;      /* since a collection first saw it wait; 0 when none has, or it does not wait */
	uint64_t creator_id;  /* 0 unknown (before Go 1.21) */
	gs_heap_frame creator; /* function 0 when there is none */
	gs_heap_frame start;  /* its first function */
	uint32_t first_frame, n_frames; /* innermost first */
	uint32_t first_wait, n_waits;
	uint32_t first_label, n_labels; /* pairs of string ids in gs_heap.labels */
	uint64_t stack_bytes; /* allocated */
	uint64_t thread_id;   /* of the kernel, when it is on a thread; else 0 */
	uint8_t status;
	bool is_system; /* the runtime's own */
} gs_heap_goroutine;

typedef struct gs_heap_label {
	uint32_t key, value; /* string ids */
} gs_heap_label;

/*
 * Where memory was allocated, as the runtime's own profile knows it: one stack and one size. One allocation in gs_heap.sample_rate bytes is sampled; counts are of samples,
 * those of the last collection (what the program's own heap profile would say), not scaled.
 */
typedef struct gs_heap_site {
	uint32_t first_call, n_calls; /* in gs_heap.calls, innermost first */
	uint32_t n_hidden;	      /* the first of these are the runtime's allocator */
	uint64_t object_bytes;	      /* of one object's slot */
	int64_t allocs, frees, alloc_bytes, free_bytes;
} gs_heap_site;

typedef struct gs_heap_symbol {
	uint32_t name;	     /* string id: as the linker has it, with all type arguments */
	uint32_t start_line; /* 0 unknown */
} gs_heap_symbol;

/* One physical call of a stack with what was inlined there. */
typedef struct gs_heap_call {
	uint64_t pc;		  /* return address */
	uint32_t frame, n_frames; /* in gs_heap.call_frames, innermost first; these have no pc */
} gs_heap_call;

/* A live object that was sampled when it was allocated. Small ones without pointers may share one object. */
typedef struct gs_heap_sample {
	uint32_t object, site;
} gs_heap_sample;

/* What the collector has not freed yet, and other sums that no object tells. */
typedef struct gs_heap_totals {
	uint64_t live_bytes;
	uint64_t slots_in_use, slots_in_use_bytes; /* allocated and not swept: live and garbage */
	uint64_t spans_bytes;			   /* pages in use for objects */
	uint64_t stacks_bytes;
	uint64_t guessed_roots;
	uint64_t unread; /* spans, stacks and goroutines that are not there to be read: nobody knows where they lead */
} gs_heap_totals;

typedef struct gs_heap {
	gs_arena *mem;
	gs_strtab strings;
	gs_str go_version, arch, executable;
	unsigned go_minor;
	uint64_t pid; /* 0 unknown */
	gs_str build_id; /* of the executable, hexadecimal, may be empty */
	uint64_t code_start, code_limit, code_offset; /* where its code lies, and where that is in the file */

	gs_heap_span *spans; /* by address */
	uint32_t n_spans;
	uint64_t *live;	    /* one bit a slot */
	uint32_t *rank;	    /* for each word of `live`: number of the first object at or behind it */
	uint64_t n_live_words;
	uint32_t n_objects;

	gs_heap_type *types;
	uint32_t n_types;
	gs_packed type_ids; /* for each object, see gs_heap_type_of */

	gs_heap_rows edge_rows; /* of each object the places of its edges, see gs_heap_edge_at */
	gs_packed edge_ids;
	uint32_t n_edges;

	/* The array of all goroutines, GS_HEAP_NONE unknown: that it points to them keeps their records alive, and is not why
	 * anybody would say that something is. */
	uint32_t all_goroutines;

	gs_heap_root *roots;
	uint32_t n_roots;
	gs_heap_goroutine *goroutines;
	uint32_t n_goroutines;
	gs_heap_frame *frames;
	uint32_t n_frames;
	gs_heap_wait *waits;
	uint32_t n_waits;
	gs_heap_label *labels;
	uint32_t n_labels;

	gs_heap_site *sites;
	uint32_t n_sites;
	gs_heap_call *calls;
	gs_heap_frame *call_frames;
	gs_heap_symbol *call_symbols; /* of each of these its function */
	gs_heap_sample *samples; /* by object */
	uint32_t n_samples;
	int64_t sample_rate; /* bytes; 1 and below: each allocation is sampled */
	bool is_sampled;     /* false: the program does not sample allocations */

	gs_heap_totals totals;
	gs_str *warnings; /* what could not be read, for people */
	uint32_t n_warnings;

	/* A way to look into objects; NULL when the memory is gone. In `mem`, for one thread. */
	struct gs_heap_look *(*look)(const struct gs_heap *h, gs_arena *mem);

	/* The memory itself, for who wants to look into objects; NULL when it is gone. `n` bytes at `addr`; false when not there. */
	bool (*read)(void *ctx, uint64_t addr, void *out, size_t n);
	void *read_ctx;
} gs_heap;

/* A value in an object. */
typedef struct gs_heap_field {
	gs_str name;	 /* ".next", "[3].key", "[\"user:17\"]" of a map; empty: the object is the value */
	gs_str type;	 /* "*main.node"; empty: not known */
	gs_str value;	 /* for people: 17, "text", nil, len 3 cap 8. Not escaped; long ones are cut */
	uint64_t offset; /* in the object; of a map's entries 0 */
	uint32_t to;	 /* the object that it leads to, GS_HEAP_NONE */
} gs_heap_field;

typedef struct gs_heap_fields {
	gs_heap_field *list;
	uint32_t n;
	uint64_t n_all; /* had there been room */
} gs_heap_fields;

/* How a pointer leads to an object. */
typedef enum gs_heap_reference_kind {
	GS_HEAP_REFERENCE_UNKNOWN, /* no type tells, or one with which the runtime or package unsafe play tricks: it may use all of the object */
	GS_HEAP_REFERENCE_POINTER, /* to one value; an interface's as well */
	GS_HEAP_REFERENCE_SLICE,
	GS_HEAP_REFERENCE_STRING,
} gs_heap_reference_kind;

/* One pointer into an object, and which bytes of that it is good for. Without tricks of package unsafe no way leads from there to a byte in front of it. */
typedef struct gs_heap_reference {
	uint32_t from; /* object, GS_HEAP_NONE: a root */
	uint32_t root; /* index, GS_HEAP_NONE: an object */
	uint32_t to;
	uint8_t kind;	      /* gs_heap_reference_kind; UNKNOWN: nothing is said of used, room and is_whole */
	uint64_t from_offset; /* of the pointer in `from` */
	uint64_t offset;      /* of what it leads to in `to`: behind the allocator's own header, if there is one */
	uint64_t used_bytes;  /* from there on; of a slice its length */
	uint64_t room_bytes;  /* the same and a slice's capacity */
	uint64_t reach_bytes; /* from there on, what may be used through this pointer at most */
	bool is_whole;	      /* it leads to the object's first byte */
} gs_heap_reference;

/* A map and what one of the same entries would need, had it been made for them. Slots of its entries only, as the allocator rounds them. */
typedef struct gs_heap_map_room {
	uint32_t object; /* the map's own record */
	uint64_t n_entries, n_slots;
	uint64_t have_bytes, need_bytes;
} gs_heap_map_room;

/* The function that a closure calls. */
typedef struct gs_heap_function {
	gs_str name; /* as the linker has it */
	gs_str file; /* empty: not known */
	uint32_t line; /* where it begins; 0 unknown */
} gs_heap_function;

/* Strings are in the arena of the look. */
typedef struct gs_heap_look {
	/* How an object leads to another: the name of the first field that does, empty when it has none (within a map, say). Not exact: "[*]" for
	 * all indexes and keys. */
	gs_str (*edge)(struct gs_heap_look *l, uint32_t from, uint32_t to, bool is_exact);
	/* The same of a root that is in a package-level variable: "main.registry.byName" or as the symbols have it. Empty for others. */
	gs_str (*variable)(struct gs_heap_look *l, const gs_heap_root *root, bool is_exact);
	bool (*fields)(struct gs_heap_look *l, uint32_t object, uint32_t max, gs_heap_fields *out);
	/* The name of a place in an object: "[*].next". Offsets as in gs_heap_reference.from_offset. */
	gs_str (*place)(struct gs_heap_look *l, uint32_t object, uint64_t offset);
	/* False: the object is no closure. */
	bool (*function)(struct gs_heap_look *l, uint32_t object, gs_heap_function *out);
	/* Every pointer of every object and root, each once. only: a bit for each object, those to others are left out; NULL: all. */
	void (*references)(struct gs_heap_look *l, const uint64_t *only, void *ctx, void (*take)(void *ctx, const gs_heap_reference *r));
	/* Maps whose type is known and that are not growing right now. */
	void (*maps)(struct gs_heap_look *l, void *ctx, void (*take)(void *ctx, const gs_heap_map_room *m));
} gs_heap_look;

/* Index in h->types. */
static inline uint32_t gs_heap_type_of(const gs_heap *h, uint32_t object)
{
	return gs_packed_id(&h->type_ids, object);
}

/* An object's edges are those from gs_heap_edge_at(h, object) to before gs_heap_edge_at(h, object + 1). */
static inline uint32_t gs_heap_edge_at(const gs_heap *h, uint32_t object)
{
	return gs_heap_rows_at(&h->edge_rows, object);
}

static inline uint32_t gs_heap_edge_to(const gs_heap *h, uint32_t edge)
{
	return (uint32_t)gs_packed_get(&h->edge_ids, edge);
}

/* The object whose slot covers `addr`; GS_HEAP_NONE when there is none, or it is not live. */
uint32_t gs_heap_find(const gs_heap *h, uint64_t addr);
/* Index of the span of an object. */
uint32_t gs_heap_span_of(const gs_heap *h, uint32_t object);
uint64_t gs_heap_addr(const gs_heap *h, uint32_t object);
static inline uint64_t gs_heap_size(const gs_heap *h, uint32_t object)
{
	return h->spans[gs_heap_span_of(h, object)].elem_bytes;
}

/* All objects in order, without a search each: for (gs_heap_walk w = gs_heap_walk_start(h); gs_heap_walk_next(&w);) */
typedef struct gs_heap_walk {
	const gs_heap *h;
	uint32_t span, object, next;
	uint64_t addr, size_bytes;
	uint64_t word, bits; /* where in `live` */
} gs_heap_walk;
static inline gs_heap_walk gs_heap_walk_start(const gs_heap *h)
{
	uint64_t word = h->n_spans ? h->spans[0].bit / 64 : 0;

	return (gs_heap_walk){ .h = h, .word = word, .bits = h->n_spans ? h->live[word] : 0 };
}

static inline bool gs_heap_walk_next(gs_heap_walk *w)
{
	const gs_heap *h = w->h;
	const gs_heap_span *s;

	if (w->next >= h->n_objects)
		return false;
	while (w->bits == 0) {
		s = &h->spans[w->span];
		if (++w->word >= (s->bit + s->n_slots + 63) / 64)
			w->word = h->spans[++w->span].bit / 64;
		w->bits = h->live[w->word];
	}
	s = &h->spans[w->span];
	w->size_bytes = s->elem_bytes;
	w->addr = s->base + (w->word * 64 - s->bit + (uint64_t)__builtin_ctzll(w->bits)) * s->elem_bytes;
	w->bits &= w->bits - 1;
	w->object = w->next++;
	return true;
}

/* Where the objects of a span end: the number of the first one behind it. */
static inline uint32_t gs_heap_span_end(const gs_heap *h, uint32_t span)
{
	return span + 1 < h->n_spans ? h->spans[span + 1].first : h->n_objects;
}

/* Fill `rank`, the spans' `first` and n_objects from `live`. False: more objects than numbers. */
bool gs_heap_number(gs_heap *h);

#endif
