#include "base/demangle.h"
#include "tap.h"

#include "base/banned.h"

static gs_str shown(gs_buf *text, const char *name, gs_demangle_style style)
{
	return gs_demangle(text, gs_str_of(name), style) ? gs_buf_view(text) : gs_str_of(name);
}

/* What `go tool pprof` shows of the same names. */
TEST(demangle_styles)
{
	static const struct {
		const char *name, *brief, *templates, *full;
	} cases[] = {
		{ "_ZNK2ns4listIiE4findIcEEbT_", "ns::list::find", "ns::list<int>::find<char>", "bool ns::list<int>::find<char>(char) const" },
		{ "_ZN12_GLOBAL__N_13runEv", "(anonymous namespace)::run", "(anonymous namespace)::run", "(anonymous namespace)::run()" },
		{ "_ZZN1A3runIiEEvT_ENKUliE_clEi", "A::run()::{lambda(int)#1}::operator()", "A::run<int>()::{lambda(int)#1}::operator()",
		  "A::run<int>(int)::{lambda(int)#1}::operator()(int) const" },
		{ "_ZZNK1A3runEvENKUlvE_clEv", "A::run() const::{lambda()#1}::operator()", "A::run() const::{lambda()#1}::operator()",
		  "A::run() const::{lambda()#1}::operator()() const" },
		{ "_ZlsIiER1oS1_RKT_", "operator<<", "operator<< <int>", "o& operator<< <int>(o&, int const&)" },
		{ "_ZN1AcvSt6vectorIiSaIiEEEv", "A::operator std::vector", "A::operator std::vector<int, std::allocator<int> >",
		  "A::operator std::vector<int, std::allocator<int> >()" },
		{ "_ZN1AptEv", "A::operator->", "A::operator->", "A::operator->()" },
		{ "_ZN1AltIiEEbT_", "A::operator<", "A::operator< <int>", "bool A::operator< <int>(int)" },
		{ "_Znwm", "operator new", "operator new", "operator new(unsigned long)" },
		{ "_Z4workPFiiE.part.0", "work", "work", "work(int (*)(int))" },
		{ "_ZThn16_N1A3runEv", "non-virtual thunk to A::run", "non-virtual thunk to A::run", "non-virtual thunk to A::run()" },
		{ "_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "core::fmt::Formatter::pad", "core::fmt::Formatter::pad", "core::fmt::Formatter::pad" },
		{ "_ZN60_$LT$alloc..string..String$u20$as$u20$core..fmt..Display$GT$3fmt17h0123456789abcdefE",
		  "<alloc::string::String as core::fmt::Display>::fmt", "<alloc::string::String as core::fmt::Display>::fmt",
		  "<alloc::string::String as core::fmt::Display>::fmt" },
		{ "_RNvMCs6GmmlP4bgsG_1rINtB2_6HoldermE4workB2_", "<r::Holder<>>::work", "<r::Holder<u32>>::work", "<r::Holder<u32>>::work" },
		{ "_RINvNtC3std3mem8align_ofjdE", "std::mem::align_of::<>", "std::mem::align_of::<usize, f64>", "std::mem::align_of::<usize, f64>" },
		{ "_RNvXCs6GmmlP4bgsG_1rINtB2_6HoldermENtB2_4Work4work", "<r::Holder<> as r::Work>::work", "<r::Holder<u32> as r::Work>::work",
		  "<r::Holder<u32> as r::Work>::work" },
		{ "_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar", "mycrate::foo::bar", "mycrate::foo::bar" },
	};
	gs_buf text;

	gs_buf_init(&text, 1 << 14);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases) && gs_has_demangler(); i++) {
		CHECK_STR(shown(&text, cases[i].name, GS_DEMANGLE_SHORT), gs_str_of(cases[i].brief));
		CHECK_STR(shown(&text, cases[i].name, GS_DEMANGLE_TEMPLATES), gs_str_of(cases[i].templates));
		CHECK_STR(shown(&text, cases[i].name, GS_DEMANGLE_FULL), gs_str_of(cases[i].full));
	}
	gs_buf_release(&text);
}

TEST(demangle_leaves_others)
{
	static const char *const names[] = { "", "_", "_Z", "_R", "main.main", "memcpy", "_Zebra", "_ZN", "_Rust", "_cgo_panic", "__Znwm" };
	gs_buf text;

	gs_buf_init(&text, 1 << 14);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		CHECK(!gs_demangle(&text, gs_str_of(names[i]), GS_DEMANGLE_FULL));
	CHECK(!gs_demangle(&text, (gs_str){ "_Znwm\0x", 7 }, GS_DEMANGLE_FULL));
	gs_buf_release(&text);
}

/* Each b<x, x> of the one before doubles the text. Template and type count as two: the type is every second one. */
TEST(demangle_bounds_the_text)
{
	gs_buf name, text;

	gs_buf_init(&name, 1 << 14);
	gs_buf_init(&text, 1 << 14);
	gs_buf_z(&name, "_Z1f1a");
	gs_buf_z(&name, "1bIS_S_E");
	for (char c = '1'; c <= '9'; c += 2)
		gs_buf_f(&name, "1bIS%c_S%c_E", c, c);
	for (char c = 'B'; c <= 'Z'; c += 2)
		gs_buf_f(&name, "1bIS%c_S%c_E", c, c);
	CHECK(name.n < 1024);
	CHECK(!gs_demangle(&text, gs_buf_view(&name), GS_DEMANGLE_FULL));
	/* Longer than is looked at. */
	gs_buf_fill(&name, 'i', 2000);
	CHECK(!gs_demangle(&text, gs_buf_view(&name), GS_DEMANGLE_FULL));
	/* Deep. */
	name.n = 0;
	gs_buf_z(&name, "_Z1f");
	gs_buf_fill(&name, 'P', 900);
	gs_buf_c(&name, 'i');
	gs_demangle(&text, gs_buf_view(&name), GS_DEMANGLE_FULL);
	CHECK(text.n <= 8192);
	/* A buffer that takes less. */
	gs_buf_release(&text);
	gs_buf_init(&text, 4);
	CHECK(!gs_demangle(&text, GS_S("_ZN1A8functionEv"), GS_DEMANGLE_FULL));
	gs_buf_release(&text);
	gs_buf_release(&name);
}
