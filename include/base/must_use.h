/* SPDX-License-Identifier: BSD-2-Clause */
/* Attributes that the compiler checks for us. */
#ifndef BASE_MUST_USE_H
#define BASE_MUST_USE_H

/* A result that the caller has to look at. */
#define MUST_USE	__attribute__((warn_unused_result))

/* A function whose arguments from number b on are checked against format number a. */
#define PRINTF_LIKE(a, b)	__attribute__((format(printf, a, b)))

/* Elements of an array (never of a pointer). */
#define NELEMS(a)	(sizeof(a) / sizeof((a)[0]))

#endif
