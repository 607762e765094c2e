/*
 * gs_source: the source file that a frame names, found on this machine. Knows the places Go keeps sources in: GOROOT of the right
 * version, module cache, vendor, workspace, the module that we stand in; undoes -trimpath; follows pprof's -source_path and
 * -trim_path. Only text files that look like source are read, and only such as a loaded program names.
 *
 * Any number of threads may ask; answers are remembered and live as long as the gs_source.
 */
#ifndef GS_LOAD_SOURCE_H
#define GS_LOAD_SOURCE_H

#include "format/elf/buildinfo.h"
#include "load/symbolize.h"

/* All zero is a good choice. Lists are separated by ':', as pprof takes them. */
typedef struct gs_source_options {
	const char *source_path; /* where to look first; each directory and its parents */
	const char *trim_path;	 /* prefixes to take off the names that a profile holds */
	const char *dir;	 /* stand here; NULL: the working directory */
	const char *root;	 /* file system of the recorded process, "/proc/PID/root": looked at before our own */
} gs_source_options;

typedef struct gs_source_file {
	gs_str path; /* empty: not found */
	gs_str text;
	const uint32_t *line_at; /* offset of line i (from 0); [n_lines] is the end */
	uint32_t n_lines;
	bool is_other_version; /* GOROOT of another Go version than the program's: lines may be off; `note` says so */
	gs_str note;
	gs_str tried; /* paths looked at, one per line */
} gs_source_file;

typedef struct gs_source gs_source;

gs_source *gs_source_create(const gs_source_options *options);
void gs_source_free(gs_source *s);

/* Tell about a program whose profiles are looked at: Go version, modules. Before the first question. Copies what it keeps. */
void gs_source_add_program(gs_source *s, const gs_go_buildinfo *info);
/* As above for each binary among the profile's mappings that is at hand. */
void gs_source_add_profile(gs_source *s, const gs_profile *p, gs_symbolizer *symbolizer);

/* Never NULL. `file` as the profile has it; `function` is a function of that file, which tells its package, or empty. */
const gs_source_file *gs_source_open(gs_source *s, gs_str file, gs_str function);
/* Line `number` from 1; empty when there is none. Without its line end. */
gs_str gs_source_line(const gs_source_file *f, uint32_t number);

#endif
