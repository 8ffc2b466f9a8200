#ifndef CLV_COMM_EXACT_SUM_H
#define CLV_COMM_EXACT_SUM_H

#include "comm/comm.h"

/** Sums of doubles that have the same bits in any order and on any number of ranks: each addend is split into
 *  four 40-bit digits held in int64 (weights 2^(20-40j), window 2^60 … 2^-100), digits are added as integers.
 *  The docstring of clv_exact_sum_total states the range and what happens outside it. */
typedef struct clv_exact_sum clv_exact_sum;

/** @param width  number of sums kept side by side */
clv_status clv_exact_sum_new(size_t width, clv_exact_sum **out);
void       clv_exact_sum_free(clv_exact_sum **self);

/** All sums to zero. Not collective. */
void clv_exact_sum_clear(clv_exact_sum *self);
/** Add value[j] to sum j, j in [0, width). Not collective. */
void clv_exact_sum_add(clv_exact_sum *self, const double *value);
/** Add one value to sum j. Not collective. */
void clv_exact_sum_add_at(clv_exact_sum *self, size_t j, double value);

/** One allreduce of all digits (integers), then one rounding. Collective, synchronising.
 *  @param[out] total  [width]; a sum with a non-finite addend is NaN.
 *  @return CLV_EFAULT on every rank where an addend or a sum left the window */
clv_status clv_exact_sum_total(clv_exact_sum *self, const clv_comm *comm, double *total);

#endif
