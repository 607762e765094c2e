/*
 * gs_go_buildinfo: what the Go linker wrote into the program about itself: Go version, main package and module, dependencies,
 * build settings (authority: debug/buildinfo and runtime/debug.ParseBuildInfo). Both layouts: pointers (Go 1.13 to 1.17) and
 * inline strings (Go 1.18 and later). Before Go 1.13 only runtime.buildVersion is there, found by its symbol.
 */
#ifndef GS_FORMAT_ELF_BUILDINFO_H
#define GS_FORMAT_ELF_BUILDINFO_H

#include "format/elf/elf.h"

typedef struct gs_go_module {
	gs_str path, version, sum;
	gs_str new_path, new_version; /* the replacement, empty when there is none */
} gs_go_module;

typedef struct gs_go_setting {
	gs_str key, value;
} gs_go_setting;

typedef struct gs_go_buildinfo {
	gs_str go_version; /* "go1.26.8", perhaps with " X:experiment" behind it */
	unsigned minor;	   /* 26; 0 when the version is not of the form go1.N (a development build) */
	gs_str package;	   /* import path of package main */
	gs_go_module main;
	gs_go_module *deps;
	uint32_t n_deps;
	gs_go_setting *settings; /* -trimpath, CGO_ENABLED, vcs.revision ... */
	uint32_t n_settings;
} gs_go_buildinfo;

/* GS_ERR_MISSING when this is no Go program (or one whose linker wrote nothing). Strings are borrowed from the file's bytes
 * where they lie there as they are, else from e->mem. */
bool gs_elf_go_buildinfo(gs_elf *e, gs_go_buildinfo *out, gs_err *err);
/* The same from the bytes of a file, for who wants nothing else of it. Touches headers and one section. */
bool gs_go_buildinfo_read(gs_arena *mem, gs_str bytes, gs_go_buildinfo *out, gs_err *err);
/* Empty when not set. */
gs_str gs_go_buildinfo_setting(const gs_go_buildinfo *b, gs_str key);

#endif
