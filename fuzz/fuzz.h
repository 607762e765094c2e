/*
 * A fuzz target is one function. With -Dfuzzers=true (clang) it is a libFuzzer program; with any compiler replay.c runs it
 * over its corpus as a test of the suite `fuzz`.
 */
#ifndef GS_FUZZ_FUZZ_H
#define GS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
