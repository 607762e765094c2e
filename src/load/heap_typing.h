/* Parts of heap_type_objects: objects are claimed for types, and what they point to by the fields of these. */
#ifndef GS_LOAD_HEAP_TYPING_H
#define GS_LOAD_HEAP_TYPING_H

#include "load/heap_types.h"

/* Of what a model type is made from a descriptor: indexes of heap_type.ids. */
enum {
	TYPING_ONE = 0,
	TYPING_ARRAY = 1,
	TYPING_RECORD = 2, /* a map's or channel's own */
	TYPING_DIRECTORY = 3,
	TYPING_CHANNEL = 4, /* a channel of which only the element's type is known */
	TYPING_TABLES = 5,  /* the list of a map's tables */
	TYPING_MAX_OBJECTS = UINT32_MAX - 1,
};

/* What a model type is made of. */
typedef struct typing_origin {
	uint32_t type; /* index in list, UINT32_MAX: ours */
	uint8_t role;  /* TYPING_ONE ... */
	uint64_t code; /* of a closure */
} typing_origin;

typedef struct typing_place { /* of a live object */
	uint32_t span, slot;
} typing_place;

typedef struct typing {
	heap_types t;
	gs_heap *h;
	const gs_go_runtime *rt;
	GS_VEC(typing_origin) origins; /* of t.model */
	GS_VEC(typing_place) queue;
	gs_map closures; /* code -> model type */
	gs_map captured; /* code -> its first one in b->captures */
	gs_map dynamic;	 /* first word of an interface -> index of the type, UINT32_MAX none */
	gs_map shapes;	 /* size * 2 + has no pointers -> model type */
	gs_map nodes;	 /* node of a concurrent map * 2 + it is an entry -> what it is, both indexes of types */
	uint32_t string_type;
	gs_growing type_ids;
	bool is_out_of_memory;
} typing;

uint64_t typing_word(const typing *y, uint64_t addr);

/* ---- types of the model, as indexes in t.model ---- */

/* One of ours, without a descriptor. */
uint32_t typing_named_type(typing *y, gs_str name, gs_heap_type_source source);
/* Of the type `index` in t.list. */
uint32_t typing_model_type(typing *y, uint32_t index, unsigned role);
/* It is known as surely as that. */
void typing_set_source(typing *y, uint32_t model, gs_heap_type_source source);

/* ---- claims: an address that is no object's first byte says nothing about the object ---- */

/* Without asking what the object has been so far. */
void typing_set_type(typing *y, uint32_t object, uint32_t model);
/* What an object with a type points to is still to be claimed, by typing_drain. */
void typing_enqueue(typing *y, uint32_t span, uint32_t slot);
void typing_claim(typing *y, uint64_t addr, uint32_t model, gs_heap_type_source source);
/* type: a descriptor's address */
void typing_claim_type(typing *y, uint64_t addr, uint64_t type, unsigned role, gs_heap_type_source source);
bool typing_is_code(const typing *y, uint64_t addr);
/* If it begins with a function. */
void typing_claim_closure(typing *y, uint64_t addr);
/* An interface's dynamic type and its second word. */
void typing_claim_dynamic(typing *y, uint64_t type, uint64_t data);
/* The pointer `v` that a slot begins with; of an interface `second` is what follows. */
void typing_follow_slot(typing *y, const type_slot *s, uint64_t v, uint64_t second);
/* All pointers of a value of the type `index` in t.list. */
void typing_follow_value(typing *y, uint32_t index, const unsigned char *p, uint64_t size);
/* Until nothing is left to follow. */
void typing_drain(typing *y);

/* What closures captured has types where debug information says what lies where. Also of those that nobody has claimed yet: they begin with code. */
void typing_closures(typing *y);

#endif
