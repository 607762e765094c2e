#include "load/disasm.h"
#include "tap.h"

#include "base/banned.h"

static void put(unsigned char *p, unsigned size, uint64_t v)
{
	for (unsigned i = 0; i < size; i++)
		p[i] = (unsigned char)(v >> 8 * i);
}

enum { CODE_AT = 128, CODE_ADDR = 0x401000 };

/* A program that is nothing but code. The bytes live in `b`. */
static gs_binary *program(unsigned machine, const void *code, size_t n, unsigned char *b)
{
	gs_err err;

	memset(b, 0, CODE_AT);
	memcpy(b, "\177ELF\2\1\1", 7);
	put(b + 16, 2, GS_ELF_EXEC);
	put(b + 18, 2, machine);
	put(b + 32, 8, 64);
	put(b + 54, 2, 56);
	put(b + 56, 2, 1);
	put(b + 64, 4, 1);
	put(b + 68, 4, 5);
	put(b + 72, 8, CODE_AT);
	put(b + 80, 8, CODE_ADDR);
	put(b + 96, 8, n);
	put(b + 104, 8, n);
	memcpy(b + CODE_AT, code, n);
	return gs_binary_of((gs_str){ (char *)b, CODE_AT + n }, GS_S("test"), &err);
}

/* Texts of `go tool objdump` for the same bytes; places that have a symbol there have none here. */
typedef struct line {
	const char *bytes;
	size_t n;
	const char *text;
} line;
#define LINE(bytes, text) { bytes, sizeof(bytes) - 1, text }

static void check(unsigned machine, const line *lines, unsigned n, gs_asm_syntax syntax)
{
	for (unsigned i = 0; i < n; i++) {
		gs_arena *mem = gs_arena_create(1 << 20);
		unsigned char b[256];
		gs_binary *p = program(machine, lines[i].bytes, lines[i].n, b);
		const gs_instruction *list;
		uint32_t count;
		gs_err err;

		CHECK(p != NULL);
		CHECK(gs_disasm(mem, p, CODE_ADDR, CODE_ADDR + lines[i].n, syntax, &list, &count, &err));
		CHECK_INT(count, 1);
		CHECK_STR(list[0].text, gs_str_of(lines[i].text));
		CHECK_INT(list[0].size, lines[i].n);
		CHECK_INT(list[0].n_frames, 0);
		gs_binary_close(p);
		gs_arena_free(mem);
	}
}

TEST(disasm_amd64)
{
	static const line lines[] = {
		LINE("\x49\x3b\x66\x10", "CMPQ SP, 0x10(R14)"),
		LINE("\x0f\x86\xc0\x00\x00\x00", "JBE 0x4010c6"),
		LINE("\xe8\x8c\x69\x08\x00", "CALL 0x487991"),
		LINE("\x48\x8d\x35\x21\xff\xff\xff", "LEAQ 0xffffff21(IP), SI"),
		LINE("\xf3\x48\xab", "REP; STOSQ AX, ES:0(DI)"),
		LINE("\xf2\x0f\x10\x15\x03\xc1\x20\x00", "MOVSD_XMM 0x20c103(IP), X2"),
		LINE("\x55", "PUSHQ BP"),
		LINE("\xc3", "RET"),
		LINE("\x40\x80\xfe\xf8", "CMPL SI, $0xf8"),
		LINE("\x83\xf8\xff", "CMPL AX, $-0x1"),
		LINE("\xf0\x0f\xc1\x03", "LOCK XADDL AX, 0(BX)"),
		LINE("\x64\x48\x8b\x0c\x25\xf8\xff\xff\xff", "MOVQ FS:0xfffffff8, CX"),
		LINE("\x90", "NOPL"),
		LINE("\x66\x0f\x1f\x84\x00\x00\x00\x00\x00", "NOPW 0(AX)(AX*1)"),
		LINE("\xcc", "INT $0x3"),
		LINE("\x48\xb8\xef\xcd\xab\x89\x67\x45\x23\x01", "MOVQ $0x123456789abcdef, AX"),
		LINE("\x06", "?"),
	};

	check(GS_ELF_X86_64, lines, sizeof(lines) / sizeof(*lines), GS_ASM_GO);
}

TEST(disasm_arm64)
{
	static const line lines[] = {
		LINE("\x29\x06\x00\x54", "BLS 49(PC)"),
		LINE("\xfe\x0f\x1e\xf8", "MOVD.W R30, -32(RSP)"),
		LINE("\x02\x1c\x40\xd3", "UBFX $0, R0, $8, R2"),
		LINE("\x44\x01\x00\xb4", "CBZ R4, 10(PC)"),
		LINE("\xe0\x87\x00\xa9", "STP (R0, R1), 8(RSP)"),
		LINE("\xa3\x30\x9f\x9a", "CSEL LO, R5, ZR, R3"),
		LINE("\x10\x44\x81\xac", "FSTPQ.P (F16, F17), 32(R0)"),
		LINE("\xa1\x02\x00\x34", "CBZW R1, 21(PC)"),
		LINE("\x61\x04\x05\x9b", "MADD R5, R1, R3, R1"),
		LINE("\xe0\x07\x02\x6d", "FSTPD (F0, F1), 32(RSP)"),
		LINE("\xe4\x17\x05\x29", "STPW (R4, R5), 40(RSP)"),
		LINE("\xa6\xfc\x5f\xc8", "LDAXR (R5), R6"),
		LINE("\x20\x00\x42\x1f", "FMADDD F2, F0, F1, F0"),
		LINE("\xc0\x03\x5f\xd6", "RET"),
		LINE("\x00\x00\x00\x00", "?"),
	};

	check(GS_ELF_AARCH64, lines, sizeof(lines) / sizeof(*lines), GS_ASM_GO);
}

TEST(disasm_other_syntaxes)
{
	static const line intel[] = { LINE("\x48\x89\xd8", "mov rax, rbx") }, att[] = { LINE("\x48\x89\xd8", "movq %rbx, %rax") };

	check(GS_ELF_X86_64, intel, 1, GS_ASM_INTEL);
	check(GS_ELF_X86_64, att, 1, GS_ASM_ATT);
}

TEST(disasm_errors)
{
	gs_arena *mem = gs_arena_create(1 << 20);
	unsigned char b[256];
	gs_binary *p = program(GS_ELF_X86_64, "\xc3\xc3", 2, b);
	const gs_instruction *list;
	uint32_t n;
	gs_err err;

	CHECK(!gs_disasm(mem, p, 0x1000, 0x1010, GS_ASM_GO, &list, &n, &err));
	CHECK_INT(err.code, GS_ERR_MISSING);
	CHECK(!gs_disasm(mem, p, CODE_ADDR, CODE_ADDR, GS_ASM_GO, &list, &n, &err));
	CHECK(!gs_disasm(mem, p, CODE_ADDR, CODE_ADDR + (64 << 20), GS_ASM_GO, &list, &n, &err));
	CHECK_INT(err.code, GS_ERR_LIMIT);
	/* Cut at what is there. */
	CHECK(gs_disasm(mem, p, CODE_ADDR, CODE_ADDR + 100, GS_ASM_GO, &list, &n, &err));
	CHECK_INT(n, 2);
	gs_binary_close(p);
	p = program(GS_ELF_LOONGARCH, "\xc3\xc3\xc3\xc3", 4, b);
	CHECK(!gs_disasm(mem, p, CODE_ADDR, CODE_ADDR + 4, GS_ASM_GO, &list, &n, &err));
	CHECK_INT(err.code, GS_ERR_UNSUPPORTED);
	gs_binary_close(p);
	gs_arena_free(mem);
}
