#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "format/goruntime/offsets.h"
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
	     gs_elf_open(mem, gs_file_keep(&f, mem), &e, &err) && gs_go_offsets_dwarf(&e, &got, &vars, &err);
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
	gs_arena_free(mem);
}
