/*
 * gs_pclntab: Go's own table of functions, files, lines and inlined calls, which every Go program carries, stripped or not.
 * Authority: runtime/symtab.go, runtime/symtabinl.go, runtime/runtime2.go (_func), cmd/link/internal/ld/pcln.go. Layouts of
 * Go 1.2-1.15, 1.16-1.17, 1.18-1.19 and 1.20 and later. docs/formats/pclntab.md has the tables.
 *
 * Answers come straight from the bytes: nothing is decoded ahead of a question. All strings are borrowed from the table.
 * A gs_pclntab is immutable once located: any number of threads may ask.
 */
#ifndef GS_FORMAT_PCLNTAB_PCLNTAB_H
#define GS_FORMAT_PCLNTAB_PCLNTAB_H

#include "base/err.h"
#include "format/elf/elf.h"

#define GS_PCLNTAB_NONE UINT32_MAX
enum { GS_PCLNTAB_MAX_DEPTH = 128 }; /* inlined calls in one place */

typedef enum gs_pclntab_layout {
	GS_PCLNTAB_GO12,
	GS_PCLNTAB_GO116,
	GS_PCLNTAB_GO118,
	GS_PCLNTAB_GO120,
} gs_pclntab_layout;

typedef struct gs_pclntab {
	gs_str bytes;
	uint64_t addr; /* of bytes.p, as the file says */
	gs_pclntab_layout layout;
	bool is_big;
	uint8_t quantum, ptr_size;
	uint64_t text; /* what function offsets count from, Go 1.18 and later */
	uint32_t n_funcs;
	gs_str functab, names, cus, files, pcs, funcs; /* parts of `bytes` */
	/* Where inline trees lie: base address and bytes. Empty: not found, then no inlined frames are told. */
	uint64_t inline_base;
	gs_str inline_bytes;
	/* What differs between Go versions of one layout; see gs_pclntab_set_go. */
	uint8_t inl_pcdata, inl_funcdata, inl_entry_bytes;
	uint8_t id_wrapper, id_gopanic, id_sigpanic, id_panicwrap;
	bool has_old_counts; /* nfuncdata is 32 bits, inline trees have no parent pc: Go 1.11 and before */
} gs_pclntab;

enum {
	GS_PCLNTAB_TOP_FRAME = 1, /* stacks end here */
	GS_PCLNTAB_SP_WRITE = 2,  /* moves the stack pointer in ways that no table tells */
};

typedef struct gs_pclntab_func {
	uint64_t entry, end; /* end: where the next function starts */
	gs_str name;	     /* as the linker has it: "main.Map[go.shape.int]" */
	uint32_t pcsp, pcfile, pcln, cu, n_pcdata, n_funcdata;
	uint32_t pcdata_at, funcdata_at; /* offsets in t->funcs */
	uint32_t start_line; /* 0 before Go 1.20 */
	uint32_t deferreturn; /* offset of the call that runs defers, 0 none */
	int32_t args;	      /* bytes of arguments and results, INT32_MIN unknown */
	uint8_t flags;	      /* GS_PCLNTAB_TOP_FRAME ... (Go 1.17 and later) */
	uint8_t id;
	bool is_wrapper; /* made by the compiler; the runtime leaves it out of stacks */
} gs_pclntab_func;

typedef struct gs_pclntab_frame {
	gs_str name, file; /* file "?" when the table does not say */
	uint32_t line, start_line;
	bool is_inlined, is_wrapper;
} gs_pclntab_frame;

/* True when `bytes` start like a table of any layout. */
bool gs_pclntab_is(gs_str bytes);

/* Read the header. `bytes` may reach beyond the table. Without text start and inline trees: gs_pclntab_locate adds these. */
bool gs_pclntab_open(gs_str bytes, uint64_t addr, gs_pclntab *out, gs_err *err);
/* go_minor: 26 for Go 1.26; 0 unknown: guess from the layout. */
void gs_pclntab_set_go(gs_pclntab *t, unsigned go_minor);

/*
 * Find the table of a file, stripped or not, position-independent or not, with what belongs to it (text start, inline
 * trees). May copy and relocate the table in e->mem (PIE before Go 1.18). GS_ERR_MISSING: not a Go program.
 */
bool gs_pclntab_locate(gs_elf *e, unsigned go_minor, gs_pclntab *out, gs_err *err);

/* Number of the function that covers `pc`, or GS_PCLNTAB_NONE. */
uint32_t gs_pclntab_find(const gs_pclntab *t, uint64_t pc);
/* The same where `pc` is known to lie behind the start of function `from`, probably not far. */
uint32_t gs_pclntab_find_after(const gs_pclntab *t, uint32_t from, uint64_t pc);
/* False when the table is broken there. */
bool gs_pclntab_func_get(const gs_pclntab *t, uint32_t index, gs_pclntab_func *out);

/* Frames at `pc`, innermost first, the physical function last; at most `max`. At least 1. Wrappers are left out as the
 * runtime does. Give a pc inside the call instruction, not its return address. */
unsigned gs_pclntab_frames(const gs_pclntab *t, const gs_pclntab_func *f, uint64_t pc, gs_pclntab_frame *out,
			   unsigned max);

/*
 * How far one pc-value table has been read: going on is cheap, going back starts at the last mark before. Deltas are all that a
 * table holds, so that the value at a pc costs everything in front of it otherwise. Set by gs_pclntab_walk_start.
 */
typedef struct gs_pclntab_walk {
	uint64_t entry;
	uint64_t from, until; /* where `value` holds, counted from the entry */
	uint64_t at;	      /* in t->pcs, behind that */
	uint32_t table, value;
	uint32_t n_marks, mark_bytes; /* between two marks at least */
	bool is_over;		      /* nothing follows */
	struct {
		uint64_t until, at;
		uint32_t value;
	} marks[32];
} gs_pclntab_walk;

void gs_pclntab_walk_start(gs_pclntab_walk *w, uint32_t table, uint64_t entry);
/* The value at `pc`, -1 when the table does not say. */
int32_t gs_pclntab_walk_to(const gs_pclntab *t, gs_pclntab_walk *w, uint64_t pc);

/* A function that will be asked about more than once: its tables are then read once, if the pcs come in order. What was looked
 * up for one function is remembered for the next. */
typedef struct gs_pclntab_place {
	gs_pclntab_func func;
	gs_pclntab_walk file, line, inlined;
	int32_t file_number; /* of file_name, which is NULL when there is none yet */
	uint32_t file_cu;
	gs_str file_name;
	struct {
		uint32_t offset;
		gs_str name;
	} names[32];
} gs_pclntab_place;

void gs_pclntab_place_init(gs_pclntab_place *at);
/* Behind gs_pclntab_func_get into at->func, of the table that it was made for. */
void gs_pclntab_place_set(const gs_pclntab *t, gs_pclntab_place *at);
/* As gs_pclntab_frames. */
unsigned gs_pclntab_place_frames(const gs_pclntab *t, gs_pclntab_place *at, uint64_t pc, gs_pclntab_frame *out,
				 unsigned max);

/* Value of a pc-value table (f->pcsp, f->pcfile, f->pcln or a pcdata offset) at `pc`, -1 when it does not say.
 * *until: the pc where the value changes; may be NULL. */
int32_t gs_pclntab_value(const gs_pclntab *t, uint32_t table, uint64_t entry, uint64_t pc, uint64_t *until);
/* Offset of pcdata table `i`, 0 when the function has none. */
uint32_t gs_pclntab_pcdata(const gs_pclntab *t, const gs_pclntab_func *f, uint32_t i);
/* Offset from moduledata.gofunc of function data `i` (Go 1.18 and later), GS_PCLNTAB_NONE when the function has none. */
uint32_t gs_pclntab_funcdata(const gs_pclntab *t, const gs_pclntab_func *f, uint32_t i);

#endif
