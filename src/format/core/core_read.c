#include "base/buf.h"
#include "base/file.h"
#include "format/compress/unpack.h"
#include "format/core/core.h"
#include "format/core/notes.h"
#include "format/elf/elf.h"
#include "base/banned.h"

#define PT_LOAD 1u
#define PT_NOTE 4u
#define MAX_THREADS ((size_t)1 << 20)
#define MAX_MAPPED ((size_t)1 << 20)
#define MAX_PIECES ((size_t)4 << 20)
#define MAX_UNPACKED ((uint64_t)256 << 30)
#define BUDGET ((uint64_t)4 << 30)

typedef struct mapped {
	uint64_t start, limit, offset;
	gs_str path, bytes;
	bool is_tried, is_other;
} mapped;

typedef struct reader {
	gs_image *image;
	gs_elf elf;
	const gs_core_files *files;
	mapped *files_list; /* NT_FILE, by address */
	size_t n_files;
	GS_VEC(gs_image_thread) threads;
	GS_VEC(gs_image_piece) pieces;
	uint64_t cut_bytes, absent_bytes;
	bool has_other_file;
} reader;

static uint64_t word(const reader *r, gs_str s, uint64_t at)
{
	return gs_peek_has(s, at, 8) ? gs_peek_u64(s.p + at, r->elf.is_big) : 0;
}

static uint32_t half(const reader *r, gs_str s, uint64_t at)
{
	return gs_peek_has(s, at, 4) ? gs_peek_u32(s.p + at, r->elf.is_big) : 0;
}

static bool add_thread(reader *r, gs_str d)
{
	uint32_t n = gs_core_n_registers(r->image->machine);
	gs_image_thread *t;

	if (n && !gs_peek_has(d, GS_PRSTATUS_REGISTERS, n * 8))
		return true;
	t = gs_vec_push(&r->threads, MAX_THREADS);
	if (!t)
		return false;
	t->tid = (int32_t)half(r, d, GS_PRSTATUS_PID);
	t->n_registers = n;
	for (uint32_t i = 0; i < n; i++)
		t->registers[i] = word(r, d, GS_PRSTATUS_REGISTERS + i * 8);
	if (r->image->machine == GS_MACHINE_AMD64) {
		t->pc = t->registers[16];
		t->sp = t->registers[19];
		t->fs_base = t->registers[21];
		t->gs_base = t->registers[22];
	} else if (r->image->machine == GS_MACHINE_ARM64) {
		t->lr = t->registers[30];
		t->sp = t->registers[31];
		t->pc = t->registers[32];
	}
	return true;
}

static int by_start(const void *a, const void *b)
{
	const mapped *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* count, page size, count times {start, limit, offset in pages}, then the names, each ending in NUL. */
static bool add_files(reader *r, gs_str d)
{
	uint64_t n = word(r, d, 0), page = word(r, d, 8), names;

	if (r->files_list || d.n < 16 || n > (d.n - 16) / 24)
		return true;
	if (n > MAX_MAPPED)
		return false;
	r->files_list = gs_try_new(r->image->mem, mapped, (size_t)n);
	if (!r->files_list)
		return false;
	names = 16 + n * 24;
	for (uint64_t i = 0; i < n; i++) {
		mapped m = { .start = word(r, d, 16 + i * 24), .limit = word(r, d, 24 + i * 24) };
		gs_str rest = gs_str_skip(d, (size_t)names);
		size_t end = gs_str_find_char(rest, '\0');

		if (end == SIZE_MAX)
			break;
		m.path = gs_str_slice(rest, 0, end);
		names += end + 1;
		if (m.start >= m.limit || __builtin_mul_overflow(word(r, d, 32 + i * 24), page, &m.offset))
			continue;
		r->files_list[r->n_files++] = m;
	}
	if (r->n_files)
		qsort(r->files_list, r->n_files, sizeof(*r->files_list), by_start);
	return true;
}

static bool add_note(reader *r, uint32_t type, gs_str d)
{
	gs_image *image = r->image;

	switch (type) {
	case GS_NT_PRSTATUS:
		return add_thread(r, d);
	case GS_NT_PRFPREG:
		if (r->threads.n && d.n <= GS_IMAGE_FP_BYTES && d.n) {
			gs_image_thread *t = &r->threads.p[r->threads.n - 1];

			memcpy(t->fp, d.p, d.n);
			t->n_fp_bytes = (uint32_t)d.n;
		}
		return true;
	case GS_NT_PRPSINFO:
		image->pid = (int32_t)half(r, d, GS_PRPSINFO_PID);
		if (d.n >= GS_PRPSINFO_BYTES) {
			gs_str args = { d.p + GS_PRPSINFO_ARGS, 80 };
			size_t end = gs_str_find_char(args, '\0');

			image->command = gs_str_trim(gs_str_slice(args, 0, end));
		}
		return true;
	case GS_NT_AUXV:
		if (image->aux)
			return true;
		image->aux = gs_try_new(image->mem, gs_image_aux, d.n / 16);
		if (!image->aux)
			return false;
		for (uint64_t at = 0; at + 16 <= d.n && word(r, d, at); at += 16)
			image->aux[image->n_aux++] = (gs_image_aux){ word(r, d, at), word(r, d, at + 8) };
		return true;
	case GS_NT_FILE:
		return add_files(r, d);
	default:
		return true;
	}
}

static bool read_notes(reader *r, gs_err *err)
{
	for (uint32_t i = 0; i < r->elf.n_segments; i++) {
		const gs_elf_segment *s = &r->elf.segments[i];
		gs_str all = r->elf.bytes, rest;

		if (s->type != PT_NOTE || s->offset >= all.n)
			continue;
		rest = (gs_str){ all.p + s->offset, (size_t)(s->file_size < all.n - s->offset ? s->file_size : all.n - s->offset) };
		if (rest.n < s->file_size)
			r->cut_bytes += s->file_size - rest.n;
		while (rest.n >= 12) {
			uint64_t name = ((uint64_t)half(r, rest, 0) + 3) & ~3ull, size = half(r, rest, 4);
			uint32_t type = half(r, rest, 8);
			gs_str d;

			if (name > rest.n - 12 || size > rest.n - 12 - name)
				break;
			d = (gs_str){ rest.p + 12 + name, (size_t)size };
			/* Delve writes its own cores without an owner. */
			bool is_ours = name == 0 || rest.p[12] == '\0' || gs_str_starts((gs_str){ rest.p + 12, (size_t)name }, GS_S("CORE"));

			if (is_ours && !add_note(r, type, d))
				return gs_fail(err, GS_ERR_LIMIT, s->offset, "core with too many threads or mapped files");
			size = (size + 3) & ~3ull;
			rest = gs_str_skip(rest, (size_t)(12 + name + size));
		}
	}
	return true;
}

static mapped *file_at(reader *r, uint64_t addr)
{
	size_t lo = 0, hi = r->n_files;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r->files_list[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && addr < r->files_list[lo - 1].limit ? &r->files_list[lo - 1] : NULL;
}

static bool add_piece(reader *r, uint64_t addr, gs_str bytes)
{
	gs_image_piece *p;

	if (!bytes.n)
		return true;
	p = gs_vec_push(&r->pieces, MAX_PIECES);
	if (!p)
		return false;
	*p = (gs_image_piece){ addr, bytes.n, (const unsigned char *)bytes.p };
	return true;
}

/* The file of a mapping, unless what the core has of it says that it is another one by now. */
static gs_str file_bytes(reader *r, mapped *m)
{
	if (m->is_tried || !r->files || !r->files->open)
		return m->bytes;
	m->is_tried = true;
	for (size_t i = 0; i < r->n_files; i++) { /* each file once */
		const mapped *o = &r->files_list[i];

		if (o != m && o->is_tried && gs_str_eq(o->path, m->path)) {
			m->bytes = o->bytes;
			return m->bytes;
		}
	}
	m->bytes = r->files->open(r->files->ctx, r->image->mem, m->path);
	for (size_t i = 0; i < r->n_files && m->bytes.n; i++) {
		const mapped *o = &r->files_list[i];
		unsigned char first[64];

		if (o->offset == 0 && gs_str_eq(o->path, m->path) && gs_image_read(r->image, o->start, first, sizeof(first)) == sizeof(first) &&
		    (m->bytes.n < sizeof(first) || memcmp(first, m->bytes.p, sizeof(first)) != 0)) {
			m->bytes = (gs_str){ 0 };
			r->has_other_file = true;
		}
	}
	return m->bytes;
}

/* [from, limit) is not in the core: read-only pages of a file may be had from there. */
static bool fill(reader *r, const gs_image_segment *s, uint64_t from, uint64_t limit)
{
	while (from < limit) {
		mapped *m = file_at(r, from);
		uint64_t end = m && m->limit < limit ? m->limit : limit, off;
		gs_str b;

		if (!m || s->is_write) {
			r->absent_bytes += limit - from;
			return true;
		}
		b = file_bytes(r, m);
		if (__builtin_add_overflow(from - m->start, m->offset, &off) || off > b.n)
			off = b.n;
		b = gs_str_slice(b, (size_t)off, (size_t)(end - from < b.n - off ? off + (end - from) : b.n));
		r->absent_bytes += end - from - b.n;
		if (!add_piece(r, from, b))
			return false;
		from = end;
	}
	return true;
}

static int by_segment_addr(const void *a, const void *b)
{
	const gs_elf_segment *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static int by_piece_addr(const void *a, const void *b)
{
	const gs_image_piece *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static void publish_pieces(reader *r)
{
	r->image->pieces = r->pieces.p;
	r->image->n_pieces = (uint32_t)r->pieces.n;
}

/* Segments in order, each clipped to what those before left; first what the core has, then what files have. */
static bool read_segments(reader *r, gs_err *err)
{
	gs_image *image = r->image;
	gs_str all = r->elf.bytes;
	uint64_t behind = 0;
	uint64_t *have = gs_try_new(image->mem, uint64_t, r->elf.n_segments);

	image->segments = gs_try_new(image->mem, gs_image_segment, r->elf.n_segments);
	if (!image->segments || !have)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "core with %u segments", r->elf.n_segments);
	if (r->elf.n_segments)
		qsort(r->elf.segments, r->elf.n_segments, sizeof(*r->elf.segments), by_segment_addr);
	for (uint32_t i = 0; i < r->elf.n_segments; i++) {
		const gs_elf_segment *s = &r->elf.segments[i];
		uint64_t size = s->mem_size, file = s->file_size < size ? s->file_size : size, there;
		const mapped *m;

		if (s->type != PT_LOAD || size == 0 || s->addr < behind || size - 1 > UINT64_MAX - 1 - s->addr)
			continue;
		behind = s->addr + size;
		m = file_at(r, s->addr);
		image->segments[image->n_segments] = (gs_image_segment){
			.addr = s->addr, .size = size, .is_read = s->flags & 4, .is_write = s->flags & 2, .is_exec = s->flags & 1,
			.path = m ? m->path : (gs_str){ 0 }, .file_offset = m ? m->offset + (s->addr - m->start) : 0,
		};
		there = s->offset < all.n ? all.n - s->offset : 0;
		if (there < file) {
			r->cut_bytes += file - there;
			file = there;
		}
		have[image->n_segments++] = file;
		if (file && !add_piece(r, s->addr, (gs_str){ all.p + s->offset, (size_t)file }))
			return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "core with too many segments");
	}
	publish_pieces(r);
	/* Files are checked against the pieces above, so the array must not move under them meanwhile. */
	GS_VEC(gs_image_piece) own = { .p = r->pieces.p, .n = r->pieces.n, .cap = r->pieces.cap };

	r->pieces.p = NULL;
	r->pieces.n = r->pieces.cap = 0;
	for (uint32_t i = 0; i < image->n_segments; i++)
		if (!fill(r, &image->segments[i], image->segments[i].addr + have[i], image->segments[i].addr + image->segments[i].size)) {
			gs_vec_release(&own);
			image->n_pieces = 0;
			return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "core with too many mapped files");
		}
	image->n_pieces = 0;
	image->pieces = gs_try_new(image->mem, gs_image_piece, own.n + r->pieces.n);
	if (!image->pieces) {
		gs_vec_release(&own);
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "core with too many segments");
	}
	for (size_t i = 0; i < own.n; i++)
		image->pieces[image->n_pieces++] = own.p[i];
	for (size_t i = 0; i < r->pieces.n; i++)
		image->pieces[image->n_pieces++] = r->pieces.p[i];
	if (image->n_pieces)
		qsort(image->pieces, image->n_pieces, sizeof(*image->pieces), by_piece_addr);
	gs_vec_release(&own);
	return true;
}

/* The executable is the file in which the program's entry lies. */
static void find_exe(reader *r)
{
	gs_image *image = r->image;
	uint64_t entry;
	const mapped *m;

	if (gs_image_aux_value(image, 9, &entry) && (m = file_at(r, entry)) != NULL)
		image->exe_path = m->path;
	else if (r->n_files)
		image->exe_path = r->files_list[0].path;
	for (size_t i = 0; i < r->n_files && image->exe_path.n; i++) {
		uint64_t n;
		const unsigned char *p;
		gs_elf e;

		if (r->files_list[i].offset != 0 || !gs_str_eq(r->files_list[i].path, image->exe_path))
			continue;
		p = gs_image_at(image, r->files_list[i].start, &n);
		if (p && gs_elf_open(image->mem, (gs_str){ (const char *)p, (size_t)n }, &e, NULL))
			image->build_id = gs_elf_build_id_hex(&e, image->mem);
		return;
	}
}

static bool read_all(reader *r, gs_err *err)
{
	gs_image *image = r->image;

	if (!read_notes(r, err) || !read_segments(r, err))
		return false;
	image->threads = gs_try_new(image->mem, gs_image_thread, r->threads.n);
	if (!image->threads)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "core with %zu threads", r->threads.n);
	if (r->threads.n)
		memcpy(image->threads, r->threads.p, r->threads.n * sizeof(*image->threads));
	image->n_threads = (uint32_t)r->threads.n;
	if (!image->pid && image->n_threads)
		image->pid = image->threads[0].tid;
	find_exe(r);
	if (r->cut_bytes || r->absent_bytes || r->has_other_file)
		image->incomplete = gs_strf(image->mem, "%s%llu kB are cut off the end of the file, %llu kB were left out when it was written%s",
					    r->cut_bytes ? "the core is truncated: " : "", (unsigned long long)r->cut_bytes / 1024,
					    (unsigned long long)r->absent_bytes / 1024,
					    r->has_other_file ? "; a mapped file is another one now" : "");
	return true;
}

gs_image *gs_core_read(gs_str bytes, const gs_core_files *files, gs_err *err)
{
	gs_arena *mem = gs_arena_create(BUDGET);
	reader r = { .image = gs_new(mem, gs_image, 1), .files = files };
	gs_image *image = r.image;
	bool ok;

	image->mem = mem;
	ok = gs_elf_open(mem, bytes, &r.elf, err);
	if (ok && r.elf.type != GS_ELF_CORE)
		ok = gs_fail(err, GS_ERR_FORMAT, 16, "an ELF file, but no core");
	if (ok && !r.elf.is_64)
		ok = gs_fail(err, GS_ERR_UNSUPPORTED, 4, "a core of a 32-bit program");
	if (ok) {
		image->word_bytes = 8;
		image->is_big = r.elf.is_big;
		image->machine = r.elf.machine == GS_ELF_X86_64 ? GS_MACHINE_AMD64 : r.elf.machine == GS_ELF_AARCH64 ? GS_MACHINE_ARM64 : GS_MACHINE_OTHER;
		ok = read_all(&r, err);
	}
	gs_vec_release(&r.threads);
	gs_vec_release(&r.pieces);
	if (ok)
		return image;
	gs_image_close(image);
	return NULL;
}

static gs_str open_mapped(void *ctx, gs_arena *mem, gs_str path)
{
	gs_file f = { 0 };

	(void)ctx;
	/* Regular files only: a path of a core may name anything. */
	if (!path.n || path.p[0] != '/' || gs_str_starts(path, GS_S("/dev/")) || gs_str_starts(path, GS_S("/proc/")) ||
	    gs_str_starts(path, GS_S("/sys/")) || !gs_file_open(gs_cstr(mem, path), (uint64_t)1 << 40, &f, NULL))
		return (gs_str){ 0 };
	if (!f.is_mapped) {
		gs_file_close(&f);
		return (gs_str){ 0 };
	}
	return gs_file_keep(&f, mem);
}

const gs_core_files gs_core_mapped_files = { .open = open_mapped };

static void release_unpacked(void *ctx)
{
	gs_unpacked_release(ctx);
}

gs_image *gs_core_open(const char *path, gs_err *err)
{
	gs_file f = { 0 };
	gs_unpacked u = { 0 };
	gs_image *image;

	if (!gs_file_open(path, (uint64_t)1 << 46, &f, err))
		return NULL;
	if (gs_packing_of(f.bytes) == GS_PACKING_NONE) {
		image = gs_core_read(f.bytes, &gs_core_mapped_files, err);
	} else {
		if (!gs_unpack(f.bytes, MAX_UNPACKED, &u, err)) {
			gs_err_context(err, "%s", path);
			gs_file_close(&f);
			return NULL;
		}
		image = gs_core_read(u.bytes, &gs_core_mapped_files, err);
	}
	if (!image) {
		gs_err_context(err, "%s", path);
		gs_unpacked_release(&u);
		gs_file_close(&f);
		return NULL;
	}
	gs_unpacked *keep = gs_new(image->mem, gs_unpacked, 1);

	*keep = u;
	gs_arena_on_free(image->mem, release_unpacked, keep);
	gs_file_keep(&f, image->mem);
	return image;
}
