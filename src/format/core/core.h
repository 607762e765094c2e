/*
 * ELF cores: read as a gs_image, written from one. linux, 64 bit; registers of amd64 and arm64.
 * Authority: System V gABI chapter 5, linux fs/binfmt_elf.c and include/uapi/linux/elfcore.h, gdb/linux-tdep.c; docs/formats/core.md.
 */
#ifndef GS_FORMAT_CORE_CORE_H
#define GS_FORMAT_CORE_CORE_H

#include "base/err.h"
#include "base/image.h"
#include "base/progress.h"

typedef struct gs_core_files {
	/* Bytes of a file that the process had mapped, valid as long as the image; empty: not to be had. NULL: none is. */
	gs_str (*open)(void *ctx, gs_arena *mem, gs_str path);
	void *ctx;
} gs_core_files;

/* Under their own names on this machine. */
extern const gs_core_files gs_core_mapped_files;

/*
 * `bytes` (not packed) are borrowed and must outlive the image. Read-only file pages that the core lacks come from `files`
 * (may be NULL). A core that is cut short gives what is there, and image->incomplete says what is not. GS_ERR_FORMAT: no core at all,
 * GS_ERR_UNSUPPORTED: 32 bit, GS_ERR_LIMIT.
 */
gs_image *gs_core_read(gs_str bytes, const gs_core_files *files, gs_err *err);
/* A file, maybe packed with gzip or zstd; mapped files are looked for under their own names on this machine. */
gs_image *gs_core_open(const char *path, gs_err *err);

typedef struct gs_core_written {
	uint64_t size_bytes;  /* of the core, holes included */
	uint64_t disk_bytes;  /* written */
} gs_core_written;

/* Pages of zeros become holes. `zstd`: packed instead. Readers see a whole file or none. */
bool gs_core_write(const gs_image *image, const char *path, bool zstd, const gs_progress *progress, gs_core_written *out,
		   gs_err *err);

#endif
