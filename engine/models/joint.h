#ifndef CLV_ENGINE_MODELS_JOINT_H
#define CLV_ENGINE_MODELS_JOINT_H

#include "comm/status.h"
#include "engine/models/latent_model.h"

/** Independent parts under one posterior: coordinates, sums, blocks and variables one after the other. Not
 * collective.
 *  @param part  [n] taken over on success (emptied) @param[out] out  owned by the caller */
clv_status clv_joint_new(clv_model *part, size_t n, clv_model *out);

/** The same where customers' own parameters of at least one part are sampled: those of a customer stand one
 * after the other, in the order of the parts. Parts with sampled customers have the same blocks of them.
 *  @param part  [n] taken over on success; with sampled customers, their hyperparameters' face
 *  @param latent  [n] a part's table, or NULL where its customers are integrated out; borrowed
 *  @param[out] out  owned by the caller */
clv_status clv_latent_joint_new(clv_model *part, const clv_latent_model_ops *const *latent, size_t n,
                                clv_latent_model *out);

#endif
