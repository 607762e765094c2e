/*
 * The heap of a stopped Go program: memory image and executable in, gs_heap out.
 */
#ifndef GS_LOAD_HEAP_H
#define GS_LOAD_HEAP_H

#include "base/image.h"
#include "base/progress.h"
#include "format/goruntime/stacks.h"
#include "load/binary.h"
#include "model/document.h"

typedef struct gs_heap_thread {
	uint64_t id;
	gs_go_registers registers;
	uint64_t g; /* the runtime.g whose stack it is on, where the runtime keeps that for itself; a guess, 0 none */
} gs_heap_thread;

/*
 * Work that needs a heap's objects, edges, roots and goroutines but none of its types: done on another thread, if there is one, while these are found, and over when
 * the heap is there. Not called when loading fails before.
 */
typedef struct gs_heap_beside {
	void (*run)(void *ctx, const gs_heap *h);
	void *ctx;
} gs_heap_beside;

typedef struct gs_heap_input {
	gs_go_mem image;
	gs_binary *exe;	 /* may lack symbols and debug information */
	uint64_t bias;	 /* what the loader added to the file's addresses */
	const gs_heap_thread *threads;
	uint32_t n_threads;
	uint64_t pid;
	unsigned threads_to_use; /* 0: one per CPU */
	gs_heap_beside beside;	 /* run may be NULL */
	bool keep_runtime;	 /* for tests: see gs_heap_runtime */
	bool only_goroutines;	 /* no objects are looked for: fast whatever the heap's size */
} gs_heap_input;

/*
 * NULL: GS_ERR_UNSUPPORTED (no Go program, or one whose runtime does not look as we know it), GS_ERR_FORMAT (memory is missing),
 * GS_ERR_LIMIT. The result owns its arena (gs_heap.mem); the image and the executable may go afterwards, except that
 * gs_heap.read is theirs.
 */
gs_heap *gs_heap_load(const gs_heap_input *in, const gs_progress *progress, gs_err *err);
/* What gs_heap_load needs, of a core or snapshot and its program. `view` and `mem` must last until the heap is loaded (and while its
 * runtime is looked at). Errors as gs_heap_load; GS_ERR_FORMAT when the build ids differ. */
typedef struct gs_heap_view {
	const gs_image *image;
	const gs_elf *exe;
	uint64_t bias;
} gs_heap_view;
/* A view by itself; and its bytes at `addr`, *n of them in one piece, NULL: not there. False: nobody knows where the program was loaded. */
bool gs_heap_view_init(gs_heap_view *view, const gs_image *image, gs_binary *exe);
const unsigned char *gs_heap_view_at(const gs_heap_view *view, uint64_t addr, uint64_t *n);
bool gs_heap_input_of(gs_heap_view *view, gs_arena *mem, const gs_image *image, gs_binary *exe, gs_heap_input *out,
		      gs_err *err);

/* Takes the image over (closed after an error as well); `name` of it is for errors. exe_path NULL: the program is where the image says that it was.
 * What the image lacks because the executable has it unchanged is taken from there. gs_heap.read and look work as long as the heap lives. */
gs_heap *gs_heap_of_image(gs_image *image, gs_str name, const char *exe_path, gs_heap_beside beside, const gs_progress *progress, gs_err *err);
/* Only what its goroutines do: fills `doc`, a new one, as a GS_DOCUMENT_GOROUTINES. Takes the image over. */
bool gs_goroutines_of_image(gs_image *image, gs_str name, const char *exe_path, gs_str header, gs_document *doc, const gs_progress *progress, gs_err *err);
/* The same of a heap that is there: as Go prints a dump, without its own goroutines and frames. `header` goes in front of it. GS_ERR_LIMIT. */
bool gs_heap_goroutine_dump(const gs_heap *h, gs_str header, gs_document *doc, gs_err *err);
/* gs_heap_of_image of a core file. */
gs_heap *gs_heap_open(const char *core, const char *exe_path, gs_heap_beside beside, const gs_progress *progress, gs_err *err);
void gs_heap_free(gs_heap *h);

/* What the allocator itself says about a slot, for comparison: of a heap that was loaded with keep_runtime. */
const gs_go_runtime *gs_heap_runtime(const gs_heap *h);

#define GS_AUTO_TYPE_heap gs_heap
static inline void gs_auto_heap(gs_heap **h)
{
	gs_heap_free(*h);
}

#endif
