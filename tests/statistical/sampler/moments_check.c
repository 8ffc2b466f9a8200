#include "moments_check.h"

#include <math.h>

/* Batches per chain, each many autocorrelation times long in these tests. */
#define BATCHES 20

/* Monte-Carlo standard error of the mean of (x - centre)^power, by batch means. */
static double batch_error(const double *value, size_t n_chain, size_t n_draw, double centre, int power) {
  const size_t width = n_draw / BATCHES, n = n_chain * BATCHES;
  double       mean = 0, m2 = 0;
  for (size_t b = 0; b < n; b++) {
    const double *from  = value + (b / BATCHES) * n_draw + (b % BATCHES) * width;
    double        batch = 0;
    for (size_t i = 0; i < width; i++) batch += pow(from[i] - centre, power) / (double)width;
    const double d = batch - mean;
    mean += d / (double)(b + 1);
    m2 += d * (batch - mean);
  }
  return sqrt(m2 / (double)(n - 1) / (double)n);
}

double moments_z(const double *value, size_t n_chain, size_t n_draw, const moments_known *known) {
  const size_t n    = n_chain * n_draw;
  double       mean = 0, m2 = 0, m4 = 0;
  for (size_t i = 0; i < n; i++) mean += value[i] / (double)n;
  for (size_t i = 0; i < n; i++) {
    const double d = value[i] - mean;
    m2 += d * d / (double)n, m4 += d * d * d * d / (double)n;
  }
  const double sd = sqrt(m2), excess = sqrt((m4 / (m2 * m2) - 1.0) / 4.0); /* sd(s) / s × √n */
  const double my_mean = batch_error(value, n_chain, n_draw, mean, 1);
  const double my_sd   = batch_error(value, n_chain, n_draw, mean, 2) / (2.0 * sd);
  const double z_mean  = fabs(mean - known->mean) / hypot(my_mean, known->mcse_mean);
  const double z_sd    = fabs(sd - known->sd) / hypot(my_sd, known->mcse_mean * excess);
  if (!(isfinite(z_mean) && isfinite(z_sd))) return (double)INFINITY;
  return z_mean > z_sd ? z_mean : z_sd;
}
