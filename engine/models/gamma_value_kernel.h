#ifndef CLV_ENGINE_MODELS_GAMMA_VALUE_KERNEL_H
#define CLV_ENGINE_MODELS_GAMMA_VALUE_KERNEL_H

#include <stddef.h>

#include "engine/numerics/isa.h"

/** The integral over a customer's log mean amount, given his shape, by the trapezoid rule around the mode:
 * with t from the mode, exp(-q (e^-t - 1 + t) - t^2 / (2 s^2)).
 *  @param step  distance of the nodes  @param left  nodes before the mode  @param n  in all; a multiple of 8
 *  @param[out] sum [4]  times 1, t, t^2, e^t */
CLV_KERNEL_DECLARE(void, clv_gamma_value_row,
                   (double q, double s, double step, size_t left, size_t n, double *sum));

#endif
