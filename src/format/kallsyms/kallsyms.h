/*
 * gs_kallsyms: the kernel's symbol list as /proc/kallsyms prints it (kernel/kallsyms.c): "address type name[<tab>[module]]".
 * The text may be live or a snapshot taken when a recording was made.
 */
#ifndef GS_FORMAT_KALLSYMS_KALLSYMS_H
#define GS_FORMAT_KALLSYMS_KALLSYMS_H

#include "base/arena.h"
#include "base/err.h"

typedef struct gs_kallsym {
	uint64_t addr;
	gs_str name, module; /* borrowed from the text; module empty for the kernel proper */
} gs_kallsym;

typedef struct gs_kallsyms {
	gs_kallsym *list; /* code only, sorted by address */
	size_t n;
} gs_kallsyms;

/* `text` must outlive *out. GS_ERR_DENIED when every address is zero: the kernel hides them (kernel.kptr_restrict), and a wrong
 * name would be worse than none. GS_ERR_FORMAT when this is no symbol list. */
bool gs_kallsyms_open(gs_arena *mem, gs_str text, gs_kallsyms *out, gs_err *err);
/* Is there a function of that name right there? */
bool gs_kallsyms_has(const gs_kallsyms *k, uint64_t addr, gs_str name);
/* NULL below the first symbol or in user space. */
const gs_kallsym *gs_kallsyms_at(const gs_kallsyms *k, uint64_t addr);

#endif
