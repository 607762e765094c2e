#include "load/symbolize.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/demangle.h"
#include "tap.h"

#include "base/banned.h"

/* A stripped Go program of two functions: see tests/unit/pclntab_build.h. Mapped from file offset 0 at 0x500000. */
#define PROGRAM "../fuzz/corpus/elf/go-stripped"
enum { START = 0x500000, TABLE_OFFSET = 0x200, TABLE_ADDR = 0x8000 };

static gs_profile *profile(gs_arena *mem, const char *file, const char *build_id, const uint64_t *addresses, unsigned n)
{
	gs_err err;
	gs_profile_builder *b = gs_profile_builder_create(mem, &err);
	gs_profile *p = gs_profile_builder_profile(b);
	uint32_t map, named, frame_fn;
	gs_frame line = { .line = 7 };
	int64_t value = 3;
	uint32_t node = GS_ROOT_NODE;

	p->n_types = 1;
	p->types[0] = (gs_value_type){ gs_profile_builder_str(b, GS_S("samples")), gs_profile_builder_str(b, GS_S("count")) };
	map = gs_profile_builder_mapping(b, (gs_mapping){ .file = gs_profile_builder_str(b, gs_str_of(file)),
							  .build_id = gs_profile_builder_str(b, gs_str_of(build_id)) });
	frame_fn = gs_profile_builder_function(b, (gs_function){ .name = gs_profile_builder_str(b, GS_S("known")) });
	line.function = frame_fn;
	named = gs_profile_builder_location(b, 1, map, false, &line, 1);
	node = gs_profile_builder_push(b, node, named);
	for (unsigned i = 0; i < n; i++)
		node = gs_profile_builder_push(b, node, gs_profile_builder_location(b, addresses[i], map, false, NULL, 0));
	gs_profile_builder_sample(b, &(gs_sample){ .node = node, .values = &value });
	gs_profile_builder_comment(b, GS_S("kept"));
	return gs_profile_builder_finish(b, &err);
}

static gs_str name_at(const gs_profile *p, uint32_t node)
{
	return gs_profile_str(p, p->functions[p->frames[p->nodes[node].frame].function].name);
}

/* As C++ compilers name a function in a namespace without a name: debug information has "hidden" alone, the symbol has all of it. */
static int hidden(int n) __asm__("_ZN12_GLOBAL__N_16hiddenEi");
static int __attribute__((noinline)) hidden(int n)
{
	return n * 3 + getpid();
}

TEST(a_function_of_a_nameless_namespace_keeps_it)
{
	gs_err err = { 0 };
	gs_binary *b = gs_binary_open("/proc/self/exe", &err);
	gs_symbol frames[8];
	int (*volatile at)(int) = hidden;
	uint64_t start, end;

	CHECK(b && at(1) != 0);
	if (!b)
		return;
	/* Where it lies in the file: its symbol says. */
	CHECK(gs_binary_function(b, GS_S("_ZN12_GLOBAL__N_16hiddenEi"), &start, &end) || !gs_has_demangler());
	if (gs_has_demangler()) {
		CHECK_INT(gs_binary_frames(b, start, frames, 8), 1);
		CHECK_STR(frames[0].function, GS_S("(anonymous namespace)::hidden"));
		CHECK_STR(gs_symbol_system_name(&frames[0]), GS_S("_ZN12_GLOBAL__N_16hiddenEi"));
	}
	gs_binary_close(b);
}

TEST(symbolize_profile)
{
	/* Without mapping addresses these are the file's own: it is a fixed program. The first has an inlined call. */
	static const uint64_t addresses[] = { 0x1022, 0x100c };
	gs_arena *mem = gs_arena_create(1 << 24);
	gs_symbolizer *s = gs_symbolizer_create(NULL);
	const char *path = tap_data(PROGRAM);
	gs_profile *in = profile(mem, path, "", addresses, 2);
	gs_symbolized report;
	gs_err err;
	const gs_profile *out = gs_profile_symbolize(mem, in, s, &report, &err);
	uint32_t node;

	CHECK(out && out != in);
	CHECK_INT(report.wanted, 2);
	CHECK_INT(report.resolved, 2);
	CHECK_INT(report.notes.n, 0);
	CHECK_INT(out->n_samples, 1);
	CHECK_INT(out->values[0][0], 3);
	CHECK_INT(out->n_comments, 1);
	node = out->sample_node[0];
	CHECK_STR(name_at(out, node), GS_S("main.inner"));
	CHECK(out->frames[out->nodes[node].frame].flags & GS_FRAME_INLINED);
	CHECK_INT(out->frames[out->nodes[node].frame].line, 55);
	node = out->nodes[node].parent;
	CHECK_STR(name_at(out, node), GS_S("main.outer"));
	node = out->nodes[node].parent;
	CHECK_STR(name_at(out, node), GS_S("main.Map[...].func1"));
	node = out->nodes[node].parent;
	CHECK_STR(name_at(out, node), GS_S("known"));
	CHECK_INT(out->nodes[node].parent, GS_ROOT_NODE);
	gs_buf_release(&report.notes);
	gs_symbolizer_free(s);
	gs_arena_free(mem);
}

TEST(symbolize_says_what_is_missing)
{
	static const uint64_t addresses[] = { 0x100c };
	gs_arena *mem = gs_arena_create(1 << 24);
	gs_symbolizer *s = gs_symbolizer_create(NULL);
	gs_profile *in = profile(mem, "/no/such/program", "", addresses, 1);
	gs_symbolized report;
	gs_err err;

	CHECK(gs_profile_symbolize(mem, in, s, &report, &err) != NULL);
	CHECK_INT(report.wanted, 1);
	CHECK_INT(report.resolved, 0);
	CHECK(gs_str_has(gs_buf_view(&report.notes), GS_S("/no/such/program")));
	gs_buf_release(&report.notes);
	/* Nothing to do: the very same profile. */
	in = profile(mem, "/no/such/program", "", addresses, 0);
	CHECK(gs_profile_symbolize(mem, in, s, &report, &err) == in);
	gs_buf_release(&report.notes);
	gs_symbolizer_free(s);
	gs_arena_free(mem);
}

TEST(symbolize_mapped_addresses)
{
	gs_arena *mem = gs_arena_create(1 << 24);
	gs_symbolizer *s = gs_symbolizer_create(NULL);
	gs_symbol_map map = { .file = gs_str_dup(mem, gs_str_of(tap_data(PROGRAM))), .start = START, .limit = START + 0x10000 };
	gs_err err;
	gs_binary *b = gs_symbolizer_binary(s, &map, &err);
	uint64_t addr;

	CHECK(b != NULL);
	CHECK(b == gs_symbolizer_binary(s, &map, &err));
	CHECK(gs_binary_addr_of(b, &map, START + TABLE_OFFSET + 5, &addr));
	CHECK_INT(addr, TABLE_ADDR + 5);
	map.build_id = GS_S("0123456789abcdef");
	CHECK(gs_symbolizer_binary(s, &map, &err) != NULL); /* the file has no id: nothing speaks against it */
	map.file = gs_str_dup(mem, gs_str_of(tap_data("../fuzz/corpus/dwarf/dwarf5")));
	CHECK(gs_symbolizer_binary(s, &map, &err) == NULL);
	CHECK(strstr(err.text, "another build") != NULL);
	gs_symbolizer_free(s);
	gs_arena_free(mem);
}

/* perf's cache answers for the kernel proper when it is the same build at the same address. */
TEST(symbolize_core)
{
	static const char *const made[] = { "", "/.debug", "/.debug/.build-id", "/.debug/.build-id/ab", "/.debug/.build-id/ab/cdef01" };
	gs_arena *mem = gs_arena_create(1 << 24);
	gs_str home = gs_strf(mem, "/tmp/gs-core-%d", (int)getpid()), was = gs_str_dup(mem, gs_str_of(getenv("HOME")));
	char *path = gs_cstr(mem, gs_strf(mem, "%s/.debug/.build-id/ab/cdef01/kallsyms", home.p));
	char *live = gs_cstr(mem, gs_str_of(tap_data("../fuzz/corpus/kallsyms/small")));
	gs_symbolizer_options o = { .kallsyms = live,
				    .core = { GS_S("abcdef01"), 0xffffffff81000000u, 0xffffffff81000180u, 0xffffffff81000000u, GS_S("_text") } };
	gs_symbol_map map = { .file = GS_S("[kernel.kallsyms]") };
	gs_symbol out[4];
	gs_symbolizer *s;
	gs_err err;

	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		CHECK(mkdir(gs_strf(mem, "%s%s", home.p, made[i]).p, 0700) == 0);
	CHECK(gs_file_write(path, GS_S("ffffffff81000000 T startup_64\nffffffff81000000 T _text\nffffffff81000100 t kept\n"), &err));
	setenv("HOME", home.p, 1);
	s = gs_symbolizer_create(&o);
	gs_symbolizer_read_kernel_ahead(s, 0xffffffff81000104u);
	CHECK(gs_symbolizer_has_core(s, 0xffffffff81000104u));
	CHECK_INT(gs_symbolizer_frames(s, &map, 0xffffffff81000104u, out, 4), 1);
	CHECK_STR(out[0].function, GS_S("kept"));
	/* Behind it: modules, which may lie elsewhere. */
	gs_symbolizer_read_kernel_ahead(s, 0xffffffff81000204u);
	CHECK(!gs_symbolizer_has_core(s, 0xffffffff81000204u));
	CHECK_INT(gs_symbolizer_frames(s, &map, 0xffffffff81000204u, out, 4), 1);
	CHECK_STR(out[0].function, GS_S("do_sys_open"));
	CHECK_STR(gs_symbolizer_kernel_function(s, 0xffffffff81000104u), GS_S("do_sys_open"));
	gs_symbolizer_free(s);

	o.core.mark = 0xffffffff81000010u; /* the recorded kernel lay elsewhere */
	s = gs_symbolizer_create(&o);
	CHECK(!gs_symbolizer_has_core(s, 0xffffffff81000104u));
	CHECK_INT(gs_symbolizer_frames(s, &map, 0xffffffff81000104u, out, 4), 1);
	CHECK_STR(out[0].function, GS_S("do_sys_open"));
	gs_symbolizer_free(s);

	o.core.build_id = GS_S("ab/../cdef01");
	s = gs_symbolizer_create(&o);
	CHECK(!gs_symbolizer_has_core(s, 0xffffffff81000104u));
	gs_symbolizer_free(s);
	setenv("HOME", gs_cstr(mem, was), 1);
	unlink(path);
	for (size_t i = sizeof(made) / sizeof(made[0]); i-- > 0;)
		CHECK(rmdir(gs_strf(mem, "%s%s", home.p, made[i]).p) == 0);
	gs_arena_free(mem);
}

TEST(symbolize_kernel)
{
	gs_arena *mem = gs_arena_create(1 << 24);
	char *path = gs_cstr(mem, gs_str_of(tap_data("../fuzz/corpus/kallsyms/small")));
	char *hidden = gs_cstr(mem, gs_str_of(tap_data("../fuzz/corpus/kallsyms/hidden")));
	gs_symbolizer *s = gs_symbolizer_create(&(gs_symbolizer_options){ .kallsyms = path });
	gs_symbol_map map = { .file = GS_S("[kernel.kallsyms]") };
	static const uint64_t addresses[] = { 0xffffffff81000104u };
	gs_symbol out[4];
	gs_symbolized report;
	gs_profile *in;
	gs_err err;

	CHECK_INT(gs_symbolizer_frames(s, &map, 0xffffffff81000104u, out, 4), 1);
	CHECK_STR(out[0].function, GS_S("do_sys_open"));
	CHECK_INT(gs_symbolizer_frames(s, &map, 0xffffffff80000000u, out, 4), 0);
	gs_symbolizer_free(s);
	s = gs_symbolizer_create(&(gs_symbolizer_options){ .kallsyms = hidden });
	CHECK_INT(gs_symbolizer_frames(s, &map, 0xffffffff81000104u, out, 4), 0);
	in = profile(mem, "[kernel.kallsyms]", "", addresses, 1);
	CHECK(gs_profile_symbolize(mem, in, s, &report, &err) != NULL);
	CHECK(gs_str_has(gs_buf_view(&report.notes), GS_S("kptr_restrict")));
	gs_buf_release(&report.notes);
	gs_symbolizer_free(s);
	gs_arena_free(mem);
}
