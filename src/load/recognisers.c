#include "load/recognisers.h"

#include "base/banned.h"

const gs_recogniser *const gs_recognisers[] = {
	&gs_recogniser_pprof,
	NULL,
};
