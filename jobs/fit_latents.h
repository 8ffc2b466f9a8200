#ifndef CLV_JOBS_FIT_LATENTS_H
#define CLV_JOBS_FIT_LATENTS_H

#include "jobs/fit_sampler.h"

/** What sampling customers' own parameters found of each of them: mean, sd, R-hat and effective draws into
 * latents.h5, and the worst customers, with a summary, into latents.json (docs/files.md). After the last
 * draw. Collective over the world. @param n_draw  sampling draws over all chains */
clv_status clv_fit_latents_write(const clv_fit_sampler *sampler, const clv_config *config, long n_draw);

#endif
