/* Type descriptors of the program (internal/abi.Type), read when first needed, and where a value of each has pointers to what. */
#ifndef GS_LOAD_HEAP_TYPES_H
#define GS_LOAD_HEAP_TYPES_H

#include "load/heap_build.h"

/* reflect.Kind */
enum {
	KIND_BOOL = 1,
	KIND_INT,
	KIND_UINT = 7,
	KIND_UINT8,
	KIND_UINTPTR = 12,
	KIND_FLOAT32,
	KIND_FLOAT64,
	KIND_ARRAY = 17,
	KIND_CHAN,
	KIND_FUNC,
	KIND_INTERFACE,
	KIND_MAP,
	KIND_POINTER,
	KIND_SLICE,
	KIND_STRING,
	KIND_STRUCT,
	KIND_UNSAFE_POINTER,
};

/* What a word of a value leads to. */
typedef enum slot_op {
	SLOT_POINTER, /* to a value of `type` */
	SLOT_SLICE,   /* to the array of `type`; length and capacity follow */
	SLOT_STRING,
	SLOT_EFACE, /* descriptor, data */
	SLOT_IFACE, /* itab, data */
	SLOT_MAP,   /* `type` is the map's */
	SLOT_CHAN,  /* `type` is the channel's */
	SLOT_FUNC,
	SLOT_ARRAY, /* to an array of `type`; nobody says of how many */
} slot_op;

typedef struct type_slot {
	uint32_t offset;
	uint32_t op;
	uint64_t type; /* descriptor's address */
} type_slot;

typedef struct heap_type {
	uint64_t addr, size;
	uint64_t elem; /* of pointers, slices, arrays, channels; a map's is its value */
	uint64_t group; /* of maps: their groups or buckets */
	uint8_t kind;
	uint8_t map_part; /* heap_map_part, 0: not looked at yet */
	bool is_direct; /* an interface holds the value itself, which is a pointer */
	bool is_compiled;
	uint32_t first_slot, n_slots;
	uint32_t ids[6]; /* in the model, by role (heap_typing.c); +1, 0 none yet */
} heap_type;

typedef struct heap_types {
	heap_build *b;
	uint64_t pool, pool_local, eface; /* descriptors of sync.Pool, of what its arrays consist of, and of what its queues do (an interface as two unsafe pointers); 0 unknown */
	gs_map index_of; /* address -> index in list, UINT32_MAX: no type there */
	GS_VEC(heap_type) list;
	GS_VEC(type_slot) slots;
	GS_VEC(gs_heap_type) model;
} heap_types;

/* Index in t->list of the type at `addr`, UINT32_MAX when there is none. */
uint32_t heap_type_at(heap_types *t, uint64_t addr);
/* Fill first_slot, n_slots. */
void heap_type_compile(heap_types *t, uint32_t index);
/* The last slot of a type that begins at `offset` or before; NULL: none. Valid until another type is compiled. */
const type_slot *heap_type_slot_at(heap_types *t, uint32_t index, uint64_t offset);
/* "main.node", and the import path. The name is a copy in `mem`. */
gs_str heap_type_name(heap_types *t, gs_arena *mem, const heap_type *type, gs_str *package);
/* Is this an address of a type descriptor of one of the modules? */
bool heap_type_is_in_module(const heap_types *t, uint64_t addr);
/* The address of the descriptor that debug information means; 0: there is none. */
uint64_t heap_type_descriptor(const heap_types *t, uint64_t type);

/* A struct's fields; names are copies in `mem`. */
typedef struct heap_type_member {
	gs_str name;
	uint64_t type, offset;
} heap_type_member;
uint32_t heap_type_n_members(const heap_types *t, uint64_t type);
heap_type_member heap_type_member_at(const heap_types *t, gs_arena *mem, uint64_t type, uint32_t i);
uint64_t heap_type_array_len(const heap_types *t, uint64_t type);
bool heap_type_has_methods(const heap_types *t, uint64_t interface_type);

/* What holds entries of a map: since Go 1.24 groups, before that buckets. */
typedef enum heap_map_part { MAP_PART_UNKNOWN, MAP_PART_NONE, MAP_PART_GROUP, MAP_PART_BUCKET } heap_map_part;
heap_map_part heap_type_map_part(heap_types *t, uint32_t index);

/* Call take for each package-level variable whose type the debug information tells. */
typedef void heap_take_variable(void *ctx, gs_str name, uint64_t addr, gs_go_variable_kind kind, uint64_t type);
void heap_type_globals(heap_types *t, void *ctx, heap_take_variable *take);
/* Call take for each pointer in a frame of which debug information tells what it is: kind and type as of a variable that consists of this one word,
 * or `slot` of a value. */
void heap_type_locals(heap_types *t, void *ctx,
		      void (*take)(void *ctx, const gs_heap_root *root, gs_go_variable_kind kind, uint64_t type, const type_slot *slot));

/* What lies where a closure, the object at byte `at` of a span, has captured something. */
typedef enum heap_captured {
	CAPTURED_UNKNOWN, /* a pointer to the variable, or the variable itself */
	CAPTURED_VALUE,	  /* a value of the type */
	CAPTURED_POINTER, /* a pointer to one */
	CAPTURED_SLICE,
} heap_captured;
heap_captured heap_type_captured(heap_types *t, const heap_capture *c, const gs_go_span *s, uint64_t at);

/* Parts of gs_heap_look: every pointer, every map. */
void heap_references(heap_types *t, const gs_heap *h, const uint64_t *only, void *ctx, void (*take)(void *ctx, const gs_heap_reference *r));
void heap_map_rooms(heap_types *t, const gs_heap *h, void *ctx, void (*take)(void *ctx, const gs_heap_map_room *m));

/* Fill h->types and h->type_of. */
bool heap_type_objects(heap_build *b, gs_err *err);

#endif
