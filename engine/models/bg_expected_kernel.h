#ifndef CLV_ENGINE_MODELS_BG_EXPECTED_KERNEL_H
#define CLV_ENGINE_MODELS_BG_EXPECTED_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/numerics/isa.h"

/** Most times of one call (a multiple of every vector's length), and the most purchases expected without
 * dropout. */
enum { CLV_BG_TIMES_MOST = 32, CLV_BG_MEAN_MOST = 512 };

typedef struct clv_bg_times {
  size_t n;                       /* 1 <= n <= CLV_BG_TIMES_MOST */
  double z[CLV_BG_TIMES_MOST];    /* [n] t / (alpha + t), in (0, 1) */
  double none[CLV_BG_TIMES_MOST]; /* [n] (1 - z)^r, the chance of no purchase without dropout; above 0 */
} clv_bg_times;

/** Expected purchases of the BG/NBD in (0, t] for several t. Without dropout the number of purchases is N ~
 * NB(r, z); purchase j + 1 happens when N > j and j dropouts did not: E(t) = sum over k of P(N = k) C_k,
 * where C_k = sum over j < k of E[(1 - p)^j], p ~ Beta(a, b). All terms are positive and a = 1 is nothing
 * special, unlike in the form with 2F1 (Fader, Hardie & Lee 2005, eq. 9), to which it is equal. Not
 * collective.
 *  @param theta  r, alpha, a, b  @param[out] expected  [n]; what is left out is below 1e-16 of it
 *  @return false where it takes too many terms; `expected` then is not meant for use */
CLV_KERNEL_DECLARE(bool, clv_bg_expected, (const double *theta, const clv_bg_times *times, double *expected));

#endif
