#include "engine/sampler/latent_summary.h"

#include <math.h>

#include "engine/numerics/pinned.h"

clv_latent_summary clv_latent_summary_of(double *memory, size_t n) {
  return (clv_latent_summary){.origin = memory,
                              .sum    = {memory + n, memory + 2 * n},
                              .square = {memory + 3 * n, memory + 4 * n},
                              .run    = memory + 5 * n,
                              .batch  = memory + 6 * n};
}

clv_latent_summary clv_latent_summary_at(const clv_latent_summary *self, size_t first) {
  return (clv_latent_summary){.origin = self->origin + first,
                              .sum    = {self->sum[0] + first, self->sum[1] + first},
                              .square = {self->square[0] + first, self->square[1] + first},
                              .run    = self->run + first,
                              .batch  = self->batch + first};
}

size_t clv_latent_batch(size_t n_draw) {
  const size_t b = (size_t)sqrt((double)n_draw);
  return b < 1 ? 1 : b;
}

void clv_latent_summary_add(const clv_latent_summary *self, size_t n, size_t draw, size_t n_draw,
                            const double *value) {
  const size_t half = draw < n_draw / 2 ? 0 : 1, b = clv_latent_batch(n_draw);
  double      *origin = self->origin, *sum = self->sum[half], *square = self->square[half];
  for (size_t i = 0; i < n && draw == 0; i++) origin[i] = value[i];
  for (size_t i = 0; i < n; i++) {
    const double d = value[i] - origin[i];
    sum[i] += d;
    square[i] += d * d;
    self->run[i] += d;
  }
  if ((draw + 1) % b != 0) return;
  for (size_t i = 0; i < n; i++) {
    const double mean = self->run[i] / (double)b;
    self->batch[i] += mean * mean;
    self->run[i] = 0.0;
  }
}

typedef struct spread {
  double mean_of_means, of_means, within; /* variances: between halves' means, and the mean within */
} spread;

/* Between and within the halves of all chains. Means are taken from the first chain's origin. */
static spread halves_spread(const clv_latent_summary *chain, size_t n_chain, size_t n_draw, size_t i) {
  const double length[2] = {(double)(n_draw / 2), (double)(n_draw - n_draw / 2)};
  const double m         = 2.0 * (double)n_chain;
  double       total = 0.0, square = 0.0, within = 0.0;
  for (size_t c = 0; c < n_chain; c++)
    for (size_t h = 0; h < 2; h++) {
      const double own  = chain[c].sum[h][i] / length[h];
      const double mean = own + (chain[c].origin[i] - chain[0].origin[i]);
      total += mean;
      square += mean * mean;
      within += (chain[c].square[h][i] - length[h] * own * own) / (length[h] - 1.0);
    }
  return (spread){total / m, (square - total * total / m) / (m - 1.0), within / m};
}

/* b × the variance of batch means around their mean over all chains. */
static double batches_variance(const clv_latent_summary *chain, size_t n_chain, size_t n_draw, size_t i) {
  const double b = (double)clv_latent_batch(n_draw), n = floor((double)n_draw / b);
  double       total = 0.0, square = 0.0;
  for (size_t c = 0; c < n_chain; c++) {
    const double shift = chain[c].origin[i] - chain[0].origin[i];
    const double sum   = (chain[c].sum[0][i] + chain[c].sum[1][i] - chain[c].run[i]) / b; /* of batch means */
    total += sum + n * shift;
    square += chain[c].batch[i] + 2.0 * shift * sum + n * shift * shift;
  }
  const double all = n * (double)n_chain;
  return b * (square - total * total / all) / (all - 1.0);
}

clv_latent_result clv_latent_summary_result(const clv_latent_summary *chain, size_t n_chain, size_t n_draw,
                                            size_t i) {
  const double      draws = (double)n_chain * (double)n_draw, half = (double)(n_draw / 2);
  clv_latent_result r = {NAN, NAN, NAN, NAN};
  if (n_draw < 4) return r;
  const spread s     = halves_spread(chain, n_chain, n_draw, i);
  const double total = (half - 1.0) / half * s.within + s.of_means;
  double       sum   = 0.0;
  for (size_t c = 0; c < n_chain; c++)
    sum +=
        chain[c].sum[0][i] + chain[c].sum[1][i] + (double)n_draw * (chain[c].origin[i] - chain[0].origin[i]);
  r.mean = chain[0].origin[i] + sum / draws;
  if (!(s.within > 0.0)) return r;
  r.sd           = sqrt(total);
  r.r_hat        = sqrt(total / s.within);
  const double v = batches_variance(chain, n_chain, n_draw, i), most = draws * clv_log(draws) / clv_log(10.0);
  r.ess = draws * total / v;
  if (!(v > 0.0) || r.ess > most) r.ess = most;
  return r;
}
