#ifndef CLV_IO_PORTFOLIO_H
#define CLV_IO_PORTFOLIO_H

#include <stdbool.h>
#include <stdint.h>

#include "comm/blocks.h"
#include "comm/comm.h"

/** Facts that hold for the whole portfolio: attributes of the file's root. */
typedef struct clv_portfolio_facts {
  uint64_t n_customer;
  uint64_t n_cell;    /* distinct (segment, covariates, x, t_x, T) */
  uint64_t n_segment; /* >= 1 */
  uint64_t n_covariate;
  char     time_unit[16];
  char     merge_unit[16];
  char     observation_end[40]; /* ISO 8601 */
  char     holdout_end[40];     /* "" where there is none */
  double   holdout_length;      /* in time units; 0 */
  bool     has_spend;
  char     content[40]; /* hash of all that the models see, the same for any number of ranks: what a trace was
                           fitted to */
} clv_portfolio_facts;

/** portfolio.h5: customers sorted by id, in columns, and their distinct histories. Documented in
 * docs/files.md. */
typedef struct clv_portfolio clv_portfolio;

/** Open for reading by all ranks of `comm` (parallel HDF5). Collective. */
clv_status clv_portfolio_open(const clv_comm *comm, const char *path, clv_portfolio **out);
void       clv_portfolio_close(clv_portfolio **self); /* collective */

const clv_portfolio_facts *clv_portfolio_facts_get(const clv_portfolio *self);
/** Most covariates, as columns of numbers. */
#define CLV_COVARIATE_MAX 128u

/** A covariate as a column of numbers w. Models see (w - center) / scale, and their other parameters hold
 * where it is 0: for numbers at the mean, in standard deviations; for indicators, whose values are 0 and 1,
 * at 0, as they are. */
typedef struct clv_covariate {
  const char *name; /* "age", "channel=web"; borrowed */
  double      center, scale;
} clv_covariate;

/** Name of a segment; a covariate. Borrowed. Not collective. */
const char          *clv_portfolio_segment(const clv_portfolio *self, size_t i);
const clv_covariate *clv_portfolio_covariate(const clv_portfolio *self, size_t i);

/** Columns of customers or of cells for a contiguous range. Arrays owned by the struct. */
typedef struct clv_customer_columns {
  uint64_t  first, n;
  size_t    n_covariate;
  uint32_t *x;
  double   *t_x, *T;
  double   *spend;          /* mean repeat spend, currency; 0 where x = 0 */
  uint32_t *n_spend;        /* repeat purchases of a positive amount */
  double   *positive_spend; /* their mean amount; 0 where n_spend = 0, as the next two */
  double   *log_spend;      /* mean log of their amounts */
  double   *log_spend_ss;   /* squared deviations of those logs from their mean, added up */
  double   *litt;
  uint32_t *segment;
  double   *covariate;     /* [n][n_covariate]; NULL where none */
  uint32_t *holdout_x;     /* NULL where there is no holdout */
  double   *holdout_spend; /* total */
} clv_customer_columns;

typedef struct clv_cell_columns {
  uint64_t  first, n;
  size_t    n_covariate;
  uint32_t *segment, *x, *count;
  double   *t_x, *T;
  double   *covariate; /* [n][n_covariate]; NULL where none */
} clv_cell_columns;

/** Collective over the portfolio's communicator: each rank names its own range (may be empty). */
clv_status clv_portfolio_read_customers(const clv_portfolio *self, uint64_t first, uint64_t n,
                                        clv_customer_columns *out);
clv_status clv_portfolio_read_cells(const clv_portfolio *self, uint64_t first, uint64_t n,
                                    clv_cell_columns *out);
void       clv_customer_columns_free(clv_customer_columns *columns);
void       clv_cell_columns_free(clv_cell_columns *columns);

/** Ids of customers [first, first + n): `offset` [n + 1] into `bytes`; both owned by the caller. Collective.
 */
clv_status clv_portfolio_read_ids(const clv_portfolio *self, uint64_t first, uint64_t n, char **bytes,
                                  uint64_t **offset);

/** A portfolio that is being written, under a temporary name. */
typedef struct clv_portfolio_writer clv_portfolio_writer;

/** Make the file's skeleton and open it on all ranks. Collective.
 *  @param facts  n_customer and n_cell are what will be put in all; content is ignored
 *  @param segment  [n_segment] labels  @param covariate  [n_covariate] */
clv_status clv_portfolio_create(const clv_comm *comm, const char *path, const clv_portfolio_facts *facts,
                                const char *const *segment, const clv_covariate *covariate, uint64_t id_bytes,
                                clv_portfolio_writer **out);
/** Once, by every rank: its customers, sorted by id; the ranks' ranges follow each other in order of rank.
 * Collective.
 *  @param id_offset  [n + 1] into `ids` */
clv_status clv_portfolio_put_customers(clv_portfolio_writer *self, const clv_customer_columns *columns,
                                       const char *ids, const uint64_t *id_offset);
/** Once, by every rank: its cells, sorted by (segment, covariates, x, t_x, T). Collective. */
clv_status clv_portfolio_put_cells(clv_portfolio_writer *self, const clv_cell_columns *columns);
/** Make it durable under its name. Collective; frees the writer whatever comes. */
clv_status clv_portfolio_commit(clv_portfolio_writer **self, clv_status mine);

#endif
