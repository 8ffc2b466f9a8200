#ifndef CLV_TESTS_STATISTICAL_SAMPLER_MOMENTS_CHECK_H
#define CLV_TESTS_STATISTICAL_SAMPLER_MOMENTS_CHECK_H

#include <stddef.h>

/** What is known of one scalar. mcse_mean 0: known exactly. */
typedef struct moments_known {
  const char *name;
  double      mean, sd, mcse_mean;
} moments_known;

/** The larger |z| of mean and sd of values [n_chain][n_draw] against what is known, with both Monte-Carlo
 * errors; the known sd's error from the number of independent draws that its mean's error implies, (sd /
 * mcse)², and the values' kurtosis. Infinite where the values do not move. */
double moments_z(const double *value, size_t n_chain, size_t n_draw, const moments_known *known);

#endif
