#ifndef CLV_COMM_EXACT_SUM_H
#define CLV_COMM_EXACT_SUM_H

#include "comm/comm.h"

/** Sums of doubles that have the same bits in any order and on any number of ranks: each addend is split into
 *  four 40-bit digits held in int64 (weights 2^(20-40j), window 2^60 … 2^-100), digits are added as integers.
 *
 *  Range: addends below 2^60 (1.15e18) and totals below 2^80 (1.2e24) in magnitude; any number of addends (carries are
 *  moved up every 2^20). A partial sum may pass 2^80 and come back, up to 2^82 over the number of ranks.
 *  Error: the part of an addend below 2^-100 is rounded, so a total is off by at most (addends) × 2^-101 = 3.9e-31 each, and
 *  then is the nearest double, ties to even. Addends that are multiples of 2^-100 give the exact sum, rounded once.
 *  Needs round-to-nearest, the default rounding mode. */
typedef struct clv_exact_sum clv_exact_sum;

/** @param width  number of sums kept side by side; 88 bytes each. Not collective. */
clv_status clv_exact_sum_new(size_t width, clv_exact_sum **out);
void       clv_exact_sum_free(clv_exact_sum **self);

/** All sums to zero. Not collective. */
void clv_exact_sum_clear(clv_exact_sum *self);
/** Add value[j] to sum j, j in [0, width). Not collective. */
void clv_exact_sum_add(clv_exact_sum *self, const double *value);
/** Add one value to sum j. Not collective. */
void clv_exact_sum_add_at(clv_exact_sum *self, size_t j, double value);

/** One allreduce of all digits (integers), then one rounding. Collective, synchronising. The addends stay: more may be
 *  added and a total asked again.
 *  @param[out] total  [width]; NaN for a sum with a non-finite addend (not an error) or with one outside the window
 *  @return CLV_EFAULT on every rank where an addend or a sum left the window; the other totals are valid all the same */
clv_status clv_exact_sum_total(clv_exact_sum *self, const clv_comm *comm, double *total);

#endif
