#ifndef CLV_ENGINE_SAMPLER_LATENT_SUMMARY_H
#define CLV_ENGINE_SAMPLER_LATENT_SUMMARY_H

#include <stddef.h>

/** Doubles that one chain keeps of one value, whatever the number of draws. */
enum { CLV_LATENT_KEPT = 7 };

/** Running sums of n values in one chain: a view, [CLV_LATENT_KEPT][n], zeroed before the first draw. All
 * sums are of differences from the first draw. */
typedef struct clv_latent_summary {
  double *origin;    /* the first draw */
  double *sum[2];    /* over the first half of the draws and over the rest */
  double *square[2]; /* sums of squares */
  double *run;       /* Σ in the batch that is not full yet */
  double *batch;     /* Σ (mean of a full batch)² */
} clv_latent_summary;

/** Views on memory of CLV_LATENT_KEPT × n doubles; and on n values from number `first` of such views. */
clv_latent_summary clv_latent_summary_of(double *memory, size_t n);
clv_latent_summary clv_latent_summary_at(const clv_latent_summary *self, size_t first);

/** Draws in one batch: floor(√n_draw), at least 1. */
size_t clv_latent_batch(size_t n_draw);

/** Draw number `draw` (from 0) of n_draw. Not collective. @param value [n] */
void clv_latent_summary_add(const clv_latent_summary *self, size_t n, size_t draw, size_t n_draw,
                            const double *value);

/** What is known of a value after all draws. */
typedef struct clv_latent_result {
  double mean, sd;
  /** Split R-hat of Gelman & Rubin 1992 as in Gelman et al. 2013, section 11.4: √((L-1)/L + Var(means) / W)
   * over halves of chains of L draws. Not rank-normalised, for ranks need all draws in memory. */
  double r_hat;
  /** Effective draws from batch means (Flegal & Jones 2010) around the mean of all chains:
   * draws × variance / (b × variance of batch means), b = floor(√draws). Too large by a share of about τ / 2b
   * where a chain's autocorrelation time is τ; its own error is a share √(2 / number of batches).
   * Batches are short against a chain: where R-hat says that chains are apart, this says too much. */
  double ess;
} clv_latent_result;

/** Of value i; NaN where a value has no spread or there are fewer than 4 draws. Not collective.
 *  @param chain  [n_chain] @param n_draw  of each */
clv_latent_result clv_latent_summary_result(const clv_latent_summary *chain, size_t n_chain, size_t n_draw,
                                            size_t i);

#endif
