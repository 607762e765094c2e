/*
 * What the debug information of a Go program says: layouts of the runtime, and the types of package-level variables, of local ones and of what closures captured.
 *
 * Unpacking and walking it takes longer than everything that is asked for, so that it is opened once for all questions.
 */
#ifndef GS_FORMAT_GORUNTIME_DWARF_H
#define GS_FORMAT_GORUNTIME_DWARF_H

#include "format/goruntime/offsets.h"

/* For one thread at a time. */
typedef struct gs_go_dwarf gs_go_dwarf;

/*
 * NULL: GS_ERR_MISSING when the file has none (stripped). The file behind `e` must stay. `with_locations`: gs_go_dwarf_locals will be asked, which needs
 * half as much again.
 */
gs_go_dwarf *gs_go_dwarf_open(const gs_elf *e, bool with_locations, gs_err *err);
void gs_go_dwarf_close(gs_go_dwarf *d); /* may be NULL */

/* GS_ERR_MISSING: Go's runtime is not described. What the runtime of this version does not have is GS_GO_NONE. `variables` may be NULL. */
bool gs_go_dwarf_offsets(gs_go_dwarf *d, gs_go_offsets *out, gs_go_variables *variables, gs_err *err);

/* How a variable's type is told. */
typedef enum gs_go_variable_kind {
	GS_GO_VARIABLE_VALUE,	/* it is of the type */
	GS_GO_VARIABLE_POINTER, /* it points to one */
	GS_GO_VARIABLE_SLICE,	/* of the type */
} gs_go_variable_kind;

/*
 * Call take(ctx, name, address, kind, address of the type's descriptor), all of the file, for each package-level variable of which the program
 * has a descriptor, and of the others for the parts that have one: "main.registry.names", "main.lists[3]". The name is only lent. When take returns false for all parts
 * of an array's element, it is of no use: the other elements are left out.
 */
void gs_go_dwarf_variables(gs_go_dwarf *d, void *ctx,
			   bool (*take)(void *ctx, gs_str name, uint64_t addr, gs_go_variable_kind kind, uint64_t type));

/* Addresses of the descriptors of the named types ("runtime.g"), all of the file. 0: there is no such type, or the program has no descriptor of it. */
void gs_go_dwarf_descriptors(gs_go_dwarf *d, const char *const *names, size_t n, uint64_t *out);

/* A local variable or argument, or a part of one, that lies in its frame at one instruction. Places count from the frame's CFA: the stack pointer before the call. */
typedef struct gs_go_local {
	uint64_t pc; /* the file's */
	int64_t base;	  /* where a value as `kind` and `type` say would begin */
	int64_t from, to; /* what of it is really there */
	uint64_t type;	  /* as gs_go_dwarf_variables tells it */
	uint8_t kind;	  /* gs_go_variable_kind */
} gs_go_local;

/* Call take for those at each of the file's addresses `pcs`, which are sorted. */
void gs_go_dwarf_locals(gs_go_dwarf *d, const uint64_t *pcs, size_t n_pcs, void *ctx, void (*take)(void *ctx, const gs_go_local *l));

/* What a closure captured, or a part of it: where that lies in the closure's object. */
typedef struct gs_go_capture {
	uint64_t code; /* the function's entry in the file, which is the object's first word */
	uint64_t offset;
	uint64_t type;	/* as gs_go_dwarf_variables tells it; 0: the program has no descriptor */
	gs_str name;	/* "buf", or of a part "plan.run[2]"; only lent */
	uint8_t kind;	/* gs_go_variable_kind */
	bool is_behind; /* kind POINTER: there is a pointer to a variable of the type, or else (of structs and arrays up to 128 bytes) the variable itself */
} gs_go_capture;

/* Call take for what the functions at the file's addresses `codes` captured: compilers since Go 1.23 say so. */
void gs_go_dwarf_captures(gs_go_dwarf *d, const uint64_t *codes, size_t n_codes, void *ctx, void (*take)(void *ctx, const gs_go_capture *c));
/* The same of a method value (x.m): the function at `code` captured the receiver of the method at `method` (0: it is nowhere but inlined), both the file's. */
void gs_go_dwarf_receiver(gs_go_dwarf *d, uint64_t code, uint64_t method, void *ctx, void (*take)(void *ctx, const gs_go_capture *c));

#endif
