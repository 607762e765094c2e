#include "capture/perf_ring.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/banned.h"

bool gs_perf_ring_map(gs_perf_ring *r, int fd, int cpu, unsigned pages)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	*r = (gs_perf_ring){ .cpu = cpu, .fd = fd };
	for (; pages >= 4; pages /= 2) {
		void *p = mmap(NULL, page * (pages + 1), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		if (p != MAP_FAILED) {
			r->page = p;
			r->data = (const char *)p + page;
			r->size = (uint64_t)pages * page;
			return true;
		}
		if (errno != EPERM && errno != ENOMEM) /* over the limit of locked memory, or none left */
			break;
	}
	return false;
}

void gs_perf_ring_unmap(gs_perf_ring *r)
{
	if (r->page)
		munmap(r->page, (size_t)(r->size + (uint64_t)sysconf(_SC_PAGESIZE)));
	r->page = NULL;
}

bool gs_perf_ring_drain(gs_perf_ring *r, gs_perf_sink *sink)
{
	uint64_t head = __atomic_load_n(&r->page->data_head, __ATOMIC_ACQUIRE), tail = r->page->data_tail, mask = r->size - 1;
	char whole[65536]; /* a record that runs over the end of the ring, put together */

	if (head == tail)
		return false;
	while (head - tail >= sizeof(struct perf_event_header)) {
		struct perf_event_header h;
		uint64_t at = tail & mask, to_end = r->size - at;

		/* Records are 8-byte aligned: a header never runs over the end. */
		memcpy(&h, r->data + at, sizeof(h));
		if (h.size < sizeof(h) || h.size > head - tail) {
			sink->n_bad++;
			tail = head; /* nothing after this makes sense */
			break;
		}
		if (h.size <= to_end) {
			gs_perf_sink_take(sink, (gs_str){ r->data + at, h.size });
		} else {
			memcpy(whole, r->data + at, to_end);
			memcpy(whole + to_end, r->data, h.size - to_end);
			gs_perf_sink_take(sink, (gs_str){ whole, h.size });
		}
		tail += h.size;
	}
	__atomic_store_n(&r->page->data_tail, tail, __ATOMIC_RELEASE);
	return true;
}
