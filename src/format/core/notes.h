/* What reader and writer of cores share: numbers of notes and places of fields in them (include/uapi/linux/elfcore.h). */
#ifndef GS_FORMAT_CORE_NOTES_H
#define GS_FORMAT_CORE_NOTES_H

#include "base/image.h"

enum {
	GS_NT_PRSTATUS = 1,
	GS_NT_PRFPREG = 2,
	GS_NT_PRPSINFO = 3,
	GS_NT_AUXV = 6,
	GS_NT_FILE = 0x46494c45,

	GS_PRSTATUS_PID = 32,
	GS_PRSTATUS_REGISTERS = 112,
	GS_PRPSINFO_BYTES = 136,
	GS_PRPSINFO_PID = 24,
	GS_PRPSINFO_NAME = 40, /* 16 bytes */
	GS_PRPSINFO_ARGS = 56, /* 80 bytes */
};

/* How many registers prstatus has, 0 for a machine that we do not know. */
static inline uint32_t gs_core_n_registers(gs_machine m)
{
	return m == GS_MACHINE_AMD64 ? 27 : m == GS_MACHINE_ARM64 ? 34 : 0;
}

#endif
