#ifndef CLV_ENGINE_MODELS_PURCHASE_ROWS_H
#define CLV_ENGINE_MODELS_PURCHASE_ROWS_H

#include <stdbool.h>

#include "comm/comm.h"
#include "engine/models/data.h"

/** Columns are filled up to multiples of this with rows of count 0: kernels have no tails. */
enum { CLV_ROW_LANES = 16 };

/** Most distinct recencies and most distinct ages of a run that kernels keep tables of. */
enum { CLV_ROW_TABLE_MOST = 1024 };

/** Rows of one segment inside one block: offsets into the columns. */
typedef struct clv_purchase_run {
  size_t segment;
  size_t first_once, n_once;       /* x = 0 */
  size_t first_buyer, n_buyer;     /* x > 0: first those who stand for one customer each, then the others */
  size_t n_single;                 /* the former, filled up to whole lanes */
  size_t first_recency, n_recency; /* distinct recencies of the buyers */
  size_t first_age, n_age;         /* distinct ages of the buyers */
  bool   has_tables; /* so few recencies and ages that what depends on one of them alone is worth a table */
} clv_purchase_run;

/** A rank's distinct histories, laid out for the kernels of the purchase models: block by block, segment by
 * segment, those who never bought again apart. Constant after its constructor. */
typedef struct clv_purchase_rows {
  size_t            n_segment, n_block;
  size_t           *block_run; /* owned [n_block + 1]: runs of block b are [block_run[b], block_run[b + 1]) */
  clv_purchase_run *run;       /* owned */
  double           *x, *t_x, *T, *count; /* one slab, owned by x */
  /* per distinct recency of a run: how many customers, and how many purchases they made; one slab, owned by
   * recency */
  double   *recency, *recency_count, *recency_x;
  double   *age;                 /* owned: distinct ages of each run's buyers */
  uint16_t *at_recency, *at_age; /* a buyer's places among those of his run; one slab, owned by at_recency;
                                    meant for runs with tables */
  bool alike;                    /* every customer has a row of his own */
} clv_purchase_rows;

/** Not collective. @param cells borrowed only during the call */
clv_status clv_purchase_rows_new(const clv_cells *cells, clv_purchase_rows **out);
void       clv_purchase_rows_free(clv_purchase_rows **self);

/** Segments [*first, *last) are all that the block has rows of. Not collective. */
void clv_purchase_rows_touched(const clv_purchase_rows *self, size_t block, size_t *first, size_t *last);

/** Mean T over all customers, or 1 where there are none: what default priors of rates are relative to.
 * Collective. */
clv_status clv_mean_age(const clv_comm *comm, const clv_cells *cells, double *mean);

#endif
