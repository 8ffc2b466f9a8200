#ifndef CLV_TESTS_UNIT_SAMPLER_HERD_H
#define CLV_TESTS_UNIT_SAMPLER_HERD_H

#include "comm/comm.h"
#include "engine/models/model.h"

/** A model with data in many blocks: y in group g ~ N(theta_g, sigma), theta_g ~ N(mu, tau), centred, so that
 * some trajectories diverge. Coordinates: mu, log tau, log sigma, theta[HERD_GROUPS]. */
#define HERD_GROUPS 4
#define HERD_DIM (3 + HERD_GROUPS)
#define HERD_BLOCKS 23
#define HERD_BLOCK 40

/** This rank's blocks of the same data on any number of ranks. Release with clv_model_free. */
clv_status herd_new(const clv_comm *shards, clv_model *out);

#endif
