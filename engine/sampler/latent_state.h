#ifndef CLV_ENGINE_SAMPLER_LATENT_STATE_H
#define CLV_ENGINE_SAMPLER_LATENT_STATE_H

#include "engine/sampler/latent_chain.h"

/** What is the same on every rank of a sharded-latent run, for saving. All borrowed. */
typedef struct clv_latent_state {
  const clv_latent_setting *setting;
  clv_latent_chain         *chain; /* [num_chains] */
  uint64_t                  n_customer;
  bool                      is_settled;
  int                       first; /* number of the oldest draw kept */
  size_t                    n_row, capacity;
  double                   *row;  /* [num_chains][capacity][n_row] */
  clv_draw_stat            *stat; /* [num_chains][capacity] */
} clv_latent_state;

/** Bytes, owned by the caller. Not collective. @param kept  the most draws that a chain holds
 *  @return CLV_ENOMEM */
clv_status clv_latent_state_save(const clv_latent_state *self, int kept, void **bytes, size_t *n);

/** Whether bytes are whole and of this model and plan; then the draws that they hold of each chain, and what
 * is to become of `first` and `is_settled`. Not collective. @return CLV_EDATA, CLV_EUSAGE */
clv_status clv_latent_state_check(const clv_latent_state *self, const void *bytes, size_t n, int *kept,
                                  int *first, bool *is_settled);
/** After a check, with capacity of at least `kept` draws. Not collective. */
void clv_latent_state_restore(const clv_latent_state *self, const void *bytes);

#endif
