#include "load/recognisers.h"

#include "base/banned.h"

const gs_recogniser *const gs_recognisers[] = {
	&gs_recogniser_pprof,
	&gs_recogniser_gotrace,
	&gs_recogniser_core,
	&gs_recogniser_perfdata,
	&gs_recogniser_legacy,
	&gs_recogniser_goroutines,
	&gs_recogniser_perfscript,
	&gs_recogniser_folded,
	NULL,
};
