#ifndef CLV_IO_LEDGER_H
#define CLV_IO_LEDGER_H

#include <stdbool.h>

#include "comm/comm.h"

typedef struct clv_purchase {
  int64_t time; /* microseconds UTC */
  double  amount;
} clv_purchase;

/** Where a purchase stood: kept only where duplicates are looked for. */
typedef struct clv_purchase_row {
  uint64_t hash; /* of the row's content */
  uint64_t line;
  uint64_t file;
} clv_purchase_row;

/** The purchases of the customers that this rank owns. */
typedef struct clv_ledger clv_ledger;

/** @param keep_rows  whether purchases come with their rows. Not collective. */
clv_status clv_ledger_new(bool keep_rows, clv_ledger **out);
void       clv_ledger_free(clv_ledger **self);

/** Not collective. @param row  NULL unless keep_rows */
clv_status clv_ledger_add(clv_ledger *self, const char *id, size_t n_id, const clv_purchase *purchase,
                          const clv_purchase_row *row);

/** Group by customer and sort each one's purchases by (time, amount, row): sums made in this order do not
 * depend on where and in which order the rows were read. Nothing can be added afterwards. Not collective. */
clv_status clv_ledger_close(clv_ledger *self);

/** Customers, in order of their first appearance on this rank. Not collective. */
size_t      clv_ledger_n(const clv_ledger *self);
const char *clv_ledger_id(const clv_ledger *self, size_t i, size_t *n_id);
/** After clv_ledger_close: customer i's purchases, borrowed; `rows` may be NULL and is set to NULL without
 * keep_rows. */
const clv_purchase *clv_ledger_purchases(const clv_ledger *self, size_t i, size_t *n,
                                         const clv_purchase_row **rows);

#endif
