#ifndef CLV_ENGINE_SAMPLER_LATENT_NUTS_H
#define CLV_ENGINE_SAMPLER_LATENT_NUTS_H

#include "engine/sampler/latent_pass.h"
#include "engine/sampler/metric.h"
#include "engine/sampler/sampler.h"

/** Asked after each pass, on every rank, with the same answer on all of them. */
typedef struct clv_latent_stop {
  void *context;
  bool (*now)(void *context);
} clv_latent_stop;

/** Where a transition begins and what it is made with. */
typedef struct clv_latent_start {
  const clv_latent_place *from; /* only read: what is interrupted begins here again, with the same numbers */
  const clv_metric       *metric; /* of phi */
  const float *scale; /* [n_own]: standard deviations that customers' own parameters are scaled by */
  double       epsilon;
  uint64_t     seed;
  uint32_t     chain, draw, attempt; /* name the random numbers */
} clv_latent_start;

/** One chain's transition over phi and all customers' own parameters: multinomial NUTS with the turn tests of
 * nuts.h. Inside a new half the draw is chosen leaf by leaf with w / Σw so far, which is the multinomial
 * choice; at the top with min(1, w_new / w_old). */
typedef struct clv_latent_nuts clv_latent_nuts;

/** @param pass  borrowed. Not collective. */
clv_status clv_latent_nuts_new(clv_latent_pass *pass, size_t n_phi, int most_depth, clv_latent_nuts **out);
void       clv_latent_nuts_free(clv_latent_nuts **self);

/** One transition. Collective over the pass's shards: one reduction for the start and one per leapfrog step.
 *  @param[out] place  exchanged with the new draw, where the chain moved
 *  @return CLV_EINTERRUPT where stop said so before the end; `place` is then as it was */
clv_status clv_latent_nuts_draw(clv_latent_nuts *self, const clv_latent_start *start,
                                const clv_latent_stop *stop, clv_latent_place *place, clv_draw_stat *stat,
                                bool *moved);

/** The gain H0 - H of one leapfrog step with fresh momenta; -inf where the energy is not finite. */
clv_status clv_latent_nuts_probe(clv_latent_nuts *self, const clv_latent_start *start, double *gain);

#endif
