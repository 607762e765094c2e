/*
 * What a symbol's name says: its package, a short form for narrow places, and clean file names.
 */
#ifndef GS_ANALYSIS_NAMES_H
#define GS_ANALYSIS_NAMES_H

#include "base/arena.h"

/* Import path of a Go symbol, type arguments and closures apart: "net/http" of "net/http.(*conn).serve". A slice of the
 * name; empty when the name has no package (C functions). */
gs_str gs_name_package(gs_str name);

/* pprof's short form: no path before the package, no major version, C++ and Java packages dropped. */
gs_str gs_name_short(gs_arena *mem, gs_str name);

/* The package is part of Go's runtime. */
bool gs_name_is_runtime(gs_str name);

/* Go's filepath.Clean on a slash-separated path. The same string when there is nothing to clean. */
gs_str gs_path_clean(gs_arena *mem, gs_str path);
/* Go's filepath.Base: a slice, "." for the empty path. */
gs_str gs_path_base(gs_str path);

#endif
