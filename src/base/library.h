/*
 * Libraries that only some commands need (HTTP, TLS, drawing, disassembly, DWARF, JSON, archives, fast packing) are loaded when first used: together they
 * pull in some fifty more, which would be six milliseconds of every start. Callers call their functions as always; whoever
 * comes first in a module says gs_library_load before. Any thread may.
 *
 * library.c has the list of functions; calling one that is not in it does not link.
 */
#ifndef GS_BASE_LIBRARY_H
#define GS_BASE_LIBRARY_H

#include "base/err.h"

typedef enum gs_library {
	GS_LIBRARY_CURL,
	GS_LIBRARY_MICROHTTPD,
	GS_LIBRARY_CRYPTO,
	GS_LIBRARY_JANSSON,
	GS_LIBRARY_CAIRO,
	GS_LIBRARY_CAPSTONE,
	GS_LIBRARY_ELF,
	GS_LIBRARY_DW,
	GS_LIBRARY_ZIP,
	GS_LIBRARY_ISAL,
} gs_library;

/* GS_ERR_UNSUPPORTED: not on this machine, says its name. Without it, none of its functions may be called. */
bool gs_library_load(gs_library which, gs_err *err);

#endif
