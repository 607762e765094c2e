/*
 * Goroutines: their records, their frames, and the pointers on their stacks as the collector would find them: by the compiler's maps of each
 * frame, stack objects only when something points to them, every word only where there are no maps (a goroutine interrupted
 * at any instruction). Authority: runtime/mgcmark.go scanstack, stkframe.go, traceback.go.
 */
#ifndef GS_FORMAT_GORUNTIME_STACKS_H
#define GS_FORMAT_GORUNTIME_STACKS_H

#include "base/buf.h"
#include "format/goruntime/runtime.h"

enum {
	GS_GO_G_IDLE,
	GS_GO_G_RUNNABLE,
	GS_GO_G_RUNNING,
	GS_GO_G_SYSCALL,
	GS_GO_G_WAITING,
	GS_GO_G_DEAD = 6,
	GS_GO_G_SCAN_BIT = 0x1000,
};

typedef struct gs_go_g {
	uint64_t addr, stack_lo, stack_hi, panic, defers, m;
	uint64_t sp, pc, lr, ctxt, syscallsp, syscallpc, param;
	uint64_t id, gopc, startpc, waiting, labels, parent_id;
	int64_t waitsince;
	uint32_t status; /* without the scan bit */
	uint8_t waitreason;
} gs_go_g;

/* Registers of the thread that runs it. */
typedef struct gs_go_registers {
	uint64_t pc, sp, lr;
	uint64_t all[32]; /* may hold pointers */
	unsigned n;
} gs_go_registers;

typedef struct gs_go_frame {
	uint64_t pc;  /* where it stands, or its return address */
	uint64_t continpc; /* where liveness is looked up, 0: the frame will not go on */
	uint64_t sp, fp, varp, argp;
	uint32_t func; /* number in the function table */
	bool is_innermost;
} gs_go_frame;

typedef struct gs_go_stack_visitor {
	void *ctx;
	void (*frame)(void *ctx, const gs_go_frame *f);
	/* A word that is a pointer and does not point into this stack. `is_guess`: any word of a place without maps.
	 * Words of the g itself and of defer records come before the first frame; words of stack objects come behind the last one. */
	void (*word)(void *ctx, uint64_t at, uint64_t value, bool is_guess);
} gs_go_stack_visitor;

/* Number and addresses of all goroutines, dead ones too. The list is bytes of the image. */
bool gs_go_goroutines(const gs_go_runtime *rt, const unsigned char **list, uint64_t *n);
bool gs_go_g_read(const gs_go_runtime *rt, uint64_t addr, gs_go_g *out);

/* `registers` NULL when it is on no thread. Scratch memory from `scratch`. False: the stack could not be unwound to its
 * end; what was below is taken word by word. */
bool gs_go_stack_walk(gs_go_runtime *rt, gs_arena *scratch, const gs_go_g *g, const gs_go_registers *registers,
		      const gs_go_stack_visitor *visitor);

#endif
