#ifndef CLV_IO_PORTFOLIO_MAKE_H
#define CLV_IO_PORTFOLIO_MAKE_H

#include "io/customers.h"
#include "io/history.h"
#include "io/portfolio.h"

/** What a portfolio was made of, over all ranks. */
typedef struct clv_portfolio_tally {
  clv_history_tally history;
  int64_t           seen;         /* customers in the log */
  int64_t           late;         /* first purchase after the end of observation */
  int64_t           cancelled;    /* no purchase left after returns */
  int64_t           customers;    /* in the portfolio */
  int64_t           repeaters;    /* with x >= 1 */
  int64_t           returners;    /* with a purchase in the holdout */
  int64_t           few;          /* with fewer than min_transactions merged purchases */
  int64_t           spenders;     /* who inform the spend model: x >= 1, not few, mean repeat spend > 0 */
  int64_t           not_positive; /* with x >= 1 and mean repeat spend <= 0 */
  int64_t           cells;
  double            amount, holdout_amount; /* totals */
} clv_portfolio_tally;

/** A portfolio in memory: each rank holds a part of the customers, in global order of id. */
typedef struct clv_portfolio_draft clv_portfolio_draft;

/** What a portfolio is made of. */
typedef struct clv_portfolio_source {
  const clv_config        *config;
  const clv_history_rules *rules;
  clv_ledger             **ledger; /* open; closed by the draft, and freed when it is no longer needed */
  clv_customers           *customers;
  clv_rejects             *rejects; /* duplicates are added */
  clv_status (*stop)(void);         /* as in clv_reading */
} clv_portfolio_source;

/** Merge every customer's purchases, join the table, and put customers and cells in order. Collective,
 * synchronising.
 *  @param source  what it is made of; borrowed */
clv_status clv_portfolio_draft_new(const clv_comm *comm, const clv_portfolio_source *source,
                                   clv_portfolio_draft **out);
void       clv_portfolio_draft_free(clv_portfolio_draft **self);

const clv_portfolio_tally *clv_portfolio_draft_tally(const clv_portfolio_draft *self);

/** Write it to `path`. Collective, synchronising.
 *  @param facts  the units and dates; the counts are filled in here */
clv_status clv_portfolio_draft_write(const clv_portfolio_draft *self, const clv_comm *comm, const char *path,
                                     clv_portfolio_facts *facts);

#endif
