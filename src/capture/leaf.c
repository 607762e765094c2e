#include "capture/leaf.h"

#include <sys/stat.h>

#include "base/file.h"
#include "format/elf/buildinfo.h"
#include "format/pclntab/pclntab.h"
#include "base/banned.h"

enum { MAX_MAPS = 65536, MAX_PROGRAMS = 1024 };

typedef struct program {
	gs_arena *mem;
	dev_t dev;
	ino_t ino;
	gs_elf elf;
	gs_pclntab table;
	bool is_go;
} program;

typedef struct code_map {
	uint32_t pid;
	uint64_t start, limit, offset;
	program *program;
} code_map;

struct gs_leaf {
	GS_VEC(code_map) maps;
	GS_VEC(program *) programs;
	const code_map *last;
};

gs_leaf *gs_leaf_create(void)
{
	return calloc(1, sizeof(gs_leaf));
}

void gs_leaf_free(gs_leaf *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->programs.n; i++) {
		gs_arena_free(l->programs.p[i]->mem);
		free(l->programs.p[i]);
	}
	gs_vec_release(&l->programs);
	gs_vec_release(&l->maps);
	free(l);
}

static void open_program(program *p, const char *file)
{
	gs_file f;
	gs_go_buildinfo info;
	unsigned minor = 0;

	p->mem = gs_arena_create(1ull << 30);
	if (!gs_file_open(file, 1ull << 40, &f, NULL))
		return;
	if (!gs_elf_open(p->mem, gs_file_keep(&f, p->mem), &p->elf, NULL) || !p->elf.is_64 || p->elf.is_big)
		return;
	if (gs_elf_go_buildinfo(&p->elf, &info, NULL))
		minor = info.minor;
	p->is_go = gs_pclntab_locate(&p->elf, minor, &p->table, NULL);
}

static program *program_of(gs_leaf *l, const char *file)
{
	struct stat st;
	program *p, **slot;

	if (stat(file, &st) || !S_ISREG(st.st_mode))
		return NULL;
	for (size_t i = 0; i < l->programs.n; i++)
		if (l->programs.p[i]->dev == st.st_dev && l->programs.p[i]->ino == st.st_ino)
			return l->programs.p[i];
	p = calloc(1, sizeof(*p));
	slot = p ? gs_vec_push(&l->programs, MAX_PROGRAMS) : NULL;
	if (!slot) {
		free(p);
		return NULL;
	}
	*slot = p;
	p->dev = st.st_dev;
	p->ino = st.st_ino;
	open_program(p, file);
	return p;
}

void gs_leaf_map(gs_leaf *l, uint32_t pid, uint64_t start, uint64_t limit, uint64_t offset, const char *file)
{
	program *p = program_of(l, file);
	code_map *m = NULL;

	/* An address space that begins anew (exec) maps over the old. */
	for (size_t i = 0; i < l->maps.n && !m; i++)
		if (l->maps.p[i].pid == pid && l->maps.p[i].start < limit && start < l->maps.p[i].limit)
			m = &l->maps.p[i];
	if (!m && p && p->is_go)
		m = gs_vec_push(&l->maps, MAX_MAPS);
	if (m)
		*m = (code_map){ pid, start, limit, offset, p && p->is_go ? p : NULL };
	l->last = NULL;
}

static const code_map *map_at(gs_leaf *l, uint32_t pid, uint64_t ip)
{
	if (l->last && l->last->pid == pid && ip >= l->last->start && ip < l->last->limit)
		return l->last;
	for (size_t i = 0; i < l->maps.n; i++) {
		const code_map *m = &l->maps.p[i];

		if (m->pid == pid && ip >= m->start && ip < m->limit) {
			l->last = m;
			return m;
		}
	}
	return NULL;
}

static bool file_address(const code_map *m, uint64_t ip, uint64_t *addr)
{
	return ip >= m->start && ip < m->limit && gs_elf_addr_of_offset(&m->program->elf, ip - m->start + m->offset, addr);
}

/* Does a call instruction end at `addr`? Guards against a stack word that is something else. */
static bool is_after_call(const program *p, uint64_t addr)
{
	gs_str code = addr > 8 ? gs_elf_at(&p->elf, addr - 7) : (gs_str){ 0 };
	const unsigned char *c = (const unsigned char *)code.p;
	uint32_t word;

	if (code.n < 7 || gs_pclntab_find(&p->table, addr - 1) == GS_PCLNTAB_NONE)
		return false;
	if (p->elf.machine == GS_ELF_AARCH64) {
		memcpy(&word, c + 3, 4);
		return word >> 26 == 0x25 || (word & 0xfffffc1f) == 0xd63f0000; /* BL, BLR */
	}
	/* CALL rel32; CALL r/m64 in 2, 3 (with REX or a byte's displacement), 4, 6 and 7 bytes */
	return c[2] == 0xe8 || (c[5] == 0xff && (c[6] & 0x38) == 0x10) || (c[4] == 0xff && (c[5] & 0x38) == 0x10) ||
	       (c[3] == 0xff && (c[4] & 0x38) == 0x10) || (c[1] == 0xff && (c[2] & 0x38) == 0x10) ||
	       (c[0] == 0xff && (c[1] & 0x38) == 0x10);
}

uint64_t gs_leaf_caller(gs_leaf *l, uint32_t pid, const gs_perf_user_top *top)
{
	const code_map *m = map_at(l, pid, top->ip);
	gs_pclntab_func fn;
	uint64_t pc, back = 0, addr;
	uint32_t i;
	int32_t depth;

	if (!m || !m->program || !file_address(m, top->ip, &pc))
		return 0;
	i = gs_pclntab_find(&m->program->table, pc);
	if (i == GS_PCLNTAB_NONE || !gs_pclntab_func_get(&m->program->table, i, &fn))
		return 0;
	depth = gs_pclntab_value(&m->program->table, fn.pcsp, fn.entry, pc, NULL);
	if (depth < 0 || depth % 8)
		return 0;
	if (m->program->elf.machine == GS_ELF_X86_64) {
		if ((unsigned)depth / 8 < top->n_stack)
			back = top->stack[depth / 8];
	} else if (m->program->elf.machine == GS_ELF_AARCH64) {
		back = depth == 0 ? top->lr : top->n_stack ? top->stack[0] : 0;
	}
	if (!back || !file_address(m, back, &addr) || !is_after_call(m->program, addr))
		return 0;
	return back;
}
