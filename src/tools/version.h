/* SPDX-License-Identifier: BSD-2-Clause */
/* The version the tools claim; the build may say a better one. */
#ifndef TOOLS_VERSION_H
#define TOOLS_VERSION_H

#ifndef VERSION
#define VERSION	"unreleased"
#endif

#endif
