#include "load/disasm_go.h"

void gs_disasm_go_arm64(gs_buf *out, csh cs, const cs_insn *insn, gs_binary *b)
{
	(void)cs;
	(void)b;
	gs_buf_z(out, insn->mnemonic);
	gs_buf_c(out, ' ');
	gs_buf_z(out, insn->op_str);
}
