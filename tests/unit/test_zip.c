#include "format/zip/zip.h"
#include "load/load.h"

#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "tap.h"

#include "base/banned.h"

/* ---- a writer of archives, as odd as wanted ---- */

static void put(gs_buf *b, unsigned size, uint64_t v)
{
	for (; size; size--, v >>= 8)
		gs_buf_c(b, (char)v);
}

typedef struct archive {
	gs_buf bytes, list;
	unsigned n;
} archive;

static void begin(archive *a)
{
	*a = (archive){ 0 };
	gs_buf_init(&a->bytes, 64 << 20);
	gs_buf_init(&a->list, 64 << 20);
}

static void add_packed(archive *a, const char *name, unsigned method, unsigned flags, gs_str packed, gs_str plain)
{
	size_t at = a->bytes.n;
	uint32_t crc = (uint32_t)crc32(0, (const unsigned char *)plain.p, (uInt)plain.n);

	for (unsigned k = 0; k < 2; k++) {
		gs_buf *b = k ? &a->list : &a->bytes;

		put(b, 4, k ? 0x02014b50 : 0x04034b50);
		if (k)
			put(b, 2, 20);
		put(b, 2, 20);
		put(b, 2, flags);
		put(b, 2, method);
		put(b, 4, 0x21 << 16);
		put(b, 4, crc);
		put(b, 4, packed.n);
		put(b, 4, plain.n);
		put(b, 2, strlen(name));
		put(b, 2, 0);
		if (k) {
			put(b, 10, 0);
			put(b, 4, at);
		}
		gs_buf_z(b, name);
	}
	gs_buf_str(&a->bytes, packed);
	a->n++;
}

static void add(archive *a, const char *name, gs_str bytes)
{
	add_packed(a, name, 0, 0, bytes, bytes);
}

static gs_str finish(archive *a, unsigned n)
{
	size_t at = a->bytes.n, size = a->list.n;

	gs_buf_str(&a->bytes, gs_buf_view(&a->list));
	put(&a->bytes, 4, 0x06054b50);
	put(&a->bytes, 4, 0);
	put(&a->bytes, 2, n);
	put(&a->bytes, 2, n);
	put(&a->bytes, 4, size);
	put(&a->bytes, 4, at);
	put(&a->bytes, 2, 0);
	return gs_buf_view(&a->bytes);
}

static void end(archive *a)
{
	gs_buf_release(&a->bytes);
	gs_buf_release(&a->list);
}

static gs_str small_archive(archive *a)
{
	begin(a);
	add(a, "notes.md", GS_S("# what this is about"));
	add(a, "run-1/", (gs_str){ "", 0 });
	add(a, "run-1/goroutine.txt", GS_S("main;idle 9\n"));
	add(a, "run-1/cpu.txt", GS_S("main;work 5\nmain;rest 2\n"));
	add(a, "run-1/.hidden", GS_S("main;hidden 1\n"));
	add(a, "run-1/deeper/cpu.txt", GS_S("main;deeper 1\n"));
	add(a, "run-1/kallsyms", GS_S("ffffffff81000000 T _text\n"));
	add(a, "run-1/capture.json", GS_S("{\"capture\":1,\"process\":{\"name\":\"shop\"}}"));
	return finish(a, a->n);
}

/* ---- reading ---- */

TEST(files_of_an_archive)
{
	archive a;
	gs_str bytes = small_archive(&a);
	gs_zip z;
	gs_buf out;
	gs_err err;

	gs_buf_init(&out, 1 << 20);
	CHECK(gs_zip_is(bytes));
	CHECK(!gs_zip_is(GS_S("PK")));
	CHECK(gs_zip_open(bytes, 1000, &z, &err));
	CHECK_INT(z.n, 7);
	CHECK_STR(z.files[1].name, GS_S("run-1/goroutine.txt"));
	CHECK(gs_zip_read(&z, &z.files[1], &out, &err));
	CHECK_STR(gs_buf_view(&out), GS_S("main;idle 9\n"));
	gs_zip_close(&z);

	/* What it may give is counted over all files. */
	CHECK(gs_zip_open(bytes, 30, &z, &err));
	out.n = 0;
	CHECK(gs_zip_read(&z, &z.files[2], &out, &err));
	CHECK_INT(out.n, 24);
	CHECK(!gs_zip_read(&z, &z.files[1], &out, &err));
	CHECK_INT(err.code, GS_ERR_LIMIT);
	CHECK(gs_str_has(gs_str_of(err.text), GS_S("bomb")));
	gs_zip_close(&z);
	gs_buf_release(&out);
	end(&a);
}

TEST(names_that_lead_out)
{
	static const char *const names[] = { "../cpu.txt", "a/../../cpu.txt", "/etc/cpu.txt", "..", "a\\..\\b" };
	static const char *const fine[] = { "..a/cpu.txt", "a../b", "...", "a/..b" };
	gs_zip z;
	gs_err err;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names) + sizeof(fine) / sizeof(*fine); i++) {
		bool is_fine = i >= sizeof(names) / sizeof(*names);
		archive a;

		begin(&a);
		add(&a, "ok.txt", GS_S("main 1\n"));
		add(&a, is_fine ? fine[i - sizeof(names) / sizeof(*names)] : names[i], GS_S("main 1\n"));
		CHECK_INT(gs_zip_open(finish(&a, a.n), 1000, &z, &err), is_fine);
		if (is_fine)
			gs_zip_close(&z);
		else
			CHECK_INT(err.code, GS_ERR_FORMAT);
		end(&a);
	}
}

TEST(a_bomb)
{
	enum { PLAIN = 8 << 20 };
	char *plain = calloc(1, PLAIN), *packed = malloc(PLAIN);
	z_stream s = { .next_in = (unsigned char *)plain, .avail_in = PLAIN, .next_out = (unsigned char *)packed, .avail_out = PLAIN };
	gs_str small;
	archive a;
	gs_zip z;
	gs_buf out;
	gs_err err;

	CHECK_INT(deflateInit2(&s, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
	CHECK_INT(deflate(&s, Z_FINISH), Z_STREAM_END);
	small = (gs_str){ packed, s.total_out };
	deflateEnd(&s);
	begin(&a);
	add_packed(&a, "cpu.pprof", 8, 0, small, (gs_str){ plain, PLAIN });
	/* The list says little, the file gives much. */
	add_packed(&a, "heap.pprof", 8, 0, small, (gs_str){ plain, 10 });
	add_packed(&a, "secret.pprof", 8, 1, small, (gs_str){ plain, PLAIN });
	add_packed(&a, "rare.pprof", 77, 0, small, (gs_str){ plain, PLAIN });
	gs_buf_init(&out, 64 << 20);
	CHECK(gs_zip_open(finish(&a, a.n), PLAIN + 100, &z, &err));
	CHECK(gs_zip_read(&z, &z.files[0], &out, &err));
	CHECK_INT(out.n, PLAIN);
	out.n = 0;
	CHECK(!gs_zip_read(&z, &z.files[0], &out, &err));
	CHECK_INT(err.code, GS_ERR_LIMIT);
	CHECK(out.n < 4 << 20);
	CHECK(!gs_zip_read(&z, &z.files[1], &out, &err));
	CHECK(!gs_zip_read(&z, &z.files[2], &out, &err));
	CHECK_INT(err.code, GS_ERR_UNSUPPORTED);
	CHECK(!gs_zip_read(&z, &z.files[3], &out, &err));
	CHECK_INT(err.code, GS_ERR_UNSUPPORTED);
	gs_zip_close(&z);
	gs_buf_release(&out);
	end(&a);
	free(plain);
	free(packed);
}

TEST(damaged_archives)
{
	archive a;
	gs_str bytes = small_archive(&a);
	gs_buf out;
	gs_zip z;
	gs_err err;

	gs_buf_init(&out, 1 << 20);
	for (size_t n = 0; n < bytes.n; n++)
		for (unsigned how = 0; how < 3; how++) {
			size_t size = how ? bytes.n : n;
			char *copy = malloc(size + 1);

			memcpy(copy, bytes.p, size);
			if (how)
				copy[n] = (char)(how == 1 ? copy[n] ^ 0xff : copy[n] + 1);
			err = (gs_err){ 0 };
			if (gs_zip_open((gs_str){ copy, size }, 1 << 16, &z, &err)) {
				for (size_t i = 0; i < z.n; i++) {
					out.n = 0;
					gs_zip_read(&z, &z.files[i], &out, &err);
					CHECK(out.n <= 1 << 16);
				}
				gs_zip_close(&z);
			} else {
				CHECK(err.code && err.text[0]);
			}
			free(copy);
		}
	/* It says that it has more files than there are. */
	end(&a);
	begin(&a);
	add(&a, "cpu.txt", GS_S("main 1\n"));
	CHECK(!gs_zip_open(finish(&a, 65000), 1000, &z, &err));
	gs_buf_release(&out);
	end(&a);
}

/* ---- as an input ---- */

static bool load(gs_str bytes, gs_documents *docs, gs_buf *skipped, gs_err *err)
{
	char path[] = "/tmp/gospect-test-XXXXXX.zip";
	int fd = mkstemps(path, 4);
	bool ok;

	CHECK(fd >= 0 && gs_fd_write(fd, bytes, err));
	close(fd);
	CHECK(gs_load_is_archive(path));
	ok = gs_load_input(path, NULL, NULL, docs, skipped, err);
	unlink(path);
	return ok;
}

TEST(a_zipped_capture)
{
	archive a;
	gs_documents docs = { 0 };
	gs_buf skipped;
	gs_err err;

	gs_buf_init(&skipped, 1 << 16);
	CHECK(load(small_archive(&a), &docs, &skipped, &err));
	CHECK_INT(docs.n, 2);
	if (docs.n == 2) {
		CHECK_STR(docs.list[0]->name, GS_S("cpu.txt"));
		CHECK_STR(docs.list[1]->name, GS_S("goroutine.txt"));
		CHECK_STR(docs.list[0]->group, GS_S("run-1"));
		CHECK(gs_str_has(docs.list[1]->capture_json, GS_S("shop")));
		CHECK(gs_str_ends(docs.list[0]->path, GS_S(".zip/cpu.txt")));
		CHECK_INT(docs.list[0]->profile->n_samples, 2);
	}
	CHECK_INT(skipped.n, 0);
	gs_documents_close(&docs);
	end(&a);

	/* Not in a folder, and with one part damaged. */
	begin(&a);
	add(&a, "heap.pprof", GS_S("\x1f\x8b\x08 not really"));
	add(&a, "cpu.txt", GS_S("main;work 5\n"));
	CHECK(load(finish(&a, a.n), &docs, &skipped, &err));
	CHECK_INT(docs.n, 1);
	CHECK(gs_str_has(gs_buf_view(&skipped), GS_S("heap.pprof")));
	gs_documents_close(&docs);
	end(&a);

	begin(&a);
	add(&a, "readme/", (gs_str){ "", 0 });
	CHECK(!load(finish(&a, a.n), &docs, &skipped, &err));
	CHECK_INT(err.code, GS_ERR_MISSING);
	CHECK_INT(docs.n, 0);
	end(&a);
	gs_buf_release(&skipped);
}
