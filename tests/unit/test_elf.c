#include <unistd.h>

#include "base/file.h"
#include "format/dwarf/dwarf.h"
#include "format/elf/buildinfo.h"
#include "format/pclntab/pclntab.h"
#include "tap.h"

#include "base/banned.h"

/* This test program itself is an ELF file with symbols, a build id and debug information. */
static bool self(gs_arena *mem, gs_elf *e)
{
	gs_err err;
	gs_file f;

	if (!gs_file_open("/proc/self/exe", 1 << 30, &f, &err) || !gs_elf_open(mem, gs_file_keep(&f, mem), e, &err)) {
		printf("# %s\n", err.text);
		return false;
	}
	return true;
}

TEST(elf_self)
{
	gs_arena *mem = gs_arena_create((uint64_t)1 << 30);
	gs_elf e;
	gs_elf_symbols symbols;
	gs_elf_symbol s;
	const gs_elf_symbol *at;
	gs_err err;
	uint64_t offset, back;

	CHECK(self(mem, &e));
	CHECK(gs_elf_section_find(&e, GS_S(".text")) != NULL);
	CHECK(gs_elf_section_find(&e, GS_S(".no.such")) == NULL);
	CHECK(gs_elf_symbol_named(&e, GS_S("gs_elf_open"), &s));
	CHECK(!gs_elf_symbol_named(&e, GS_S("gs_elf_ope"), &s));
	CHECK(gs_elf_symbol_named(&e, GS_S("gs_elf_open"), &s));
	CHECK(gs_elf_symbols_load(&e, mem, &symbols, &err));
	at = gs_elf_symbol_at(&symbols, s.addr + 4);
	CHECK(at && gs_str_eq(at->name, GS_S("gs_elf_open")));
	CHECK(gs_elf_offset_of_addr(&e, s.addr, &offset));
	CHECK(gs_elf_addr_of_offset(&e, offset, &back));
	CHECK_INT(back, s.addr);
	CHECK(gs_elf_at(&e, s.addr).p == e.bytes.p + offset);
	CHECK(gs_elf_at(&e, UINT64_MAX).n == 0);
	CHECK(gs_elf_load_relocs(&e, &err));
	gs_arena_free(mem);
}

TEST(elf_no_go)
{
	gs_arena *mem = gs_arena_create((uint64_t)1 << 30);
	gs_elf e;
	gs_go_buildinfo info;
	gs_pclntab t;
	gs_err err;

	CHECK(self(mem, &e));
	CHECK(!gs_elf_go_buildinfo(&e, &info, &err));
	CHECK_INT(err.code, GS_ERR_MISSING);
	CHECK(!gs_pclntab_locate(&e, 0, &t, &err));
	CHECK_INT(err.code, GS_ERR_MISSING);
	gs_arena_free(mem);
}

/* Inlined into its caller, so that the debug information has something to tell. */
__attribute__((always_inline)) static inline uint64_t inner(volatile uint64_t *x)
{
	return *x * 3;
}

__attribute__((noinline)) static uint64_t outer(volatile uint64_t *x)
{
	return inner(x) + 1;
}

TEST(dwarf_self)
{
	gs_arena *mem = gs_arena_create((uint64_t)1 << 32);
	gs_elf e;
	gs_elf_symbol s;
	gs_err err;
	gs_dwarf *d;
	volatile uint64_t x = 1;
	bool has_inner = false, has_outer = false;

	CHECK_INT(outer(&x), 4);
	CHECK(self(mem, &e));
	d = gs_dwarf_open(&e, &err);
	if (!d) {
		CHECK_INT(err.code, GS_ERR_MISSING);
		tap_skip("built without debug information");
		gs_arena_free(mem);
		return;
	}
	CHECK(gs_elf_symbol_named(&e, GS_S("outer"), &s));
	for (uint64_t a = s.addr; a < s.addr + s.size; a++) {
		gs_dwarf_frame f[8];
		unsigned n = gs_dwarf_frames(d, a, f, 8);

		CHECK(n >= 1 && n <= 2);
		CHECK_STR(f[n - 1].name, GS_S("outer"));
		CHECK(gs_str_ends(f[0].file, GS_S("test_elf.c")));
		CHECK(f[0].line > 0 && f[0].start_line > 0);
		has_outer = true;
		if (n == 2) {
			has_inner = true;
			CHECK_STR(f[0].name, GS_S("inner"));
			CHECK(f[0].is_inlined && !f[1].is_inlined);
			CHECK(f[1].line > f[0].line);
		}
	}
	CHECK(has_inner && has_outer);
	{
		gs_dwarf_frame f[8];

		CHECK_INT(gs_dwarf_frames(d, 1, f, 8), 0);
	}
	gs_dwarf_close(d);
	gs_arena_free(mem);
}

static void put(unsigned char *p, unsigned size, uint64_t v)
{
	for (unsigned i = 0; i < size; i++)
		p[i] = (unsigned char)(v >> 8 * i);
}

/* One writable segment that holds a build info record, no sections: as little as a stripped program can be. */
static size_t tiny(unsigned char *b, size_t max, const char *version, const char *modules)
{
	size_t n = 128, nv = strlen(version), nm = strlen(modules) + 32;

	memset(b, 0, max);
	memcpy(b, "\177ELF\2\1\1", 7);
	put(b + 16, 2, GS_ELF_EXEC);
	put(b + 18, 2, GS_ELF_X86_64);
	put(b + 32, 8, 64);
	put(b + 54, 2, 56);
	put(b + 56, 2, 1);
	put(b + 64, 4, 1);
	put(b + 68, 4, 6);
	put(b + 80, 8, 0x400000);
	memcpy(b + n, "\xff Go buildinf:\x08\x02", 16);
	n += 32;
	b[n++] = (unsigned char)nv;
	memcpy(b + n, version, nv);
	n += nv;
	b[n++] = (unsigned char)(nm | 0x80);
	b[n++] = (unsigned char)(nm >> 7);
	memset(b + n, 'M', nm);
	memcpy(b + n + 16, modules, strlen(modules));
	n += nm;
	put(b + 96, 8, n);
	put(b + 104, 8, n);
	return n;
}

TEST(buildinfo_inline)
{
	gs_arena *mem = gs_arena_create(1 << 20);
	unsigned char b[2048];
	gs_go_buildinfo info;
	gs_err err;
	size_t n = tiny(b, sizeof(b), "go1.26.8 X:synchashtriemap",
			"path\texample.com/app/cmd\nmod\texample.com/app\tv1.2.3\th1:x=\ndep\texample.com/old\tv1.0.0\th1:y=\n"
			"=>\texample.com/new\tv2.0.0\th1:z=\ndep\texample.com/b\tv0.1.0\n"
			"build\t-trimpath=true\nbuild\tCGO_ENABLED=1\nbuild\t-ldflags=\"-X a=b\"\n");

	CHECK(gs_go_buildinfo_read(mem, (gs_str){ (char *)b, n }, &info, &err));
	CHECK_STR(info.go_version, GS_S("go1.26.8 X:synchashtriemap"));
	CHECK_INT(info.minor, 26);
	CHECK_STR(info.package, GS_S("example.com/app/cmd"));
	CHECK_STR(info.main.path, GS_S("example.com/app"));
	CHECK_STR(info.main.version, GS_S("v1.2.3"));
	CHECK_STR(info.main.sum, GS_S("h1:x="));
	CHECK_INT(info.n_deps, 2);
	CHECK_STR(info.deps[0].new_path, GS_S("example.com/new"));
	CHECK_STR(info.deps[0].new_version, GS_S("v2.0.0"));
	CHECK_STR(info.deps[1].version, GS_S("v0.1.0"));
	CHECK_STR(gs_go_buildinfo_setting(&info, GS_S("-trimpath")), GS_S("true"));
	CHECK_STR(gs_go_buildinfo_setting(&info, GS_S("-ldflags")), GS_S("-X a=b"));
	CHECK_STR(gs_go_buildinfo_setting(&info, GS_S("none")), GS_S(""));
	for (size_t cut = 0; cut < n; cut++) {
		char *copy = malloc(cut + 1);

		memcpy(copy, b, cut);
		if (!gs_go_buildinfo_read(mem, (gs_str){ copy, cut }, &info, &err))
			CHECK(err.text[0] != 0);
		free(copy);
	}
	gs_arena_free(mem);
}

TEST(elf_hostile)
{
	static const char *const bad[] = { "", "\177ELF", "not an ELF file at all, but long enough to hold a header of one....." };

	for (unsigned i = 0; i < 3; i++) {
		gs_arena *mem = gs_arena_create(1 << 20);
		gs_elf e;
		gs_err err;

		CHECK(!gs_elf_open(mem, gs_str_of(bad[i]), &e, &err));
		CHECK_INT(err.code, GS_ERR_FORMAT);
		gs_arena_free(mem);
	}
}
