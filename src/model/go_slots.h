/* Sizes of the slots that Go's allocator gives out: runtime/sizeclasses.go, the same from Go 1.19 to 1.27. */
#ifndef GS_MODEL_GO_SLOTS_H
#define GS_MODEL_GO_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

enum { GS_GO_N_CLASSES = 68 };
extern const uint16_t gs_go_class_bytes[GS_GO_N_CLASSES];

/* Of an object of `bytes` in a program of Go 1.minor; 0 for none. */
uint64_t gs_go_slot_bytes(uint64_t bytes, bool has_pointers, unsigned minor);

#endif
