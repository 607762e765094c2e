/*
 * What an executable says of itself: is it Go's, which Go, which module, which build. Reads a few pages of the file.
 */
#ifndef GS_CAPTURE_EXE_H
#define GS_CAPTURE_EXE_H

#include "base/arena.h"
#include "base/err.h"

typedef struct gs_exe {
	bool is_go;
	gs_str go_version;     /* "go1.26.8" */
	gs_str main_package;   /* "example.com/shop/cmd/shop" */
	gs_str module;	       /* "example.com/shop"; empty outside module mode */
	gs_str module_version; /* "v1.2.3", "(devel)" */
	gs_str build_id;       /* hex of the GNU note, else Go's own build id as it stands; may be empty */
	gs_str settings;       /* the build information text: lines of "mod\t...", "dep\t...", "build\tkey=value" */
} gs_exe;

/* Strings are the arena's. Errors as gs_file_open, and GS_ERR_FORMAT when it is no ELF file. */
bool gs_exe_read(gs_arena *mem, const char *path, gs_exe *out, gs_err *err);

#endif
