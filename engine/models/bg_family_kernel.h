#ifndef CLV_ENGINE_MODELS_BG_FAMILY_KERNEL_H
#define CLV_ENGINE_MODELS_BG_FAMILY_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/models/purchase_rows.h"
#include "engine/numerics/isa.h"

enum { CLV_BG_TERMS = 5 };

/** Rows of one segment in one block; lengths are multiples of CLV_ROW_LANES, filled up with rows of count
 * 0. */
typedef struct clv_bg_rows {
  size_t          n;
  const double   *x, *t_x, *T, *count;
  bool            alike;            /* counts are 1, but for rows that fill up */
  const double   *recency, *age;    /* tables of logarithms, then inverses, of alpha + t; NULL: none */
  size_t          n_recency, n_age; /* their lengths */
  const uint16_t *at_recency, *at_age;
} clv_bg_rows;

/** Sums over rows of customers who may have left: with x > 0, or with any x where they may leave
 * after the first purchase. With n = r+x, w = alpha+T, d = alpha+t_x, rho = log(w/d), E = e^(-n rho), m =
 * (b'+x) E + a and P(alive) = (b'+x) E / m: [0] count log m    [1] count P rho    [2] count n P (1/d - 1/w)
 * [3] count / m    [4] count E / m What depends on t_x or on x alone is summed elsewhere
 * (docs/model_architecture.md). Adds to sum [CLV_BG_TERMS]; theta is r, alpha, a, b', where b' is b - 1 (so
 * that a b below 2^-53 counts as none), or b where they may leave after the first purchase. */
CLV_KERNEL_DECLARE(void, clv_bg_able, (const clv_bg_rows *rows, const double *theta, double *sum));

/** Rows with x = 0: sum[0] += count log(alpha+T), sum[1] += count / (alpha+T). */
CLV_KERNEL_DECLARE(void, clv_bg_onces, (const clv_bg_rows *rows, const double *theta, double *sum));

/** table [0, n) = log(alpha + time), [n, 2 n) = 1 / (alpha + time); n a multiple of CLV_ROW_LANES. */
CLV_KERNEL_DECLARE(void, clv_bg_table, (size_t n, const double *time, double alpha, double *table));

/** Distinct recencies of one run of buyers, filled up to whole lanes with weights of 0. */
typedef struct clv_bg_recencies {
  size_t        n;
  const double *t_x, *count, *count_x; /* how many customers, and how many purchases they made */
} clv_bg_recencies;

/** With d = alpha+t_x and weight r count + count_x: sum[0] += weight log d, sum[1] += count log d, sum[2] +=
 * weight / d. */
CLV_KERNEL_DECLARE(void, clv_bg_recent, (const clv_bg_recencies *rows, const double *theta, double *sum));

/** What is known of one customer. */
typedef struct clv_bg_seen {
  double x, t_x, T, early;
} clv_bg_seen;

/** P(alive) under draws of r, alpha, a, b, `stride` numbers apart: (b'+x) E / ((b'+x) E + a), with b' = b +
 * early - 1 and E as above; 1 for x = 0 where early is 0. */
CLV_KERNEL_DECLARE(void, clv_bg_alive,
                   (const double *theta, size_t stride, size_t n_draw, const clv_bg_seen *who,
                    double *alive));

#endif
