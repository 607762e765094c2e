/* What this machine's kernel tells about itself: symbols, modules, CPUs, limits. */
#ifndef GS_CAPTURE_KERNEL_H
#define GS_CAPTURE_KERNEL_H

#include "base/buf.h"
#include "base/err.h"

/* The CPUs that are online, at most `max`; from /sys/devices/system/cpu/online. */
size_t gs_cpus_online(int *out, size_t max);
/* "0-3,8": the same list as text. False when it makes no sense. */
bool gs_cpu_list_parse(gs_str text, int *out, size_t max, size_t *n);

/* A number of /proc/sys or /sys; `absent` when it cannot be read. */
int64_t gs_kernel_number(const char *path, int64_t absent);

/* Start and end of the kernel's text; false when kallsyms hides addresses (kernel.kptr_restrict). */
bool gs_kernel_text(uint64_t *start, uint64_t *end);

/* Append the lines of /proc/kallsyms that cover these addresses. False when they are hidden. */
bool gs_kallsyms_select(const uint64_t *ips, size_t n, gs_buf *out);

/* Next of /proc/modules: name, start, size. False at the end. */
bool gs_module_next(gs_str *rest, gs_str *name, uint64_t *start, uint64_t *size);

/* The kernel's GNU build id, raw bytes; empty when not told. */
gs_str gs_kernel_build_id(char out[64]);

/* The shared object that the kernel maps into every process; empty when there is none. */
gs_str gs_vdso_bytes(void);

#endif
