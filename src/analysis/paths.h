/*
 * pprof's rules for source paths: what -trim_path and -source_path take off the front of a file name.
 */
#ifndef GS_ANALYSIS_PATHS_H
#define GS_ANALYSIS_PATHS_H

#include "base/str.h"

/* Both are lists of directories with ':' between them, maybe empty. A slice of `path`. */
gs_str gs_path_trim(gs_str path, gs_str trim_path, gs_str search_path);

#endif
