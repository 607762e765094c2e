/*
 * Files: a read-only mapping to look at, a whole read for what cannot be mapped, and a write that is whole or not there.
 */
#ifndef GS_BASE_FILE_H
#define GS_BASE_FILE_H

#include "base/arena.h"
#include "base/err.h"

typedef struct gs_file {
	gs_str bytes;
	bool is_mapped;
	bool is_owned;
} gs_file;

/*
 * Map `path` read-only ("-" is standard input; pipes, /proc files and sockets are read up to max_bytes).
 * Errors: GS_ERR_MISSING, GS_ERR_DENIED, GS_ERR_IO, GS_ERR_LIMIT (larger than max_bytes), each naming the path.
 * A file that is cut short while mapped would raise SIGBUS: callers that watch growing files use gs_file_read.
 */
bool gs_file_open(const char *path, uint64_t max_bytes, gs_file *out, gs_err *err);
/* As gs_file_open, but always a private copy. */
bool gs_file_read(const char *path, uint64_t max_bytes, gs_file *out, gs_err *err);
void gs_file_close(gs_file *f);
/* Close with the arena. */
gs_str gs_file_keep(gs_file *f, gs_arena *mem);

/* Give back the memory of bytes that will not be looked at again: a mapping's, or those of a large buffer of one's own (they
 * may read as anything then). Only whole pages go. */
void gs_bytes_discard(gs_str bytes);

/* Write to a temporary name beside `path`, then put it in place: readers see the old file or the new one. "-" is standard output. */
bool gs_file_write(const char *path, gs_str bytes, gs_err *err);
/* All bytes to a descriptor. */
bool gs_fd_write(int fd, gs_str bytes, gs_err *err);
/* The same with many pieces, in their order, without copying them together first. */
bool gs_fd_write_pieces(int fd, const gs_str *pieces, size_t n, gs_err *err);

/* Turn errno into a code and say which path. Always returns false. */
bool gs_fail_errno(gs_err *err, int errnum, const char *doing, const char *path);

#define GS_AUTO_TYPE_file gs_file
static inline void gs_auto_file(gs_file *f)
{
	gs_file_close(f);
}
/* Closes the descriptor unless it is negative. */
#define GS_AUTO_TYPE_fd int
void gs_auto_fd(int *fd);

#endif
