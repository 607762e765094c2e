#include "capture/page_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/banned.h"

/* Newer than the headers of the distributions that gospect is built on. */
#define WP_UNPOPULATED (1ull << 13)
#define WP_ASYNC (1ull << 15)
#define USER_MODE_ONLY 1
#define REMOVE_BYTES ((uint64_t)16 << 20)

struct page_region { /* linux/fs.h */
	uint64_t start, end, categories;
};

struct pm_scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};

#define PAGEMAP_SCAN _IOWR('f', 16, struct pm_scan_arg)
#define PM_SCAN_WP_MATCHING 1

_Static_assert(sizeof(gs_page_run) == sizeof(struct page_region), "the kernel fills gs_page_run");

static int result(int r)
{
	return r == 0 ? 0 : errno;
}

int gs_page_watch_flags(void)
{
	return O_CLOEXEC | USER_MODE_ONLY;
}

int gs_page_watch_begin(int fd)
{
	return result(ioctl(fd, UFFDIO_API, &(struct uffdio_api){ .api = UFFD_API, .features = WP_ASYNC | WP_UNPOPULATED }));
}

int gs_page_watch_add(int fd, uint64_t from, uint64_t limit)
{
	return result(ioctl(fd, UFFDIO_REGISTER,
			    &(struct uffdio_register){ .range = { from, limit - from }, .mode = UFFDIO_REGISTER_MODE_WP }));
}

void gs_page_watch_remove(int fd, uint64_t from, uint64_t limit)
{
	while (from < limit) {
		uint64_t next = (from + REMOVE_BYTES) & ~(REMOVE_BYTES - 1);

		next = next < limit ? next : limit;
		(void)ioctl(fd, UFFDIO_UNREGISTER, &(struct uffdio_range){ from, next - from });
		from = next;
	}
}

bool gs_page_watch_scan(int pagemap_fd, uint64_t *from, uint64_t limit, bool protect, gs_page_run *out, size_t n, size_t *n_out)
{
	struct pm_scan_arg arg = {
		.size = sizeof(arg), .flags = protect ? PM_SCAN_WP_MATCHING : 0, .start = *from, .end = limit,
		.vec = (uint64_t)(uintptr_t)out, .vec_len = n,
		/* Inverted: "present" stands for not present. */
		.category_inverted = protect ? 0 : GS_PAGE_PRESENT,
		.category_mask = protect ? GS_PAGE_WRITTEN : 0,
		.category_anyof_mask = protect ? GS_PAGE_PRESENT | GS_PAGE_SWAPPED : GS_PAGE_WRITTEN | GS_PAGE_PRESENT,
		.return_mask = GS_PAGE_WRITTEN | GS_PAGE_PRESENT | GS_PAGE_SWAPPED,
	};
	int got;

	*n_out = 0;
	do
		got = ioctl(pagemap_fd, PAGEMAP_SCAN, &arg);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return false;
	*n_out = (size_t)got;
	*from = arg.walk_end > *from ? arg.walk_end : limit;
	return true;
}

static bool is_possible;

static void look(void)
{
	int pagemap_fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), fd = (int)syscall(SYS_userfaultfd, gs_page_watch_flags());
	gs_page_run run;
	size_t n;
	uint64_t from = 0;

	/* What is forbidden to us may be allowed to the process. */
	is_possible = pagemap_fd >= 0 && (fd < 0 ? errno == EPERM : gs_page_watch_begin(fd) == 0) &&
		      gs_page_watch_scan(pagemap_fd, &from, GS_PAGE_BYTES, false, &run, 1, &n);
	if (fd >= 0)
		close(fd);
	if (pagemap_fd >= 0)
		close(pagemap_fd);
}

bool gs_page_watch_is_possible(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, look);
	return is_possible;
}
