#ifndef CLV_JOBS_FIT_SAMPLER_H
#define CLV_JOBS_FIT_SAMPLER_H

#include "engine/sampler/latent_sampler.h"
#include "engine/sampler/sampler.h"
#include "jobs/fit_place.h"

/** The sampler of a fit: over the hyperparameters, customers being integrated out, or over every customer's
 * own parameters as well (model.integrate: none). */
typedef struct clv_fit_sampler {
  const clv_fit_place *place;     /* borrowed */
  clv_sampler         *collapsed; /* owned; one of the two */
  clv_latent_sampler  *latent;    /* owned */
} clv_fit_sampler;

/** Collective over the world. @param kept  [n_kept] customers whose draws come with each leg, where customers
 * are sampled; copied @return CLV_ENOMEM where the machine has not the memory that customers' own
 * parameters take, before any of it is taken */
clv_status clv_fit_sampler_new(const clv_fit_place *place, const clv_sampler_plan *plan, const uint64_t *kept,
                               size_t n_kept, clv_fit_sampler *out);
void       clv_fit_sampler_free(clv_fit_sampler *self);

/** As the samplers' own verbs; collective over the world. Saving writes customers' own parameters to the
 * folder under `generation` (folder NULL: not, for a fit that is done), restoring reads them. */
clv_status clv_fit_sampler_run(clv_fit_sampler *self, int n_draw, const clv_sampler_watch *watch,
                               clv_latent_leg *leg);
void       clv_fit_sampler_tuning(const clv_fit_sampler *self, double *step_size, double *inv_metric);
/** Gradients of the warm-up over all chains; 0 where they are not counted. Not collective. */
double     clv_fit_sampler_warmup_gradients(const clv_fit_sampler *self);
clv_status clv_fit_sampler_save(const clv_fit_sampler *self, const char *folder, uint64_t generation,
                                void **bytes, size_t *n);
clv_status clv_fit_sampler_restore(clv_fit_sampler *self, const char *folder, uint64_t generation,
                                   const void *bytes, size_t n);

#endif
