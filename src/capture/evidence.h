/*
 * What names for addresses can be made from later, saved beside perf.data: the memory map of each process, the kernel symbols that
 * samples hit, the kernel's own shared object.
 */
#ifndef GS_CAPTURE_EVIDENCE_H
#define GS_CAPTURE_EVIDENCE_H

#include "base/buf.h"
#include "capture/folder.h"
#include "capture/perf.h"

/* "maps.txt" (one process) or "maps.PID.txt". */
bool gs_evidence_maps(gs_folder *f, const int32_t *pids, uint32_t n, gs_err *err);
/* Appends a line "ID INSIDE" for each thread that is called otherwise in its process's PID namespace; what is in there already is not looked at. */
void gs_evidence_threads(const int32_t *pids, uint32_t n, gs_buf *out);
/* "kallsyms" and "vdso.so", as far as there is a use for them. */
bool gs_evidence_kernel(gs_folder *f, const gs_perf_facts *facts, gs_err *err);

#endif
