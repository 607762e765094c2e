/*
 * gs_symbolizer: addresses of processes into functions, files and lines. It knows where binaries may lie, opens each once, and asks
 * gs_binary; kernel addresses go to a kallsyms list, [vdso] to the one of this machine when it is the same build.
 *
 * Any number of threads may ask. All strings live as long as the symbolizer.
 */
#ifndef GS_LOAD_SYMBOLIZE_H
#define GS_LOAD_SYMBOLIZE_H

#include "base/buf.h"
#include "load/binary.h"
#include "model/profile.h"

/* A file known under `path` in the profile can be read at `open_path` (a descriptor that the recorder holds open). */
typedef struct gs_symbol_file {
	const char *path, *open_path;
} gs_symbol_file;

/*
 * The kernel proper, without its modules: it has the same functions at the same places wherever the same build was put to the same
 * address. So a list of it that somebody kept (perf's cache) may answer, which takes a tenth of the time that the kernel needs to print
 * one, and answers for kernels that run no more.
 */
typedef struct gs_symbol_core {
	gs_str build_id;     /* hex; empty: not known */
	uint64_t start, end; /* where it lies */
	uint64_t mark;	     /* where the recorded kernel had the function `mark_name` */
	gs_str mark_name;
} gs_symbol_core;

/* All zero is a good choice: this machine's files and kernel, and what PPROF_BINARY_PATH says. */
typedef struct gs_symbolizer_options {
	const gs_symbol_file *files; /* asked first; must outlive the symbolizer */
	unsigned n_files;
	const char *root;	     /* file system of the recorded process: "/proc/PID/root" */
	const char *const *dirs;     /* where else binaries may lie, as in PPROF_BINARY_PATH; ends with NULL */
	const char *kallsyms;	     /* snapshot taken when recording; NULL: /proc/kallsyms */
	gs_str kallsyms_text;	     /* or its text, copied */
	gs_symbol_core core;	     /* copied */
	bool is_foreign;	     /* recorded on another machine: no kernel symbols of this one, and files only by build id */
} gs_symbolizer_options;

typedef struct gs_symbolizer gs_symbolizer;

/* Never NULL. Opens nothing yet. */
gs_symbolizer *gs_symbolizer_create(const gs_symbolizer_options *options);
void gs_symbolizer_free(gs_symbolizer *s);

/* Where an address was mapped from, as /proc/PID/maps or a profile says. */
typedef struct gs_symbol_map {
	gs_str file, build_id; /* build id in hex (or Go's own), empty when unknown */
	uint64_t start, limit, offset;
	int32_t pid; /* a process of this machine that mapped it, 0: none known; its own file system is looked into as well */
} gs_symbol_map;

/* Frames at run-time address `addr` (inside the call, not its return address), innermost first; 0 when nothing is known. */
unsigned gs_symbolizer_frames(gs_symbolizer *s, const gs_symbol_map *map, uint64_t addr, gs_symbol *out, unsigned max);

/* The map and function that were asked for last: questions in the order of addresses become cheap. One per thread. */
typedef struct gs_symbol_cursor {
	const gs_symbol_map *map; /* NULL: none yet */
	gs_binary *binary;
	gs_binary_cursor near;
} gs_symbol_cursor;
void gs_symbol_cursor_init(gs_symbol_cursor *at);
/* As gs_symbolizer_frames; `map` stays where and as it is for the cursor's life. */
unsigned gs_symbolizer_frames_near(gs_symbolizer *s, gs_symbol_cursor *at, const gs_symbol_map *map, uint64_t addr, gs_symbol *out,
				   unsigned max);

/*
 * Start reading the kernel's list of symbols on a thread of its own, if it is needed for `addr`: it takes the kernel 50 ms to print it.
 * Whoever asks for a kernel address meanwhile waits for it. One thread may call this.
 */
void gs_symbolizer_read_kernel_ahead(gs_symbolizer *s, uint64_t addr);
/* Does the list of the core answer for this address? */
bool gs_symbolizer_has_core(gs_symbolizer *s, uint64_t addr);
/* The function at a kernel address by the whole list, whatever the core's says. Empty: there is none. */
gs_str gs_symbolizer_kernel_function(gs_symbolizer *s, uint64_t addr);

/* The binary of a mapping; NULL when it is not to be had, and why. Belongs to the symbolizer. */
gs_binary *gs_symbolizer_binary(gs_symbolizer *s, const gs_symbol_map *map, gs_err *err);
/* Run-time address into the file's own. False when the file has no such place. */
bool gs_binary_addr_of(const gs_binary *b, const gs_symbol_map *map, uint64_t addr, uint64_t *out);

/* True for kernel code: `file` is [kernel.kallsyms], [guest.kernel...], a bracketed module, or the address is in the upper half. */
bool gs_symbol_is_kernel(gs_str file, uint64_t addr);

typedef struct gs_symbolized {
	uint32_t wanted;   /* locations without a function */
	uint32_t resolved; /* of these, now with one */
	gs_buf notes;	   /* one line per binary that was not found, is another build, or whose kernel hides its names */
} gs_symbolized;

/*
 * Give the locations of `in` that have no function their frames. Returns `in` itself when nothing was wanted or found, else a
 * profile in `mem`; NULL on error. Fill `report` (not NULL); its notes are the caller's to release.
 */
const gs_profile *gs_profile_symbolize(gs_arena *mem, const gs_profile *in, gs_symbolizer *s, gs_symbolized *report,
				       gs_err *err);

#define GS_AUTO_TYPE_symbolizer gs_symbolizer
static inline void gs_auto_symbolizer(gs_symbolizer **s)
{
	gs_symbolizer_free(*s);
}

#endif
