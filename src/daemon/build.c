/* SPDX-License-Identifier: BSD-2-Clause */
/* The date that the Makefile gives, apart from all else so that nothing else is compiled anew for it. */
#include "daemon/build.h"

#ifndef BUILD_DATE
#define BUILD_DATE	1767225600	/* 2026-01-01; the Makefile knows better */
#endif

#define A_DAY	86400

time_t
build_time(void)
{
	return (time_t)BUILD_DATE - A_DAY;
}
