#ifndef CLV_ENGINE_MODELS_CONFORMANCE_H
#define CLV_ENGINE_MODELS_CONFORMANCE_H

#include "comm/comm.h"
#include "engine/models/model.h"

/** What clv_conformance_check found: the largest deviations, each in units of what is allowed (1 is the
 * limit).
 */
typedef struct clv_conformance {
  double gradient; /* against Richardson's finite differences of the log density */
  double variant;  /* between the ways of building the model */
} clv_conformance;

/** Does a model keep the promises of model.h? Part of that interface: every model passes it.
 *  Collective over `comm`, synchronising: every rank gets the same outcome.
 *  Checked at start points: required entries; distinct names; gradient; one pass for several chains gives the
 *  bits of one pass each; finite constrained values and prior draws; a NaN coordinate gives no finite log
 *  density, a far one never +infinity; and that all models given here are one posterior.
 *  @param model  [n_model] one posterior built in different ways, such as from permuted customers or from
 * cells with counts; n_model >= 1, the first is the one looked at closely
 *  @param[out] found  may be NULL
 *  @return CLV_EUSAGE with a sentence that names the broken promise */
clv_status clv_conformance_check(const clv_comm *comm, const clv_model *model, size_t n_model,
                                 clv_conformance *found);

#endif
