#include "format/core/core.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tap.h"

#include "base/banned.h"

enum { PAGE = 4096 };
static unsigned char code[PAGE], heap[4 * PAGE];

/* Two mappings here, one of a file that is not, one that nobody may read. */
static void make(gs_image *image)
{
	static gs_image_segment segments[4];
	static gs_image_piece pieces[2];
	static gs_image_thread threads[2];
	static gs_image_aux aux[] = { { 9, 0x401000 }, { 6, PAGE } };

	memset(code, 0xcc, sizeof(code));
	memset(heap, 0, sizeof(heap));
	memcpy(heap + 3 * PAGE, "object", 7);
	segments[0] = (gs_image_segment){ .addr = 0x401000, .size = PAGE, .path = GS_S("/nowhere/prog"), .file_offset = PAGE, .is_read = true, .is_exec = true };
	segments[1] = (gs_image_segment){ .addr = 0x500000, .size = 2 * PAGE, .path = GS_S("/nowhere/data"), .is_read = true };
	segments[2] = (gs_image_segment){ .addr = 0xc000000000, .size = sizeof(heap), .is_read = true, .is_write = true };
	segments[3] = (gs_image_segment){ .addr = 0xc000800000, .size = PAGE };
	pieces[0] = (gs_image_piece){ 0x401000, PAGE, code };
	pieces[1] = (gs_image_piece){ 0xc000000000, sizeof(heap), heap };
	for (uint32_t i = 0; i < 2; i++) {
		threads[i] = (gs_image_thread){ .tid = 100 + (int32_t)i, .n_registers = 27, .n_fp_bytes = 512 };
		for (uint32_t k = 0; k < 27; k++)
			threads[i].registers[k] = 1000 * i + k;
		threads[i].fp[511] = 7;
	}
	*image = (gs_image){ .machine = GS_MACHINE_AMD64, .word_bytes = 8, .pid = 100, .segments = segments, .n_segments = 4, .pieces = pieces,
			     .n_pieces = 2, .threads = threads, .n_threads = 2, .aux = aux, .n_aux = 2, .exe_path = GS_S("/nowhere/prog"),
			     .command = GS_S("prog -x") };
}

static void check_same(const gs_image *got, const gs_image *want)
{
	unsigned char buf[7];
	uint64_t n;

	CHECK_INT(got->machine, want->machine);
	CHECK_INT(got->pid, 100);
	CHECK_INT(got->n_segments, 4);
	CHECK_INT(got->n_threads, 2);
	CHECK_INT(got->n_aux, 2);
	CHECK_STR(got->exe_path, want->exe_path);
	CHECK_STR(got->command, want->command);
	CHECK_STR(got->segments[1].path, GS_S("/nowhere/data"));
	CHECK_INT(got->segments[0].file_offset, PAGE);
	CHECK(got->segments[0].is_exec && !got->segments[0].is_write && got->segments[2].is_write);
	CHECK_INT(got->threads[1].tid, 101);
	CHECK_INT(got->threads[1].pc, 1016);
	CHECK_INT(got->threads[1].sp, 1019);
	CHECK_INT(got->threads[1].fs_base, 1021);
	CHECK_INT(got->threads[0].fp[511], 7);
	CHECK_INT(gs_image_read(got, 0xc000003000, buf, 7), 7);
	CHECK(memcmp(buf, "object", 7) == 0);
	/* What is not there says how far it reaches, so that a search steps over it at once. */
	CHECK(gs_image_at(got, 0x500000, &n) == NULL && n == 0xc000000000 - 0x500000);
	CHECK(gs_image_at(got, 0xc000800000, &n) == NULL && n == UINT64_MAX - 0xc000800000);
	/* A read that runs off the end says how far it came. */
	CHECK_INT(gs_image_read(got, 0xc000003ffd, buf, 7), 3);
	CHECK(got->incomplete.n > 0);
}

static void round_trip(bool zstd)
{
	char path[] = "/tmp/gospect-core-XXXXXX";
	int fd = mkstemp(path);
	gs_core_written w;
	struct stat st;
	gs_image in, *out;
	gs_err err = { 0 };

	CHECK(fd >= 0);
	close(fd);
	make(&in);
	CHECK(gs_core_write(&in, path, zstd, NULL, &w, &err));
	CHECK(stat(path, &st) == 0);
	CHECK_INT(st.st_mode & 0777, 0600);
	if (!zstd)
		CHECK_INT(w.size_bytes, st.st_size);
	/* Pages of zeros are holes: head, code and one page of the heap were written. */
	CHECK(w.disk_bytes < w.size_bytes);
	out = gs_core_open(path, &err);
	CHECK(out != NULL);
	if (out)
		check_same(out, &in);
	gs_image_close(out);
	unlink(path);
}

TEST(core_round_trip)
{
	round_trip(false);
}

TEST(core_round_trip_zstd)
{
	round_trip(true);
}

/* Cut anywhere: an error, or less memory and a word about it; what is there stays right. */
TEST(core_cut)
{
	char path[] = "/tmp/gospect-core-XXXXXX";
	int fd = mkstemp(path);
	gs_core_written w;
	gs_image in;
	GS_AUTO(file) f = { 0 };
	unsigned n_partial = 0, n_refused = 0;

	CHECK(fd >= 0);
	close(fd);
	make(&in);
	CHECK(gs_core_write(&in, path, false, NULL, &w, NULL));
	CHECK(gs_file_read(path, 1 << 20, &f, NULL));
	unlink(path);
	for (size_t n = 0; n < f.bytes.n; n += n < 2600 ? 1 : 509) {
		char *cut = malloc(n + 1);
		gs_image *image;
		gs_err err = { 0 };

		memcpy(cut, f.bytes.p, n);
		image = gs_core_read((gs_str){ cut, n }, NULL, &err);
		if (!image) {
			n_refused++;
			if (err.code == GS_ERR_NONE)
				CHECK(!"an error without a code");
		} else {
			unsigned char byte;

			n_partial++;
			if (!gs_str_has(image->incomplete, GS_S("truncated")))
				CHECK(!"a cut core that does not say so");
			if (gs_image_read(image, 0x401000, &byte, 1) == 1 && byte != 0xcc)
				CHECK(!"wrong bytes out of a cut core");
		}
		gs_image_close(image);
		free(cut);
	}
	CHECK(n_partial > 0 && n_refused > 0);
}

static gs_str prog_file(void *ctx, gs_arena *mem, gs_str path)
{
	(void)mem;
	return gs_str_eq(path, GS_S("/nowhere/data")) ? *(const gs_str *)ctx : (gs_str){ 0 };
}

/* Read-only pages that the core lacks come from their file, as far as it goes. */
TEST(core_fills_from_files)
{
	static char data[PAGE + 10];
	gs_str bytes = { data, sizeof(data) };
	gs_core_files files = { prog_file, &bytes };
	char path[] = "/tmp/gospect-core-XXXXXX";
	int fd = mkstemp(path);
	gs_core_written w;
	gs_image in, *image;
	GS_AUTO(file) f = { 0 };
	unsigned char got[2];

	close(fd);
	data[PAGE + 9] = 'z';
	make(&in);
	CHECK(gs_core_write(&in, path, false, NULL, &w, NULL));
	CHECK(gs_file_read(path, 1 << 20, &f, NULL));
	unlink(path);
	image = gs_core_read(f.bytes, &files, NULL);
	CHECK(image != NULL);
	CHECK_INT(gs_image_read(image, 0x500000 + PAGE + 9, got, 2), 1);
	CHECK_INT(got[0], 'z');
	CHECK(image->incomplete.n > 0);
	gs_image_close(image);
}

