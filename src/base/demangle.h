/*
 * Names that C++ and Rust compilers give to the linker, as people wrote them. By GNU libiberty, which binutils, gdb and perf use;
 * built without it (GS_HAS_DEMANGLER is not defined), every name stays as it is.
 *
 * Names are untrusted: longer than 1024 bytes, nested beyond the library's own limit, or as text longer than 8 kB, they stay as they are.
 */
#ifndef GS_BASE_DEMANGLE_H
#define GS_BASE_DEMANGLE_H

#include "base/buf.h"

/* What of ns::list<int>::find<char>(char) const is shown; those of `go tool pprof -symbolize=demangle=`. Of Rust's names only those of the newer kind (_R...) are shorter: f::<>. */
typedef enum gs_demangle_style {
	GS_DEMANGLE_SHORT,     /* ns::list::find */
	GS_DEMANGLE_TEMPLATES, /* ns::list<int>::find<char>, as perf does */
	GS_DEMANGLE_FULL,      /* all of it, the type of the result as well where the name has it */
} gs_demangle_style;

/* True for what looks like a name of these compilers: _Z..., _R... */
bool gs_is_mangled(gs_str name);

/* Put the readable name in `out`, in place of what it holds; `out` has at most its own maximum. False: `name` is what there is. */
bool gs_demangle(gs_buf *out, gs_str name, gs_demangle_style style);

/* False when built without the library. */
bool gs_has_demangler(void);

#endif
