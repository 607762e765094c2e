#include "load/gotrace_whole.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "format/gotrace/gotrace.h"

#include "base/banned.h"

/* Most generations fit in; a window without an end of one is doubled. */
enum { WINDOW_BYTES = 4 << 20 };

static bool read_at(int fd, char *to, size_t n, uint64_t at)
{
	while (n) {
		ssize_t got = pread(fd, to, n, (off_t)at);

		if (got <= 0)
			return false;
		to += got;
		n -= (size_t)got;
		at += (uint64_t)got;
	}
	return true;
}

uint64_t gs_gotrace_whole_until(const char *path, uint64_t from, uint64_t size)
{
	GS_AUTO(fd) fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char head[GS_GOTRACE_HEADER_BYTES], *bytes = NULL;
	uint64_t at = from ? from : sizeof(head), window = WINDOW_BYTES;
	unsigned version;
	bool is_last = false;

	if (fd < 0 || size < at || !read_at(fd, head, sizeof(head), 0) || !gs_gotrace_probe((gs_str){ head, sizeof(head) }, &version) ||
	    version < 22)
		return 0;
	while (!is_last) {
		size_t n = (size_t)(size - at < window ? size - at : window);
		char *more = realloc(bytes, n + 1);
		uint64_t whole;

		if (more)
			bytes = more;
		if (!more || !read_at(fd, bytes, n, at))
			break;
		whole = gs_gotrace_whole_in((gs_str){ bytes, n }, version);
		is_last = at + n == size && !whole;
		at += whole;
		window = whole ? WINDOW_BYTES : window * 2;
	}
	free(bytes);
	return at > sizeof(head) ? at : 0;
}
