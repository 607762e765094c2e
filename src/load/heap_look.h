/* Parts of gs_heap_look: looking into objects by the program's type descriptors. A look has tables of its own: several threads may have one each. */
#ifndef GS_LOAD_HEAP_LOOK_H
#define GS_LOAD_HEAP_LOOK_H

#include "load/heap_types.h"

enum {
	LOOK_MAX_DEPTH = 32,
	LOOK_MAX_TEXT = 96, /* bytes of a string that are shown */
	LOOK_MAX_KEY = 48,  /* of a key */
	LOOK_GROUP_SLOTS = 8,
};

typedef struct look {
	gs_heap_look base;
	const gs_heap *h;
	gs_arena *mem;
	heap_build b; /* only what types need: the runtime */
	heap_types t;
	const heap_capture *captures;
	uint32_t n_captures;
	gs_map known; /* type of the model and offset -> index in names */
	GS_VEC(gs_str) names;
} look;

/* An object. */
typedef struct look_object {
	uint64_t addr, size; /* what the program has of it */
	uint64_t head;	     /* bytes before, of the allocator */
	const gs_go_span *span;
	const gs_heap_type *type;
} look_object;

uint64_t look_word(const look *l, uint64_t addr);
/* A copy: a type may move when another one is read. False: there is none. */
bool look_type(look *l, uint64_t addr, heap_type *out);
gs_str look_type_name(look *l, uint64_t addr);
look_object look_object_of(const look *l, uint32_t id);
/* The text, and the end of its buffer. */
gs_str look_finish(look *l, gs_buf *b);

/* ---- closures ---- */

bool look_is_closure(const look_object *o);
/* How many of l->captures come before what `code` captured from byte `offset` on. */
uint32_t look_captures_before(const look *l, uint64_t code, uint64_t offset);
uint64_t look_captured_size(look *l, const look_object *o, const heap_capture *c, heap_captured *what);
/* What the closure captured where its byte `offset` is; NULL: nobody knows. */
const heap_capture *look_capture_at(look *l, const look_object *o, uint64_t offset, heap_captured *what);

/* ---- entries of maps ---- */

/* Where keys and values of a group or bucket are. */
typedef struct look_entries {
	uint64_t key_type, value_type;
	uint64_t keys, values;	       /* offset of the first */
	uint64_t key_step, value_step; /* to the next */
	uint64_t next;		       /* offset of the word that leads to the next bucket, 0 none */
	bool is_group;
} look_entries;

/* False: the type is no group and no bucket. */
bool look_entries_of(look *l, uint64_t type, look_entries *out);
/* Is there an entry in this slot of the group or bucket at `at`? */
bool look_is_full(const look *l, const look_entries *e, uint64_t at, unsigned slot);

/* ---- values as text (heap_values.c): cut at about `max` bytes, not escaped ---- */

void look_bytes_text(look *l, gs_buf *out, uint64_t at, uint64_t n, size_t max);
/* depth: 0 */
void look_value_text(look *l, gs_buf *out, uint64_t type, uint64_t at, size_t max, unsigned depth);
/* It is a time.Time: one value, though it has fields. */
bool look_is_time(look *l, const heap_type *t);

/* ---- names of places (heap_places.c) ---- */

void look_index_name(gs_buf *out, uint64_t i, bool is_exact);
gs_str look_edge(gs_heap_look *base, uint32_t from, uint32_t to, bool is_exact);
gs_str look_variable(gs_heap_look *base, const gs_heap_root *root, bool is_exact);
gs_str look_place(gs_heap_look *base, uint32_t id, uint64_t offset);

/* ---- what is in an object (heap_fields.c) ---- */

bool look_fields(gs_heap_look *base, uint32_t id, uint32_t max, gs_heap_fields *out);

#endif
