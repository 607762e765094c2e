/*
 * gs_image: the memory of a stopped process, read-only: what an ELF core (format/core) and a snapshot of a running process
 * (capture/snapshot) have in common. Whoever asks does not know which it is. Immutable once made; any number of threads read it.
 * Everything in it (addresses, paths, registers) is the process's word and may be a lie.
 */
#ifndef GS_BASE_IMAGE_H
#define GS_BASE_IMAGE_H

#include "base/arena.h"

typedef enum gs_machine { GS_MACHINE_OTHER, GS_MACHINE_AMD64, GS_MACHINE_ARM64 } gs_machine;

/* A mapping of the process, whether or not its bytes are here. */
typedef struct gs_image_segment {
	uint64_t addr, size;
	uint64_t file_offset; /* of `path` */
	gs_str path;	      /* mapped file, "[stack]", ...; empty: anonymous or not known */
	bool is_read, is_write, is_exec, is_shared;
} gs_image_segment;

/* Bytes that are here. Pieces do not overlap and may lie anywhere in segments. */
typedef struct gs_image_piece {
	uint64_t addr, size;
	const unsigned char *bytes;
} gs_image_piece;

enum { GS_IMAGE_MAX_REGISTERS = 34, GS_IMAGE_FP_BYTES = 528 };

typedef struct gs_image_thread {
	int32_t tid;
	uint32_t n_registers;
	/* In the order of the kernel's user_regs_struct: amd64 r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip
	 * cs eflags rsp ss fs_base gs_base ds es fs gs; arm64 x0..x30 sp pc pstate. */
	uint64_t registers[GS_IMAGE_MAX_REGISTERS];
	uint64_t pc, sp, lr; /* lr: arm64 */
	uint64_t fs_base, gs_base; /* amd64 */
	uint32_t n_fp_bytes;	   /* NT_PRFPREG as the kernel gives it; 0: not known */
	unsigned char fp[GS_IMAGE_FP_BYTES];
} gs_image_thread;

typedef struct gs_image_aux {
	uint64_t type, value;
} gs_image_aux;

typedef struct gs_image {
	gs_arena *mem; /* owns everything, mappings included; gs_image_close drops it */
	gs_machine machine;
	unsigned word_bytes; /* 4, 8 */
	bool is_big;
	int32_t pid;
	gs_image_segment *segments; /* by address, not overlapping */
	gs_image_piece *pieces;	    /* by address */
	gs_image_thread *threads;   /* the one that a signal hit, or the first one, first */
	gs_image_aux *aux;
	uint32_t n_segments, n_pieces, n_threads, n_aux;
	gs_str exe_path;   /* as the process saw it; empty: not known */
	gs_str exe_bytes;  /* that file, where its maker could reach it: the path alone may be another file, or none, on our side; else empty */
	gs_str build_id;   /* hex, of the executable in memory; may be empty */
	gs_str command;    /* command line for people; may be empty */
	gs_str incomplete; /* what is missing, for people; empty: everything is here */
} gs_image;

/* The zero-copy way: bytes at `addr`, valid as long as the image is, *n of them in one piece. NULL: not there, nor are the *n from there on. */
const unsigned char *gs_image_at(const gs_image *image, uint64_t addr, uint64_t *n);
/* Copy; returns how many bytes from `addr` on were there, and zeroes the rest of `out`. */
size_t gs_image_read(const gs_image *image, uint64_t addr, void *out, size_t n);
/* NULL: none covers it. */
const gs_image_segment *gs_image_segment_at(const gs_image *image, uint64_t addr);
/* Value of an entry of the auxiliary vector (AT_ENTRY 9, AT_PHDR 3, AT_BASE 7, ...). */
bool gs_image_aux_value(const gs_image *image, uint64_t type, uint64_t *value);
void gs_image_close(gs_image *image);

#define GS_AUTO_TYPE_image gs_image
static inline void gs_auto_image(gs_image **image)
{
	gs_image_close(*image);
}

#endif
