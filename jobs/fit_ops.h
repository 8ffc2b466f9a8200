#ifndef CLV_JOBS_FIT_OPS_H
#define CLV_JOBS_FIT_OPS_H

#include "engine/models/process.h"
#include "io/config.h"
#include "io/portfolio.h"
#include "jobs/plugin.h"

/** What forecasts need of the configured model. */
typedef struct clv_fit_ops {
  clv_plugin_host       *plugin;  /* owned; NULL: none */
  const clv_process_ops *process; /* NULL where the model has no forecasts */
  const clv_spend_ops   *spend;   /* NULL where it has none, or no spend model */
  bool                   has_spend;
} clv_fit_ops;

/** Collective: loads the plug-in where there is one. @param facts  of the portfolio */
clv_status clv_fit_ops_open(const clv_comm *comm, const clv_config *config, const clv_portfolio_facts *facts,
                            clv_fit_ops *out);
void       clv_fit_ops_close(clv_fit_ops *self);
/** CLV_EUSAGE, with a sentence, where the model cannot forecast all that it models. Not collective. */
clv_status clv_fit_ops_need(const clv_fit_ops *self, const clv_config *config);

#endif
