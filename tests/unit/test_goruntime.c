#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "format/goruntime/buckets.h"
#include "format/goruntime/dwarf.h"
#include "tap.h"

#include "base/banned.h"

TEST(offsets_of_released_versions)
{
	unsigned oldest, newest;

	gs_go_offsets_range(&oldest, &newest);
	CHECK_INT(oldest, 19);
	CHECK(newest >= 27);
	for (unsigned minor = oldest; minor <= newest; minor++) {
		const gs_go_offsets *o = gs_go_offsets_table(minor, GS_ELF_X86_64);

		CHECK(o != NULL && gs_go_offsets_table(minor, GS_ELF_AARCH64) != NULL);
		CHECK(o && o->g_stack_hi == 8 && o->mspan_start == 24 && o->kind_finalizer > 0);
		CHECK(o && (o->mspan_large_type != GS_GO_NONE) == (minor >= 22));
		CHECK(o && (o->arena_bitmap != GS_GO_NONE) == (minor < 22));
		CHECK(o && (o->arena_inline_marks != GS_GO_NONE) == (minor >= 25));
		CHECK(o && (o->map_used != GS_GO_NONE) == (minor >= 24));
		CHECK(o && (o->cleanup_block_n != GS_GO_NONE) == (minor >= 25));
	}
	CHECK(gs_go_offsets_table(18, GS_ELF_X86_64) == NULL);
	CHECK(gs_go_offsets_table(newest, GS_ELF_386) == NULL);
}

/* The debug information of a program of the installed Go says the same as the table. */
TEST(offsets_from_dwarf)
{
	char dir[] = "/tmp/gospect-test-XXXXXX", path[64], cmd[512];
	gs_go_offsets got;
	gs_go_variables vars, by_symbol;
	gs_go_dwarf *d = NULL;
	gs_arena *mem = gs_arena_create((uint64_t)1 << 30);
	gs_elf e;
	gs_err err = { 0 };
	gs_file f;
	bool ok;

	if (system("go version >/dev/null 2>&1") != 0 || !mkdtemp(dir)) {
		tap_skip("no Go here");
		gs_arena_free(mem);
		return;
	}
	snprintf(path, sizeof(path), "%s/probe", dir);
	snprintf(cmd, sizeof(cmd), "cd %s/../tools/go-offsets && GOTOOLCHAIN=local CGO_ENABLED=0 go build -o %s probe/main.go",
		 getenv("GS_TESTS_DIR"), path);
	ok = system(cmd) == 0 && gs_file_open(path, 1 << 30, &f, &err) &&
	     gs_elf_open(mem, gs_file_keep(&f, mem), &e, &err) && (d = gs_go_dwarf_open(&e, false, &err)) && gs_go_dwarf_offsets(d, &got, &vars, &err);
	CHECK(ok);
	if (ok) {
		gs_go_variables_symbols(&e, &by_symbol);
		CHECK(vars.mheap && vars.allgs && vars.firstmoduledata && vars.semtable && vars.wait_reasons);
		CHECK(memcmp(&vars, &by_symbol, sizeof(vars)) == 0);
		bool is_known = false;

		for (unsigned minor = 19; minor < 40; minor++) {
			const gs_go_offsets *o = gs_go_offsets_table(minor, e.machine);

			is_known |= o && memcmp(o, &got, sizeof(got)) == 0;
		}
		CHECK(is_known);
	} else {
		printf("# %s\n", err.text);
	}
	unlink(path);
	rmdir(dir);
	gs_go_dwarf_close(d);
	gs_arena_free(mem);
}

/* ---- sampled allocations ---- */

enum { BASE = 0x10000, LIST = 0, CYCLE = 8, FIRST = 64, SECOND = 512, TEXT = BASE + 0x100 };

typedef struct image {
	uint64_t words[160];
} image;

static const unsigned char *image_at(void *ctx, uint64_t addr, uint64_t *n)
{
	image *m = ctx;

	if (addr < BASE || addr - BASE >= sizeof(m->words))
		return NULL;
	*n = sizeof(m->words) - (addr - BASE);
	return (const unsigned char *)m->words + (addr - BASE);
}

static void put(image *m, uint64_t at, uint64_t value)
{
	m->words[at / 8] = htole64(value);
}

/* Two frames; counts are those of the active record and of the three to come. */
static void put_bucket(image *m, const gs_go_offsets *o, uint64_t at, uint64_t next, uint64_t bytes, const uint64_t allocs[4], const uint64_t frees[4])
{
	uint64_t record = at + (uint64_t)o->bucket_size + 16;

	put(m, at + (uint64_t)o->bucket_allnext, next ? BASE + next : 0);
	put(m, at + (uint64_t)o->bucket_typ, 1);
	put(m, at + (uint64_t)o->bucket_stack_size, bytes);
	put(m, at + (uint64_t)o->bucket_nstk, 2);
	put(m, at + (uint64_t)o->bucket_size, TEXT + 1);
	put(m, at + (uint64_t)o->bucket_size + 8, TEXT + 2);
	for (unsigned i = 0; i < 4; i++) {
		uint64_t c = record + i * (uint64_t)o->memrecord_cycle_size;

		put(m, c + (uint64_t)o->memcycle_allocs, allocs[i]);
		put(m, c + (uint64_t)o->memcycle_frees, frees[i]);
		if (o->memcycle_alloc_bytes == GS_GO_NONE)
			continue;
		put(m, c + (uint64_t)o->memcycle_alloc_bytes, allocs[i] * bytes);
		put(m, c + (uint64_t)o->memcycle_free_bytes, frees[i] * bytes);
	}
}

static const uint64_t none[4] = { 0 };

static gs_go_runtime bucket_runtime(image *m, gs_go_moduledata *module, unsigned minor)
{
	gs_go_runtime rt = { .image = { image_at, m }, .minor = minor, .machine = GS_ELF_X86_64, .modules = module, .n_modules = 1 };

	*m = (image){ 0 };
	*module = (gs_go_moduledata){ .text = TEXT, .etext = TEXT + 0x100 };
	rt.o = *gs_go_offsets_table(minor, GS_ELF_X86_64);
	rt.v.mbuckets = BASE + LIST;
	put(m, LIST, BASE + FIRST);
	return rt;
}

static void check_bucket(const gs_go_runtime *rt, uint64_t allocs, uint64_t frees, uint64_t alloc_bytes)
{
	gs_go_buckets b;

	CHECK(gs_go_buckets_read(rt, &b));
	CHECK(!b.is_damaged && !b.is_rate_known);
	CHECK_INT(b.n, 2);
	if (b.n) {
		CHECK_INT(b.list[0].allocs, allocs);
		CHECK_INT(b.list[0].frees, frees);
		CHECK_INT(b.list[0].alloc_bytes, alloc_bytes);
		CHECK_INT(b.list[0].n_stack, 2);
	}
	gs_go_buckets_release(&b);
}

/* What the program would publish at this moment: Go 1.26 counts bytes, 1.27 numbers only. */
TEST(buckets_are_published)
{
	static const uint64_t active[4] = { 5, 0, 0, 0 }, allocs[4] = { 5, 10, 20, 40 }, frees[4] = { 2, 0, 3, 1 }, early[4] = { 0, 10, 20, 40 };

	for (unsigned minor = 26; minor <= 27; minor++) {
		gs_go_moduledata module;
		image m;
		gs_go_runtime rt = bucket_runtime(&m, &module, minor);

		put_bucket(&m, &rt.o, FIRST, SECOND, 48, allocs, frees);
		put_bucket(&m, &rt.o, SECOND, 0, 64, active, none);
		/* The program says which cycle is next: 3 * 7 + 1, flushed or not. */
		rt.v.mprof_cycle = BASE + CYCLE;
		put(&m, CYCLE, 22 << 1 | 1);
		check_bucket(&rt, 25, 5, 25 * 48);
		/* It does not say: cycle 0 is the newest, as the only one without frees, so that the next one is 1. */
		rt.v.mprof_cycle = 0;
		check_bucket(&rt, 25, 5, 25 * 48);
		/* A cycle that is empty everywhere has been published. */
		put_bucket(&m, &rt.o, FIRST, SECOND, 48, active, none);
		check_bucket(&rt, 5, 0, 5 * 48);
		/* Nothing was collected yet. */
		put_bucket(&m, &rt.o, FIRST, SECOND, 48, early, none);
		put_bucket(&m, &rt.o, SECOND, 0, 64, none, none);
		check_bucket(&rt, 70, 0, 70 * 48);
	}
}

TEST(buckets_that_lie)
{
	gs_go_moduledata module;
	image m;
	gs_go_runtime rt = bucket_runtime(&m, &module, 27);
	gs_go_buckets b;

	put_bucket(&m, &rt.o, FIRST, SECOND, 48, none, none);
	put_bucket(&m, &rt.o, SECOND, FIRST, 64, none, none); /* in a circle */
	CHECK(gs_go_buckets_read(&rt, &b));
	CHECK(b.is_damaged);
	CHECK_INT(b.n, 2);
	CHECK_INT(*gs_map_get(&b.index_of, BASE + SECOND), 1);
	gs_go_buckets_release(&b);
	put(&m, SECOND + (uint64_t)rt.o.bucket_nstk, GS_GO_MAX_STACK + 1); /* more frames than any stack has */
	CHECK(gs_go_buckets_read(&rt, &b));
	CHECK(b.is_damaged);
	CHECK_INT(b.n, 1);
	gs_go_buckets_release(&b);
	put(&m, LIST, BASE + sizeof(m)); /* out of the image */
	CHECK(gs_go_buckets_read(&rt, &b));
	CHECK(b.is_damaged && b.n == 0);
	gs_go_buckets_release(&b);
}
