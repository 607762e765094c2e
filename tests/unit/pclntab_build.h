/*
 * Small function tables for tests, of each layout: two functions.
 *   0x1000..0x1020 main.outer (a.go, starts at line 5); at 0x100a..0x1013 main.inner (b.go, starts at line 50) is inlined
 *   0x1020..0x1030 main.Map[go.shape.int].func1 (a.go), no inlined calls
 */
#ifndef GS_TESTS_PCLNTAB_BUILD_H
#define GS_TESTS_PCLNTAB_BUILD_H

#include "format/pclntab/pclntab.h"

typedef struct build {
	unsigned char b[2048];
	size_t n;
	bool is_big;
	unsigned w; /* pointer size */
} build;

enum { BUILD_TEXT = 0x1000, BUILD_ADDR = 0x8000, BUILD_INLINE = 0x4000, BUILD_PARENT = 8 };

static inline void build_put(build *t, size_t at, unsigned size, uint64_t v)
{
	for (unsigned i = 0; i < size; i++)
		t->b[at + (t->is_big ? size - 1 - i : i)] = (unsigned char)(v >> 8 * i);
	if (t->n < at + size)
		t->n = at + size;
}

static inline size_t build_add(build *t, unsigned size, uint64_t v)
{
	size_t at = t->n;

	build_put(t, at, size, v);
	return at;
}

static inline size_t build_str(build *t, const char *z)
{
	size_t at = t->n;

	memcpy(t->b + at, z, strlen(z) + 1);
	t->n += strlen(z) + 1;
	return at;
}

static inline void build_align(build *t, size_t n)
{
	while (t->n % n)
		t->b[t->n++] = 0;
}

/* {value, end} pairs as a pc-value table; ends with end 0. */
static inline size_t build_values(build *t, const int (*pairs)[2])
{
	size_t at = t->n;
	int value = -1, pc = 0;

	for (; (*pairs)[1]; pairs++) {
		int delta = (*pairs)[0] - value, step = (*pairs)[1] - pc;
		unsigned z = delta < 0 ? ~((unsigned)delta << 1) : (unsigned)delta << 1;

		while (z >= 0x80) {
			t->b[t->n++] = (unsigned char)(z | 0x80);
			z >>= 7;
		}
		t->b[t->n++] = (unsigned char)z;
		t->b[t->n++] = (unsigned char)step;
		value = (*pairs)[0];
		pc = (*pairs)[1];
	}
	t->b[t->n++] = 0;
	return at;
}

/* Number of the pcdata table and of the function data that lead to inlined calls. */
static inline void build_numbers(gs_pclntab_layout layout, unsigned minor, unsigned *pcdata, unsigned *funcdata)
{
	*pcdata = layout == GS_PCLNTAB_GO12 && minor < 13 ? 1 : 2;
	*funcdata = layout != GS_PCLNTAB_GO12 ? 3 : minor < 13 ? 2 : 4;
}

static inline void build_func(build *t, gs_pclntab_layout layout, unsigned minor, uint64_t entry, size_t name, size_t file,
			      size_t line, size_t inl, unsigned start_line, bool has_tree)
{
	unsigned pcdata, funcdata, wf = layout >= GS_PCLNTAB_GO118 ? 4 : t->w;

	build_numbers(layout, minor, &pcdata, &funcdata);
	build_add(t, wf, entry);
	build_add(t, 4, name);
	build_add(t, 4, 0); /* args */
	build_add(t, 4, 0); /* deferreturn */
	build_add(t, 4, 0); /* pcsp */
	build_add(t, 4, file);
	build_add(t, 4, line);
	build_add(t, 4, pcdata + 1);
	if (layout >= GS_PCLNTAB_GO116)
		build_add(t, 4, 0); /* cu */
	if (layout >= GS_PCLNTAB_GO120)
		build_add(t, 4, start_line);
	if (layout == GS_PCLNTAB_GO12 && minor < 12) {
		build_add(t, 4, funcdata + 1);
	} else {
		build_add(t, 1, 0); /* id */
		build_add(t, 2, 0);
		build_add(t, 1, funcdata + 1);
	}
	for (unsigned i = 0; i < pcdata; i++)
		build_add(t, 4, 0);
	build_add(t, 4, inl);
	if (layout >= GS_PCLNTAB_GO118) {
		for (unsigned i = 0; i < funcdata; i++)
			build_add(t, 4, UINT32_MAX);
		build_add(t, 4, has_tree ? 0 : UINT32_MAX);
	} else {
		build_align(t, t->w);
		for (unsigned i = 0; i < funcdata; i++)
			build_add(t, t->w, 0);
		build_add(t, t->w, has_tree ? BUILD_INLINE : 0);
	}
}

/* *inner: offset of the inlined function's name, for build_tree. */
static inline build build_table(gs_pclntab_layout layout, unsigned minor, bool is_big, unsigned w, size_t *inner)
{
	static const unsigned char magics[] = { 0xfb, 0xfa, 0xf0, 0xf1 };
	static const int lines0[][2] = { { 6, 10 }, { 55, 20 }, { 7, 32 }, { 0, 0 } };
	static const int lines1[][2] = { { 300, 16 }, { 0, 0 } };
	static const int files0[][2] = { { 0, 10 }, { 1, 20 }, { 0, 32 }, { 0, 0 } };
	static const int files1[][2] = { { 0, 16 }, { 0, 0 } };
	static const int inl0[][2] = { { -1, 10 }, { 0, 20 }, { -1, 32 }, { 0, 0 } };
	static const int files0_old[][2] = { { 1, 10 }, { 2, 20 }, { 1, 32 }, { 0, 0 } };
	static const int files1_old[][2] = { { 1, 16 }, { 0, 0 } };
	build t = { .is_big = is_big, .w = w };
	bool is_old = layout == GS_PCLNTAB_GO12;
	unsigned wf = layout >= GS_PCLNTAB_GO118 ? 4 : w, words = layout >= GS_PCLNTAB_GO118 ? 8 : 7, at;
	uint64_t base = layout >= GS_PCLNTAB_GO118 ? BUILD_TEXT : 0;
	size_t names[2], tables[5], ftab, origin, funcs[2], off[5] = { 0 }, fileoff, file_names[2];

	build_add(&t, 4, 0xffffff00u | magics[layout]);
	build_add(&t, 2, 0);
	build_add(&t, 1, 1);
	build_add(&t, 1, w);
	build_add(&t, w, 2);
	if (is_old) {
		ftab = t.n;
		for (unsigned i = 0; i < 5; i++)
			build_add(&t, w, 0);
		fileoff = build_add(&t, 4, 0);
		origin = 0;
	} else {
		at = layout >= GS_PCLNTAB_GO118 ? 3 : 2;
		build_add(&t, w, 2);
		if (at == 3)
			build_add(&t, w, BUILD_TEXT);
		for (unsigned i = 0; i < 5; i++)
			build_add(&t, w, 0);
		(void)words;
		ftab = fileoff = origin = 0;
		off[0] = t.n;
	}
	build_str(&t, "");
	names[0] = build_str(&t, "main.outer") - off[0];
	*inner = build_str(&t, "main.inner") - off[0];
	names[1] = build_str(&t, "main.Map[go.shape.int].func1") - off[0];
	build_align(&t, 8);
	if (is_old) {
		size_t table;

		file_names[0] = build_str(&t, "/src/a.go");
		file_names[1] = build_str(&t, "/src/b.go");
		build_align(&t, 8);
		table = build_add(&t, 4, 3);
		build_add(&t, 4, file_names[0]);
		build_add(&t, 4, file_names[1]);
		build_put(&t, fileoff, 4, table);
	} else {
		off[1] = build_add(&t, 4, 0);
		build_add(&t, 4, 10);
		off[2] = build_str(&t, "/src/a.go");
		build_str(&t, "/src/b.go");
	}
	off[3] = is_old ? 0 : t.n;
	build_str(&t, "");
	tables[0] = build_values(&t, is_old ? files0_old : files0) - off[3];
	tables[1] = build_values(&t, lines0) - off[3];
	tables[2] = build_values(&t, inl0) - off[3];
	tables[3] = build_values(&t, is_old ? files1_old : files1) - off[3];
	tables[4] = build_values(&t, lines1) - off[3];
	build_align(&t, 8);
	if (!is_old) {
		off[4] = origin = ftab = t.n;
		for (unsigned i = 0; i < 5; i++)
			build_add(&t, wf, 0);
		build_align(&t, 8);
	}
	funcs[0] = t.n - origin;
	build_func(&t, layout, minor, BUILD_TEXT - base, names[0], tables[0], tables[1], tables[2], 5, true);
	build_align(&t, 8);
	funcs[1] = t.n - origin;
	build_func(&t, layout, minor, BUILD_TEXT + 0x20 - base, names[1], tables[3], tables[4], 0, 60, false);
	for (unsigned i = 0; i < 2; i++) {
		build_put(&t, ftab + 2 * i * wf, wf, BUILD_TEXT + 0x20 * i - base);
		build_put(&t, ftab + (2 * i + 1) * wf, wf, funcs[i]);
	}
	build_put(&t, ftab + 4 * wf, wf, BUILD_TEXT + 0x30 - base);
	for (unsigned i = 0; i < 5 && !is_old; i++)
		build_put(&t, 8 + (size_t)(layout >= GS_PCLNTAB_GO118 ? 3 + i : 2 + i) * w, w, off[i]);
	return t;
}

/* The inline tree of main.outer. */
static inline build build_tree(gs_pclntab_layout layout, unsigned minor, bool is_big, size_t inner)
{
	build t = { .is_big = is_big };

	if (layout == GS_PCLNTAB_GO120) {
		build_add(&t, 4, 0);
		build_add(&t, 4, inner);
		build_add(&t, 4, BUILD_PARENT);
		build_add(&t, 4, 50);
		return t;
	}
	if (layout == GS_PCLNTAB_GO12 && minor < 12) {
		build_add(&t, 4, UINT32_MAX); /* no parent */
		build_add(&t, 4, 1);
		build_add(&t, 4, 6);
		build_add(&t, 4, inner);
		return t;
	}
	build_add(&t, 2, 0xffff);
	build_add(&t, 2, 0);
	build_add(&t, 4, 1);
	build_add(&t, 4, 6);
	build_add(&t, 4, inner);
	build_add(&t, 4, BUILD_PARENT);
	return t;
}

#endif
