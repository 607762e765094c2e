#include "load/binary.h"
#include "load/disasm.h"

#include <pthread.h>

#include "base/buf.h"
#include "base/demangle.h"
#include "base/map.h"
#include "format/dwarf/dwarf.h"
#include "base/banned.h"

#define FILE_MAX_BYTES ((uint64_t)64 << 30)
#define BUDGET_BYTES ((uint64_t)8 << 30)
enum { NAME_MAX_BYTES = 1 << 14 };

struct gs_binary {
	gs_arena *mem;
	gs_file file;
	gs_str path;
	gs_elf elf;
	gs_pclntab table;
	gs_go_buildinfo go;
	gs_str build_id;
	bool has_table, has_go, prints_dots;

	/* All below is made on demand, under the lock. */
	pthread_mutex_t lock;
	gs_map printed; /* address of a linker name's bytes -> index + 1 into names; 0: shown as it is */
	GS_VEC(gs_str) names;
	bool has_tried_debug;
	gs_file debug_file; /* where the distribution keeps debug information apart */
	gs_elf debug_elf;
	gs_dwarf *dwarf; /* of the debug file, else of the binary itself */
	gs_elf_symbols symbols;
	bool has_tried_all;
	gs_elf_symbols all; /* data too */
	bool has_functions;
	gs_code_symbol *functions;
	uint32_t n_functions;
};

static gs_binary *make(gs_file file, gs_str path, gs_err *err)
{
	gs_arena *mem = gs_arena_create(BUDGET_BYTES);
	gs_binary *b = gs_new(mem, gs_binary, 1);
	gs_err ignored;

	b->mem = mem;
	b->file = file;
	b->path = gs_str_dup(mem, path);
	pthread_mutex_init(&b->lock, NULL);
	if (!gs_elf_open(mem, file.bytes, &b->elf, err)) {
		gs_err_context(err, "%.*s", GS_FMT(path));
		gs_binary_close(b);
		return NULL;
	}
	b->has_go = gs_elf_go_buildinfo(&b->elf, &b->go, &ignored);
	/* Without any sign of Go, do not search a C library of hundreds of megabytes for a table that is not there. */
	if (b->has_go || gs_elf_go_build_id(&b->elf).n || gs_elf_section_find(&b->elf, GS_S(".gopclntab")))
		b->has_table = gs_pclntab_locate(&b->elf, b->go.minor, &b->table, &ignored);
	/* Until Go 1.20 the linker itself wrote "[...]"; later the runtime does it on the way out. */
	b->prints_dots = b->has_table && b->table.layout == GS_PCLNTAB_GO120 && b->go.minor != 20;
	b->build_id = gs_elf_build_id_hex(&b->elf, mem);
	if (b->build_id.n == 0)
		b->build_id = gs_elf_go_build_id(&b->elf);
	return b;
}

gs_binary *gs_binary_open(const char *path, gs_err *err)
{
	gs_file file;

	if (!gs_file_open(path, FILE_MAX_BYTES, &file, err))
		return NULL;
	return make(file, gs_str_of(path), err);
}

gs_binary *gs_binary_of(gs_str bytes, gs_str path, gs_err *err)
{
	return make((gs_file){ .bytes = bytes }, path, err);
}

void gs_binary_close(gs_binary *b)
{
	if (!b)
		return;
	gs_dwarf_close(b->dwarf);
	gs_file_close(&b->debug_file);
	gs_file_close(&b->file);
	gs_map_release(&b->printed);
	gs_vec_release(&b->names);
	pthread_mutex_destroy(&b->lock);
	gs_arena_free(b->mem); /* the binary itself lives there */
}

gs_str gs_binary_path(const gs_binary *b)
{
	return b->path;
}

const gs_elf *gs_binary_elf(const gs_binary *b)
{
	return &b->elf;
}

const gs_pclntab *gs_binary_pclntab(const gs_binary *b)
{
	return b->has_table ? &b->table : NULL;
}

const gs_go_buildinfo *gs_binary_go(const gs_binary *b)
{
	return b->has_go ? &b->go : NULL;
}

gs_str gs_binary_build_id(const gs_binary *b)
{
	return b->build_id;
}

/* runtime.funcNameForPrint: everything from the first '[' to the last ']' becomes "[...]". */
static gs_str printed_name(gs_binary *b, gs_str name)
{
	size_t open, close;
	uint32_t *slot;
	gs_str out = name;
	bool is_new;

	if (!b->prints_dots || (open = gs_str_find_char(name, '[')) == SIZE_MAX)
		return name;
	close = gs_str_rfind_char(name, ']');
	if (close == SIZE_MAX || close <= open)
		return name;
	pthread_mutex_lock(&b->lock);
	slot = gs_map_put(&b->printed, (uint64_t)(uintptr_t)name.p, &is_new);
	if (slot && is_new) {
		gs_str *n = gs_vec_push(&b->names, UINT32_MAX - 1);

		if (n) {
			*n = gs_strf(b->mem, "%.*s[...]%.*s", GS_FMT(gs_str_slice(name, 0, open)),
				     GS_FMT(gs_str_skip(name, close + 1)));
			*slot = (uint32_t)b->names.n;
		}
	}
	if (slot && *slot)
		out = b->names.p[*slot - 1];
	pthread_mutex_unlock(&b->lock);
	return out;
}

/* What people wrote for a mangled name; `name` itself when it is none. */
static gs_str readable_name(gs_binary *b, gs_str name)
{
	GS_AUTO(buf) text = { 0 };
	uint32_t *slot;
	gs_str out = name;
	bool is_new;

	if (!gs_is_mangled(name))
		return name;
	gs_buf_init(&text, NAME_MAX_BYTES);
	pthread_mutex_lock(&b->lock);
	slot = gs_map_put(&b->printed, (uint64_t)(uintptr_t)name.p, &is_new);
	if (slot && is_new && gs_demangle(&text, name, GS_DEMANGLE_TEMPLATES)) {
		char *kept = gs_try_new(b->mem, char, text.n);
		gs_str *n = kept ? gs_vec_push(&b->names, UINT32_MAX - 1) : NULL;

		if (n) {
			memcpy(kept, text.p, text.n);
			*n = (gs_str){ kept, text.n };
			*slot = (uint32_t)b->names.n;
		}
	}
	if (slot && *slot)
		out = b->names.p[*slot - 1];
	pthread_mutex_unlock(&b->lock);
	return out;
}

gs_str gs_symbol_system_name(const gs_symbol *s)
{
	return gs_is_mangled(s->linker_name) ? s->linker_name : s->function;
}

/* As printed_name, but seldom under the lock. */
static gs_str printed_name_near(gs_binary *b, gs_binary_cursor *at, gs_str name)
{
	unsigned i = (unsigned)((uintptr_t)name.p * 0x9e3779b97f4a7c15u >> 60);

	if (!b->prints_dots)
		return name;
	if (at->names[i].linker != name.p) {
		at->names[i].printed = printed_name(b, name);
		at->names[i].linker = name.p;
	}
	return at->names[i].printed;
}

static bool set_cursor(gs_binary *b, gs_binary_cursor *at, uint32_t index)
{
	at->index = index;
	at->is_set = gs_pclntab_func_get(&b->table, index, &at->place.func);
	if (!at->is_set)
		return false;
	gs_pclntab_place_set(&b->table, &at->place);
	at->printed_name = printed_name_near(b, at, at->place.func.name);
	return true;
}

/* Put the cursor on the function around `addr`. */
static bool go_to(gs_binary *b, gs_binary_cursor *at, uint64_t addr)
{
	const gs_pclntab_func *f = &at->place.func;
	uint32_t index;

	if (at->is_set && addr >= f->entry) {
		if (addr < f->end)
			return f->name.n != 0;
		index = gs_pclntab_find_after(&b->table, at->index, addr);
	} else {
		index = gs_pclntab_find(&b->table, addr);
	}
	at->is_set = false;
	return index != GS_PCLNTAB_NONE && set_cursor(b, at, index) && f->name.n != 0;
}

static unsigned go_frames(gs_binary *b, gs_binary_cursor *at, uint64_t addr, gs_symbol *out, unsigned max)
{
	gs_pclntab_frame frames[GS_SYMBOL_MAX_DEPTH];
	unsigned n;

	if (!go_to(b, at, addr))
		return 0;
	n = gs_pclntab_place_frames(&b->table, &at->place, addr, frames,
				    max < GS_SYMBOL_MAX_DEPTH ? max : GS_SYMBOL_MAX_DEPTH);
	for (unsigned k = 0; k < n; k++) {
		const gs_pclntab_frame *f = &frames[k];

		out[k].function = f->name.p == at->place.func.name.p ? at->printed_name : printed_name_near(b, at, f->name);
		out[k].linker_name = f->name;
		out[k].file = f->file;
		out[k].line = f->line;
		out[k].start_line = f->start_line;
		out[k].is_inlined = f->is_inlined;
		out[k].is_wrapper = f->is_wrapper;
	}
	return n;
}

/* "/proc/PID/root" in front of a path that was opened through it: debug files lie in the same file system. */
static gs_str root_of(gs_str path)
{
	size_t at = gs_str_find(path, GS_S("/root/"));

	if (!gs_str_starts(path, GS_S("/proc/")) || at == SIZE_MAX)
		return (gs_str){ 0 };
	return gs_str_slice(path, 0, at + 5);
}

static gs_str dir_of(gs_str path)
{
	size_t slash = gs_str_rfind_char(path, '/');

	return slash == SIZE_MAX ? GS_S(".") : gs_str_slice(path, 0, slash);
}

static bool try_debug_file(gs_binary *b, gs_str path)
{
	gs_err ignored;
	gs_file file;
	gs_elf elf;
	gs_str mine = gs_elf_gnu_build_id(&b->elf);

	if (gs_str_eq(path, b->path) || !gs_file_open(gs_cstr(b->mem, path), FILE_MAX_BYTES, &file, &ignored))
		return false;
	if (!gs_elf_open(b->mem, file.bytes, &elf, &ignored) ||
	    (mine.n && !gs_str_eq(mine, gs_elf_gnu_build_id(&elf)))) {
		gs_file_close(&file);
		return false;
	}
	b->debug_file = file;
	b->debug_elf = elf;
	return true;
}

/* The places that gdb looks in. */
static void find_debug_file(gs_binary *b)
{
	gs_str root = root_of(b->path), dir = dir_of(b->path), link;
	gs_str id = gs_elf_build_id_hex(&b->elf, b->mem);
	uint32_t crc;

	if (id.n > 2 && try_debug_file(b, gs_strf(b->mem, "%.*s/usr/lib/debug/.build-id/%.2s/%s.debug", GS_FMT(root),
						  id.p, id.p + 2)))
		return;
	link = gs_elf_debuglink(&b->elf, &crc);
	if (link.n == 0 || gs_str_find_char(link, '/') != SIZE_MAX)
		return;
	if (try_debug_file(b, gs_strf(b->mem, "%.*s/%.*s", GS_FMT(dir), GS_FMT(link))) ||
	    try_debug_file(b, gs_strf(b->mem, "%.*s/.debug/%.*s", GS_FMT(dir), GS_FMT(link))))
		return;
	try_debug_file(b, gs_strf(b->mem, "%.*s/usr/lib/debug%.*s/%.*s", GS_FMT(root),
				  GS_FMT(gs_str_skip(dir, root.n)), GS_FMT(link)));
}

/* Under the lock: open what answers for C code. */
static void open_debug(gs_binary *b)
{
	gs_err ignored;

	b->has_tried_debug = true;
	b->dwarf = gs_dwarf_open(&b->elf, &ignored);
	if (!b->dwarf && b->path.n) {
		find_debug_file(b);
		if (b->debug_file.bytes.n)
			b->dwarf = gs_dwarf_open(&b->debug_elf, &ignored);
	}
	if (b->debug_file.bytes.n && gs_elf_symbols_load(&b->debug_elf, b->mem, &b->symbols, &ignored) && b->symbols.n)
		return;
	if (!gs_elf_symbols_load(&b->elf, b->mem, &b->symbols, &ignored))
		b->symbols = (gs_elf_symbols){ 0 };
}

static bool is_code(const gs_elf *e, uint64_t addr)
{
	for (uint32_t i = 0; i < e->n_segments; i++)
		if ((e->segments[i].flags & 1) && addr >= e->segments[i].addr &&
		    addr - e->segments[i].addr < e->segments[i].mem_size)
			return true;
	return e->n_segments == 0;
}

static unsigned c_frames(gs_binary *b, uint64_t addr, gs_symbol *out, unsigned max)
{
	gs_dwarf_frame frames[64];
	const gs_elf_symbol *s;
	unsigned n = 0;

	/* A stray address is no reason to read all debug information. */
	if (!is_code(&b->elf, addr))
		return 0;
	pthread_mutex_lock(&b->lock);
	if (!b->has_tried_debug)
		open_debug(b);
	if (b->dwarf)
		n = gs_dwarf_frames(b->dwarf, addr, frames, max < 64 ? max : 64);
	pthread_mutex_unlock(&b->lock);
	for (unsigned i = 0; i < n; i++)
		out[i] = (gs_symbol){ .function = gs_is_mangled(frames[i].linker_name) ? readable_name(b, frames[i].linker_name) :
											frames[i].name,
				      .linker_name = frames[i].linker_name,
				      .file = frames[i].file,
				      .line = frames[i].line,
				      .start_line = frames[i].start_line,
				      .is_inlined = frames[i].is_inlined };
	if (n && gs_is_mangled(out[n - 1].linker_name))
		return n;
	s = gs_elf_symbol_at(&b->symbols, addr);
	/* Of what is in a namespace without a name debug information does not say where it is; what the linker calls it does. */
	if (n && s && gs_is_mangled(s->name)) {
		out[n - 1].function = readable_name(b, s->name);
		out[n - 1].linker_name = s->name;
	}
	if (n || !s)
		return n;
	*out = (gs_symbol){ .function = readable_name(b, s->name), .linker_name = s->name };
	return 1;
}

unsigned gs_binary_frames_near(gs_binary *b, gs_binary_cursor *at, uint64_t addr, gs_symbol *out, unsigned max)
{
	unsigned n = 0;

	if (max == 0)
		return 0;
	if (b->has_table)
		n = go_frames(b, at, addr, out, max);
	return n ? n : c_frames(b, addr, out, max);
}

void gs_binary_cursor_init(gs_binary_cursor *at)
{
	at->is_set = false; /* the place's function and printed_name are not read then */
	gs_pclntab_place_init(&at->place);
	memset(at->names, 0, sizeof(at->names));
}

unsigned gs_binary_frames(gs_binary *b, uint64_t addr, gs_symbol *out, unsigned max)
{
	gs_binary_cursor at;

	gs_binary_cursor_init(&at);
	return gs_binary_frames_near(b, &at, addr, out, max);
}

static bool function_by_readable_name(gs_binary *b, gs_str name, uint64_t *start, uint64_t *end)
{
	GS_AUTO(buf) text = { 0 };
	uint32_t n;
	const gs_code_symbol *list = gs_binary_functions(b, &n);

	gs_buf_init(&text, NAME_MAX_BYTES);
	for (uint32_t i = 0; i < n; i++)
		if (gs_demangle(&text, list[i].name, GS_DEMANGLE_TEMPLATES) && gs_str_eq(gs_buf_view(&text), name)) {
			*start = list[i].start;
			*end = list[i].end;
			return true;
		}
	return false;
}

bool gs_binary_function(gs_binary *b, gs_str name, uint64_t *start, uint64_t *end)
{
	gs_elf_symbol sym;

	for (uint32_t i = 0; b->has_table && i < b->table.n_funcs; i++) {
		gs_pclntab_func f;

		if (gs_pclntab_func_get(&b->table, i, &f) &&
		    (gs_str_eq(f.name, name) || gs_str_eq(printed_name(b, f.name), name))) {
			*start = f.entry;
			*end = f.end;
			return true;
		}
	}
	if (!gs_elf_symbol_named(&b->elf, name, &sym) || sym.size == 0)
		return function_by_readable_name(b, name, start, end);
	*start = sym.addr;
	*end = sym.addr + sym.size;
	return true;
}

static const gs_elf_symbols *all_symbols(gs_binary *b)
{
	gs_err ignored;

	pthread_mutex_lock(&b->lock);
	if (!b->has_tried_all) {
		b->has_tried_all = true;
		if (!gs_elf_symbols_load_all(&b->elf, b->mem, &b->all, &ignored))
			b->all = (gs_elf_symbols){ 0 };
	}
	pthread_mutex_unlock(&b->lock);
	return &b->all;
}

/* Marks of where code begins and ends name nothing. */
static bool is_mark(gs_str name)
{
	return gs_str_eq(name, GS_S("runtime.text")) || gs_str_eq(name, GS_S("runtime.etext")) ||
	       gs_str_eq(name, GS_S("text")) || gs_str_eq(name, GS_S("etext")) || gs_str_eq(name, GS_S("_text")) ||
	       gs_str_eq(name, GS_S("_etext"));
}

bool gs_binary_symbol_at(gs_binary *b, uint64_t addr, gs_str *name, uint64_t *start)
{
	const gs_elf_symbols *all = all_symbols(b);
	size_t lo = 0, hi = all->n;
	gs_pclntab_func f;
	uint32_t i;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (all->list[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (size_t k = lo, steps = 0; k > 0 && steps < 8; k--, steps++) {
		const gs_elf_symbol *s = &all->list[k - 1];

		if (s->addr && addr - s->addr < s->size && !is_mark(s->name)) {
			*name = s->name;
			*start = s->addr;
			return true;
		}
	}
	if (all->n || !b->has_table)
		return false;
	i = gs_pclntab_find(&b->table, addr);
	if (i == GS_PCLNTAB_NONE || !gs_pclntab_func_get(&b->table, i, &f) || f.name.n == 0)
		return false;
	*name = f.name;
	*start = f.entry;
	return true;
}

/* pclntab's functions reach to the next one: take the filler off (int3 on x86, zeros or traps elsewhere stay). */
static uint64_t without_filler(gs_binary *b, uint64_t start, uint64_t end)
{
	gs_str code = gs_elf_at(&b->elf, start);

	if (code.n < end - start || (b->elf.machine != GS_ELF_X86_64 && b->elf.machine != GS_ELF_386))
		return end;
	while (end > start + 1 && (unsigned char)code.p[end - start - 1] == 0xcc)
		end--;
	return end;
}

const gs_code_symbol *gs_binary_functions(gs_binary *b, uint32_t *n)
{
	gs_elf_symbols code;
	gs_err ignored;

	pthread_mutex_lock(&b->lock);
	if (!b->has_functions) {
		uint32_t k = 0;

		b->has_functions = true;
		if (!gs_elf_symbols_load(&b->elf, b->mem, &code, &ignored))
			code.n = 0;
		b->functions = gs_try_new(b->mem, gs_code_symbol, code.n + (b->has_table ? b->table.n_funcs : 0));
		for (size_t i = 0; b->functions && i < code.n; i++)
			if (code.list[i].size && !is_mark(code.list[i].name))
				b->functions[k++] = (gs_code_symbol){ code.list[i].name, code.list[i].addr,
								      code.list[i].addr + code.list[i].size };
		/* Stripped: dynamic symbols alone would hide the Go functions. */
		if (b->functions && b->has_table && !gs_elf_section_find(&b->elf, GS_S(".symtab"))) {
			k = 0;
			for (uint32_t i = 0; i < b->table.n_funcs; i++) {
				gs_pclntab_func f;

				if (gs_pclntab_func_get(&b->table, i, &f) && f.name.n && f.end > f.entry)
					b->functions[k++] = (gs_code_symbol){ f.name, f.entry,
									      without_filler(b, f.entry, f.end) };
			}
		}
		b->n_functions = k;
	}
	pthread_mutex_unlock(&b->lock);
	*n = b->n_functions;
	return b->functions;
}
