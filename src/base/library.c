#include "base/library.h"

#ifndef GS_LIBRARIES_LINKED

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "base/banned.h"

/* What we call of each library. */
#define CURL(F)                                                                                                           \
	F(curl_easy_cleanup) F(curl_easy_getinfo) F(curl_easy_init) F(curl_easy_setopt) F(curl_easy_strerror) F(curl_free) \
	F(curl_global_init) F(curl_multi_add_handle) F(curl_multi_cleanup) F(curl_multi_info_read) F(curl_multi_init)     \
	F(curl_multi_perform) F(curl_multi_poll) F(curl_multi_remove_handle) F(curl_slist_append)                         \
	F(curl_slist_free_all) F(curl_unescape) F(curl_url) F(curl_url_cleanup) F(curl_url_get) F(curl_url_set)           \
	F(curl_url_strerror)
#define MICROHTTPD(F)                                                                                            \
	F(MHD_add_response_header) F(MHD_create_response_from_buffer)                                           \
	F(MHD_create_response_from_buffer_with_free_callback) F(MHD_destroy_response) F(MHD_get_connection_info) \
	F(MHD_get_connection_values) F(MHD_is_feature_supported) F(MHD_lookup_connection_value)                 \
	F(MHD_queue_response) F(MHD_start_daemon) F(MHD_stop_daemon)
#define CRYPTO(F) F(CRYPTO_memcmp)
#define JANSSON(F) \
	F(json_delete) F(json_integer_value) F(json_loadb) F(json_object_get) F(json_string_length) F(json_string_value)
#define CAIRO(F)                                                                                                   \
	F(cairo_create) F(cairo_destroy) F(cairo_fill) F(cairo_image_surface_create) F(cairo_move_to) F(cairo_paint) \
	F(cairo_rectangle) F(cairo_select_font_face) F(cairo_set_font_size) F(cairo_set_source_rgb)                \
	F(cairo_show_text) F(cairo_status_to_string) F(cairo_surface_destroy) F(cairo_surface_write_to_png_stream) \
	F(cairo_text_extents)
#define CAPSTONE(F) \
	F(cs_close) F(cs_disasm_iter) F(cs_free) F(cs_insn_group) F(cs_malloc) F(cs_open) F(cs_option) F(cs_reg_name)
#define ELF(F) F(elf_end) F(elf_errmsg) F(elf_memory) F(elf_version)
#define ZIP(F)                                                                                                     \
	F(zip_discard) F(zip_error_code_zip) F(zip_error_fini) F(zip_error_init) F(zip_error_strerror) F(zip_fclose) \
	F(zip_file_get_error) F(zip_fopen_index) F(zip_fread) F(zip_get_error) F(zip_get_name)                      \
	F(zip_get_num_entries) F(zip_open_from_source) F(zip_source_buffer_create) F(zip_source_free)
#define ISAL(F) F(isal_deflate_stateless) F(isal_deflate_stateless_init)
#define DW(F)                                                                                                    \
	F(dwarf_aggregate_size) F(dwarf_attr) F(dwarf_attr_integrate) F(dwarf_begin_elf) F(dwarf_bytesize)       \
	F(dwarf_child) F(dwarf_diename) F(dwarf_dieoffset) F(dwarf_end) F(dwarf_errmsg) F(dwarf_filesrc)         \
	F(dwarf_formaddr) F(dwarf_formblock) F(dwarf_formref_die) F(dwarf_formsdata) F(dwarf_formstring)         \
	F(dwarf_formudata) F(dwarf_get_units) F(dwarf_getlocation_addr) F(dwarf_getsrc_die) F(dwarf_getsrcfiles) \
	F(dwarf_haspc) F(dwarf_highpc) F(dwarf_lineno) F(dwarf_linesrc) F(dwarf_lowpc) F(dwarf_nextcu)           \
	F(dwarf_offdie) F(dwarf_ranges) F(dwarf_siblingof) F(dwarf_srclang) F(dwarf_tag)

/* A function of the library's name that jumps to where its slot points: arguments stay as they are, however many. */
#if defined(__x86_64__)
#define PAGE "4096"
#define JUMP(f) "endbr64\n jmp *gs_slot_" #f "(%rip)\n"
#elif defined(__aarch64__)
#define PAGE "65536"
#define JUMP(f) "hint #34\n adrp x16, gs_slot_" #f "\n ldr x16, [x16, #:lo12:gs_slot_" #f "]\n br x16\n"
#else
#error "link the libraries instead: see lazy in the top folder's meson.build"
#endif
#define SLOT(f) "gs_slot_" #f ": .skip 8\n"
#define DOOR(f) ".globl " #f "\n.hidden " #f "\n.type " #f ", %function\n" #f ": " JUMP(f) ".size " #f ", . - " #f "\n"
#define NAME(f) #f "\0"

/*
 * The slots of a library have pages of their own, which become read-only once filled. The note tells packagers what will be
 * loaded (https://uapi-group.org/specifications/specs/elf_dlopen_metadata/).
 */
#define LIBRARY(id, functions, soname, feature)                                                                          \
	__asm__(".pushsection .bss.gs_libraries,\"aw\",@nobits\n .balign " PAGE "\n.globl gs_slots_" #id                 \
		"\n.hidden gs_slots_" #id "\ngs_slots_" #id ":\n" functions(SLOT) ".balign " PAGE "\n.popsection\n"      \
		".pushsection .text\n" functions(DOOR) ".popsection\n"                                                   \
		".pushsection .note.dlopen,\"a\",@note\n .balign 4\n .long 4, 1f - 0f, 0x407c0c0a\n .asciz \"FDO\"\n"   \
		"0: .asciz \"[{\\\"soname\\\":[\\\"" soname "\\\"],\\\"feature\\\":\\\"" feature                           \
		"\\\",\\\"priority\\\":\\\"recommended\\\"}]\"\n1: .balign 4\n.popsection\n");                             \
	extern void *gs_slots_##id[] __attribute__((visibility("hidden")));                                              \
	static const library id = { soname, feature, functions(NAME), gs_slots_##id }

typedef struct library {
	const char *soname, *feature, *names; /* one NUL behind each name, two at the end */
	void **slots;
} library;

LIBRARY(curl, CURL, GS_SONAME_CURL, "fetching profiles over HTTP");
LIBRARY(microhttpd, MICROHTTPD, GS_SONAME_MICROHTTPD, "the page and the HTTP API");
LIBRARY(crypto, CRYPTO, GS_SONAME_CRYPTO, "the page and the HTTP API");
LIBRARY(jansson, JANSSON, GS_SONAME_JANSSON, "reading JSON");
LIBRARY(cairo, CAIRO, GS_SONAME_CAIRO, "PNG pictures");
LIBRARY(capstone, CAPSTONE, GS_SONAME_CAPSTONE, "disassembly");
LIBRARY(elf, ELF, GS_SONAME_ELF, "lines of C code");
LIBRARY(dw, DW, GS_SONAME_DW, "lines of C code");
LIBRARY(zip, ZIP, GS_SONAME_ZIP, "zip archives");
#ifdef GS_HAS_ISAL
LIBRARY(isal, ISAL, GS_SONAME_ISAL, "fast packing of large profiles");
#endif

static const library *const libraries[] = {
	[GS_LIBRARY_CURL] = &curl,	   [GS_LIBRARY_MICROHTTPD] = &microhttpd,
	[GS_LIBRARY_CRYPTO] = &crypto,	   [GS_LIBRARY_JANSSON] = &jansson,
	[GS_LIBRARY_CAIRO] = &cairo,	   [GS_LIBRARY_CAPSTONE] = &capstone,
	[GS_LIBRARY_ELF] = &elf,	   [GS_LIBRARY_DW] = &dw,
	[GS_LIBRARY_ZIP] = &zip,
#ifdef GS_HAS_ISAL
	[GS_LIBRARY_ISAL] = &isal,
#endif
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool is_loaded[sizeof(libraries) / sizeof(*libraries)];

static bool load(const library *l, gs_err *err)
{
	void *handle = dlopen(l->soname, RTLD_NOW | RTLD_LOCAL), **slot = l->slots;

	if (!handle)
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "%s: a library is not installed: %s", l->feature,
			       dlerror());
	for (const char *name = l->names; *name; name += strlen(name) + 1, slot++) {
		*slot = dlsym(handle, name);
		if (!*slot)
			return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "%s: %s of this machine has no %s",
				       l->feature, l->soname, name);
	}
	mprotect(l->slots, (size_t)((char *)slot - (char *)l->slots), PROT_READ);
	return true;
}

bool gs_library_load(gs_library which, gs_err *err)
{
	bool ok;

	pthread_mutex_lock(&lock);
	ok = is_loaded[which] = is_loaded[which] || load(libraries[which], err);
	pthread_mutex_unlock(&lock);
	return ok;
}

#else

bool gs_library_load(gs_library which, gs_err *err)
{
	(void)which;
	(void)err;
	return true;
}

#endif
