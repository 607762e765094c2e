/*
 * Which pages a process writes to, watched from outside while it runs: userfaultfd(2) with asynchronous write protection, read through the
 * PAGEMAP_SCAN ioctl of /proc/PID/pagemap (both Linux 6.7; Documentation/admin-guide/mm/pagemap.rst). The first write to a protected page costs the process
 * one fault, which the kernel answers by itself: the process never waits for us, and when the descriptor is closed all is as before.
 */
#ifndef GS_CAPTURE_PAGE_WATCH_H
#define GS_CAPTURE_PAGE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GS_PAGE_BYTES ((uint64_t)4096)

/* Pages [from, limit), addresses. */
typedef struct gs_page_run {
	uint64_t from, limit;
	uint64_t is; /* GS_PAGE_… */
} gs_page_run;

enum { GS_PAGE_WRITTEN = 1 << 1, GS_PAGE_PRESENT = 1 << 3, GS_PAGE_SWAPPED = 1 << 4 };

/* This kernel can do it. Asked once. */
bool gs_page_watch_is_possible(void);

/* The argument of userfaultfd(2) that makes a descriptor which needs no privilege. */
int gs_page_watch_flags(void);
/* `fd` is what userfaultfd gave in the process that is to be watched, wherever we hold it. 0 or an errno. */
int gs_page_watch_begin(int fd);
/* Whole mappings of private memory without a file. 0 or an errno: it is watched by somebody else, for example. */
int gs_page_watch_add(int fd, uint64_t from, uint64_t limit);
/* Ends it for these addresses, a few megabytes at a time: the process must not wait long for its table of mappings. */
void gs_page_watch_remove(int fd, uint64_t from, uint64_t limit);

/*
 * Up to `n` runs of [*from, limit), which moves on. Pages that are not watched are always written. False: the process is gone.
 * protect: the written ones that are there, which count as not written from now on. Otherwise what differs from before: the written ones, and those that are
 * not in memory, swapped out or never touched or given back. What differs in nothing is passed over without being looked at: ten times faster.
 */
bool gs_page_watch_scan(int pagemap_fd, uint64_t *from, uint64_t limit, bool protect, gs_page_run *out, size_t n, size_t *n_out);

#endif
