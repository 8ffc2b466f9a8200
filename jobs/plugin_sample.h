#ifndef CLV_JOBS_PLUGIN_SAMPLE_H
#define CLV_JOBS_PLUGIN_SAMPLE_H

#include "engine/models/plugin.h"
#include "io/config.h"
#include "io/portfolio.h"

/** Most customers that clv check-model looks at. */
enum { CLV_SAMPLE_MOST = 30000 };

/** Some customers in memory, and their distinct histories, to build a plug-in's model of in several ways. */
typedef struct clv_plugin_sample clv_plugin_sample;

/** Customers of three segments with two covariates and amounts, drawn from known parameters, the same every
 * time. Not collective. */
clv_status clv_plugin_sample_draw(clv_plugin_sample **out);
/** The first customers of a portfolio, at most CLV_SAMPLE_MOST. Collective over the portfolio's communicator,
 * where every rank reads them all. */
clv_status clv_plugin_sample_read(const clv_portfolio *portfolio, clv_plugin_sample **out);
void       clv_plugin_sample_free(clv_plugin_sample **self); /* accepts NULL */

size_t clv_plugin_sample_customers(const clv_plugin_sample *self);
size_t clv_plugin_sample_histories(const clv_plugin_sample *self);

/** How the rows are laid out. */
typedef enum clv_plugin_way {
  CLV_WAY_PLAIN,    /* as clv fit deals them */
  CLV_WAY_REVERSED, /* in another order */
  CLV_WAY_SINGLE    /* a cell for every customer, with count 1, instead of a cell with a count */
} clv_plugin_way;

/** What a constructor is given, on rank `rank` of `size`. Not collective.
 *  @param latent  customers come in blocks of CLV_LATENT_BLOCK
 *  @param settings  of which priors, options, rescale_factor and min_transactions are taken
 *  @param[out] data  borrows from self and settings */
void clv_plugin_sample_data(const clv_plugin_sample *self, clv_plugin_way way, bool latent, int rank,
                            int size, const clv_plugin_data *settings, clv_plugin_data *data);

#endif
