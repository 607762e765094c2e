#include "load/disasm_go.h"

#include <ctype.h>
#include <inttypes.h>

#include "load/disasm.h"
#include "base/banned.h"

enum { MAX_ARGS = 8, ARG_BYTES = 320 };

typedef enum kind { /* of a register */
	KIND_NONE,
	KIND_W,
	KIND_X,
	KIND_SP,
	KIND_B,
	KIND_H,
	KIND_S,
	KIND_D,
	KIND_Q,
	KIND_V,
} kind;

typedef struct insn_text {
	csh cs;
	const cs_insn *insn;
	const cs_arm64 *a;
	gs_binary *b;
	char op[48];
	const char *suffix; /* of the addressing mode */
	char args[MAX_ARGS][ARG_BYTES];
	unsigned n;
} insn_text;

static kind reg_kind(csh cs, unsigned reg, unsigned *number)
{
	static const char letters[] = "wxbhsdqv";
	static const kind kinds[] = { KIND_W, KIND_X, KIND_B, KIND_H, KIND_S, KIND_D, KIND_Q, KIND_V };
	const char *name = cs_reg_name(cs, reg), *at;

	*number = 31;
	if (!name)
		return KIND_NONE;
	if (strcmp(name, "sp") == 0 || strcmp(name, "wsp") == 0)
		return KIND_SP;
	if (strcmp(name, "xzr") == 0 || strcmp(name, "wzr") == 0)
		return name[0] == 'x' ? KIND_X : KIND_W;
	if (strcmp(name, "fp") == 0 || strcmp(name, "lr") == 0) {
		*number = name[0] == 'f' ? 29 : 30;
		return KIND_X;
	}
	at = name[0] ? strchr(letters, name[0]) : NULL;
	if (!at || !isdigit((unsigned char)name[1]))
		return KIND_NONE;
	*number = (unsigned)strtoul(name + 1, NULL, 10);
	return kinds[at - letters];
}

static kind arg_kind(const insn_text *t, unsigned i)
{
	unsigned number;

	return i < t->a->op_count && t->a->operands[i].type == ARM64_OP_REG ?
		       reg_kind(t->cs, t->a->operands[i].reg, &number) :
		       KIND_NONE;
}

static bool is_float(kind k)
{
	return k >= KIND_B && k <= KIND_Q;
}

static void reg_text(const insn_text *t, unsigned reg, char *out)
{
	unsigned number;
	kind k = reg_kind(t->cs, reg, &number);
	bool is_f = t->op[0] == 'F' || strstr(t->op, "CVTF") || strncmp(t->op, "LD", 2) == 0 || strncmp(t->op, "ST", 2) == 0;
	const char *name = cs_reg_name(t->cs, reg);
	size_t n = 0;

	if (k == KIND_SP)
		snprintf(out, ARG_BYTES, "RSP");
	else if (k == KIND_W || k == KIND_X)
		snprintf(out, ARG_BYTES, number == 31 ? "ZR" : "R%u", number);
	else if (is_float(k))
		snprintf(out, ARG_BYTES, "%c%u", is_f ? 'F' : 'V', number);
	else if (k == KIND_V)
		snprintf(out, ARG_BYTES, "V%u", number);
	else
		for (; name && name[n] && n < ARG_BYTES - 1; n++) {
			out[n] = (char)toupper((unsigned char)name[n]);
			out[n + 1] = 0;
		}
}

static const char *arrangement(arm64_vas v)
{
	switch (v) {
	case ARM64_VAS_8B:
		return ".B8";
	case ARM64_VAS_16B:
		return ".B16";
	case ARM64_VAS_4H:
		return ".H4";
	case ARM64_VAS_8H:
		return ".H8";
	case ARM64_VAS_2S:
		return ".S2";
	case ARM64_VAS_4S:
		return ".S4";
	case ARM64_VAS_1D:
		return ".D1";
	case ARM64_VAS_2D:
		return ".D2";
	case ARM64_VAS_1Q:
		return ".Q1";
	default:
		return "";
	}
}

static const char *const extends[] = { "", "UXTB", "UXTH", "UXTW", "UXTX", "SXTB", "SXTH", "SXTW", "SXTX" };

/* "<<3", ".UXTW<<2" behind a register. */
static void shift_text(const cs_arm64_op *op, char *out)
{
	static const char *const marks[] = { "", "<<", "<<", ">>", "->", "@>" };
	size_t n = strlen(out);

	if (op->ext != ARM64_EXT_INVALID && op->ext <= ARM64_EXT_SXTX) {
		snprintf(out + n, ARG_BYTES - n, ".%s", extends[op->ext]);
		n = strlen(out);
	}
	if (op->shift.type != ARM64_SFT_INVALID && op->shift.type <= ARM64_SFT_ROR &&
	    (op->shift.value || op->ext == ARM64_EXT_INVALID))
		snprintf(out + n, ARG_BYTES - n, "%s%u", marks[op->shift.type], op->shift.value);
}

static void mem_text(const insn_text *t, const cs_arm64_op *op, char *out)
{
	char base[ARG_BYTES / 4], index[ARG_BYTES / 4];
	unsigned number;

	reg_kind(t->cs, op->mem.base, &number);
	snprintf(base, sizeof(base), number == 31 ? "(RSP)" : "(R%u)", number);
	if (op->mem.index == ARM64_REG_INVALID) {
		if (op->mem.disp)
			snprintf(out, ARG_BYTES, "%d%s", op->mem.disp, base);
		else
			snprintf(out, ARG_BYTES, "%s", base);
		return;
	}
	reg_kind(t->cs, op->mem.index, &number);
	snprintf(index, sizeof(index), number == 31 ? "ZR" : "R%u", number);
	if (op->ext != ARM64_EXT_INVALID && op->ext <= ARM64_EXT_SXTX) {
		if (op->shift.value)
			snprintf(out, ARG_BYTES, "%s(%s.%s<<%u)", base, index, extends[op->ext], op->shift.value);
		else
			snprintf(out, ARG_BYTES, "%s(%s.%s)", base, index, extends[op->ext]);
	} else if (op->shift.type == ARM64_SFT_LSL && op->shift.value) {
		snprintf(out, ARG_BYTES, "%s(%s<<%u)", base, index, op->shift.value);
	} else {
		snprintf(out, ARG_BYTES, "%s(%s)", base, index);
	}
}

/* A place in the code: a name when something starts there, else the distance in instructions. */
static void target_text(const insn_text *t, uint64_t target, char *out)
{
	gs_str name;
	uint64_t start;

	if (gs_binary_symbol_at(t->b, target, &name, &start) && start == target)
		snprintf(out, ARG_BYTES, "%.*s(SB)", (int)(name.n > 300 ? 300 : name.n), name.p);
	else
		snprintf(out, ARG_BYTES, "%" PRId64 "(PC)", (int64_t)(target - t->insn->address) / 4);
}

static bool is_op(const insn_text *t, const char *list)
{
	size_t n = strlen(t->op);

	for (const char *p = strstr(list, t->op); p; p = strstr(p + 1, t->op))
		if ((p == list || p[-1] == ' ') && (p[n] == ' ' || !p[n]))
			return true;
	return false;
}

static void one_arg(insn_text *t, const cs_arm64_op *op, char *out)
{
	size_t n;

	out[0] = 0;
	switch (op->type) {
	case ARM64_OP_REG:
		reg_text(t, op->reg, out);
		n = strlen(out);
		snprintf(out + n, ARG_BYTES - n, "%s", arrangement(op->vas));
		if (op->vas != ARM64_VAS_INVALID)
			out[0] = 'V';
		n = strlen(out);
		if (op->vector_index >= 0) {
			static const char *const sizes[] = { "", ".B", ".H", ".S", ".D" };

			snprintf(out + n, ARG_BYTES - n, "%s[%d]", op->vess <= ARM64_VESS_D ? sizes[op->vess] : "",
				 op->vector_index);
			out[0] = 'V';
		}
		shift_text(op, out);
		break;
	case ARM64_OP_MEM:
		mem_text(t, op, out);
		break;
	case ARM64_OP_IMM:
		if (cs_insn_group(t->cs, t->insn, CS_GRP_JUMP) || is_op(t, "BL B CBZ CBNZ TBZ TBNZ")) {
			if (op == &t->a->operands[t->a->op_count - 1]) {
				target_text(t, (uint64_t)op->imm, out);
				break;
			}
		} else if (is_op(t, "ADR ADRP")) {
			uint64_t from = t->op[3] ? t->insn->address & ~UINT64_C(0xfff) : t->insn->address;

			snprintf(out, ARG_BYTES, "%" PRId64 "(PC)", (int64_t)((uint64_t)op->imm - from));
			break;
		}
		if (is_op(t, "LDR LDRSW") && t->a->op_count == 2) { /* from a pool of constants */
			target_text(t, (uint64_t)op->imm, out);
			break;
		}
		if (op->shift.type == ARM64_SFT_LSL && op->shift.value)
			snprintf(out, ARG_BYTES, "$(%" PRId64 "<<%u)", op->imm, op->shift.value);
		else
			snprintf(out, ARG_BYTES, "$%" PRId64, op->imm);
		break;
	case ARM64_OP_FP:
		snprintf(out, ARG_BYTES, op->fp == 0 ? "$(0.0)" : op->fp == (double)(int)op->fp ? "$%.0f." : "$%g", op->fp);
		break;
	case ARM64_OP_BARRIER:
		snprintf(out, ARG_BYTES, "$%d", (int)op->barrier);
		break;
	case ARM64_OP_PREFETCH:
	case ARM64_OP_SYS: /* capstone's own word for it, which comes first */
		for (const char *p = t->insn->op_str; *p && *p != ',' && strlen(out) < 31; p++) {
			n = strlen(out);
			out[n] = (char)toupper((unsigned char)*p);
			out[n + 1] = 0;
		}
		break;
	case ARM64_OP_REG_MRS:
	case ARM64_OP_REG_MSR:
		snprintf(out, ARG_BYTES, "$%" PRIu64, (uint64_t)op->reg & 0x7fff);
		break;
	default:
		break;
	}
}

static void swap(insn_text *t, unsigned i, unsigned k)
{
	char other[ARG_BYTES];

	memcpy(other, t->args[i], ARG_BYTES);
	memcpy(t->args[i], t->args[k], ARG_BYTES);
	memcpy(t->args[k], other, ARG_BYTES);
}

static void add(insn_text *t, const char *more)
{
	size_t n = strlen(t->op);

	snprintf(t->op + n, sizeof(t->op) - n, "%s", more);
}

/* Loads and stores are moves. */
static void name_move(insn_text *t)
{
	static const char *const by_kind[] = { "MOVD", "MOVW", "MOVD", "MOVD", "FMOVB", "FMOVH", "FMOVS", "FMOVD", "FMOVQ", "MOVD" };
	kind k = arg_kind(t, 0);
	bool is_store = t->op[0] == 'S';
	const char *size = t->op + (t->op[2] == 'U' ? 4 : 3); /* behind LDR, LDUR, STR, STUR */
	const char *name = by_kind[k];

	if (strcmp(size, "B") == 0)
		name = is_store ? "MOVB" : "MOVBU";
	else if (strcmp(size, "H") == 0)
		name = is_store ? "MOVH" : "MOVHU";
	else if (strcmp(size, "SB") == 0)
		name = k == KIND_W ? "MOVBW" : "MOVB";
	else if (strcmp(size, "SH") == 0)
		name = k == KIND_W ? "MOVHW" : "MOVH";
	else if (strcmp(size, "SW") == 0)
		name = "MOVW";
	else if (k == KIND_W && !is_store)
		name = "MOVWU";
	snprintf(t->op, sizeof(t->op), "%s%s", name, t->suffix);
	if (is_store)
		swap(t, 0, 1);
}

/* "(R0, R1)" */
static void join(insn_text *t, unsigned at)
{
	char both[ARG_BYTES];

	snprintf(both, sizeof(both), "(%.100s, %.100s)", t->args[at], t->args[at + 1]);
	memcpy(t->args[at], both, ARG_BYTES);
	for (unsigned i = at + 1; i + 1 < t->n; i++)
		memcpy(t->args[i], t->args[i + 1], ARG_BYTES);
	t->n--;
}

static const char *float_suffix(kind k)
{
	return k == KIND_S ? "S" : k == KIND_D ? "D" : k == KIND_H ? "H" : k == KIND_Q ? "Q" : k == KIND_W ? "W" : "";
}

/* Sixteen bits somewhere, all else zero: MOVZ could do it. */
static bool is_wide(uint64_t v)
{
	for (unsigned shift = 0; shift < 64; shift += 16)
		if ((v & ~((uint64_t)0xffff << shift)) == 0)
			return true;
	return false;
}

/* Constants in one instruction: what the register becomes. */
static bool name_constant(insn_text *t)
{
	const cs_arm64_op *last = &t->a->operands[t->a->op_count - 1];
	bool is_w = arg_kind(t, 0) == KIND_W, is_or = is_op(t, "ORR");
	unsigned number;
	uint64_t v;

	if (last->type != ARM64_OP_IMM || t->a->op_count < 2 || !(is_or || is_op(t, "MOVZ MOVN")))
		return false;
	if (is_or && (t->a->op_count != 3 || arg_kind(t, 1) == KIND_SP ||
		      reg_kind(t->cs, t->a->operands[1].reg, &number) == KIND_NONE || number != 31))
		return false;
	v = (uint64_t)last->imm << (last->shift.type == ARM64_SFT_LSL ? last->shift.value & 63 : 0);
	if (t->op[3] == 'N')
		v = ~v;
	/* The manual calls ORR a move only where MOVZ and MOVN cannot do it. */
	if (is_or && (is_wide(v) || is_wide(is_w ? (uint32_t)~v : ~v)))
		return false;
	if (is_w)
		snprintf(t->args[1], ARG_BYTES, "$%" PRIu32, (uint32_t)v);
	else
		snprintf(t->args[1], ARG_BYTES, "$%" PRId64, (int64_t)v);
	t->n = 2;
	snprintf(t->op, sizeof(t->op), is_w ? "MOVW" : "MOVD");
	return true;
}

/* "[V1.B16, V2.B16]" in place of the registers before the address (or, tables, between first and last). */
static void join_list(insn_text *t, unsigned from, unsigned to)
{
	char list[ARG_BYTES] = "[";

	for (unsigned i = from; i < to; i++) {
		size_t n = strlen(list);

		snprintf(list + n, sizeof(list) - n, "%s%.40s", i > from ? ", " : "", t->args[i]);
	}
	snprintf(t->args[from], ARG_BYTES, "%.300s]", list);
	for (unsigned i = to; i < t->n; i++)
		memcpy(t->args[from + 1 + i - to], t->args[i], ARG_BYTES);
	t->n -= to - from - 1;
}

/* Rename and reorder as arm64asm.GoSyntax does; then the arguments are reversed, destination last. */
static void rewrite(insn_text *t)
{
	kind k0 = arg_kind(t, 0), k1 = arg_kind(t, 1);

	if (name_constant(t))
		return;
	if (t->n >= 2 && k0 == KIND_V && is_op(t, "LD1 LD2 LD3 LD4 ST1 ST2 ST3 ST4 LD1R LD2R LD3R LD4R") &&
	    t->a->operands[0].vector_index < 0)
		join_list(t, 0, t->n - 1);
	else if (t->n >= 3 && is_op(t, "TBL TBX"))
		join_list(t, 1, t->n - 1);
	if (is_op(t, "INS UMOV"))
		snprintf(t->op, sizeof(t->op), "MOV");
	if (is_op(t, "LDR LDRB LDRH LDRSB LDRSH LDRSW LDUR LDURB LDURH LDURSB LDURSH LDURSW STR STRB STRH STUR STURB STURH")) {
		name_move(t);
	} else if (is_op(t, "LDP STP")) {
		bool is_store = t->op[0] == 'S';
		char op[sizeof(t->op)];

		snprintf(op, sizeof(op), "%s%.8s%s%s", is_float(k0) ? "F" : "", t->op,
			 k0 == KIND_W || is_float(k0) ? float_suffix(k0) : "", t->suffix);
		memcpy(t->op, op, sizeof(op));
		join(t, 0);
		if (is_store)
			swap(t, 0, 1);
	} else if (is_op(t, "LDAXP LDXP")) {
		if (k0 == KIND_W)
			add(t, "W");
		join(t, 0);
	} else if (is_op(t, "MOV")) {
		for (unsigned i = 0; i < 2 && (k0 == KIND_V || is_float(k0)) && k1 == KIND_V; i++)
			if (strchr(t->args[i], '.') == NULL)
				snprintf(t->args[i] + strlen(t->args[i]), 8, ".B16");
		snprintf(t->op, sizeof(t->op), "%s",
			 k0 == KIND_V || k1 == KIND_V || is_float(k0) ? "VMOV" : k0 == KIND_W ? "MOVW" : "MOVD");
	} else if (is_op(t, "TBNZ TBZ")) {
		swap(t, 0, 2);
		swap(t, 1, 2);
	} else if (is_op(t, "MADD MSUB SMADDL SMSUBL UMADDL UMSUBL")) {
		if (k0 == KIND_W)
			add(t, "W");
		swap(t, 2, 3);
	} else if (is_op(t, "STLR STLRB STLRH")) {
		if (k0 == KIND_W && !t->op[4])
			add(t, "W");
		swap(t, 0, 1);
	} else if (is_op(t, "STLXR STXR STLXRB STLXRH STXRB STXRH")) {
		if (k1 == KIND_W && t->op[strlen(t->op) - 1] == 'R')
			add(t, "W");
		swap(t, 1, 2);
	} else if (is_op(t, "BFI BFXIL SBFIZ SBFX UBFIZ UBFX")) {
		if (k0 == KIND_W)
			add(t, "W");
		swap(t, 1, 3);
		swap(t, 2, 3);
	} else if (is_op(t, "CBNZ CBZ")) {
		if (k0 == KIND_W)
			add(t, "W");
		swap(t, 0, 1);
	} else if (is_op(t, "FCCMP FCCMPE FCMP FCMPE FADD FSUB FMUL FNMUL FDIV FMAX FMIN FMAXNM FMINNM FCSEL FMADD FMSUB FNMADD "
			    "FNMSUB FMOV")) {
		if (strstr(t->op, "MADD") || strstr(t->op, "MSUB"))
			swap(t, 2, 3);
		add(t, is_float(k0) ? float_suffix(k0) : float_suffix(is_float(k1) ? k1 : KIND_NONE));
	} else if (is_op(t, "FABS FNEG FSQRT FRINTN FRINTP FRINTM FRINTZ FRINTA FRINTX FRINTI")) {
		add(t, float_suffix(k1));
	} else if (is_op(t, "FCVT FCVTZS FCVTZU SCVTF UCVTF")) {
		add(t, float_suffix(k1));
		add(t, float_suffix(k0));
	} else if (is_op(t, "NOP")) {
		snprintf(t->op, sizeof(t->op), "NOOP");
	} else if (!is_op(t, "ADR ADRP LDARB LDARH LDAXRB LDAXRH LDXRB LDXRH SHA1C SHA1H SHA1M SHA1P SHA256H SHA256H2 AESD AESE "
			     "AESIMC AESMC SHA1SU0 SHA1SU1 SHA256SU0 SHA256SU1 CRC32B CRC32CB CRC32CH CRC32CW CRC32CX CRC32H "
			     "CRC32W CRC32X SVC DMB DSB ISB")) {
		if (k0 == KIND_V || (is_float(k0) && t->op[0] != 'F')) {
			char op[sizeof(t->op)];

			snprintf(op, sizeof(op), "V%.40s", t->op);
			memcpy(t->op, op, sizeof(op));
		} else if (k0 == KIND_W) {
			add(t, "W");
		}
		add(t, t->suffix);
		if (strncmp(t->op, "VST", 3) == 0 && t->n == 2)
			swap(t, 0, 1);
	}
}

static void put_condition(insn_text *t)
{
	static const char *const names[] = { "", "EQ", "NE", "HS", "LO", "MI", "PL", "VS", "VC", "HI", "LS", "GE", "LT", "GT", "LE",
					     "AL", "NV" };

	if (t->a->cc == ARM64_CC_INVALID || t->a->cc > ARM64_CC_NV || t->n >= MAX_ARGS)
		return;
	snprintf(t->args[t->n++], ARG_BYTES, "%s", names[t->a->cc]);
	if (t->n == 4) {
		if (arg_kind(t, 2) != KIND_NONE)
			swap(t, 1, 2);
		else
			swap(t, 0, 2);
	}
}

static bool put_jump(gs_buf *out, insn_text *t)
{
	unsigned number = 0;
	const char *name = t->insn->mnemonic;

	if (is_op(t, "BL")) {
		gs_buf_f(out, "CALL %s", t->args[0]);
	} else if (is_op(t, "BLR BR")) {
		reg_kind(t->cs, t->a->operands[0].reg, &number);
		gs_buf_f(out, "%s (R%u)", t->op[1] == 'L' ? "CALL" : "JMP", number);
	} else if (is_op(t, "RET") && t->n == 0) {
		gs_buf_z(out, "RET");
	} else if (is_op(t, "B")) {
		gs_buf_f(out, "JMP %s", t->args[0]);
	} else if (name[0] == 'b' && name[1] == '.') {
		const char *c = t->op + 2;

		gs_buf_f(out, "B%s %s", strcmp(c, "HS") == 0 ? "CS" : strcmp(c, "LO") == 0 ? "CC" : c, t->args[0]);
	} else {
		return false;
	}
	return true;
}

void gs_disasm_go_arm64(gs_buf *out, csh cs, const cs_insn *insn, gs_binary *b)
{
	insn_text t = { .cs = cs, .insn = insn, .a = &insn->detail->arm64, .b = b, .suffix = "" };
	const char *close = strchr(insn->op_str, ']');
	bool has_mem = false;
	size_t n = 0;

	for (; insn->mnemonic[n] && n < 16; n++)
		t.op[n] = (char)toupper((unsigned char)insn->mnemonic[n]);
	for (unsigned i = 0; i < t.a->op_count; i++)
		has_mem |= t.a->operands[i].type == ARM64_OP_MEM;
	if (has_mem && close && close[1] == '!')
		t.suffix = ".W";
	else if (has_mem && close && close[1] == ',')
		t.suffix = ".P";
	for (unsigned i = 0; i < t.a->op_count && t.n < MAX_ARGS; i++) {
		const cs_arm64_op *op = &t.a->operands[i];

		/* The step behind the brackets: an immediate stands before the base as if it were inside. */
		if (t.suffix[0] == '.' && t.suffix[1] == 'P' && i && op[-1].type == ARM64_OP_MEM) {
			char step[ARG_BYTES], both[ARG_BYTES];

			one_arg(&t, op, step);
			snprintf(both, sizeof(both), op->type == ARM64_OP_IMM ? "%.100s%.100s" : "%.100s(%.100s)",
				 op->type == ARM64_OP_IMM ? step + 1 : t.args[t.n - 1],
				 op->type == ARM64_OP_IMM ? t.args[t.n - 1] : step);
			memcpy(t.args[t.n - 1], both, ARG_BYTES);
			continue;
		}
		one_arg(&t, op, t.args[t.n++]);
	}
	if (put_jump(out, &t))
		return;
	rewrite(&t);
	put_condition(&t);
	gs_buf_z(out, t.op);
	for (unsigned i = t.n; i-- > 0;) {
		gs_buf_z(out, i + 1 == t.n ? " " : ", ");
		gs_buf_z(out, t.args[i]);
	}
}
