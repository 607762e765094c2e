#include "load/disasm_go.h"

#include <ctype.h>

#include "load/disasm.h"
#include "base/banned.h"

/* Operations that carry the size of their operands as a last letter: B, W, L, Q. */
static const char sized[] = " ADC ADD AND BSF BSR BT BTC BTR BTS CMP CMPXCHG CVTSI2SD CVTSI2SS CVTSD2SI CVTSS2SI CVTTSD2SI "
			    "CVTTSS2SI DEC DIV FLDENV FRSTOR IDIV IMUL IN INC LEA MOV MOVNTI MUL NEG NOP NOT OR OUT POP POPA "
			    "POPCNT PUSH PUSHA RCL RCR ROL ROR SAR SBB SHL SHLD SHR SHRD SUB TEST XADD XCHG XOR ";

/* Names where capstone and golang.org/x/arch differ. */
static const char *const renamed[][2] = {
	{ "MOVABS", "MOV" },	{ "SAL", "SHL" },	{ "UD2B", "UD1" },    { "INT3", "INT" },
	{ "PUSHFQ", "PUSHF" },	{ "POPFQ", "POPF" },	{ "IRETQ", "IRET" },  { "IRETD", "IRET" },
	{ "RETF", "LRET" },	{ "RETFQ", "LRET" },	{ "WAIT", "FWAIT" },  { "XLATB", "XLATB" },
	{ "SYSEXITQ", "SYSEXIT" }, { "SYSRETQ", "SYSRET" }, { "FXSAVE64", "FXSAVE64" },
};

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = strstr(list, word); p; p = strstr(p + 1, word))
		if (p[-1] == ' ' && p[n] == ' ')
			return true;
	return false;
}

static bool is_string_op(const char *op)
{
	static const char *const ops[] = { "MOVS", "STOS", "CMPS", "SCAS", "LODS", "INS", "OUTS" };

	for (unsigned i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		size_t n = strlen(ops[i]);

		if (strncmp(op, ops[i], n) == 0 && op[n] && strchr("BWDQ", op[n]) && !op[n + 1])
			return true;
	}
	return false;
}

static void put_reg(gs_buf *out, csh cs, unsigned reg)
{
	const char *name = cs_reg_name(cs, reg);
	char up[16];
	size_t n = 0;

	if (!name)
		name = "?";
	for (; name[n] && n < sizeof(up) - 1; n++)
		up[n] = (char)toupper((unsigned char)name[n]);
	up[n] = 0;
	if (up[0] == 'R' && isdigit((unsigned char)up[1])) { /* R8D, R8W, R8B */
		gs_buf_c(out, 'R');
		for (size_t i = 1; i < n && isdigit((unsigned char)up[i]); i++)
			gs_buf_c(out, up[i]);
	} else if ((up[0] == 'R' || up[0] == 'E') && n == 3) { /* RAX, EAX, RIP */
		gs_buf_add(out, up + 1, 2);
	} else if (n == 3 && up[2] == 'L') { /* SIL, DIL, SPL, BPL */
		gs_buf_add(out, up, 2);
	} else if (strncmp(up, "XMM", 3) == 0 || strncmp(up, "YMM", 3) == 0 || strncmp(up, "ZMM", 3) == 0) {
		gs_buf_c(out, up[0]);
		gs_buf_z(out, up + 3);
	} else if (strncmp(up, "MM", 2) == 0) {
		gs_buf_f(out, "M%s", up + 2);
	} else if (strncmp(up, "ST(", 3) == 0) {
		gs_buf_f(out, "F%c", up[3]);
	} else if (strcmp(up, "ST") == 0) {
		gs_buf_z(out, "F0");
	} else {
		gs_buf_z(out, up);
	}
}

/* Go's %#x of a signed number. */
static void put_signed(gs_buf *out, int64_t v)
{
	if (v < 0)
		gs_buf_f(out, "-0x%llx", (unsigned long long)-(uint64_t)v);
	else
		gs_buf_f(out, "0x%llx", (unsigned long long)v);
}

/* String operations show the segments that they imply. */
static const char *implied_segment(const char *op, const x86_op_mem *m)
{
	if (m->segment != X86_REG_INVALID || !is_string_op(op))
		return "";
	return m->base == X86_REG_RDI || m->base == X86_REG_EDI ? "ES:" : "DS:";
}

static void put_mem(gs_buf *out, csh cs, const cs_insn *insn, const char *op, const x86_op_mem *m, gs_binary *b)
{
	bool is_ip = m->base == X86_REG_RIP || m->base == X86_REG_EIP;
	gs_str name;
	/* golang.org/x/arch takes 32-bit displacements as unsigned, and so do we. */
	int64_t disp = insn->detail->x86.encoding.disp_size == 4 ? (int64_t)(uint32_t)m->disp : m->disp;
	uint64_t start, addr = (uint64_t)disp + (is_ip ? insn->address + insn->size : 0);

	gs_buf_z(out, implied_segment(op, m));
	if (m->segment == X86_REG_INVALID && m->disp != 0 && m->index == X86_REG_INVALID &&
	    (is_ip || m->base == X86_REG_INVALID) && gs_binary_symbol_at(b, addr, &name, &start)) {
		gs_buf_str(out, name);
		if (addr != start)
			gs_buf_f(out, "+%llu", (unsigned long long)(addr - start));
		gs_buf_z(out, "(SB)");
		return;
	}
	if (m->segment != X86_REG_INVALID) {
		put_reg(out, cs, m->segment);
		gs_buf_c(out, ':');
	}
	if (disp)
		put_signed(out, disp);
	else
		gs_buf_c(out, '0');
	if (m->base != X86_REG_INVALID) {
		gs_buf_c(out, '(');
		put_reg(out, cs, m->base);
		gs_buf_c(out, ')');
	}
	if (m->index != X86_REG_INVALID && m->index != X86_REG_RIZ && m->index != X86_REG_EIZ) {
		gs_buf_c(out, '(');
		put_reg(out, cs, m->index);
		gs_buf_f(out, "*%d)", m->scale);
	}
}

/* The immediate as it is encoded, sign-extended but where golang.org/x/arch has it unsigned: bytes to byte-sized operands,
 * compared with, or selecting something. capstone cuts some to the operand's size. */
static int64_t immediate(const cs_insn *insn, const char *op, int64_t imm)
{
	const cs_x86_encoding *enc = &insn->detail->x86.encoding;
	const uint8_t *p = insn->bytes + enc->imm_offset;

	if (enc->imm_offset == 0 || enc->imm_offset + enc->imm_size > insn->size)
		return imm;
	switch (enc->imm_size) {
	case 1:
		if (insn->detail->x86.operands[0].size == 1 || insn->detail->x86.operands[0].size > 8 ||
		    strcmp(op, "INT") == 0)
			return p[0];
		return (int8_t)p[0];
	case 2:
		return (int16_t)gs_peek_u16(p, false);
	case 4:
		return (int32_t)gs_peek_u32(p, false);
	case 8:
		return (int64_t)gs_peek_u64(p, false);
	default:
		return imm;
	}
}

/* What the prefixes say about the size of operands. */
static unsigned register_bits(const cs_insn *insn)
{
	const cs_x86 *x = &insn->detail->x86;

	if (x->rex & 8)
		return 64;
	return x->prefix[2] == X86_PREFIX_OPSIZE ? 16 : 32;
}

static bool is_branch(csh cs, const cs_insn *insn)
{
	return cs_insn_group(cs, insn, CS_GRP_JUMP) || cs_insn_group(cs, insn, CS_GRP_CALL) ||
	       cs_insn_group(cs, insn, CS_GRP_BRANCH_RELATIVE);
}

static void put_arg(gs_buf *out, csh cs, const cs_insn *insn, const char *name_of_op, const cs_x86_op *op, gs_binary *b)
{
	gs_str name;
	uint64_t start;
	int64_t imm;

	switch (op->type) {
	case X86_OP_REG:
		put_reg(out, cs, op->reg);
		break;
	case X86_OP_MEM:
		put_mem(out, cs, insn, name_of_op, &op->mem, b);
		break;
	case X86_OP_IMM:
		if (is_branch(cs, insn)) {
			if (gs_binary_symbol_at(b, (uint64_t)op->imm, &name, &start) && start == (uint64_t)op->imm) {
				gs_buf_str(out, name);
				gs_buf_z(out, "(SB)");
			} else {
				gs_buf_f(out, "0x%llx", (unsigned long long)op->imm);
			}
			break;
		}
		imm = immediate(insn, name_of_op, op->imm);
		gs_buf_c(out, '$');
		/* On 32-bit machines an address may be an operand. */
		if ((strcmp(name_of_op, "MOV") == 0 || strcmp(name_of_op, "PUSH") == 0) && register_bits(insn) == 32 &&
		    gs_binary_symbol_at(b, (uint64_t)imm, &name, &start)) {
			gs_buf_str(out, name);
			if ((uint64_t)imm != start)
				gs_buf_f(out, "+%llu", (unsigned long long)((uint64_t)imm - start));
			gs_buf_z(out, "(SB)");
			break;
		}
		if (imm == (int32_t)imm)
			put_signed(out, imm);
		else
			gs_buf_f(out, "0x%llx", (unsigned long long)imm);
		break;
	default:
		gs_buf_c(out, '?');
		break;
	}
}

/* Bits of the operands, for the suffix. */
static unsigned data_bits(const cs_insn *insn, const char *op)
{
	const cs_x86 *x = &insn->detail->x86;
	unsigned n = x->op_count;

	if (strcmp(op, "LEA") != 0)
		for (unsigned i = 0; i < n; i++)
			if (x->operands[i].type == X86_OP_MEM)
				return x->operands[i].size * 8u;
	/* One operand, a 64-bit register: PUSHQ AX. */
	if (n == 1 && x->operands[0].type == X86_OP_REG && x->operands[0].size == 8)
		return 64;
	return register_bits(insn);
}

static bool has_xmm(const cs_x86 *x)
{
	for (unsigned i = 0; i < x->op_count; i++)
		if (x->operands[i].type == X86_OP_REG && x->operands[i].reg >= X86_REG_XMM0 &&
		    x->operands[i].reg <= X86_REG_XMM31)
			return true;
	return false;
}

void gs_disasm_go_x86(gs_buf *out, csh cs, const cs_insn *insn, gs_binary *b)
{
	const cs_x86 *x = &insn->detail->x86;
	char op[40];
	const char *name = insn->mnemonic, *blank;
	size_t n = 0;
	unsigned order[8], n_args = x->op_count > 8 ? 8 : x->op_count;

	/* "lock xadd", "rep stosq": the last word is the operation. */
	blank = strrchr(name, ' ');
	if (blank)
		name = blank + 1;
	for (; name[n] && n < sizeof(op) - 1; n++)
		op[n] = (char)toupper((unsigned char)name[n]);
	op[n] = 0;
	for (unsigned i = 0; i < sizeof(renamed) / sizeof(*renamed); i++)
		if (strcmp(op, renamed[i][0]) == 0)
			snprintf(op, sizeof(op), "%s", renamed[i][1]);
	if (x->prefix[0] == X86_PREFIX_LOCK)
		gs_buf_z(out, "LOCK ");
	else if (x->prefix[0] == X86_PREFIX_REP && (is_string_op(op) || strcmp(op, "RET") == 0))
		gs_buf_z(out, "REP; ");
	else if (x->prefix[0] == X86_PREFIX_REPNE && is_string_op(op))
		gs_buf_z(out, "REPNE; ");
	/* Not the string operations of the same name. */
	if ((strcmp(op, "MOVSD") == 0 || strcmp(op, "CMPSD") == 0) && has_xmm(x))
		snprintf(op + 5, sizeof(op) - 5, "_XMM");
	gs_buf_z(out, op);
	if (has_word(sized, op)) {
		unsigned bits = data_bits(insn, op);

		gs_buf_c(out, bits == 8 ? 'B' : bits == 16 ? 'W' : bits == 64 ? 'Q' : 'L');
	}
	/* Sources first, but comparisons read from left to right. */
	for (unsigned i = 0; i < n_args; i++)
		order[i] = strcmp(op, "CMP") == 0 ? i : n_args - 1 - i;
	for (unsigned i = 0; i < n_args; i++) {
		gs_buf_z(out, i ? ", " : " ");
		put_arg(out, cs, insn, op, &x->operands[order[i]], b);
	}
	if (n_args == 0 && insn->id == X86_INS_INT3)
		gs_buf_z(out, " $0x3");
}
