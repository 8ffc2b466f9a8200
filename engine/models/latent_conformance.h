#ifndef CLV_ENGINE_MODELS_LATENT_CONFORMANCE_H
#define CLV_ENGINE_MODELS_LATENT_CONFORMANCE_H

#include "comm/comm.h"
#include "engine/models/conformance.h"
#include "engine/models/latent_model.h"

/** The customers of a model dealt to several ranks: one model each. */
typedef struct clv_latent_deal {
  const clv_latent_model *part; /* [n] */
  size_t                  n;
} clv_latent_deal;

typedef struct clv_latent_plan {
  const clv_latent_model *model;
  const clv_latent_model *reversed; /* the same customers, the last first; NULL: not looked at */
  const clv_latent_deal  *deal;     /* [n_deal] of this rank's customers, over a communicator of one */
  size_t                  n_deal;
} clv_latent_plan;

/** Does a sharded-latent model keep the promises of latent_model.h? Every promise is looked at, whatever
 * became of those before, at start points with customers' own parameters moved at random: distinct names;
 * gradients of phi and of some customers of each rank's first and last block, by finite differences; the same
 * bits when asked again; finite values and prior draws; places without a customer get gradient 0; a NaN
 * coordinate, of phi or of a customer, gives no finite log-density; the same bits however customers are dealt
 * to ranks; the same posterior in another order. Collective over `comm`, synchronising; with a model that
 * breaks its promises differently on different ranks only over a communicator of one.
 *  @param[out] report  the same on every rank; worst.gradient in units of what is allowed
 *  @return CLV_EUSAGE with the first broken promise */
clv_status clv_latent_conformance_run(const clv_comm *comm, const clv_latent_plan *plan,
                                      clv_conformance_report *report);

/** The same without a report. Part of the interface: every model passes it.
 *  @param[out] worst  may be NULL: the largest deviation of a gradient in units of what is allowed */
clv_status clv_latent_conformance_check(const clv_comm *comm, const clv_latent_model *model, double *worst);

#endif
