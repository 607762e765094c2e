#include <stdint.h>

uint64_t goCallback(uint64_t);

__attribute__((noinline)) uint64_t c_burn(uint64_t x, int n)
{
	for (int i = 0; i < n; i++)
		x = x * 6364136223846793005ull + 1442695040888963407ull;
	return x;
}

__attribute__((noinline)) uint64_t c_outer(uint64_t x, int n)
{
	return c_burn(x, n) + goCallback(x);
}
