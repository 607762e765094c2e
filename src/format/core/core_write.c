#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/buf.h"
#include "base/file.h"
#include "format/core/core.h"
#include "format/core/notes.h"
#include "format/elf/elf.h"
#include "base/banned.h"

enum { PAGE = 4096, EHDR = 64, PHDR = 56, CHUNK = 1 << 20, MAX_LOADS = 65000, ZSTD_LEVEL = 1 };
#define MAX_HEAD_BYTES ((size_t)1 << 30)

typedef struct load {
	uint64_t addr, mem_size, file_size, offset;
	const unsigned char *bytes;
	uint32_t flags;
} load;

typedef struct writer {
	const gs_image *image;
	const gs_progress *progress;
	gs_buf notes, head;
	GS_VEC(load) loads;
	int fd;
	ZSTD_CCtx *z;
	unsigned char *packed;
	uint64_t at; /* of the unpacked core */
	uint64_t disk_bytes;
} writer;

static void put(gs_buf *b, uint64_t v, unsigned n)
{
	unsigned char raw[8];

	for (unsigned i = 0; i < n; i++)
		raw[i] = (unsigned char)(v >> (8 * i));
	gs_buf_add(b, raw, n);
}

static void note(gs_buf *b, uint32_t type, gs_str d)
{
	put(b, 5, 4);
	put(b, d.n, 4);
	put(b, type, 4);
	gs_buf_add(b, "CORE\0\0\0", 8);
	gs_buf_str(b, d);
	gs_buf_fill(b, '\0', -d.n & 3);
}

static void thread_notes(writer *w, const gs_image_thread *t)
{
	GS_AUTO(buf) d = { 0 };

	gs_buf_init(&d, 4096);
	gs_buf_fill(&d, '\0', GS_PRSTATUS_PID);
	put(&d, (uint32_t)t->tid, 4);
	gs_buf_fill(&d, '\0', GS_PRSTATUS_REGISTERS - GS_PRSTATUS_PID - 4);
	for (uint32_t i = 0; i < t->n_registers; i++)
		put(&d, t->registers[i], 8);
	put(&d, t->n_fp_bytes != 0, 8); /* fpvalid, and padding */
	note(&w->notes, GS_NT_PRSTATUS, gs_buf_view(&d));
}

static void process_note(writer *w)
{
	const gs_image *image = w->image;
	gs_str name = image->exe_path, args = image->command;
	size_t slash = gs_str_rfind_char(name, '/');
	GS_AUTO(buf) d = { 0 };

	if (slash != SIZE_MAX)
		name = gs_str_skip(name, slash + 1);
	name = gs_str_slice(name, 0, 15);
	args = gs_str_slice(args, 0, 79);
	gs_buf_init(&d, 4096);
	gs_buf_c(&d, 0);
	gs_buf_c(&d, 'S');
	gs_buf_fill(&d, '\0', GS_PRPSINFO_PID - 2);
	put(&d, (uint32_t)image->pid, 4);
	gs_buf_fill(&d, '\0', GS_PRPSINFO_NAME - GS_PRPSINFO_PID - 4);
	gs_buf_str(&d, name);
	gs_buf_fill(&d, '\0', 16 - name.n);
	gs_buf_str(&d, args);
	gs_buf_fill(&d, '\0', 80 - args.n);
	note(&w->notes, GS_NT_PRPSINFO, gs_buf_view(&d));
}

static bool is_file(const gs_image_segment *s)
{
	return s->path.n && s->path.p[0] == '/';
}

static void file_note(writer *w)
{
	const gs_image *image = w->image;
	GS_AUTO(buf) d = { 0 };
	uint64_t n = 0;

	for (uint32_t i = 0; i < image->n_segments; i++)
		n += is_file(&image->segments[i]);
	gs_buf_init(&d, MAX_HEAD_BYTES);
	put(&d, n, 8);
	put(&d, PAGE, 8);
	for (uint32_t i = 0; i < image->n_segments; i++) {
		const gs_image_segment *s = &image->segments[i];

		if (!is_file(s))
			continue;
		put(&d, s->addr, 8);
		put(&d, s->addr + s->size, 8);
		put(&d, s->file_offset / PAGE, 8);
	}
	for (uint32_t i = 0; i < image->n_segments; i++)
		if (is_file(&image->segments[i])) {
			gs_buf_str(&d, image->segments[i].path);
			gs_buf_c(&d, '\0');
		}
	if (d.bad)
		w->notes.bad = true;
	else
		note(&w->notes, GS_NT_FILE, gs_buf_view(&d));
}

/* In the kernel's order: the first thread, the process, then the other threads. */
static void make_notes(writer *w)
{
	const gs_image *image = w->image;
	GS_AUTO(buf) aux = { 0 };

	gs_buf_init(&w->notes, MAX_HEAD_BYTES);
	gs_buf_init(&aux, MAX_HEAD_BYTES);
	for (uint32_t i = 0; i < image->n_aux; i++) {
		put(&aux, image->aux[i].type, 8);
		put(&aux, image->aux[i].value, 8);
	}
	gs_buf_fill(&aux, '\0', 16);
	for (uint32_t i = 0; i < image->n_threads; i++) {
		const gs_image_thread *t = &image->threads[i];

		thread_notes(w, t);
		if (i == 0) {
			process_note(w);
			note(&w->notes, GS_NT_AUXV, gs_buf_view(&aux));
			file_note(w);
		}
		if (t->n_fp_bytes)
			note(&w->notes, GS_NT_PRFPREG, (gs_str){ (const char *)t->fp, t->n_fp_bytes });
	}
}

/* One PT_LOAD for each stretch of a segment that is here, and for each that is not. */
static bool make_loads(writer *w)
{
	const gs_image *image = w->image;
	uint32_t p = 0;

	for (uint32_t i = 0; i < image->n_segments; i++) {
		const gs_image_segment *s = &image->segments[i];
		uint32_t flags = (s->is_read ? 4u : 0) | (s->is_write ? 2u : 0) | (s->is_exec ? 1u : 0);
		uint64_t at = s->addr, limit = s->addr + s->size;

		while (p < image->n_pieces && image->pieces[p].addr + image->pieces[p].size <= at)
			p++;
		for (uint32_t q = p; at < limit; q++) {
			const gs_image_piece *piece = q < image->n_pieces && image->pieces[q].addr < limit ? &image->pieces[q] : NULL;
			uint64_t from = piece && piece->addr > at ? piece->addr : at, end;
			load *l;

			if (!piece || piece->addr > at) {
				end = piece ? from : limit;
				l = gs_vec_push(&w->loads, MAX_LOADS);
				if (!l)
					return false;
				*l = (load){ .addr = at, .mem_size = end - at, .flags = flags };
				at = end;
			}
			if (piece && at < limit) {
				end = piece->addr + piece->size < limit ? piece->addr + piece->size : limit;
				l = gs_vec_push(&w->loads, MAX_LOADS);
				if (!l)
					return false;
				*l = (load){ .addr = at, .mem_size = end - at, .file_size = end - at, .bytes = piece->bytes + (at - piece->addr), .flags = flags };
				at = end;
			}
		}
	}
	return true;
}

static void make_head(writer *w)
{
	gs_buf *b = &w->head;
	uint64_t notes_at = EHDR + PHDR * (w->loads.n + 1), at = (notes_at + w->notes.n + PAGE - 1) & ~(uint64_t)(PAGE - 1);

	gs_buf_init(b, MAX_HEAD_BYTES);
	gs_buf_add(b, "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0", 16);
	put(b, GS_ELF_CORE, 2);
	put(b, w->image->machine == GS_MACHINE_ARM64 ? GS_ELF_AARCH64 : GS_ELF_X86_64, 2);
	put(b, 1, 4);
	put(b, 0, 8);	 /* entry */
	put(b, EHDR, 8); /* program headers */
	put(b, 0, 8);
	put(b, 0, 4);
	put(b, EHDR, 2);
	put(b, PHDR, 2);
	put(b, w->loads.n + 1, 2);
	put(b, 0, 6);
	put(b, 4, 4); /* PT_NOTE */
	put(b, 0, 4);
	put(b, notes_at, 8);
	put(b, 0, 8);
	put(b, 0, 8);
	put(b, w->notes.n, 8);
	put(b, 0, 8);
	put(b, 4, 8);
	for (size_t i = 0; i < w->loads.n; i++) {
		load *l = &w->loads.p[i];

		l->offset = at;
		put(b, 1, 4); /* PT_LOAD */
		put(b, l->flags, 4);
		put(b, l->offset, 8);
		put(b, l->addr, 8);
		put(b, 0, 8);
		put(b, l->file_size, 8);
		put(b, l->mem_size, 8);
		put(b, PAGE, 8);
		at += (l->file_size + PAGE - 1) & ~(uint64_t)(PAGE - 1);
	}
	gs_buf_str(b, gs_buf_view(&w->notes));
	gs_buf_fill(b, '\0', -b->n & (PAGE - 1));
}

static bool is_zero(const unsigned char *p, size_t n)
{
	uint64_t any = 0;

	if (n % 64) { /* the rest of a page that a file ends in */
		for (size_t i = 0; i < n; i++)
			any |= p[i];
		return any == 0;
	}
	for (size_t i = 0; i < n && !any; i += 64) {
		uint64_t v[8];

		memcpy(v, p + i, sizeof(v));
		any = v[0] | v[1] | v[2] | v[3] | v[4] | v[5] | v[6] | v[7];
	}
	return any == 0;
}

static bool emit_packed(writer *w, const void *p, size_t n, ZSTD_EndDirective mode, gs_err *err)
{
	ZSTD_inBuffer in = { p, n, 0 };
	size_t left;

	do {
		ZSTD_outBuffer out = { w->packed, CHUNK, 0 };

		left = ZSTD_compressStream2(w->z, &out, &in, mode);
		if (ZSTD_isError(left))
			return gs_fail(err, GS_ERR_IO, GS_ERR_NOWHERE, "zstd: %s", ZSTD_getErrorName(left));
		if (!gs_fd_write(w->fd, (gs_str){ (const char *)w->packed, out.pos }, err))
			return false;
		w->disk_bytes += out.pos;
	} while (mode == ZSTD_e_end ? left != 0 : in.pos < in.size);
	return true;
}

static bool emit(writer *w, const unsigned char *p, size_t n, gs_err *err)
{
	w->at += n;
	if (w->z)
		return emit_packed(w, p, n, ZSTD_e_continue, err);
	while (n) {
		bool hole = is_zero(p, n < PAGE ? n : PAGE);
		size_t run = 0;

		do
			run += n - run < PAGE ? n - run : PAGE;
		while (run < n && is_zero(p + run, n - run < PAGE ? n - run : PAGE) == hole);
		if (hole) {
			if (lseek(w->fd, (off_t)run, SEEK_CUR) < 0)
				return gs_fail_errno(err, errno, "seeking in", "the core");
		} else {
			if (!gs_fd_write(w->fd, (gs_str){ (const char *)p, run }, err))
				return false;
			w->disk_bytes += run;
		}
		p += run;
		n -= run;
	}
	return true;
}

static bool emit_all(writer *w, gs_err *err)
{
	static const unsigned char zeros[PAGE];

	if (!emit(w, (const unsigned char *)w->head.p, w->head.n, err))
		return false;
	for (size_t i = 0; i < w->loads.n; i++) {
		const load *l = &w->loads.p[i];

		gs_progress_report(w->progress, (double)i / (double)w->loads.n, "writing the core");
		for (uint64_t at = 0; at < l->file_size; at += CHUNK) {
			uint64_t n = l->file_size - at < CHUNK ? l->file_size - at : CHUNK;

			if (gs_progress_should_stop(w->progress))
				return gs_fail(err, GS_ERR_STOPPED, GS_ERR_NOWHERE, "stopped");
			if (!emit(w, l->bytes + at, (size_t)n, err))
				return false;
		}
		if (!emit(w, zeros, (size_t)(-l->file_size & (PAGE - 1)), err))
			return false;
	}
	if (w->z)
		return emit_packed(w, NULL, 0, ZSTD_e_end, err);
	return ftruncate(w->fd, (off_t)w->at) == 0 || gs_fail_errno(err, errno, "writing", "the core");
}

/* A file without a name where the file system can: nothing of it stays when we are killed. It gets a name by link_file. */
static int create_file(const char *path, const char *tmp, bool *is_nameless)
{
	char folder[4096];
	const char *slash = strrchr(path, '/');
	int fd;

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
	fd = open(folder, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
	*is_nameless = fd >= 0;
	return fd >= 0 ? fd : open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* `tmp` is for what can only be replaced. */
static bool link_file(int fd, const char *path, const char *tmp)
{
	char self[64];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0)
		return true;
	if (errno != EEXIST)
		return false;
	unlink(tmp);
	return linkat(AT_FDCWD, self, AT_FDCWD, tmp, AT_SYMLINK_FOLLOW) == 0 && rename(tmp, path) == 0;
}

static bool write_to(writer *w, const char *path, bool zstd, gs_err *err)
{
	char tmp[4096];
	int n = snprintf(tmp, sizeof(tmp), "%s.tmp%d", path, (int)getpid());
	bool ok = false, is_nameless;
	struct stat st;

	if (n < 0 || (size_t)n >= sizeof(tmp))
		return gs_fail_errno(err, ENAMETOOLONG, "write", path);
	/* It would be replaced by a file. */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return gs_fail(err, GS_ERR_IO, GS_ERR_NOWHERE, "%s is not a regular file: a core needs one of its own", path);
	/* A core holds every secret of the process. */
	w->fd = create_file(path, tmp, &is_nameless);
	if (w->fd < 0)
		return gs_fail_errno(err, errno, "create", path);
	if (zstd) {
		w->z = ZSTD_createCCtx();
		w->packed = malloc(CHUNK);
		if (w->z && w->packed)
			ZSTD_CCtx_setParameter(w->z, ZSTD_c_compressionLevel, ZSTD_LEVEL);
	}
	if (zstd && (!w->z || !w->packed))
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "no memory for zstd");
	else
		ok = emit_all(w, err) || gs_err_context(err, "%s", path);
	if (ok && is_nameless && !link_file(w->fd, path, tmp))
		ok = gs_fail_errno(err, errno, "write", path);
	if (close(w->fd) != 0 && ok)
		ok = gs_fail_errno(err, errno, "write", path);
	if (ok && !is_nameless && rename(tmp, path) != 0)
		ok = gs_fail_errno(err, errno, "write", path);
	if (!ok)
		unlink(tmp);
	ZSTD_freeCCtx(w->z);
	free(w->packed);
	return ok;
}

bool gs_core_write(const gs_image *image, const char *path, bool zstd, const gs_progress *progress, gs_core_written *out,
		   gs_err *err)
{
	writer w = { .image = image, .progress = progress, .fd = -1 };
	bool ok;

	*out = (gs_core_written){ 0 };
	if (!gs_core_n_registers(image->machine) || image->is_big || image->word_bytes != 8)
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "cores are written for amd64 and arm64");
	make_notes(&w);
	ok = make_loads(&w);
	if (ok)
		make_head(&w);
	if (!ok || w.notes.bad || w.head.bad)
		ok = gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "a process with too many mappings for a core");
	else
		ok = write_to(&w, path, zstd, err);
	*out = (gs_core_written){ .size_bytes = w.at, .disk_bytes = w.disk_bytes };
	gs_buf_release(&w.notes);
	gs_buf_release(&w.head);
	gs_vec_release(&w.loads);
	return ok;
}
