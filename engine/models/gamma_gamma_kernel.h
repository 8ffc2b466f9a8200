#ifndef CLV_ENGINE_MODELS_GAMMA_GAMMA_KERNEL_H
#define CLV_ENGINE_MODELS_GAMMA_GAMMA_KERNEL_H

#include <stddef.h>

#include "engine/numerics/isa.h"

/** Spends are laid out in strides of four lots of eight lanes, filled up with zeros. */
enum { CLV_GAMMA_GAMMA_LANES = 8, CLV_GAMMA_GAMMA_STRIDE = 32 };

/** Over n total spends w (a multiple of the stride): *log_sum = sum of log(w + v), *inverse_sum = sum of 1 /
 * (w + v); what the `n_fill` zeros add is taken off, which at any v costs no more than roundings of n log v
 * and n / v. One division for four customers and one logarithm for each lane: products, whose exponents are
 * counted apart. Factors must lie in 2^-250 … 2^250. */
CLV_KERNEL_DECLARE(void, clv_gamma_gamma_sums,
                   (const double *w, size_t n, size_t n_fill, double v, double *log_sum,
                    double *inverse_sum));

#endif
