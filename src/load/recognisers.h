/* One line for each src/load/load_<format>.c. */
#ifndef GS_LOAD_RECOGNISERS_H
#define GS_LOAD_RECOGNISERS_H

#include "load/load.h"

extern const gs_recogniser gs_recogniser_core;
extern const gs_recogniser gs_recogniser_folded;
extern const gs_recogniser gs_recogniser_goroutines;
extern const gs_recogniser gs_recogniser_gotrace;
extern const gs_recogniser gs_recogniser_legacy;
extern const gs_recogniser gs_recogniser_perfdata;
extern const gs_recogniser gs_recogniser_perfscript;
extern const gs_recogniser gs_recogniser_pprof;

#endif
