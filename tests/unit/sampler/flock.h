#ifndef CLV_TESTS_UNIT_SAMPLER_FLOCK_H
#define CLV_TESTS_UNIT_SAMPLER_FLOCK_H

#include "comm/comm.h"
#include "engine/models/latent_model.h"

/** A sharded-latent model whose posterior is known in closed form: for each of n customers and k = 0, 1,
 * y_k ~ N(theta_k, FLOCK_NOISE[k]) and theta_k ~ N(mu_k, 1), mu_k ~ N(0, 10). theta_0 is non-centred (z_0 =
 * theta_0 - mu_0), theta_1 centred. */
extern const double FLOCK_NOISE[2];

/** This rank's customers of the same data on any number of ranks. Release with clv_latent_model_free.
 *  @param edge  the last customer's log-density is NaN where its z_0 is above it; INFINITY for nowhere */
clv_status flock_new(const clv_comm *shards, uint64_t n, double edge, clv_latent_model *out);

/** Observation k of customer i. */
double flock_y(uint64_t i, int k);

/** Posterior mean and sd of mu_k, and of a customer's theta_k. */
void flock_mu(uint64_t n, int k, double *mean, double *sd);
void flock_theta(uint64_t n, uint64_t i, int k, double *mean, double *sd);

#endif
