/* Go's assembler syntax out of capstone's decoded instructions. Internal to load/disasm*.c. */
#ifndef GS_LOAD_DISASM_GO_H
#define GS_LOAD_DISASM_GO_H

#include <capstone/capstone.h>

#include "base/buf.h"
#include "load/binary.h"

/* Append one instruction's text, as golang.org/x/arch prints it. Names come from `b`. */
void gs_disasm_go_x86(gs_buf *out, csh cs, const cs_insn *insn, gs_binary *b);
void gs_disasm_go_arm64(gs_buf *out, csh cs, const cs_insn *insn, gs_binary *b);

#endif
