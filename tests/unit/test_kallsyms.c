#include "format/kallsyms/kallsyms.h"
#include "tap.h"

#include "base/banned.h"

TEST(kallsyms_finds)
{
	gs_arena *mem = gs_arena_create(1 << 20);
	gs_kallsyms k;
	gs_err err;
	gs_str text = GS_S("ffffffff81000000 T _text\n"
			   "ffffffff81000000 T startup_64\n"
			   "ffffffff81000100 t do_sys_open\n"
			   "ffffffff81000180 D some_data\n"
			   "ffffffffc0000000 t mod_fn\t[my_mod]\n"
			   "ffffffff81000200 W weak_one\r\n");

	CHECK(gs_kallsyms_open(mem, text, &k, &err));
	CHECK_INT(k.n, 5);
	CHECK(gs_kallsyms_at(&k, 0xffffffff80ffffffu) == NULL);
	CHECK_STR(gs_kallsyms_at(&k, 0xffffffff81000010u)->name, GS_S("_text"));
	CHECK_STR(gs_kallsyms_at(&k, 0xffffffff81000190u)->name, GS_S("do_sys_open"));
	CHECK_STR(gs_kallsyms_at(&k, 0xffffffff81000200u)->name, GS_S("weak_one"));
	CHECK_STR(gs_kallsyms_at(&k, 0xffffffffc0000010u)->module, GS_S("my_mod"));
	CHECK(gs_kallsyms_at(&k, 0xffffffffd0000000u) == NULL); /* far from anything: JIT code */
	CHECK(gs_kallsyms_at(&k, 0x401000) == NULL);
	gs_arena_free(mem);
}

TEST(kallsyms_hidden)
{
	gs_arena *mem = gs_arena_create(1 << 20);
	gs_kallsyms k;
	gs_err err;

	CHECK(!gs_kallsyms_open(mem, GS_S("0000000000000000 T _text\n0000000000000000 T start\n0000000000000000 t x\n"), &k,
				&err));
	CHECK_INT(err.code, GS_ERR_DENIED);
	CHECK(strstr(err.text, "kptr_restrict") != NULL);
	CHECK(!gs_kallsyms_open(mem, GS_S("#!/bin/sh\necho hello\n"), &k, &err));
	CHECK_INT(err.code, GS_ERR_FORMAT);
	CHECK(!gs_kallsyms_open(mem, GS_S(""), &k, &err));
	gs_arena_free(mem);
}
