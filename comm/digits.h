#ifndef CLV_COMM_DIGITS_H
#define CLV_COMM_DIGITS_H

#include "comm/comm.h"

/** The integer core of clv_exact_sum and clv_accumulator, private to this folder.
 *
 *  An addend x is cut into x = d0 2^20 + d1 2^-20 + d2 2^-60 + d3 2^-100 + e with |d0| <= 2^40, |d1|, |d2|,
 * |d3| <= 2^39 and |e| <= 2^-101. Each cut depends on x alone and integer addition is associative, so a sum
 * is a function of the multiset of its addends. */
#define CLV_DIGITS 4
/** Digit planes and one plane of flags. */
#define CLV_DIGIT_PLANES 5

typedef struct clv_digits {
  size_t   width;   /* sums in use */
  int64_t *plane;   /* owned, [CLV_DIGIT_PLANES][width]: digits d0 … d3 of all sums, then the flags */
  uint32_t n_since; /* addends since carries were last moved up, at most */
} clv_digits;

/** @param most  the largest width; leaves all sums zero at that width. Not collective. */
clv_status clv_digits_new(size_t most, clv_digits *out);
void       clv_digits_free(clv_digits *self);
/** All sums to zero at this width (at most that of the constructor). Not collective. */
void clv_digits_reset(clv_digits *self, size_t width);
/** Add x[j] to sum j. Not collective. */
void clv_digits_add(clv_digits *self, const double *x);
/** Add x to sum j. Not collective. */
void clv_digits_add_at(clv_digits *self, size_t j, double x);

/** One allreduce, which leaves the reduced digits behind, and one rounding each. Collective, synchronising.
 *  @param[out] total  [width]; NaN where an addend was not finite or something left the window
 *  @param[out] first  may be NULL; the first sum that left the window, width where none did
 *  @return the number of sums that left the window */
size_t clv_digits_total(clv_digits *self, const clv_comm *comm, double *total, size_t *first);

#endif
