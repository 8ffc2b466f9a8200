#ifndef CLV_ENGINE_MODELS_LATENT_CONFORMANCE_H
#define CLV_ENGINE_MODELS_LATENT_CONFORMANCE_H

#include "comm/comm.h"
#include "engine/models/latent_model.h"

/** Does a sharded-latent model keep the promises of latent_model.h? Part of that interface: every model
 * passes it. Collective over `comm`, synchronising: every rank gets the same outcome. Checked at start points
 * with customers' own parameters moved at random: required entries; distinct names; gradients of phi and of
 * some customers of each rank's first and last block, by finite differences; finite reported values; places
 * without a customer get gradient 0 and add nothing; a NaN coordinate, of phi or of a customer, gives no
 * finite log-density.
 *  @param[out] worst  may be NULL: the largest deviation of a gradient in units of what is allowed
 *  @return CLV_EUSAGE with a sentence that names the broken promise */
clv_status clv_latent_conformance_check(const clv_comm *comm, const clv_latent_model *model, double *worst);

#endif
