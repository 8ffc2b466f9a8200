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

/** One promise and whether it is kept. */
typedef struct clv_conformance_item {
  const char *what; /* such as "gradient against finite differences" */
  clv_status  status;
  char        sentence[256]; /* which promise is broken; or a figure; "" */
} clv_conformance_item;

enum { CLV_CONFORMANCE_ITEMS = 32 };

typedef struct clv_conformance_report {
  clv_conformance_item item[CLV_CONFORMANCE_ITEMS];
  size_t               n;
  clv_conformance      worst;
} clv_conformance_report;

/** The rows of model[0] dealt to several ranks: one model each, whose sums over all blocks are the whole's.
 */
typedef struct clv_conformance_deal {
  const clv_model *part; /* [n] */
  size_t           n;
} clv_conformance_deal;

typedef struct clv_conformance_plan {
  const clv_model
      *model; /* [n_model] one posterior built in different ways; the first is looked at closely */
  const char *const
        *way; /* [n_model] how, such as "rows in another order"; [0] is not used; NULL: nothing to say */
  size_t n_model;
  const clv_conformance_deal *deal; /* [n_deal] */
  size_t                      n_deal;
} clv_conformance_plan;

/** Does a model keep the promises of model.h? Every promise is looked at, whatever became of those before.
 *  Collective over `comm`, synchronising; with a model that breaks its promises differently on different
 * ranks only over a communicator of one.
 *  @param[out] report  the same on every rank
 *  @return CLV_EUSAGE with the first broken promise */
clv_status clv_conformance_run(const clv_comm *comm, const clv_conformance_plan *plan,
                               clv_conformance_report *report);

/** What a model's face of phi promises, alone: coordinates and distinct names; finite reported values at phi
 * and a finite prior draw. Not collective. @param value  [all values] @param moved  [n_dim]: scratch */
clv_status clv_conformance_names(const clv_model *model);
clv_status clv_conformance_values(const clv_model *model, const double *phi, uint32_t draw, double *value,
                                  double *moved);

/** One more promise and what became of it: a failure's message moves into the report. Not collective. */
void clv_conformance_add(clv_conformance_report *report, const char *what, clv_status st);
/** A figure beside the last one added, where it is kept. */
void clv_conformance_figure(clv_conformance_report *report, double worst);

/** The first broken promise of a report as a status with its sentence. Not collective. */
clv_status clv_conformance_fault(const clv_conformance_report *report);

/** The same without a report. Part of the interface: every model passes it.
 *  Collective over `comm`, synchronising: every rank gets the same outcome.
 *  Checked at start points: required entries; distinct names; gradient; the same bits when asked again; one
 * pass for several chains gives the bits of one pass each; finite constrained values and prior draws; a NaN
 * coordinate gives no finite log density, a far one never +infinity; and that all models given here are one
 * posterior.
 *  @param model  [n_model] one posterior built in different ways, such as from permuted customers or from
 * cells with counts; n_model >= 1, the first is the one looked at closely
 *  @param[out] found  may be NULL
 *  @return CLV_EUSAGE with a sentence that names the broken promise */
clv_status clv_conformance_check(const clv_comm *comm, const clv_model *model, size_t n_model,
                                 clv_conformance *found);

#endif
