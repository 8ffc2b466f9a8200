#ifndef CLV_JOBS_PLUGIN_ROWS_H
#define CLV_JOBS_PLUGIN_ROWS_H

#include "engine/models/plugin.h"
#include "io/config.h"
#include "io/portfolio.h"

/** All that a plug-in's model is made of, as clv_plugin_data shows it. */
typedef struct clv_plugin_rows clv_plugin_rows;

/** This rank's blocks of the portfolio. Collective over `shards`, the portfolio's communicator.
 *  @param plugin  what it reads, and in which blocks
 *  @param config  its priors and options are borrowed
 *  @param[out] out  owned by the caller; outlives the model */
clv_status clv_plugin_rows_read(const clv_comm *shards, const clv_portfolio *portfolio,
                                const clv_config *config, const clv_plugin *plugin, clv_plugin_rows **out);
void       clv_plugin_rows_free(clv_plugin_rows **self); /* accepts NULL */

/** Borrowed. */
const clv_plugin_data *clv_plugin_rows_data(const clv_plugin_rows *self);

/** Rows of two kinds as a plug-in sees them. Pure: the arrays are borrowed. */
clv_plugin_cells     clv_plugin_cells_view(const clv_cell_columns *columns, size_t n_covariate, size_t first,
                                           size_t last);
clv_plugin_customers clv_plugin_customers_view(const clv_customer_columns *columns, size_t n_covariate,
                                               size_t first, size_t last);

/** The configuration's priors and options as a plug-in sees them. @param[out] prior, option  each owned by
 * the caller, free() */
clv_status clv_plugin_settings(const clv_config *config, clv_prior_text **prior, clv_plugin_option **option);

#endif
