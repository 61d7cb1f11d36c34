/* SPDX-License-Identifier: BSD-2-Clause */
/* When this program was made: no true time can be earlier. */
#ifndef DAEMON_BUILD_H
#define DAEMON_BUILD_H

#include <time.h>

/* Seconds since 1970: the date of the sources (SOURCE_DATE_EPOCH, the last commit, or else of the build) less a day for the builder's clock. */
time_t build_time(void);

#endif
