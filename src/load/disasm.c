#include "load/disasm.h"

#include <ctype.h>

#include "load/disasm_go.h"
#include "base/library.h"
#include "base/banned.h"

enum {
	MAX_CODE_BYTES = 16 << 20,
	MAX_TEXT_BYTES = 64 << 20,
};

static bool open_decoder(const gs_elf *e, gs_asm_syntax syntax, csh *cs, unsigned *step, gs_err *err)
{
	cs_arch arch;
	unsigned mode = 0, big = e->is_big ? (unsigned)CS_MODE_BIG_ENDIAN : 0;

	*step = 1;
	switch (e->machine) {
	case GS_ELF_X86_64:
		arch = CS_ARCH_X86;
		mode = CS_MODE_64;
		break;
	case GS_ELF_386:
		arch = CS_ARCH_X86;
		mode = CS_MODE_32;
		break;
	case GS_ELF_AARCH64:
		arch = CS_ARCH_ARM64;
		*step = 4;
		break;
	case GS_ELF_ARM:
		arch = CS_ARCH_ARM;
		*step = 4;
		break;
	case GS_ELF_PPC64:
		arch = CS_ARCH_PPC;
		mode = (unsigned)CS_MODE_64 | big;
		*step = 4;
		break;
	case GS_ELF_S390:
		arch = CS_ARCH_SYSZ;
		mode = big;
		*step = 2;
		break;
	case GS_ELF_MIPS:
		arch = CS_ARCH_MIPS;
		mode = (e->is_64 ? (unsigned)CS_MODE_MIPS64 : (unsigned)CS_MODE_MIPS32) | big;
		*step = 4;
		break;
	default:
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "no disassembler for this processor (ELF machine %u)",
			       e->machine);
	}
	if (!gs_library_load(GS_LIBRARY_CAPSTONE, err))
		return false;
	if (cs_open(arch, (cs_mode)mode, cs) != CS_ERR_OK)
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "this build's capstone has no ELF machine %u",
			       e->machine);
	cs_option(*cs, CS_OPT_DETAIL, CS_OPT_ON);
	if (arch == CS_ARCH_X86 && syntax == GS_ASM_ATT)
		cs_option(*cs, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
	return true;
}

static void plain_text(gs_buf *out, const cs_insn *insn, bool is_upper)
{
	for (const char *p = insn->mnemonic; *p; p++)
		gs_buf_c(out, is_upper ? (char)toupper((unsigned char)*p) : *p);
	if (insn->op_str[0]) {
		gs_buf_c(out, ' ');
		gs_buf_z(out, insn->op_str);
	}
}

static void put_text(gs_buf *out, csh cs, const cs_insn *insn, gs_binary *b, gs_asm_syntax syntax)
{
	uint16_t machine = gs_binary_elf(b)->machine;

	if (syntax == GS_ASM_GO && (machine == GS_ELF_X86_64 || machine == GS_ELF_386))
		gs_disasm_go_x86(out, cs, insn, b);
	else if (syntax == GS_ASM_GO && machine == GS_ELF_AARCH64)
		gs_disasm_go_arm64(out, cs, insn, b);
	else
		plain_text(out, insn, syntax == GS_ASM_GO);
}

bool gs_disasm(gs_arena *mem, gs_binary *b, uint64_t start, uint64_t end, gs_asm_syntax syntax,
	       const gs_instruction **list, uint32_t *n, gs_err *err)
{
	gs_str code = gs_elf_at(gs_binary_elf(b), start);
	const uint8_t *p;
	size_t left;
	uint64_t addr = start;
	unsigned step;
	csh cs;
	cs_insn *insn;
	GS_AUTO(buf) text = { 0 };
	GS_VEC(gs_instruction) all = { 0 };
	gs_instruction *copy;

	*n = 0;
	if (end <= start || code.n == 0)
		return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "%.*s has no code at 0x%llx",
			       GS_FMT(gs_binary_path(b)), (unsigned long long)start);
	if (end - start > MAX_CODE_BYTES)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "0x%llx bytes of code are too many to show",
			       (unsigned long long)(end - start));
	code = gs_str_slice(code, 0, (size_t)(end - start));
	if (!open_decoder(gs_binary_elf(b), syntax, &cs, &step, err))
		return false;
	gs_buf_init(&text, MAX_TEXT_BYTES);
	insn = cs_malloc(cs);
	p = (const uint8_t *)code.p;
	left = code.n;
	while (left) {
		gs_instruction *i = gs_vec_push(&all, MAX_CODE_BYTES);
		gs_symbol frames[GS_SYMBOL_MAX_DEPTH];
		size_t text_at = text.n;

		if (!i)
			break;
		i->addr = addr;
		if (cs_disasm_iter(cs, &p, &left, &addr, insn)) {
			i->size = insn->size;
			put_text(&text, cs, insn, b, syntax);
		} else {
			i->size = (uint32_t)(left < step ? left : step);
			gs_buf_z(&text, "?");
			p += i->size;
			left -= i->size;
			addr += i->size;
		}
		i->text.n = text.n - text_at;
		i->n_frames = gs_binary_frames(b, i->addr, frames, GS_SYMBOL_MAX_DEPTH);
		if (i->n_frames) {
			gs_symbol *keep = gs_try_new(mem, gs_symbol, i->n_frames);

			if (!keep) {
				i->n_frames = 0;
				text.bad = true;
				break;
			}
			memcpy(keep, frames, i->n_frames * sizeof(*keep));
			i->frames = keep;
			i->file = keep[0].file;
			i->line = keep[0].line;
		}
	}
	cs_free(insn, 1);
	cs_close(&cs);
	copy = text.bad || left ? NULL : gs_try_new(mem, gs_instruction, all.n);
	if (copy) {
		const char *at = gs_str_dup(mem, gs_buf_view(&text)).p;

		for (size_t k = 0; k < all.n; k++) {
			copy[k] = all.p[k];
			copy[k].text.p = at;
			at += copy[k].text.n;
		}
		*list = copy;
		*n = (uint32_t)all.n;
	}
	gs_vec_release(&all);
	return copy || gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "no room for this much code");
}
