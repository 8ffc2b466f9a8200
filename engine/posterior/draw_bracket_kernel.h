#ifndef CLV_ENGINE_POSTERIOR_DRAW_BRACKET_KERNEL_H
#define CLV_ENGINE_POSTERIOR_DRAW_BRACKET_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "engine/numerics/isa.h"

enum { CLV_BRACKETS_MOST = 4 };

/** Brackets in which quantiles are looked for, and what was found. */
typedef struct clv_draw_brackets {
  size_t n; /* <= CLV_BRACKETS_MOST */
  double low[CLV_BRACKETS_MOST], high[CLV_BRACKETS_MOST];
  size_t below[CLV_BRACKETS_MOST];    /* out: values < low */
  size_t n_inside[CLV_BRACKETS_MOST]; /* out: values in [low, high] */
} clv_draw_brackets;

/** Room for the values of one bracket: vectors are stored whole. */
#define CLV_BRACKET_ROOM(n_value) ((n_value) + 8)

/** Counts and gathers finite values. Not collective.
 *  @param[out] inside  [brackets->n][CLV_BRACKET_ROOM(n_value)] the values in each bracket */
CLV_KERNEL_DECLARE(void, clv_draw_bracket,
                   (const double *value, size_t n_value, clv_draw_brackets *brackets, double *inside));

/** Sum of the values, and of their squared distances from `mean`; lanes in a fixed order. Not collective. */
CLV_KERNEL_DECLARE(double, clv_draw_sum, (const double *value, size_t n_value));
CLV_KERNEL_DECLARE(double, clv_draw_squares, (const double *value, size_t n_value, double mean));

#endif
