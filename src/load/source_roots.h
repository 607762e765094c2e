/* Where Go keeps sources on this machine: Go installations, module caches, local modules. Internal to load/source*.c. */
#ifndef GS_LOAD_SOURCE_ROOTS_H
#define GS_LOAD_SOURCE_ROOTS_H

#include "base/arena.h"
#include "base/buf.h"

typedef struct gs_go_root {
	gs_str dir, version; /* "go1.26.8" */
} gs_go_root;

typedef struct gs_local_module {
	gs_str path, dir; /* import path of the module and where it lies */
} gs_local_module;

enum { GS_SOURCE_ROOTS_MAX = 64 };

typedef struct gs_source_roots {
	gs_arena *mem;
	gs_str cwd;
	gs_go_root go[GS_SOURCE_ROOTS_MAX];
	gs_str mod_caches[GS_SOURCE_ROOTS_MAX], gopaths[GS_SOURCE_ROOTS_MAX];
	gs_local_module modules[GS_SOURCE_ROOTS_MAX]; /* of the working directory: its module, go.work, local replacements */
	unsigned n_go, n_mod_caches, n_gopaths, n_modules;
} gs_source_roots;

/* Look at environment, go's own settings file, usual places, and from `cwd` upwards. */
void gs_source_roots_find(gs_source_roots *r, gs_arena *mem, gs_str cwd);
/* Add installations of one version: sdk directories, toolchains in the module cache. */
void gs_source_roots_add_version(gs_source_roots *r, gs_str version);

#endif
