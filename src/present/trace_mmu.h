/* Mutator utilization as text and JSON (docs/api.md). */
#ifndef GS_PRESENT_TRACE_MMU_H
#define GS_PRESENT_TRACE_MMU_H

#include "analysis/trace_mmu.h"
#include "base/buf.h"

void gs_mmu_text(const gs_mmu *m, const gs_mmu_window *worst, uint32_t n, gs_buf *out);
/* The curve has ten points for each decade of window lengths. */
void gs_mmu_json(const gs_mmu *m, const gs_mmu_window *worst, uint32_t n, gs_buf *out);

#endif
