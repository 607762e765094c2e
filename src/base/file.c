#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/buf.h"

bool gs_fail_errno(gs_err *err, int errnum, const char *doing, const char *path)
{
	gs_errc code = errnum == ENOENT || errnum == ENOTDIR || errnum == ESRCH ? GS_ERR_MISSING :
		       errnum == EACCES || errnum == EPERM			 ? GS_ERR_DENIED :
										   GS_ERR_IO;

	return gs_fail(err, code, GS_ERR_NOWHERE, "cannot %s %s: %s", doing, path, strerror(errnum));
}

void gs_auto_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static bool read_all(int fd, const char *path, uint64_t max_bytes, gs_file *out, gs_err *err)
{
	gs_buf b;

	gs_buf_init(&b, max_bytes < SIZE_MAX - 1 ? (size_t)max_bytes + 1 : SIZE_MAX);
	for (;;) {
		size_t step = b.max - b.n < 65536 ? b.max - b.n : 65536;
		ssize_t n;

		if (step == 0 || !gs_buf_reserve(&b, step)) {
			gs_buf_release(&b);
			return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE,
				       "%s is larger than the limit of %llu bytes", path,
				       (unsigned long long)max_bytes);
		}
		n = read(fd, b.p + b.n, b.cap - b.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int e = errno;

			gs_buf_release(&b);
			return gs_fail_errno(err, e, "read", path);
		}
		if (n == 0)
			break;
		b.n += (size_t)n;
	}
	if (b.n > max_bytes) {
		gs_buf_release(&b);
		return gs_fail(err, GS_ERR_LIMIT, max_bytes, "%s is larger than the limit of %llu bytes", path,
			       (unsigned long long)max_bytes);
	}
	*out = (gs_file){ .bytes = { b.p, b.n }, .is_owned = true };
	return true;
}

static bool open_any(const char *path, uint64_t max_bytes, bool may_map, gs_file *out, gs_err *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	GS_AUTO(fd) fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	void *p;

	*out = (gs_file){ 0 };
	if (fd < 0)
		return gs_fail_errno(err, errno, "open", is_stdin ? "standard input" : path);
	if (fstat(fd, &st))
		return gs_fail_errno(err, errno, "look at", path);
	if (S_ISDIR(st.st_mode))
		return gs_fail_errno(err, EISDIR, "open", path);
	if (!may_map || !S_ISREG(st.st_mode) || st.st_size == 0 || (is_stdin && lseek(fd, 0, SEEK_CUR) != 0))
		return read_all(fd, is_stdin ? "standard input" : path, max_bytes, out, err);
	if ((uint64_t)st.st_size > max_bytes)
		return gs_fail(err, GS_ERR_LIMIT, max_bytes, "%s has %lld bytes, more than the limit of %llu",
			       path, (long long)st.st_size, (unsigned long long)max_bytes);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return read_all(fd, path, max_bytes, out, err);
	*out = (gs_file){ .bytes = { p, (size_t)st.st_size }, .is_mapped = true };
	return true;
}

bool gs_file_open(const char *path, uint64_t max_bytes, gs_file *out, gs_err *err)
{
	return open_any(path, max_bytes, true, out, err);
}

bool gs_file_read(const char *path, uint64_t max_bytes, gs_file *out, gs_err *err)
{
	return open_any(path, max_bytes, false, out, err);
}

static void drop(gs_str bytes, bool is_mapped)
{
	void *p;

	memcpy(&p, &bytes.p, sizeof(p)); /* the mapping is ours again */
	if (is_mapped)
		munmap(p, bytes.n);
	else
		free(p);
}

void gs_file_close(gs_file *f)
{
	if (f->is_mapped || f->is_owned)
		drop(f->bytes, f->is_mapped);
	*f = (gs_file){ 0 };
}

static void close_kept(void *ctx)
{
	gs_file_close(ctx);
}

gs_str gs_file_keep(gs_file *f, gs_arena *mem)
{
	gs_file *kept = gs_new(mem, gs_file, 1);

	*kept = *f;
	*f = (gs_file){ 0 };
	gs_arena_on_free(mem, close_kept, kept);
	return kept->bytes;
}

void gs_bytes_discard(gs_str bytes)
{
	uintptr_t start = ((uintptr_t)bytes.p + 4095) & ~(uintptr_t)4095;
	uintptr_t end = ((uintptr_t)bytes.p + bytes.n) & ~(uintptr_t)4095;
	void *p;

	memcpy(&p, &start, sizeof(p));
	if (start < end)
		madvise(p, end - start, MADV_DONTNEED);
}

static const char *name_of_fd(int fd)
{
	return fd == STDOUT_FILENO ? "standard output" : "file";
}

bool gs_fd_write(int fd, gs_str bytes, gs_err *err)
{
	while (bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return gs_fail_errno(err, errno, "write to", name_of_fd(fd));
		bytes = gs_str_skip(bytes, (size_t)n);
	}
	return true;
}

bool gs_fd_write_pieces(int fd, const gs_str *pieces, size_t n, gs_err *err)
{
	struct iovec v[1024]; /* the kernel takes no more at once */

	while (n) {
		int count = 0;
		size_t bytes = 0, i;
		ssize_t done;

		for (i = 0; i < n && i < sizeof(v) / sizeof(*v); i++, count++) {
			v[i].iov_len = pieces[i].n;
			memcpy(&v[i].iov_base, &pieces[i].p, sizeof(v[i].iov_base)); /* the type has no const */
			bytes += pieces[i].n;
		}
		done = writev(fd, v, count);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return gs_fail_errno(err, errno, "write to", name_of_fd(fd));
		pieces += i;
		n -= i;
		/* A pipe may take less: the rest of this batch piece by piece. */
		for (size_t k = 0; (size_t)done < bytes && k < i; k++) {
			gs_str left = (pieces - i)[k];
			size_t skip = (size_t)done < left.n ? (size_t)done : left.n;

			done -= (ssize_t)skip;
			bytes -= skip;
			left = gs_str_skip(left, skip);
			bytes -= left.n;
			if (!gs_fd_write(fd, left, err))
				return false;
		}
	}
	return true;
}

/*
 * By exchange where something was: renamed onto a file that is there, some file systems (ext4) first write the new bytes to the disk,
 * which is longer than making them takes.
 */
static bool put_in_place(const char *tmp, const char *path)
{
	if (renameat2(AT_FDCWD, tmp, AT_FDCWD, path, RENAME_EXCHANGE) == 0)
		return unlink(tmp) == 0;
	return rename(tmp, path) == 0;
}

bool gs_file_write(const char *path, gs_str bytes, gs_err *err)
{
	char tmp[4096];
	int n;
	struct stat st;

	if (strcmp(path, "-") == 0)
		return gs_fd_write(STDOUT_FILENO, bytes, err);
	n = snprintf(tmp, sizeof(tmp), "%s.tmp%d", path, (int)getpid());
	if (n < 0 || (size_t)n >= sizeof(tmp))
		return gs_fail_errno(err, ENAMETOOLONG, "write", path);
	/* Devices and pipes cannot be renamed onto. */
	bool in_place = stat(path, &st) == 0 && !S_ISREG(st.st_mode);
	const char *target = in_place ? path : tmp;
	int fd = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return gs_fail_errno(err, errno, "create", path);
	if (!gs_fd_write(fd, bytes, err)) {
		close(fd);
		if (!in_place)
			unlink(tmp);
		return gs_err_context(err, "%s", path);
	}
	if (close(fd) || (!in_place && !put_in_place(tmp, path))) {
		int e = errno;

		if (!in_place)
			unlink(tmp);
		return gs_fail_errno(err, e, "write", path);
	}
	return true;
}
