#ifndef CLV_ENGINE_MODELS_PLUGIN_H
#define CLV_ENGINE_MODELS_PLUGIN_H

/* All that a user's own model is compiled against: `#include <clv/plugin.h>`. A shared object needs nothing
 * else of clv, and no library: the functions declared in numerics/pinned.h, numerics/rng.h and prior.h are
 * found in the program that loads it. Includes are relative so that no -I is needed. docs/plugins.md. */
#include "../numerics/pinned.h"
#include "../numerics/rng.h"
#include "latent_model.h"
#include "model.h"
#include "prior.h"
#include "process.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bumped whenever what follows changes shape or meaning. */
#define CLV_PLUGIN_ABI 3u

/** Rows of one block: the unit of summation. Customers whose own parameters are sampled come in blocks of
 * CLV_LATENT_BLOCK instead. */
#define CLV_PLUGIN_BLOCK 8192u

/** Parts of the built-in model that a plug-in takes the place of. */
enum { CLV_PLUGIN_PURCHASES = 1, CLV_PLUGIN_SPEND = 2 };

/** Data that a plug-in reads; the others are not loaded for it. */
enum { CLV_PLUGIN_CELLS = 1, CLV_PLUGIN_CUSTOMERS = 2 };

/** Distinct purchase histories (segment, x, t_x, T, covariates) with the number of customers who have them.
 * All arrays [n]. */
typedef struct clv_plugin_cells {
  size_t          n;
  const uint32_t *segment;   /* 0 … n_segment - 1 */
  const uint32_t *x;         /* repeat purchases */
  const double   *t_x;       /* time of the last, since the first purchase; 0 where x = 0 */
  const double   *T;         /* age at the end of observation */
  const uint32_t *count;     /* customers */
  const double   *covariate; /* [n][n_covariate]; NULL where there are none */
} clv_plugin_cells;

/** Customers in the portfolio's order. All arrays [n] but `covariate`. */
typedef struct clv_plugin_customers {
  size_t          n;
  const uint32_t *segment, *x;
  const double   *t_x, *T;
  const double   *spend;          /* mean amount of the repeat purchases, in currency; 0 where x = 0 */
  const double   *litt;           /* sum of the logs of the times between purchases */
  const uint32_t *n_spend;        /* repeat purchases of a positive amount */
  const double   *positive_spend; /* their mean amount; 0 where n_spend = 0, as the next two */
  const double   *log_spend;      /* mean log of their amounts */
  const double   *log_spend_ss;   /* squared deviations of those logs from their mean, added up */
  const double   *covariate;      /* [n][n_covariate]; NULL where there are none */
} clv_plugin_customers;

/** A covariate as a column of numbers w: the built-in models use (w - center) / scale. */
typedef struct clv_plugin_covariate {
  const char *name;
  double      center, scale;
} clv_plugin_covariate;

/** What holds for the whole portfolio: the same on every rank. Use these for centring and scaling, never the
 * rows, which are one rank's. */
typedef struct clv_plugin_facts {
  uint64_t                    n_customer;
  size_t                      n_segment; /* >= 1 */
  const char *const          *segment;   /* [n_segment] labels */
  size_t                      n_covariate;
  const clv_plugin_covariate *covariate; /* [n_covariate] */
  const char                 *time_unit; /* "week" */
  double                      mean_T;
  /** Of the customers with x > 0 and spend > 0; 0 where there are none, or where the plug-in does not read
   * customers. */
  double mean_spend;
  double rescale_factor;
  int    min_transactions; /* those with fewer purchases should not inform a spend model */
} clv_plugin_facts;

/** A number or a text of the configuration's model.plugin_options. */
typedef struct clv_plugin_option {
  const char *name, *text;
} clv_plugin_option;

/** What a model is made of. Rows come in whole blocks: those of this rank's block b are [b CLV_PLUGIN_BLOCK,
 * …), at most CLV_PLUGIN_BLOCK of them, see clv_plugin_block_rows. A rank may have none. Everything is lent
 * until the model is freed: nothing has to be copied. */
typedef struct clv_plugin_data {
  clv_plugin_cells     cells;
  clv_plugin_customers customers;
  clv_blocks       blocks; /* of customers whose own parameters are sampled: what latent->blocks returns */
  clv_plugin_facts facts;
  const clv_prior_text *prior; /* [n_prior] of model.priors; a name that no variable has is refused later */
  size_t                n_prior;
  const clv_plugin_option *option; /* [n_option] */
  size_t                   n_option;
} clv_plugin_data;

/** Sizes of the tables: a shared object made with other headers is refused. */
typedef struct clv_plugin_build {
  uint32_t abi, plugin, data, model, latent, process, spend, customer;
} clv_plugin_build;
#define CLV_PLUGIN_BUILD                                                                                   \
  {                                                                                                        \
    CLV_PLUGIN_ABI, sizeof(clv_plugin), sizeof(clv_plugin_data), sizeof(clv_model_ops),                    \
        sizeof(clv_latent_model_ops), sizeof(clv_process_ops), sizeof(clv_spend_ops), sizeof(clv_customer) \
  }

/** A user's own model. The shared object exports one function, clv_plugin_get, which returns its constant
 * table. */
typedef struct clv_plugin {
  clv_plugin_build build; /* CLV_PLUGIN_BUILD */
  const char      *name;  /* what the trace and messages call it */
  unsigned         part;  /* CLV_PLUGIN_PURCHASES, CLV_PLUGIN_SPEND or both: what it models */
  unsigned         reads; /* CLV_PLUGIN_CELLS, CLV_PLUGIN_CUSTOMERS or both */
  /** One of the two. model: customers are integrated out. latent: every customer's own parameters are sampled
   * beside the hyperparameters; it reads customers, in blocks of CLV_LATENT_BLOCK (latent_model.h). */
  const clv_model_ops        *model;
  const clv_latent_model_ops *latent;
  /** Its data, `self` of every call to come, which model->free (latent->hyper->free) releases. Called once
   * per rank, on every rank; must not communicate.
   *  @param[out] message  [size] one sentence about what is wrong, where it is
   *  @return NULL where no model can be made; a failed clv_prior_parse has written the message already */
  void *(*make)(const clv_plugin_data *data, char *message, size_t size);
  /* optional: without them clv predict and clv evaluate say that there are no forecasts */
  const clv_process_ops *process; /* where it models purchases */
  const clv_spend_ops   *spend;   /* where it models spend */
} clv_plugin;

/** The entry point: `const clv_plugin *clv_plugin_get(void)`. */
#define CLV_PLUGIN_SYMBOL "clv_plugin_get"
const clv_plugin *clv_plugin_get(void);

/** Blocks of n rows, and the rows [*first, *last) of one. Pure. */
static inline size_t clv_plugin_n_block(size_t n) { return (n + CLV_PLUGIN_BLOCK - 1) / CLV_PLUGIN_BLOCK; }
static inline void   clv_plugin_block_rows(size_t n, size_t block, size_t *first, size_t *last) {
    *first = block * CLV_PLUGIN_BLOCK;
    *last  = *first + CLV_PLUGIN_BLOCK < n ? *first + CLV_PLUGIN_BLOCK : n;
}

#ifdef __cplusplus
}
#endif

#endif
