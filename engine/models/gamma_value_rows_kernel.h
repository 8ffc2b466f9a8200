#ifndef CLV_ENGINE_MODELS_GAMMA_VALUE_ROWS_KERNEL_H
#define CLV_ENGINE_MODELS_GAMMA_VALUE_ROWS_KERNEL_H

#include "engine/models/gamma_value_rule.h"

enum { CLV_GAMMA_VALUE_ROWS = 512 };

/** Rows of a lattice: a = first + k step, n of them, a multiple of 8 and at most CLV_GAMMA_VALUE_ROWS. */
typedef struct clv_gamma_value_span {
  double        first, step;
  size_t        n;
  const double *alpha, *peak; /* [n] e^a; a e^a - log Gamma(e^a) - e^a */
} clv_gamma_value_span;

/** About where eight customers' rows are largest, and the curvature there.
 *  @param n, log_mean, gap [8]  @param[out] mode, curvature [8] */
CLV_KERNEL_DECLARE(void, clv_gamma_value_modes,
                   (const clv_gamma_value_rule *rule, const double *n, const double *log_mean,
                    const double *gap, double *mode, double *curvature));

/** e^a and a e^a - log Gamma(e^a) - e^a of rows a = first + k step. @param n  a multiple of 8
 *  @param[out] alpha, peak [n] */
CLV_KERNEL_DECLARE(void, clv_gamma_value_shapes,
                   (double first, double step, size_t n, double *alpha, double *peak));

/** One customer's rows, summed. @param[out] sum [10] the largest logarithm; then weights relative to it,
 * alone and times a, E e, a^2, E e^2, a E e, with a and e less their prior means; then the logarithms of the
 * first and the last row relative to the largest; then, by a rule without polynomials, times E e^u. Such a
 * rule's inner integrals are summed row by row.
 *  @return false where a row's mode is not found or its sum too long: amounts or population beyond all reason
 */
CLV_KERNEL_DECLARE(bool, clv_gamma_value_rows,
                   (const clv_gamma_value_rule *rule, const clv_gamma_value_record *who,
                    const clv_gamma_value_span *span, double *sum));

#endif
